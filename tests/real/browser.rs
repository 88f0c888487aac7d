//! The approval page of the embedded server, as a person meets it in a real browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, ManualClock, Person};
use serde_json::Value;

use crate::acme::Acme;
use crate::http;
use crate::machine::Machine;
use crate::needs::{Need::Chromium, left_out, on_headless};
use crate::process::Running;
use crate::webdriver::{Browser, DOWN, ENTER, TAB};

const DENY: &str = "button[value=deny]";
const ALLOW: &str = "button[value=allow]";
const CODE: &str = "#user_code";

#[test]
fn the_tool_learns_what_the_person_clicked() {
    let Some((server, machine)) = on_headless(&[Chromium], server) else { return };
    let (acme, browser) = (acme(&machine, &server), Browser::start(&machine));

    let (denied, uri, code) = login(&acme);
    browser.open(&uri);
    assert_eq!(browser.title(), "Connect acme-cli?");
    let text = browser.text();
    for words in
        [&*code, "acme-cli asks to act as Alice Example", "Only continue if you started this", "offline_access"]
    {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    let (deny, allow) = (browser.rect(DENY), browser.rect(ALLOW));
    assert_eq!((deny.width, deny.height, deny.y), (allow.width, allow.height, allow.y));
    assert!(deny.x < allow.x && deny.height >= 48.0, "{deny:?} {allow:?}");
    let look =
        |button: &str| browser.run(&format!("return getComputedStyle(document.querySelector('{button}')).cssText"));
    assert_eq!(look(DENY), look(ALLOW));
    browser.click(DENY);
    browser.sees("Request denied");
    denied.finish().exits(1).fails_with("denied", "");
    assert_eq!(server.counts().access_tokens, 0);

    let (allowed, uri, _) = login(&acme);
    browser.open(&uri);
    browser.click(ALLOW);
    browser.sees("Device connected");
    assert!(browser.text().contains("go back to your terminal"));
    let last = allowed.finish().exits(0).json().pop().unwrap();
    assert_eq!(last["event"], "logged_in", "{last}");
    acme.run(&["auth", "token"]).exits(0).word();
}

#[test]
fn a_wrong_code_can_be_corrected() {
    let Some((server, machine)) = on_headless(&[Chromium], server) else { return };
    let (acme, browser) = (acme(&machine, &server), Browser::start(&machine));
    let (running, _, code) = login(&acme);

    browser.open(&format!("{}/device", server.issuer()));
    assert_eq!(browser.run("return document.activeElement.id"), "user_code");
    browser.types(CODE, &format!("bbbb-bbbb{ENTER}"));
    browser.sees("Wrong code");
    assert_eq!(browser.run("return document.querySelector('[role=alert]').innerText.startsWith('Wrong code.')"), true);
    assert_eq!(
        browser.run("return document.activeElement.matches('[aria-invalid=true][aria-describedby~=error]')"),
        true
    );
    assert_eq!(browser.focused(), "bbbb-bbbb");
    browser.clear(CODE);
    browser.types(CODE, &format!("{}{ENTER}", code.to_lowercase().replace('-', "")));
    browser.sees("Connect acme-cli?");
    browser.click(ALLOW);
    browser.sees("Device connected");
    running.finish().exits(0);
}

#[test]
fn the_keyboard_alone_can_deny_allow_and_choose_an_org() {
    let Some((server, machine)) = on_headless(&[Chromium], server) else { return };
    let (acme, browser) = (acme(&machine, &server), Browser::start(&machine));

    // Nothing has the focus that a key pressed too early could decide with, and "Deny" is met first.
    let (denied, uri, _) = login(&acme);
    browser.open(&uri);
    assert_eq!(browser.run("return document.activeElement.tagName"), "BODY");
    browser.press(TAB);
    assert_eq!(browser.focused(), "deny");
    assert_eq!(browser.run("return getComputedStyle(document.activeElement).outlineWidth"), "3px");
    browser.press(ENTER);
    browser.sees("Request denied");
    denied.finish().exits(1);

    server.set_behaviour(|behaviour| behaviour.person = Person::default().in_orgs(&["initech", "globex"]));
    let (allowed, _, code) = login(&acme);
    browser.open(&format!("{}/device", server.issuer()));
    browser.press(&code);
    browser.press(ENTER);
    browser.sees("Connect acme-cli?");
    browser.press(TAB);
    assert_eq!(browser.focused(), "initech");
    browser.press(DOWN);
    assert_eq!(browser.focused(), "globex");
    browser.press(TAB);
    browser.press(TAB);
    assert_eq!(browser.focused(), "allow");
    browser.press(ENTER);
    browser.sees("Device connected");
    assert!(browser.text().contains("for the org globex"));
    let last = allowed.finish().exits(0).json().pop().unwrap();
    assert_eq!(last["org"], "globex", "{last}");
    assert_eq!(server.org_of(&acme.run(&["auth", "token"]).exits(0).word()).as_deref(), Some("globex"));
}

#[test]
fn a_page_of_another_site_cannot_decide() {
    let Some((server, machine)) = on_headless(&[Chromium], server) else { return };
    let browser = Browser::start(&machine);
    let code = device(&server, "openid").1;
    let form = format!(
        "data:text/html,<form method=post action={}/device><input name=user_code value={code}>\
         <button name=decision value=allow>Win</button></form>",
        server.issuer()
    );
    browser.open(&form);
    browser.click(ALLOW);
    browser.sees("Decision refused");
    assert_eq!(server.pending_user_codes(), [code]);
    browser.click("a");
    browser.sees("Connect a device");
}

/// Every page on a screen and on a telephone, light and dark, and with letters of twice the size: pictures of them are
/// in `target/pages`.
#[test]
fn every_page_fits_its_screen_and_asks_nobody_else() {
    if left_out(&[Chromium]) {
        return;
    }
    let clock = ManualClock::new();
    let mut behaviour = Behaviour::default();
    behaviour.clock = Arc::new(clock.clone());
    behaviour.org_scope = Some("organization:".into());
    behaviour.scopes_supported.push("deployments:write".into());
    let server = AuthorizationServer::start_with(behaviour).unwrap();
    let machine = Machine::headless();
    let browser = Browser::start(&machine);
    let page = |path: &str| format!("{}{path}", server.issuer());
    let look = |name: &str, title: &str| look(&browser, name, title);

    let expired = device(&server, "openid").0;
    clock.advance(Duration::from_secs(900));
    let (used, used_code) = device(&server, "openid");
    assert!(server.deny(&used_code));
    for (path, name, title) in [
        (page("/device"), "enter", "Connect a device"),
        (page("/device?user_code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"), "wrong", "Wrong code"),
        (expired, "expired", "Code expired"),
        (used, "used", "Code used"),
        (page("/nothing"), "not-found", "Page not found"),
        (device(&server, "openid offline_access email profile deployments:write").0, "confirm", "Connect acme-cli?"),
        (device(&server, "openid organization:hooli").0, "confirm-no-member", "Connect acme-cli?"),
    ] {
        browser.open(&path);
        look(name, title);
    }
    browser.open(&device(&server, "openid").0);
    browser.click(DENY);
    look("denied", "Request denied");

    let orgs = ["acme", "globex", &"a-very-long-name-of-an-org-".repeat(4)];
    server.set_behaviour(|behaviour| behaviour.person = Person::default().in_orgs(&orgs));
    browser.open(&device(&server, "openid email").0);
    look("confirm-orgs", "Connect acme-cli?");
    browser.click("input[value=globex]");
    browser.click(ALLOW);
    look("allowed", "Device connected");

    let asked = browser.requests_of(server.issuer());
    assert!(asked.len() == 11 && asked.iter().all(|url| url.starts_with(&page("/"))), "{asked:?}");
    let elsewhere = server.requests_to(Endpoint::Unknown);
    assert!(elsewhere.len() == 1 && elsewhere[0].path == "/nothing", "{elsewhere:?}");
    let complaints = browser.complaints();
    assert!(!complaints.iter().any(|complaint| complaint.contains("Content Security Policy")), "{complaints:?}");
}

/// A server at which the person decides, and no login polls for long.
fn server() -> AuthorizationServer {
    let mut behaviour = Behaviour::default();
    behaviour.interval = Some(1);
    behaviour.enforce_interval = false;
    AuthorizationServer::start_with(behaviour).unwrap()
}

fn acme<'a>(machine: &'a Machine, server: &AuthorizationServer) -> Acme<'a> {
    machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile")
}

/// A login that waits for the person: its process, the address with the code, and the code.
fn login(acme: &Acme<'_>) -> (Running, String, String) {
    let mut running = acme.start(&["auth", "login", "--json"]);
    let line = running.line().expect("the code is shown");
    let (uri, code) = uri_and_code(&serde_json::from_str(&line).unwrap());
    (running, uri, code)
}

/// A login that is only begun: the address with the code, and the code.
fn device(server: &AuthorizationServer, scope: &str) -> (String, String) {
    let form = format!("client_id=acme-cli&scope={}", scope.replace(' ', "+"));
    uri_and_code(&http::post(&format!("{}/device_authorization", server.issuer()), &form).json())
}

fn uri_and_code(shown: &Value) -> (String, String) {
    let text = |name: &str| shown[name].as_str().unwrap_or_else(|| panic!("no {name}: {shown}")).to_owned();
    (text("verification_uri_complete"), text("user_code"))
}

fn look(browser: &Browser, name: &str, title: &str) {
    browser.sees(title);
    let parts = "return ['html[lang=en]', 'header', 'main', 'h1', 'script, [src], link, [onclick]'] \
                 .map(part => document.querySelectorAll(part).length)";
    let parts = browser.run(parts);
    assert_eq!([&parts[0], &parts[1], &parts[2], &parts[3], &parts[4]], [1, 1, 1, 1, 0], "{name}: {parts}");
    for (width, height, scheme) in [(1000, 800, "light"), (1000, 800, "dark"), (360, 740, "light"), (360, 740, "dark")]
    {
        browser.screen(width, height, scheme);
        browser.picture(&folder().join(format!("{name}-{width}-{scheme}.png")));
        assert_fits(browser, &format!("{name} at {width}"));
        assert_contrast(browser, &format!("{name}, {scheme}"));
    }
    browser.run("document.documentElement.style.fontSize = '200%'");
    assert_fits(browser, &format!("{name} in large letters"));
    browser.run("document.documentElement.style.fontSize = ''");
}

/// Nothing has to be scrolled sideways (WCAG 2.2, 1.4.10).
fn assert_fits(browser: &Browser, what: &str) {
    let over = browser.run("const all = document.documentElement; return all.scrollWidth - all.clientWidth");
    assert_eq!(over, 0, "{what}");
}

/// Every text has a contrast of 7 to 1 with what is behind it (WCAG 2.2, 1.4.6; 1.4.3 asks for 4.5).
fn assert_contrast(browser: &Browser, what: &str) {
    const LEAST: &str = "
        const part = c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
        const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
        const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
        const behind = e => {
            const colour = numbers(getComputedStyle(e).backgroundColor);
            return colour[3] === 0 ? behind(e.parentElement) : colour;
        };
        const all = [...document.body.querySelectorAll('*')].filter(e => e.type !== 'hidden'
            && (e.value || [...e.childNodes].some(child => child.nodeType === 3 && child.data.trim())));
        return Math.min(...all.map(e => {
            const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))];
            return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        }));";
    let least = browser.run(LEAST).as_f64().unwrap();
    assert!(least >= 7.0, "{what}: {least}");
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("pages");
    fs::create_dir_all(&folder).unwrap();
    folder
}
