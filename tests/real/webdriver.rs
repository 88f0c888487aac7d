//! A person's browser: headless Chromium with its own profile, driven over W3C WebDriver as far as a test needs.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, panic, thread};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http;
use crate::machine::Machine;
use crate::process::{Running, STEP_TIMEOUT};

pub(crate) struct Browser {
    session: String,
    // Ends after the session, and that has ended Chromium.
    _driver: Running,
}

/// Keys as WebDriver spells them (WebDriver 2 §17.4.2).
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const DOWN: &str = "\u{e015}";

/// An element's place in the window, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Browser {
    pub(crate) fn start(machine: &Machine) -> Browser {
        let home = machine.scratch().join("browser");
        fs::create_dir(&home).unwrap();
        let mut driver = machine.command("chromedriver", &home);
        let mut driver = Running::start(driver.arg("--port=0").stdin(Stdio::null()));
        let port = loop {
            let line = driver.line().expect("chromedriver says its port");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let profile = format!("--user-data-dir={}", home.join("profile").display());
        // Containers and root have no sandbox of Chromium's, and their /dev/shm is small.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            // They would be in the pictures, and change the width while one is taken.
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            &profile,
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": arguments },
            "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        } } });
        let url = format!("http://127.0.0.1:{port}/session");
        let started = call("POST", &url, &wanted);
        let session = format!("{url}/{}", started["sessionId"].as_str().unwrap());
        Browser { session, _driver: driver }
    }

    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    pub(crate) fn title(&self) -> String {
        self.get("/title").as_str().unwrap().to_owned()
    }

    /// What can be read of the page.
    pub(crate) fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap().to_owned()
    }

    /// Runs JavaScript as the tools for developers do, whatever the page's policy says.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Clicks what a CSS selector finds, and waits for the next page.
    pub(crate) fn click(&self, selector: &str) {
        self.element(selector, "click", &json!({}));
    }

    /// Types into a field that a CSS selector finds, behind what is there.
    pub(crate) fn types(&self, selector: &str, text: &str) {
        self.element(selector, "value", &json!({ "text": text }));
    }

    /// Empties a field.
    pub(crate) fn clear(&self, selector: &str) {
        self.element(selector, "clear", &json!({}));
    }

    /// Presses keys, wherever the focus is.
    pub(crate) fn press(&self, keys: &str) {
        let deed = |kind: &str, key: char| json!({ "type": kind, "value": key.to_string() });
        let deeds: Vec<Value> = keys.chars().flat_map(|key| [deed("keyDown", key), deed("keyUp", key)]).collect();
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": deeds }] }));
    }

    /// What the focus is on: its text, or its value.
    pub(crate) fn focused(&self) -> String {
        let focused = self.run("const e = document.activeElement; return e.value || e.innerText");
        focused.as_str().unwrap().to_owned()
    }

    pub(crate) fn rect(&self, selector: &str) -> Rect {
        let rect = self.get(&format!("{}/rect", self.find(selector)));
        let of = |name: &str| rect[name].as_f64().unwrap();
        Rect { x: of("x"), y: of("y"), width: of("width"), height: of("height") }
    }

    /// Waits for the page of this title.
    #[track_caller]
    pub(crate) fn sees(&self, title: &str) {
        let deadline = Instant::now() + STEP_TIMEOUT;
        while self.title() != title {
            assert!(Instant::now() < deadline, "{:?} instead of {title:?}: {}", self.title(), self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// A screen of this many CSS pixels, light or dark.
    pub(crate) fn screen(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.tell("Emulation.setEmulatedMedia", &scheme);
    }

    /// A picture of the whole page, as PNG.
    pub(crate) fn picture(&self, file: &Path) {
        let picture = self.tell("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        fs::write(file, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// What the pages below an address have asked for since the last call, themselves included.
    pub(crate) fn requests_of(&self, address: &str) -> Vec<String> {
        let entries = self.log("performance");
        let events = entries.iter().map(|entry| serde_json::from_str::<Value>(entry).unwrap()["message"].take());
        let sent =
            events.filter(|event| event["method"] == "Network.requestWillBeSent").map(|mut sent| sent["params"].take());
        let theirs = sent.filter(|sent| sent["documentURL"].as_str().unwrap().starts_with(address));
        theirs.map(|sent| sent["request"]["url"].as_str().unwrap().to_owned()).collect()
    }

    /// What Chromium has complained of since the last call.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.log("browser")
    }

    fn log(&self, kind: &str) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": kind }));
        entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// A command of Chromium's own protocol.
    fn tell(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn element(&self, selector: &str, deed: &str, parameters: &Value) {
        self.post(&format!("{}/{deed}", self.find(selector)), parameters);
    }

    fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        format!("/element/{}", found[ELEMENT].as_str().unwrap())
    }

    fn post(&self, path: &str, parameters: &Value) -> Value {
        call("POST", &format!("{}{path}", self.session), parameters)
    }

    fn get(&self, path: &str) -> Value {
        call("GET", &format!("{}{path}", self.session), &Value::Null)
    }
}

/// Ends Chromium; its driver ends after it.
impl Drop for Browser {
    fn drop(&mut self) {
        // A test that fails because the driver does must be able to say so: a panic here would end all tests. What is
        // left of Chromium then ends with its machine.
        let _ = panic::catch_unwind(|| http::request("DELETE", &self.session, &[], ""));
    }
}

fn call(method: &str, url: &str, parameters: &Value) -> Value {
    let body = if parameters.is_null() { String::new() } else { parameters.to_string() };
    let reply = http::request(method, url, &[("content-type", "application/json")], &body);
    assert_eq!(reply.status, 200, "{method} {url} {body}: {}", reply.body);
    reply.json()["value"].take()
}

/// The member that an element's reference is in (WebDriver 2 §12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
