//! The verification page (RFC 8628 §3.3): plain HTML, no scripts. Whoever opens it is [`Behaviour::person`].
//!
//! | file | has |
//! | --- | --- |
//! | `html` | the page's text |
//!
//! [`Behaviour::person`]: super::Behaviour::person

mod html;

use super::form::Form;
use super::reply::{Body, Reply, not_allowed};
use super::seen::SeenRequest;
use super::state::{CodeLookup, Decision, State};

/// Shows the page, or takes the person's decision.
pub(super) fn answer(state: &mut State, request: &SeenRequest) -> Reply {
    match request.method.as_str() {
        "GET" => show(state, request),
        "POST" => decide(state, request),
        _ => not_allowed("GET, POST"),
    }
}

/// Returns the page of every other address.
pub(super) fn not_found() -> Reply {
    reply(404, html::not_found())
}

/// Returns a page with a text only.
pub(super) fn message(status: u16, title: &str, text: &str) -> Reply {
    reply(status, html::message(title, text))
}

/// RFC 8628 §3.3.1: a URI that has the code in it opens the same confirmation, with the code on view, because the
/// person must still compare it with the one on the device.
fn show(state: &State, request: &SeenRequest) -> Reply {
    let query = request.query.as_deref().unwrap_or_default();
    let user_code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "user_code");
    let Some((_, user_code)) = user_code else {
        return reply(200, html::enter());
    };
    match state.find(&user_code) {
        CodeLookup::Pending(device) => reply(200, html::confirmation(device, &state.behaviour)),
        lookup => refuse(&lookup, &user_code),
    }
}

/// Accepts a decision from this page only. Nobody logs in here, so a token in the form would protect nothing: any site could
/// fetch one. But an attack needs the person's browser, and a browser sends in every POST the origin of the page, which no
/// page can forge. It must be the issuer's origin, and not just the `Host` of the request: an attacker can point a name at
/// this machine. A client that sends no origin is no browser.
fn decide(state: &mut State, request: &SeenRequest) -> Reply {
    if let Some(origin) = &request.origin
        && *origin != state.issuer
    {
        return reply(403, html::other_site(&state.issuer));
    }
    let Ok(form) = Form::read(request) else {
        return message(400, "Bad request", "The form could not be read.");
    };
    let allowed = match form.get("decision") {
        Some("allow") => true,
        Some("deny") => false,
        _ => return message(400, "Bad request", "Choose to deny or to allow."),
    };
    let user_code = form.get("user_code").unwrap_or_default();
    let lookup = state.find(user_code);
    let CodeLookup::Pending(device) = &lookup else {
        return refuse(&lookup, user_code);
    };
    if !allowed {
        let page = html::denied(device);
        state.decide(user_code, Decision::Denied);
        return reply(200, page);
    }
    let person = state.behaviour.person.clone();
    let org =
        device.org.clone().or_else(|| form.get("org").map(str::to_owned)).or_else(|| person.orgs.first().cloned());
    if org.as_ref().is_some_and(|org| !person.orgs.contains(org)) {
        return message(400, "Bad request", "You are no member of that org.");
    }
    let page = html::allowed(device, &person, org.as_deref());
    state.decide(user_code, Decision::Approved(person, org));
    reply(200, page)
}

/// Returns the page for a code that cannot be decided. Each reason has its own page, as the person can do something about it.
fn refuse(lookup: &CodeLookup<'_>, user_code: &str) -> Reply {
    match lookup {
        CodeLookup::Expired => reply(410, html::expired()),
        CodeLookup::Used => reply(409, html::used()),
        CodeLookup::Pending(_) | CodeLookup::Unknown => reply(404, html::wrong(user_code)),
    }
}

fn reply(status: u16, text: String) -> Reply {
    Reply::new(status, Body::Html(text))
        .with("Content-Security-Policy", html::policy())
        .with("X-Frame-Options", "DENY")
        .with("X-Content-Type-Options", "nosniff")
        // The address may have the code in it. ("no-referrer" would make the origin of our own form `null`.)
        .with("Referrer-Policy", "same-origin")
}
