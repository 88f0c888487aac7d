//! What the crate stands on: how much of it, under which licences, and nothing that was left behind on purpose.
//! The lists are `.deny.toml`'s; here they are asked without `cargo deny`, offline, in every test run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Crates that are built for Linux, build scripts and macros counted. A new one is a decision: raise the number in the
/// commit that says why.
const DEFAULT_BUDGET: usize = 217; // measured: 212
/// The same with all features.
const FULL_BUDGET: usize = 240; // measured: 239, the last of them clap's: clap_complete, clap_mangen, roff, terminal_size
/// A budget that is more than this above the tree guards nothing.
const SLACK: usize = 10;

#[test]
fn every_licence_is_on_the_list() {
    let allowed = deny().licences;
    let tree = Tree::read(&["--all-features"]);
    for package in &tree.packages {
        let licence = package.licence.as_deref().unwrap_or("none");
        assert!(satisfies(licence, &allowed), "{} {}: {licence}", package.name, package.version);
    }
    for licence in &allowed {
        let rest: Vec<_> = allowed.iter().filter(|other| *other != licence).cloned().collect();
        let needed = |package: &Package| !satisfies(package.licence.as_deref().unwrap_or("none"), &rest);
        assert!(tree.packages.iter().any(needed), "{licence} in .deny.toml: no crate needs it");
    }
}

#[test]
fn no_banned_crate_is_in_the_tree() {
    let banned = deny().banned;
    assert!(!banned.is_empty());
    for package in &Tree::read(&["--all-features"]).packages {
        for (spec, reason) in &banned {
            assert!(!matches(spec, package), "{} {} is banned: {reason}", package.name, package.version);
        }
    }
}

#[test]
fn the_tree_keeps_to_its_budget() {
    for (flags, budget) in [(&[][..], DEFAULT_BUDGET), (&["--all-features"][..], FULL_BUDGET)] {
        let count = built(flags).len();
        assert!(count <= budget, "{count} crates with {flags:?}, {budget} allowed");
        assert!(count + SLACK >= budget, "{count} crates with {flags:?}: lower the budget of {budget}");
    }
}

#[test]
fn everything_comes_from_crates_io() {
    for package in &Tree::read(&["--all-features"]).packages {
        let source = package.source.as_deref().unwrap_or("a path");
        assert!(is_crates_io(source), "{} {} comes from {source}", package.name, package.version);
    }
}

#[test]
fn features_name_optional_dependencies_by_dep() {
    let found = features_by_accident(&manifest());
    assert!(found.is_empty(), "{found:?}");
}

/// The crate's dependencies and theirs, without development dependencies and without itself.
struct Tree {
    packages: Vec<Package>,
}

struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    source: Option<String>,
}

impl Tree {
    fn read(flags: &[&str]) -> Self {
        let cargo = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline", "--locked", "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .args(flags)
            .output()
            .expect("cargo runs");
        assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
        let tree = Self::of(&serde_json::from_slice(&cargo.stdout).expect("cargo metadata is JSON"));
        assert!(tree.packages.iter().any(|package| package.name == "oauth2"), "walked nowhere");
        tree
    }

    fn of(metadata: &Value) -> Self {
        let by_id = |list: &'static str| -> BTreeMap<&str, &Value> {
            let items = if list == "nodes" { &metadata["resolve"]["nodes"] } else { &metadata[list] };
            items.as_array().expect(list).iter().map(|item| (text(item, "id"), item)).collect()
        };
        let (nodes, packages) = (by_id("nodes"), by_id("packages"));
        let root = text(&metadata["resolve"], "root");
        let (mut reached, mut next) = (BTreeSet::from([root]), vec![root]);
        while let Some(id) = next.pop() {
            for dependency in nodes[id]["deps"].as_array().expect("deps") {
                let kinds = dependency["dep_kinds"].as_array().expect("dep_kinds");
                let id = text(dependency, "pkg");
                if kinds.iter().any(|kind| kind["kind"] != "dev") && reached.insert(id) {
                    next.push(id);
                }
            }
        }
        reached.remove(root);
        Self { packages: reached.into_iter().map(|id| Package::of(packages[id])).collect() }
    }
}

impl Package {
    fn of(package: &Value) -> Self {
        let optional = |key: &str| package[key].as_str().map(str::to_owned);
        Self {
            name: text(package, "name").to_owned(),
            version: text(package, "version").to_owned(),
            licence: optional("license"),
            source: optional("source"),
        }
    }
}

/// `name vX.Y.Z` of what a build for Linux compiles. `cargo tree` knows it better than `cargo metadata`, which counts
/// what the lock file holds for features that nobody switched on.
fn built(flags: &[&str]) -> BTreeSet<String> {
    let what = ["tree", "--edges", "normal,build", "--target", "x86_64-unknown-linux-gnu", "--prefix", "none"];
    let tree = cargo(&what, flags);
    let names = tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    names.filter(|name| !name.starts_with(concat!(env!("CARGO_PKG_NAME"), " "))).collect()
}

fn cargo(command: &[&str], flags: &[&str]) -> String {
    let cargo = Command::new(env!("CARGO"))
        .args(command)
        .args(["--offline", "--locked", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .args(flags)
        .output()
        .expect("cargo runs");
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    String::from_utf8(cargo.stdout).expect("UTF-8")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in cargo metadata"))
}

struct Deny {
    licences: Vec<String>,
    banned: Vec<(String, String)>,
}

fn deny() -> Deny {
    let deny = toml_file(".deny.toml");
    let list = |section: &str, key: &str| deny[section][key].as_array().expect("a list").clone();
    let string = |value: &toml::Value| value.as_str().expect("a string").to_owned();
    Deny {
        licences: list("licenses", "allow").iter().map(string).collect(),
        banned: list("bans", "deny").iter().map(|ban| (string(&ban["crate"]), string(&ban["reason"]))).collect(),
    }
}

fn manifest() -> toml::Table {
    toml_file("Cargo.toml")
}

fn toml_file(name: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).expect(name).parse().expect(name)
}

/// Whether one can use a crate under the listed licences alone: SPDX with `AND`, `OR`, brackets, and the old `/`.
fn satisfies(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let (answer, rest) = either(&words, allowed);
    answer && rest.is_empty()
}

fn either<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    let (mut answer, mut rest) = both(words, allowed);
    while let ["OR", more @ ..] = rest {
        let (other, after) = both(more, allowed);
        (answer, rest) = (answer | other, after);
    }
    (answer, rest)
}

fn both<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    let (mut answer, mut rest) = licence(words, allowed);
    while let ["AND", more @ ..] = rest {
        let (other, after) = licence(more, allowed);
        (answer, rest) = (answer & other, after);
    }
    (answer, rest)
}

fn licence<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    match words {
        ["(", inner @ ..] => match either(inner, allowed) {
            (answer, [")", rest @ ..]) => (answer, rest),
            (_, rest) => (false, rest),
        },
        [name, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{name} WITH {exception}")), rest),
        [name, rest @ ..] => (allowed.iter().any(|one| one == name), rest),
        [] => (false, words),
    }
}

/// The two forms that `.deny.toml` uses: `name` and `name:<major.minor`.
fn matches(spec: &str, package: &Package) -> bool {
    let Some((name, below)) = spec.split_once(":<") else {
        assert!(!spec.contains([':', '@']), "{spec}: a form that tests/it/dependencies.rs does not read");
        return spec == package.name;
    };
    let numbers = |version: &str| -> Vec<u64> { version.split('.').map_while(|part| part.parse().ok()).collect() };
    name == package.name && numbers(&package.version) < numbers(below)
}

fn is_crates_io(source: &str) -> bool {
    source.starts_with("registry+") && source.ends_with("/crates.io-index")
}

/// Optional dependencies that are features of their own, or are switched on by `name/feature` instead of `dep:name`.
fn features_by_accident(manifest: &toml::Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let tables = targets.chain([&toml::Value::Table(manifest.clone())]).cloned().collect::<Vec<_>>();
    let is_optional =
        |dependency: &toml::Value| dependency.get("optional").and_then(toml::Value::as_bool) == Some(true);
    let optional: BTreeSet<_> = ["dependencies", "build-dependencies"]
        .iter()
        .flat_map(|kind| tables.iter().filter_map(|table| table.get(*kind)?.as_table()))
        .flatten()
        .filter_map(|(name, dependency)| is_optional(dependency).then_some(name.as_str()))
        .collect();
    let features = manifest.get("features").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let values: Vec<_> =
        features.values().filter_map(toml::Value::as_array).flatten().filter_map(toml::Value::as_str).collect();
    let implicit = optional.iter().filter(|name| !values.contains(&format!("dep:{name}").as_str()));
    let by_slash = values.iter().filter(|value| value.split_once('/').is_some_and(|(name, _)| optional.contains(name)));
    implicit
        .map(|name| format!("no feature has dep:{name}"))
        .chain(by_slash.map(|value| format!("{value}: write ?/")))
        .collect()
}

#[test]
fn licence_expressions_are_read() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "Apache-2.0/MIT",
        "(MIT OR X) AND ISC",
        "ISC AND (X OR (MIT AND ISC))",
        "X AND X OR MIT",
    ] {
        assert!(satisfies(good, &allowed), "{good}");
    }
    assert!(satisfies("Apache-2.0 WITH LLVM-exception", &allowed));
    for bad in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR X) AND Y", "Apache-2.0", "MIT WITH X", "none", "MIT X", "(MIT"]
    {
        assert!(!satisfies(bad, &allowed), "{bad}");
    }
}

#[test]
fn bans_and_sources_are_read() {
    let package = |name: &str, version: &str| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: None,
        source: None,
    };
    assert!(matches("openssl", &package("openssl", "0.10.1")));
    assert!(!matches("openssl", &package("openssl-probe", "0.2.2")));
    assert!(matches("reqwest:<0.13", &package("reqwest", "0.12.24")));
    assert!(!matches("reqwest:<0.13", &package("reqwest", "0.13.5")));
    assert!(is_crates_io("registry+https://some.where/crates.io-index"));
    assert!(!is_crates_io("git+https://some.where/crates.io-index"));
    assert!(!is_crates_io("registry+https://some.where/another-index"));
}

#[test]
fn the_tree_is_walked_past_development_dependencies() {
    let dep = |id: &str, kinds: &[Option<&str>]| {
        let kinds: Vec<_> = kinds.iter().map(|kind| serde_json::json!({ "kind": kind })).collect();
        serde_json::json!({ "pkg": id, "dep_kinds": kinds })
    };
    let names = ["root", "a", "b", "c", "dev"];
    let packages = names.map(|name| serde_json::json!({ "id": name, "name": name, "version": "1.0.0" }));
    let deps = [
        vec![dep("a", &[None]), dep("b", &[Some("dev"), Some("build")]), dep("dev", &[Some("dev")])],
        vec![dep("c", &[None]), dep("root", &[None])],
        vec![],
        vec![],
        vec![],
    ];
    let nodes: Vec<_> =
        names.iter().zip(deps).map(|(id, deps)| serde_json::json!({ "id": id, "deps": deps })).collect();
    let metadata = serde_json::json!({ "packages": packages, "resolve": { "root": "root", "nodes": nodes } });
    let found: Vec<_> = Tree::of(&metadata).packages.into_iter().map(|package| package.name).collect();
    assert_eq!(found, ["a", "b", "c"]);
}

#[test]
fn a_feature_by_accident_is_found() {
    let manifest = r#"
        features = { cli = ["dep:clap", "open/x"], full = ["hyper?/server", "serde/derive", "dep:open"] }
        [dependencies]
        clap = { version = "4", optional = true }
        hyper = { version = "1", optional = true }
        serde = "1"
        [target.'cfg(unix)'.dependencies]
        open = { version = "5", optional = true }
    "#;
    let found = features_by_accident(&manifest.parse().unwrap());
    assert_eq!(found, ["no feature has dep:hyper", "open/x: write ?/"]);
}
