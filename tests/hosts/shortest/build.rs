//! Takes the shortest use out of the README. Only whose server it is, and which API, are others here.

use std::path::PathBuf;
use std::{env, fs};

const CONFIG: &str = r#"Config::new("acme", "https://id.example.com", "acme-cli")?"#;
const API: &str = r#""https://api.example.com/me""#;

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo")).join("../../..");
    let readme = root.join("README.md");
    println!("cargo:rerun-if-changed={}", readme.display());
    let readme = fs::read_to_string(readme).expect("the README");
    let (_, block) = readme.split_once("```rust,ignore\n").expect("the shortest use");
    let (block, _) = block.split_once("```").expect("its end");
    assert!(block.matches(CONFIG).count() == 1 && block.matches(API).count() == 1, "{block}");
    let block = block.replace(CONFIG, "crate::config()?").replace(API, "&crate::api()").replace("fn main", "pub fn main");
    fs::write(PathBuf::from(env::var("OUT_DIR").expect("cargo")).join("shortest.rs"), block).expect("a file");
}
