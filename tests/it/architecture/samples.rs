//! Each rule finds its sample, and nothing in the twin that is in order.

use super::*;

type Files<'a> = &'a [(&'a str, &'a str)];

#[track_caller]
fn finds(rule: fn(&Source) -> Vec<String>, files: Files<'_>, what: &str) {
    let found = rule(&Source::of(files.iter().copied()));
    assert!(found.len() == 1 && found[0].contains(what), "{what:?} in {found:?}");
}

#[track_caller]
fn passes(rule: fn(&Source) -> Vec<String>, files: Files<'_>) {
    assert_eq!(rule(&Source::of(files.iter().copied())), [""; 0]);
}

#[test]
fn strangers() {
    finds(super::strangers, &[("helpers.rs", "")], "src/helpers.rs");
    finds(super::strangers, &[("oauth/util.rs", "")], "src/oauth/util.rs");
    finds(super::strangers, &[("identity.rs", "")], "src/identity.rs");
    passes(super::strangers, &[("lib.rs", ""), ("oauth/mod.rs", ""), ("home/lock.rs", ""), ("cli/render.rs", "")]);
}

#[test]
fn arrows_up() {
    let all = [
        ("lib.rs", "mod auth; pub use auth::Auth; pub type Result = ();"),
        ("auth.rs", "pub struct Auth;"),
        ("oauth/http.rs", ""),
        ("oauth/mod.rs", ""),
        ("custody/mod.rs", ""),
        ("error.rs", ""),
        ("prompt.rs", ""),
        ("cli/mod.rs", ""),
    ];
    let with = |name, text| all.iter().copied().filter(|(n, _)| *n != name).chain([(name, text)]).collect::<Vec<_>>();
    for (name, text, what) in [
        (
            "error.rs",
            "use crate::oauth::http::Door;",
            "src/model/error.rs:1: Words may not name Wire (src/system/http/mod.rs)",
        ),
        ("error.rs", "\nfn f() -> super::auth::X {}", "src/model/error.rs:2: Words may not name Living"),
        ("error.rs", "use crate::Result;", "(src/lib.rs)"),
        ("error.rs", "use crate::Auth;", "(src/auth.rs)"),
        ("oauth/http.rs", "use crate::custody::Custody;", "Wire may not name Keeping"),
        ("oauth/http.rs", "use super::super::custody::Custody;", "Wire may not name Keeping"),
        ("oauth/http.rs", "use crate::prompt::Prompt;", "oauth knows no person"),
        ("custody/mod.rs", "use crate::oauth;", "Keeping may not name Wire"),
        ("custody/mod.rs", "use crate::{error::Error, auth::Auth};", "Keeping may not name Living"),
        ("auth.rs", "use crate::cli::AuthCommand;", "Living may not name Face"),
    ] {
        finds(super::arrows_up, &with(name, text), what);
    }
    passes(super::arrows_up, &with("auth.rs", "use crate::{oauth::http, custody, error, prompt};"));
    passes(super::arrows_up, &with("error.rs", "#[cfg(test)] mod tests { use crate::auth::Auth; }"));
}

#[test]
fn circles() {
    let circle =
        [("id.rs", "use crate::error::E;"), ("error.rs", "use crate::event::V;"), ("event.rs", "use crate::id::I;")];
    finds(super::circles, &circle, "src/model/error.rs → src/event.rs → src/model/ids.rs → src/model/error.rs");
    passes(super::circles, &circle[..2]);
    let parent = [("custody/mod.rs", "mod os; pub use os::S; fn f() { os::g() }"), ("custody/os.rs", "use super::C;")];
    finds(super::circles, &parent, "src/custody/mod.rs → src/custody/os/mod.rs");
    // A table of contents is no arrow, and is looked through.
    let table = [
        ("lib.rs", "mod custody; pub use custody::S;"),
        ("custody/mod.rs", "mod os; pub use os::S; pub trait C {}"),
        ("custody/os.rs", "use super::C;"),
        ("custody/place.rs", "use super::S; use crate::S as T;"),
    ];
    passes(super::circles, &table);
}

#[test]
fn hidden_names() {
    let with = |name, text| {
        [
            ("lib.rs", "pub mod id; mod worker; pub use worker::Handle; pub(crate) use id::Scopes; pub mod cli;"),
            ("id.rs", "pub struct Scopes; pub(crate) fn random() {}"),
            ("worker.rs", "pub struct Handle; pub struct Trip;"),
            (name, text),
        ]
    };
    for (text, what) in [
        ("use crate::worker::Trip;", "crate::worker::Trip is not public"),
        ("fn f() { crate::id::random() }", "crate::id::random is not public"),
        ("use crate::Scopes;", "crate::Scopes is not public"),
        ("use super::super::worker;", "crate::worker is not public"),
    ] {
        finds(super::hidden_names, &with("testing/server.rs", text), what);
    }
    let fine = "use crate::{Handle, id::Scopes, cli::render::Line}; fn f() { Scopes::parse(crate::id::Scopes::X) }";
    passes(super::hidden_names, &with("cli/mod.rs", fine));
    passes(super::hidden_names, &with("auth.rs", "use crate::worker::Trip;"));
}

#[test]
fn open_doors() {
    for (what, keepers, _) in DOORS {
        let text = format!("fn f() {{ {what}::x() }}");
        finds(super::open_doors, &[("policy.rs", text.as_str())], what);
        for keeper in *keepers {
            let name = if keeper.ends_with('/') { format!("{keeper}some.rs") } else { (*keeper).to_owned() };
            passes(super::open_doors, &[(name.as_str(), text.as_str())]);
        }
    }
    for (text, what) in [
        ("use std::{fs::{self as disk}};", "std::fs"),
        ("use core::time::X; use std::time::SystemTime; fn f() { SystemTime::now(); }", "SystemTime::now"),
        ("use ::tokio as t;", "tokio"),
        ("use crate::home::files::read;", "std::fs::read"),
        ("fn f() { println!(\"{}\", 1) }", "println!"),
        ("fn f() { std::dbg!(1) }", "dbg!"),
    ] {
        finds(super::open_doors, &[("policy.rs", text), ("home.rs", "pub(crate) use std::fs as files;")], what);
    }
    passes(
        super::open_doors,
        &[("policy.rs", "use std::time::{Instant, SystemTime}; fn f() { openid::x(); File::open(p); }")],
    );
    passes(super::open_doors, &[("cli/mod.rs", "fn f() { println!(\"x\") }")]);
}

#[test]
fn long_files() {
    let code = "fn f() {}\n".repeat(LINES);
    passes(super::long_files, &[("id.rs", &code)]);
    finds(super::long_files, &[("id.rs", &(code.clone() + "fn g() {}\n"))], "451 lines");
    let tests =
        |lines| format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(20), "fn t() {}\n".repeat(lines));
    passes(super::long_files, &[("id.rs", &tests(7))]);
    finds(super::long_files, &[("id.rs", &tests(8))], "11 of 31 lines are unit tests");
}
