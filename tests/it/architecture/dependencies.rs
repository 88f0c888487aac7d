//! How many crates this one stands on, and that its features name them. Which crates, under which licences and from
//! where, is in `.deny.toml`, which `tests/all` gives to `cargo deny`.

use std::collections::BTreeSet;
use std::process::Command;

/// Crates that are built for Linux, build scripts and macros counted. A new one is a decision: raise the number in the
/// commit that says why.
const DEFAULT_BUDGET: usize = 217; // measured: 212
/// The same with all features.
const FULL_BUDGET: usize = 240; // measured: 239, the last of them clap's: clap_complete, clap_mangen, roff, terminal_size
/// A budget that is more than this above the tree guards nothing.
const SLACK: usize = 10;

#[test]
fn the_tree_keeps_to_its_budget() {
    for (flags, budget) in [(&[][..], DEFAULT_BUDGET), (&["--all-features"][..], FULL_BUDGET)] {
        let count = built(flags).len();
        assert!(count <= budget, "{count} crates with {flags:?}, {budget} allowed");
        assert!(count + SLACK >= budget, "{count} crates with {flags:?}: lower the budget of {budget}");
    }
}

#[test]
fn features_name_optional_dependencies_by_dep() {
    let found = features_by_accident(&include_str!("../../../Cargo.toml").parse().expect("Cargo.toml"));
    assert!(found.is_empty(), "{found:?}");
}

/// `name vX.Y.Z` of what a build for Linux compiles. `cargo tree` knows it better than `cargo metadata`, which counts
/// what the lock file holds for features that nobody switched on. Not `--offline`: after a build for another system, or
/// with fewer features, some of these crates are still to be downloaded.
fn built(flags: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal,build", "--target", "x86_64-unknown-linux-gnu", "--prefix", "none"])
        .arg("--locked")
        .args(flags)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("UTF-8");
    let names = tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    names.filter(|name| !name.starts_with(concat!(env!("CARGO_PKG_NAME"), " "))).collect()
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
