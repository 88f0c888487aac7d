//! What the verification page looks like and says. It works without scripts, without anything from another server, by
//! keyboard alone, in light and in dark, at the width of a phone and with large letters.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::testing::behaviour::{Behaviour, Person};
use crate::testing::state::Device;

/// The Content-Security-Policy of every page: nothing is loaded, nothing runs, no style but [`STYLE`] counts, and no
/// other page may lay a button over "Allow" (RFC 6749 §10.13).
pub(super) fn policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
    });
    &POLICY
}

/// Asks for the code.
pub(super) fn enter() -> String {
    page("Connect a device", "Connect a device", &code_form("", ""))
}

/// Asks again. Keeps what was typed, so that the person can compare and correct it.
pub(super) fn wrong(typed: &str) -> String {
    let error = "<p class=\"alert\" id=\"error\" role=\"alert\"><strong>Wrong code.</strong> \
                 There is no such code. Compare it with the one in your terminal.</p>";
    page("Wrong code", "Connect a device", &code_form(typed, error))
}

/// Asks for the decision. "Deny" comes first and looks the same as "Allow": whoever was sent here by a stranger should
/// find it as easily.
pub(super) fn confirmation(device: &Device, behaviour: &Behaviour) -> String {
    let person = &behaviour.person;
    let (client_id, user_code) = (isolate(&device.client_id), escape(&device.user_code));
    let name = isolate(full_name(person));
    let email = if person.email.is_empty() { String::new() } else { format!(" ({})", isolate(&person.email)) };
    let org = OrgChoice::of(device, person);
    let allow = match org {
        OrgChoice::Impossible(_) => "",
        _ => "<button name=\"decision\" value=\"allow\">Allow</button>",
    };
    let title = format!("Connect {}?", device.client_id);
    let body = format!(
        "<p>Your terminal must show this code:</p>\
         <p class=\"code\">{user_code}</p>\
         <p class=\"alert\"><strong>Only continue if you started this yourself.</strong> \
         If somebody else sent you here or gave you the code, deny.</p>\
         <p><strong>{client_id}</strong> asks to act as <strong>{name}</strong>{email}.{}</p>\
         <h2 id=\"scopes\">What it asks for</h2>\
         <ul aria-labelledby=\"scopes\">{}</ul>\
         <form method=\"post\" action=\"/device\" autocomplete=\"off\">\
         <input type=\"hidden\" name=\"user_code\" value=\"{user_code}\">{}\
         <div class=\"choices\"><button name=\"decision\" value=\"deny\">Deny</button>{allow}</div>\
         </form>",
        org.sentence(),
        device.scope.iter().map(|scope| scope_item(scope, behaviour)).collect::<String>(),
        org.question(),
    );
    page(&title, &format!("Connect {client_id}?"), &body)
}

pub(super) fn allowed(device: &Device, person: &Person, org: Option<&str>) -> String {
    let org = org.map(|org| format!(" for the org <strong>{}</strong>", isolate(org))).unwrap_or_default();
    let (client_id, name) = (isolate(&device.client_id), isolate(full_name(person)));
    let body = format!("<p><strong>{client_id}</strong> can now act as <strong>{name}</strong>{org}.</p>{GO_BACK}");
    page("Device connected", "Device connected", &body)
}

pub(super) fn denied(device: &Device) -> String {
    let body = format!("<p><strong>{}</strong> was not connected.</p>{GO_BACK}", isolate(&device.client_id));
    page("Request denied", "Request denied", &body)
}

pub(super) fn expired() -> String {
    let text = "This code has expired. Start again in your terminal to get a new one.";
    page("Code expired", "Code expired", &format!("<p>{text}</p>{ANOTHER}"))
}

/// Somebody who presses a button twice comes here too, and need not start anew.
pub(super) fn used() -> String {
    let text = "This code has been used. If you have just denied or allowed it yourself, all is done: you can close \
                this page and go back to your terminal. If not, start again there to get a new one.";
    page("Code used", "Code used", &format!("<p>{text}</p>{ANOTHER}"))
}

pub(super) fn not_found() -> String {
    page("Page not found", "Page not found", &format!("<p>There is nothing at this address.</p>{ANOTHER}"))
}

/// For a decision that was sent from the page of another site.
pub(super) fn other_site(issuer: &str) -> String {
    let address = escape(&format!("{issuer}/device"));
    let body = format!(
        "<p>The decision was sent by a page of another site, so it does not count. \
         If you want to connect a device, open <a href=\"{address}\">{address}</a> and enter the code there.</p>"
    );
    page("Decision refused", "Decision refused", &body)
}

pub(super) fn message(title: &str, text: &str) -> String {
    page(title, &escape(title), &format!("<p>{}</p>", escape(text)))
}

/// The form for the code, with the error that it was met with. The focus is in the field, which names the error as its
/// description: so it is heard at once, which an alert that is there from the beginning is not everywhere.
fn code_form(typed: &str, error: &str) -> String {
    let described = if error.is_empty() { "hint" } else { "error hint" };
    format!(
        "{error}<form method=\"get\" action=\"/device\" autocomplete=\"off\">\
         <label for=\"user_code\">Enter the code</label>\
         <p class=\"hint\" id=\"hint\">Your terminal shows it: eight letters. Case and hyphens do not matter.</p>\
         <input id=\"user_code\" name=\"user_code\" value=\"{}\" aria-describedby=\"{described}\" aria-invalid=\"{}\" \
         required autofocus autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" \
         enterkeyhint=\"go\">\
         <div class=\"choices\"><button>Continue</button></div></form>",
        escape(typed),
        !error.is_empty(),
    )
}

/// The org that a token will speak for.
enum OrgChoice<'a> {
    /// The person has no orgs.
    None,
    /// The only org, or the org that the request names.
    Only(&'a str),
    /// The request names an org that the person is no member of.
    Impossible(&'a str),
    OneOf(&'a [String]),
}

impl<'a> OrgChoice<'a> {
    fn of(device: &'a Device, person: &'a Person) -> Self {
        match (&device.org, person.orgs.as_slice()) {
            (Some(org), orgs) if orgs.contains(org) => Self::Only(org),
            (Some(org), _) => Self::Impossible(org),
            (None, []) => Self::None,
            (None, [org]) => Self::Only(org),
            (None, orgs) => Self::OneOf(orgs),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Only(org) => format!(" It will act for the org <strong>{}</strong>.", isolate(org)),
            Self::Impossible(org) => {
                let org = isolate(org);
                format!(
                    " It asks to act for the org <strong>{org}</strong>, and you are no member of it: \
                     you can only deny."
                )
            }
            Self::None | Self::OneOf(_) => String::new(),
        }
    }

    fn question(&self) -> String {
        let Self::OneOf(orgs) = self else {
            return String::new();
        };
        // The first org is the default of a login that names none.
        let radios: String = orgs.iter().enumerate().map(|(index, org)| radio_button(org, index == 0)).collect();
        format!("<fieldset><legend>Which org shall it act for?</legend>{radios}</fieldset>")
    }
}

fn radio_button(org: &str, is_checked: bool) -> String {
    let (value, org, checked) = (escape(org), isolate(org), if is_checked { " checked" } else { "" });
    format!("<label><input type=\"radio\" name=\"org\" value=\"{value}\"{checked}> <span>{org}</span></label>")
}

fn full_name(person: &Person) -> &str {
    if person.name.is_empty() { &person.subject } else { &person.name }
}

fn scope_item(scope: &str, behaviour: &Behaviour) -> String {
    let org = behaviour.org_scope.as_deref().and_then(|start| scope.strip_prefix(start));
    let meaning = match (org, scope) {
        (Some(org), _) => format!("act for the org {}", isolate(org)),
        (None, "openid") => "know which account is yours".into(),
        (None, "profile") => "read your name".into(),
        (None, "email") => "read your e-mail address".into(),
        (None, "offline_access") => "stay logged in until you log it out".into(),
        (None, _) => return format!("<li><code>{}</code></li>", isolate(scope)),
    };
    format!("<li><span>{meaning}</span> <code>{}</code></li>", isolate(scope))
}

/// A page of this title, which is plain text; heading and body are HTML.
fn page(title: &str, heading: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body><header><p>Authorization server for tests</p></header>\
         <main><h1>{heading}</h1>{body}</main></body></html>\n"
    )
}

/// Isolates a name that somebody else chose: it cannot change the direction of the text around it.
fn isolate(name: &str) -> String {
    format!("<bdi>{}</bdi>", escape(name))
}

fn escape(text: &str) -> String {
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

const GO_BACK: &str = "<p>You can close this page and go back to your terminal.</p>";

const ANOTHER: &str = "<p><a href=\"/device\">Enter another code</a></p>";

/// All text has a contrast of 7 to 1 or more with what is behind it, and all borders of 3 to 1.
const STYLE: &str = "
:root { color-scheme: light dark; --back: #f1f2f4; --card: #fff; --text: #16181d; --soft: #4a4f5a; --line: #767c89;
  --link: #0a3f91; --field: #f1f2f4; --alert: #fff3d6; --mark: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --back: #101216; --card: #1a1d23; --text: #f0f1f4; --soft: #b9bec9;
  --line: #858c9a; --link: #9ec5ff; --field: #262a32; --alert: #33290f; --mark: #e0a83a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
header, main { max-width: 34rem; margin: 0 auto; padding: 1rem 1.25rem; }
header { color: var(--soft); font-size: .875rem; }
header p { margin: 0; }
main { background: var(--card); padding: 1.5rem 1.25rem 1.75rem; }
h1 { font-size: 1.625rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: 0 0 1rem; }
ul { margin: 0 0 1.25rem; padding-left: 1.25rem; }
code, .code, input:not([type=radio]) { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
ul code { color: var(--soft); font-size: .875rem; }
ul code:only-child { color: inherit; }
a { color: var(--link); }
.code { font-size: 2.25rem; font-weight: 700; line-height: 1.2; letter-spacing: .06em; text-align: center;
  padding: .75rem .5rem; background: var(--field); border-radius: .5rem; }
.alert { background: var(--alert); border-left: .375rem solid var(--mark); padding: .75rem 1rem;
  border-radius: .25rem; }
.hint { color: var(--soft); margin: 0 0 .5rem; }
label[for], legend { font-weight: 600; }
input:not([type=radio]) { width: 100%; font-size: 1.375rem; letter-spacing: .06em; padding: .625rem .75rem;
  color: inherit; background: var(--card); border: 2px solid var(--line); border-radius: .5rem;
  text-transform: uppercase; }
input[aria-invalid=true] { border-color: var(--mark); }
fieldset { border: 1px solid var(--line); border-radius: .5rem; margin: 0 0 1.25rem; padding: .5rem 1rem; }
fieldset label { display: flex; gap: .75rem; align-items: center; min-height: 2.75rem; }
input[type=radio] { width: 1.25rem; height: 1.25rem; margin: 0; flex: none; accent-color: var(--link); }
.choices { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem;
  margin-top: 1.25rem; }
button { font: inherit; font-weight: 600; min-height: 3rem; padding: .5rem 1rem; color: inherit;
  background: var(--card); border: 2px solid var(--text); border-radius: .5rem; cursor: pointer; }
button:hover { background: var(--field); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 3px; }
@media (min-width: 36rem) { body { padding: 2rem 1rem; } main { border-radius: .75rem; padding: 2rem 2.25rem 2.25rem; }
  header { padding: 0 2.25rem .75rem; } }
";
