//! Links the examples, `acme` among them. Not in the published crate: a host says itself how it is linked.
#![allow(clippy::disallowed_methods, reason = "cargo tells the target in the environment")]

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name, wanted: &str| var(name).is_ok_and(|value| value.split(',').any(|one| one == wanted));
    let is_static = is("CARGO_CFG_TARGET_FEATURE", "crt-static");
    if is("TARGET", "x86_64-unknown-linux-gnu") && is("PROFILE", "release") && !is_static {
        // Takes what unwinds a panic from libgcc_eh.a instead of libgcc_s.so.1: one library less to find, map and bind at each start,
        // a tenth of what `acme auth token` takes (benches/start/run). So does lld, which Rust brings for this target; GNU's ld has
        // taken libgcc_s.so.1 by then, and keeps it.
        println!("cargo::rustc-link-arg-examples=-Wl,--push-state,--whole-archive,-Bstatic,-lgcc_eh,--pop-state");
    }
}
