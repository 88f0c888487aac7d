//! How many crates this one stands on, and that its features are those it means to have. Which crates, under which
//! licences and from where, is in `.deny.toml`, which `tests/all` gives to `cargo deny`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Crates that are built for Linux, build scripts and macros counted. A new one is a decision: raise the number in the
/// commit that says why.
const DEFAULT_BUDGET: usize = 216;
/// The same with all features.
const FULL_BUDGET: usize = 243;

#[test]
fn the_tree_keeps_to_its_budget() {
    for (features, budget) in [("--features=default", DEFAULT_BUDGET), ("--all-features", FULL_BUDGET)] {
        // This crate is the first of them.
        let count = tree(features).len() - 1;
        assert_eq!(count, budget, "crates with {features}: a budget above the tree guards nothing");
    }
}

/// With both in a tree, rustls has no default provider, and a host that relies on one panics.
#[test]
fn each_tls_feature_brings_one_provider() {
    for (feature, own, other) in [("tls-ring", "ring ", "aws-lc"), ("tls-aws-lc", "aws-lc-rs ", "ring ")] {
        let tree = tree(&format!("--no-default-features --features=os-store,{feature}"));
        let has = |name: &str| tree.iter().any(|one| one.starts_with(name));
        assert!(has(own) && !has(other), "{feature}: {tree:?}");
    }
}

#[test]
fn no_dependency_is_a_feature_by_accident() {
    let metadata = cargo("metadata --locked --no-deps --format-version 1".split(' '));
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let found = features_by_accident(&metadata["packages"][0]["features"]);
    assert!(found.is_empty(), "name them in another feature, by dep: {found:?}");
}

#[test]
fn a_feature_by_accident_is_found() {
    let features = serde_json::json!({ "cli": ["dep:clap"], "full": ["hyper?/server"], "hyper": ["dep:hyper"] });
    assert_eq!(features_by_accident(&features), ["hyper"]);
}

/// With `--locked`, cargo refuses a lock file that lacks one of them.
#[test]
fn other_lock_files_know_our_dependencies() {
    let metadata = cargo("metadata --locked --no-deps --format-version 1".split(' '));
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let dependencies = metadata["packages"][0]["dependencies"].as_array().expect("a list").iter();
    let needed =
        dependencies.filter(|one| one["kind"].is_null() && one["optional"] == false && one["target"].is_null());
    let needed: Vec<_> = needed.map(|one| one["name"].as_str().expect("a name")).collect();
    for folder in [
        "benches/embed",
        "benches/peers",
        "examples/mcp_client",
        "tests/embed/after",
        "tests/fuzz",
        "tests/hosts/aws_lc",
        "tests/hosts/no_tls",
        "tests/hosts/no_tls_ring",
        "tests/hosts/ring",
        "tests/hosts/shortest",
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join("Cargo.lock");
        let lock = std::fs::read_to_string(file).expect("a lock file");
        let ours = lock.split("[[package]]").find(|package| package.contains("name = \"hallpass\"")).expect("hallpass");
        let missing = needed.iter().filter(|name| !ours.contains(&format!(" \"{name}")));
        assert_eq!(missing.collect::<Vec<_>>(), [&""; 0], "{folder}: run `cargo metadata` there");
    }
}

/// Optional dependencies that no feature names by `dep:`: cargo makes a feature of each.
fn features_by_accident(features: &Value) -> Vec<&str> {
    let features = features.as_object().expect("a table").iter();
    let accidents = features.filter(|(name, needs)| **needs == serde_json::json!([format!("dep:{name}")]));
    accidents.map(|(name, _)| name.as_str()).collect()
}

/// The crates that are built for Linux, each as `name vX.Y.Z`.
fn tree(features: &str) -> BTreeSet<String> {
    // `cargo metadata` counts what the lock file holds for features that nobody switched on. Not `--offline`: after a
    // build for another system, or with fewer features, some of these crates are still to be downloaded.
    let tree = "tree --locked --edges normal,build --target x86_64-unknown-linux-gnu --prefix none";
    let tree = cargo(tree.split(' ').chain(features.split(' ')));
    tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
