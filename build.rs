//! Links the examples, `acme` among them; it is not in the published crate, and a host is linked as it says itself.
#![allow(clippy::disallowed_methods, reason = "cargo tells the target in the environment")]

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let of_target = |name: &str| var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let is_static = of_target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if of_target("OS") == "linux" && of_target("ENV") == "gnu" && !is_static {
        // What unwinds a panic, out of libgcc_eh.a instead of libgcc_s.so.1: at each start one library less to find, to map and to
        // bind, a tenth of what `acme auth token` takes (benches/start/run). Without effect on GNU's ld, which has taken
        // the library by then.
        println!("cargo::rustc-link-arg-examples=-Wl,--push-state,--whole-archive,-Bstatic,-lgcc_eh,--pop-state");
    }
}
