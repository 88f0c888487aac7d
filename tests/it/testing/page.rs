//! The verification page, as bytes. (In a browser: tests/real/browser.rs.)

use std::io;
use std::time::Duration;

use super::raw::{CLIENT, DEVICE_CODE, Reply, exchange, post, server};
use hallpass::testing::{AuthorizationServer, Person};

#[test]
fn the_page_asks_for_the_code_and_offers_to_deny_first() -> io::Result<()> {
    let (server, clock) = server()?;
    let (device, page) = confirmation(&server, &[("scope", "openid email")])?;
    for words in [
        &*device.json("user_code"),
        "acme-cli",
        "Alice Example",
        "Only continue if you started this",
        "read your e-mail",
    ] {
        assert!(page.body.contains(words), "{words} is missing: {}", page.body);
    }
    assert!(page.body.find("Deny") < page.body.find("Allow"), "{}", page.body);
    assert!(exchange(&server, "GET", "/device", "", "")?.body.contains("Enter the code"));
    let decision = [("user_code", &*device.json("user_code")), ("decision", "allow")];
    assert_eq!(post(&server, "/device", &decision[..1])?.status, 400, "neither allowed nor denied");
    assert_eq!(post(&server, "/device", &decision)?.status, 200);
    assert_eq!(post(&server, "/device", &decision)?.status, 409);
    let (_, late) = confirmation(&server, &[])?;
    assert_eq!(late.status, 200);
    let late = server.pending_user_codes().remove(0);
    clock.advance(Duration::from_secs(900));
    assert_eq!(exchange(&server, "GET", &format!("/device?user_code={late}"), "", "")?.status, 410);
    assert_eq!(post(&server, "/device", &[("user_code", &*late), ("decision", "allow")])?.status, 410);
    assert_eq!(exchange(&server, "GET", "/", "", "")?.status, 404);
    Ok(())
}

#[test]
fn a_wrong_code_is_kept_in_its_field() -> io::Result<()> {
    let (server, _) = server()?;
    let first = exchange(&server, "GET", "/device", "", "")?.body;
    assert!(first.contains(" value=\"\"") && !first.contains("role=\"alert\""), "{first}");
    for typed in ["BBBB-BBBB", "", "%22%3E%3Cb%3E%27%26"] {
        let page = exchange(&server, "GET", &format!("/device?user_code={typed}"), "", "")?;
        assert_eq!(page.status, 404);
        assert!(
            page.body.contains("role=\"alert\"") && page.body.contains("aria-describedby=\"error hint\""),
            "{}",
            page.body
        );
        let kept = typed.replace("%22%3E%3Cb%3E%27%26", "&quot;&gt;&lt;b&gt;&#39;&amp;");
        assert!(page.body.contains(&format!(" value=\"{kept}\"")), "{}", page.body);
    }
    Ok(())
}

/// Whoever names himself, an org or a scope writes no HTML, and turns no text around.
#[test]
fn every_name_is_escaped() -> io::Result<()> {
    const NAME: &str = "<b id='x' class=\"y\">&amp;";
    const ESCAPED: &str = "&lt;b id=&#39;x&#39; class=&quot;y&quot;&gt;&amp;amp;";
    let (server, _) = server()?;
    server.set_behaviour(|behaviour| {
        behaviour.client_id = NAME.into();
        behaviour.scopes_supported.clear();
        behaviour.person = Person::new("eve", NAME, NAME).in_orgs(&[NAME, "acme"]);
    });
    let device = post(&server, "/device_authorization", &[("client_id", NAME), ("scope", "<b>'&")])?;
    let user_code = device.json("user_code");
    let page = exchange(&server, "GET", &format!("/device?user_code={user_code}"), "", "")?.body;
    // Title, heading, client, name, address; the org's value and its label.
    assert_eq!(page.matches(ESCAPED).count(), 7, "{page}");
    assert!(
        page.contains("<code><bdi>&lt;b&gt;&#39;&amp;</bdi></code>") && !page.contains("<b>") && !page.contains("<b "),
        "{page}"
    );
    let allow = [("user_code", &*user_code), ("decision", "allow"), ("org", NAME)];
    let done = post(&server, "/device", &allow)?.body;
    assert_eq!(done.matches(ESCAPED).count(), 3, "{done}");
    assert!(!done.contains("<b "), "{done}");
    Ok(())
}

#[test]
fn the_chosen_org_is_the_org_of_the_tokens() -> io::Result<()> {
    let (server, _) = server()?;
    let orgs = |orgs: &[&str]| server.set_behaviour(|behaviour| behaviour.person = Person::default().in_orgs(orgs));
    orgs(&["acme", "globex"]);
    for (said, org) in [(Some("globex"), "globex"), (None, "acme")] {
        let (device, page) = confirmation(&server, &[])?;
        assert_eq!(page.body.matches("type=\"radio\"").count(), 2, "{}", page.body);
        let done = decide(&server, &device, said)?;
        assert!(done.status == 200 && done.body.contains(org), "{}", done.body);
        assert_eq!(org_of(&server, &device)?.as_deref(), Some(org));
    }
    let (device, _) = confirmation(&server, &[])?;
    assert_eq!(decide(&server, &device, Some("hooli"))?.status, 400, "no member");
    assert_eq!(server.pending_user_codes(), [device.json("user_code")]);

    // One is told, not asked for; so is the one that the request names, which nothing said here changes.
    orgs(&["acme"]);
    let (_, page) = confirmation(&server, &[])?;
    assert!(page.body.contains("act for the org") && !page.body.contains("type=\"radio\""), "{}", page.body);
    server.set_behaviour(|behaviour| behaviour.org_parameter = Some("organization".into()));
    orgs(&["acme", "globex"]);
    let (device, page) = confirmation(&server, &[("organization", "globex")])?;
    assert!(page.body.contains("globex") && !page.body.contains("type=\"radio\""), "{}", page.body);
    assert_eq!(decide(&server, &device, Some("acme"))?.status, 200);
    assert_eq!(org_of(&server, &device)?.as_deref(), Some("globex"));
    let (device, page) = confirmation(&server, &[("organization", "hooli")])?;
    assert!(
        page.body.contains("no member") && page.body.contains("Deny") && !page.body.contains("Allow"),
        "{}",
        page.body
    );
    assert_eq!(decide(&server, &device, None)?.status, 400);
    Ok(())
}

/// A browser says where a POST comes from; what says nothing is no browser.
#[test]
fn only_the_servers_own_page_can_decide() -> io::Result<()> {
    let (server, _) = server()?;
    let port = server.issuer().rsplit(':').next().unwrap_or_default().to_owned();
    let user_code = confirmation(&server, &[])?.0.json("user_code");
    let body = format!("user_code={user_code}&decision=allow");
    let from = |origin: &str| {
        let headers = format!("Content-Type: application/x-www-form-urlencoded\r\nOrigin: {origin}\r\n");
        exchange(&server, "POST", "/device", &headers, &body)
    };
    // "x" is the `Host` of these requests: a name that was pointed at this machine.
    for origin in ["null", "https://evil.example", "http://x", "http://127.0.0.1", &format!("http://localhost:{port}")]
    {
        let refused = from(origin)?;
        assert_eq!(refused.status, 403, "{origin}");
        assert!(refused.body.contains(&format!("{}/device", server.issuer())), "it says where the page is");
    }
    assert_eq!(server.pending_user_codes(), [&*user_code]);
    assert_eq!(from(server.issuer())?.status, 200);
    assert!(server.requests().iter().any(|request| request.origin.as_deref() == Some("https://evil.example")));
    Ok(())
}

#[test]
fn the_page_loads_nothing_and_runs_no_script() -> io::Result<()> {
    let (server, _) = server()?;
    let (device, confirmation) = confirmation(&server, &[])?;
    let pages = [
        exchange(&server, "GET", "/device", "", "")?,
        exchange(&server, "GET", "/device?user_code=x", "", "")?,
        exchange(&server, "GET", "/nothing", "", "")?,
        confirmation,
        decide(&server, &device, None)?,
        decide(&server, &device, None)?,
    ];
    for Reply { head, body, .. } in &pages {
        for header in [
            "content-security-policy: default-src 'none'; style-src 'sha256-",
            "form-action 'self'; frame-ancestors 'none'",
            "x-frame-options: deny",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{header}: {head}");
        }
        assert!(!head.contains("unsafe"), "{head}");
        for word in ["<script", "src=", "<link", "@import", "url(", "http:", "https:", " style=", " onclick"] {
            assert!(!body.contains(word), "{word}: {body}");
        }
        for word in ["<html lang=\"en\">", "<header>", "<main><h1>", "name=\"viewport\"", "color-scheme"] {
            assert_eq!(body.matches(word).count().min(1), 1, "{word}: {body}");
        }
    }
    Ok(())
}

/// A device authorization, and the page that it leads to.
fn confirmation(server: &AuthorizationServer, more: &[(&str, &str)]) -> io::Result<(Reply, Reply)> {
    let device = post(server, "/device_authorization", &[&[CLIENT], more].concat())?;
    let complete = device.json("verification_uri_complete").replace(server.issuer(), "");
    let page = exchange(server, "GET", &complete, "", "")?;
    Ok((device, page))
}

/// The person allows.
fn decide(server: &AuthorizationServer, device: &Reply, org: Option<&str>) -> io::Result<Reply> {
    let user_code = device.json("user_code");
    let mut form = vec![("user_code", &*user_code), ("decision", "allow")];
    form.extend(org.map(|org| ("org", org)));
    post(server, "/device", &form)
}

fn org_of(server: &AuthorizationServer, device: &Reply) -> io::Result<Option<String>> {
    let poll = [CLIENT, ("grant_type", DEVICE_CODE), ("device_code", &device.json("device_code"))];
    Ok(server.org_of(&post(server, "/token", &poll)?.json("access_token")))
}
