//! The verification page (RFC 8628 §3.3): plain HTML, no scripts. Whoever opens it is Alice.

use super::behaviour::Person;
use super::form::Form;
use super::reply::{Body, Reply, not_allowed};
use super::seen::SeenRequest;
use super::state::{Decision, Device, Found, State};

/// Shows the page, or takes the person's decision.
pub(super) fn answer(state: &mut State, request: &SeenRequest) -> Reply {
    match request.method.as_str() {
        "GET" => show(state, request),
        "POST" => decide(state, request),
        _ => not_allowed("GET, POST"),
    }
}

/// A page that only says something.
pub(super) fn message(title: &str, text: &str) -> String {
    page(title, &format!("<p>{}</p>", escaped(text)))
}

/// RFC 8628 §3.3.1: a URI that has the code in it opens the same confirmation, with the code on view, because the person
/// must still compare it with the one on the device.
fn show(state: &State, request: &SeenRequest) -> Reply {
    let query = request.query.as_deref().unwrap_or_default();
    let user_code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "user_code");
    match user_code {
        None => html(200, page("Connect a device", ENTER)),
        Some((_, user_code)) => match state.find(&user_code) {
            Found::Pending(device) => html(200, confirmation(device)),
            found => refused(&found),
        },
    }
}

fn decide(state: &mut State, request: &SeenRequest) -> Reply {
    let Ok(form) = Form::read(request) else {
        return html(400, message("Bad request", "The form could not be read."));
    };
    let user_code = form.get("user_code").unwrap_or_default();
    let (decision, title, text) = match form.get("decision") {
        Some("allow") => (Decision::Approved(Person::default()), "Device connected", "You can go back to your device."),
        Some("deny") => (Decision::Denied, "Request denied", "The device was not connected."),
        _ => return html(400, message("Bad request", "Choose to deny or to allow.")),
    };
    match state.find(user_code) {
        Found::Pending(_) => {
            state.decide(user_code, decision);
            html(200, message(title, text))
        }
        found => refused(&found),
    }
}

/// The page for a code that cannot be decided: each reason has its own, for the person can do something about it.
fn refused(found: &Found<'_>) -> Reply {
    let (status, title, text) = match found {
        Found::Expired => (410, "Code expired", "This code has expired. Start again on your device."),
        Found::Used => (409, "Code used", "This code was used before. Start again on your device."),
        Found::Pending(_) | Found::Unknown => (404, "Wrong code", "There is no such code. Check it on your device."),
    };
    html(status, message(title, text))
}

/// "Deny" comes first and looks the same as "Allow": whoever was sent here by a stranger should find it as easily.
fn confirmation(device: &Device) -> String {
    let scopes: String = device.scope.iter().map(|scope| format!("<li>{}</li>", escaped(scope))).collect();
    let (client_id, user_code) = (escaped(&device.client_id), escaped(&device.user_code));
    let body = format!(
        "<p><strong>{client_id}</strong> asks to act as <strong>Alice Example</strong>, with these scopes:</p>\
         <ul>{scopes}</ul>\
         <p>Your device must show the code <strong>{user_code}</strong>. Only continue if you started this yourself.</p>\
         <form method=\"post\" action=\"/device\">\
         <input type=\"hidden\" name=\"user_code\" value=\"{user_code}\">\
         <button name=\"decision\" value=\"deny\">Deny</button> \
         <button name=\"decision\" value=\"allow\">Allow</button>\
         </form>"
    );
    page("Connect a device", &body)
}

fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body><h1>{title}</h1>{body}</body></html>\n"
    )
}

fn html(status: u16, text: String) -> Reply {
    // Nothing may run on this page, and no other page may lay a button over its "Allow" (RFC 6749 §10.13).
    let policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'";
    Reply::new(status, Body::Html(text)).with("Content-Security-Policy", policy).with("X-Frame-Options", "DENY")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

const ENTER: &str = "<form method=\"get\" action=\"/device\"><label>Enter the code that your device shows: \
                     <input name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\"></label> \
                     <button>Continue</button></form>";
