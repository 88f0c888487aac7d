//! Each rule finds its sample, and nothing in the twin that is in order.

use super::*;

type Files<'a> = &'a [(&'a str, &'a str)];

#[track_caller]
fn finds(rule: fn(&Source) -> Vec<String>, files: Files<'_>, what: &str) {
    let found = rule(&source(files));
    assert!(found.len() == 1 && found[0].contains(what), "{what:?} in {found:?}");
}

#[track_caller]
fn passes(rule: fn(&Source) -> Vec<String>, files: Files<'_>) {
    assert_eq!(rule(&source(files)), [""; 0]);
}

fn source(files: Files<'_>) -> Source {
    let mut source = Source::default();
    files.iter().for_each(|(name, text)| source.add(name, text));
    source
}

fn words(path: &str) -> Vec<String> {
    path.split("::").map(str::to_owned).collect()
}

#[test]
fn an_arrow_up_is_found() {
    for (name, text, what) in [
        ("helpers/mod.rs", "", "src/helpers/mod.rs: helpers/ has no line"),
        ("model/error.rs", "\nuse crate::oauth::http::Door;", "src/model/error.rs:2: model may not use oauth"),
        ("model/error.rs", "fn f() -> super::super::system::clock::X {}", "model may not use system"),
        ("model/error.rs", "use crate::Result;", "model may not use the root (crate::Result)"),
        ("model/error.rs", "fn f() { assert!(a == crate::auth::B) }", "model may not use the root"),
        ("custody/mod.rs", "use crate::{model::error::Error, oauth};", "custody may not use oauth (crate::oauth)"),
        ("prompt/mod.rs", "use crate::custody as c;", "prompt may not use custody"),
        ("session.rs", "use crate::cli::AuthCommand;", "the root may not use cli"),
        ("lifecycle/app.rs", "mod a { use super::super::super::session; }", "may not use the root (crate::session)"),
    ] {
        finds(arrows_up, &[(name, text)], what);
    }
    passes(
        arrows_up,
        &[
            ("lib.rs", "pub use model::error::Error; pub use auth::Auth;"),
            ("auth.rs", "use crate::{lifecycle::app, custody, Error};"),
            ("oauth/any/thing.rs", "use crate::oauth::x; use crate::model; use super::super::x; // crate::custody"),
            ("model/error.rs", "#[cfg(test)] mod tests { use crate::auth::Auth; } const X: &str = \"crate::auth::A\";"),
            ("model/error/tests.rs", "use crate::auth::Auth;"),
            ("cli/any.rs", "use crate::Error; use crate::model::error::Error;"),
        ],
    );
}

#[test]
fn a_circle_is_found() {
    let finds = |files: Files<'_>, arrows: &[&str]| {
        let expected: Vec<_> = arrows.iter().map(|arrow| format!("{arrow}: goes round in a circle")).collect();
        assert_eq!(circles(&source(files)), expected);
    };
    let circle = [
        ("model/ids.rs", "use crate::model::error::E;"),
        ("model/error.rs", "use super::event::V;"),
        ("model/event.rs", "fn f() { crate::model::ids::I::new() }"),
        ("model/secret.rs", "use super::ids::I;"),
    ];
    finds(
        &circle,
        &[
            "src/model/error.rs → src/model/event.rs",
            "src/model/event.rs → src/model/ids.rs",
            "src/model/ids.rs → src/model/error.rs",
        ],
    );
    finds(&circle[..2], &[]);
    let root = [("auth.rs", "use crate::job;"), ("job.rs", "use crate::auth;")];
    finds(&root, &["src/auth.rs → src/job.rs", "src/job.rs → src/auth.rs"]);
    // A table of contents is no arrow, and is looked through.
    let mut table = [
        ("custody/mod.rs", "mod os; pub use os::S; pub trait C {}"),
        ("custody/os.rs", "use super::C;"),
        ("custody/selection.rs", "use super::S;"),
    ];
    finds(&table, &[]);
    table[0].1 = "mod os; pub use os::S; fn f() { os::g() }";
    finds(&table, &["src/custody/mod.rs → src/custody/os.rs", "src/custody/os.rs → src/custody/mod.rs"]);
    table[1].1 = "use super::selection::T;";
    finds(&table, &["src/custody/os.rs → src/custody/selection.rs", "src/custody/selection.rs → src/custody/os.rs"]);
}

#[test]
fn a_hidden_name_is_found() {
    let with = |name, text| {
        [
            ("lib.rs", "mod lifecycle; pub mod cli; mod system; pub use system::clock; pub use lifecycle::jobs::Job;"),
            ("lifecycle/mod.rs", "pub(crate) mod jobs;"),
            ("lifecycle/jobs.rs", "pub struct Job; pub struct Thread;"),
            ("system/mod.rs", "pub mod clock;"),
            (
                "system/clock.rs",
                "pub struct Clock; pub(crate) fn pause() {} pub const fn now() {} pub(crate) use std::fs as disk;",
            ),
            (name, text),
        ]
    };
    for (text, what) in [
        ("use crate::lifecycle::jobs::Job;", "crate::lifecycle::jobs::Job is not public"),
        ("use super::super::lifecycle;", "crate::lifecycle is not public"),
        ("fn f() { crate::clock::pause() }", "crate::clock::pause is not public"),
        ("use crate::{clock::{self, Clock}}; fn f() { clock::disk::x() }", "crate::clock::disk::x is not public"),
        ("use crate::system::clock::Clock;", "crate::system::clock::Clock is not public"),
    ] {
        finds(hidden_names, &with("testing/server.rs", text), what);
    }
    let fine = "use crate::{Job, clock::{Clock, now}, cli::output::Line}; fn f() { Clock::at(Job::x(now())) }";
    passes(hidden_names, &with("cli/mod.rs", fine));
    passes(hidden_names, &with("auth.rs", "use crate::lifecycle::jobs::Thread;"));
}

#[test]
fn an_open_door_is_found() {
    for (what, keepers, _) in DOORS {
        for what in what.split(' ') {
            let text = format!("fn f() {{ {what}::x() }}");
            assert!(!open_doors(&source(&[("governance/policy.rs", &text)])).is_empty(), "{what}");
            for keeper in keepers.split_whitespace() {
                let name = if keeper.ends_with('/') { format!("{keeper}some.rs") } else { keeper.to_owned() };
                passes(open_doors, &[(&name, &text)]);
            }
        }
    }
    let open = [("oauth/token_endpoint.rs", "pub(crate) use oauth2 as other;")];
    for (text, what) in [
        ("use {::tokio as t};", "tokio"),
        ("use std::io::{self as i}; fn f() { i::stdout() }", "std::io::stdout"),
        ("use crate::oauth::token_endpoint::other::Scope;", "oauth2::Scope"),
        ("#![allow(clippy::disallowed_types, reason = \"x\")]", "clippy::disallowed_types"),
    ] {
        finds(open_doors, &[open[0], ("governance/policy.rs", text)], what);
    }
    passes(open_doors, &[("governance/policy.rs", "use std::io::Read; fn f() { openid::x(); io::Error::other(x); }")]);
}

#[test]
fn a_long_file_is_found() {
    let code = "fn f() {}\n".repeat(LINES);
    passes(long_files, &[("auth.rs", &code)]);
    finds(long_files, &[("auth.rs", &(code.clone() + "\n"))], "351 lines");
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let cases: &[(&str, &str)] = &[
        ("use crate::b::{C, d::{self, E as F}, *,};", "crate::b crate::b::C crate::b::d crate::b::d::E"),
        ("fn f() -> crate::b::C<super::d::E> { x::<crate::g::H>::new() }", "crate::b::C crate::d::E crate::g::H"),
        ("use std::{fs as disk}; fn f() { disk::read(p) }", "std::fs std::fs::read"),
        ("use tokio as t; use t::sync;", "tokio tokio::sync"),
        ("mod inner { use super::X; fn f() { self::g::h() } }", "crate::a::X crate::a::inner::g::h"),
        ("fn f() { <T as crate::b::C>::make::it(); ::std::env::var(k) }", "crate::b::C std::env::var"),
        ("fn f() -> impl Sized + use<'_> { core::fs::x() }", "std::fs::x"),
        ("// b::c\n/* b::c /* */ b::d */\nconst X: &'static str = \"b::e\"; const Y: &[u8] = br#\"\"b::f\"#;", ""),
        ("#[cfg(test)] mod tests { use b::C; } #[cfg(all(test, unix))]\n#[allow(x)]\nuse b::d;", ""),
        ("#[cfg(not(test))] use crate::b;", "crate::b"),
        ("fn f<'a>(c: &'a str) { let q = '\"'; format!(\"{}\", crate::r#b::c('\\'')) }", "crate::b::c"),
    ];
    for (text, expected) in cases {
        let source = source(&[("a.rs", text)]);
        let mut found: Vec<_> = source.files["a.rs"].mentions.iter().map(|mention| mention.path.join("::")).collect();
        found.sort();
        assert_eq!(found.join(" "), *expected, "{text}");
    }
}

#[test]
fn a_path_ends_where_the_item_lives() {
    let source = source(&[
        ("lib.rs", "mod a; pub mod b; pub use a::Thing; pub use b::inner::inner; pub type Own = ();"),
        ("a.rs", "pub struct Thing;"),
        ("b/mod.rs", "mod inner; pub use inner::{Deep, inner};"),
        ("b/inner.rs", "pub struct Deep; pub fn inner() {} pub(crate) use std::fs as disk;"),
    ]);
    for (path, file) in [
        ("crate::Thing", Some("a.rs")),
        ("crate::b::Deep::new", Some("b/inner.rs")),
        ("crate::b::inner", Some("b/inner.rs")),
        ("crate::inner", Some("b/inner.rs")),
        ("crate::Own", Some("lib.rs")),
        ("crate::b::inner::disk::read", None),
    ] {
        assert_eq!(source.file_of(&source.resolve(&words(path))), file, "{path}");
    }
    assert_eq!(source.resolve(&words("crate::b::inner::disk::read")), ["std", "fs", "read"]);
}
