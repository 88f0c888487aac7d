//! Reads Rust files well enough to hold rules against them: comments, strings and test code are taken out, `use` trees
//! unfolded, and every path followed to the file or the crate where it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use self::reader::Reader;
use super::tokens::{Kind, Token, shipped, tokens};

mod reader;

/// All files of a `src/`, by their path in it (`oauth/http.rs`).
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) files: BTreeMap<String, File>,
}

/// What one file says.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) lines: usize,
    /// How many of the lines belong to `#[cfg(test)]` items.
    pub(crate) test_lines: usize,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) macros: Vec<(usize, String)>,
    /// The modules that `#[cfg(test)] mod name;` declares.
    test_modules: Vec<String>,
    imports: BTreeMap<String, (Visibility, Vec<String>)>,
    items: BTreeMap<String, Visibility>,
}

/// A path as one place of the code names it: `crate::…` for ours, else beginning with the crate's name.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
    pub(crate) is_reexport: bool,
}

/// Where a path ends.
#[derive(Debug, PartialEq)]
pub(crate) enum Target {
    File(String),
    Foreign(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Visibility {
    Private,
    Restricted,
    Public,
}

impl Source {
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> io::Result<()> {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    walk(root, &path, files)?;
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name: Vec<_> = path.strip_prefix(root).expect("found below it").iter().collect();
                    files.push((name.join("/".as_ref()).into_string().expect("UTF-8"), fs::read_to_string(&path)?));
                }
            }
            Ok(())
        }
        let mut files = Vec::new();
        walk(root, root, &mut files)?;
        Ok(Self::of(files.iter().map(|(name, text)| (&**name, &**text))))
    }

    pub(crate) fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut files: BTreeMap<_, _> =
            files.into_iter().map(|(name, text)| (name.to_owned(), File::of(name, text))).collect();
        let test_modules: Vec<_> = files
            .iter()
            .flat_map(|(name, file)| {
                file.test_modules.iter().map(|test| [module_of(name), vec![test.clone()]].concat())
            })
            .collect();
        for (name, file) in &mut files {
            if test_modules.iter().any(|test| module_of(name).starts_with(test)) {
                *file = File { lines: file.lines, test_lines: file.lines, ..File::default() };
            }
        }
        Self { files }
    }

    /// Follows `path` through modules and re-exports to the file that has the item, or out of the crate.
    pub(crate) fn target(&self, path: &[String]) -> Target {
        let mut path = path.to_vec();
        // A re-export of a re-export of …; nobody has sixteen.
        for _ in 0..16 {
            if path[0] != "crate" {
                return Target::Foreign(path.join("::"));
            }
            let (depth, name) = self.module(&path);
            let import = path.get(depth).and_then(|item| self.files.get(&name)?.imports.get(item));
            match import {
                Some((_, to)) if to[..] != path[..=depth] => path = [to, &path[depth + 1..]].concat(),
                _ => return Target::File(name),
            }
        }
        panic!("{} goes in a circle", path.join("::"))
    }

    /// Whether somebody outside the crate could write this path of ours too.
    pub(crate) fn is_public(&self, path: &[String]) -> bool {
        let (depth, _) = self.module(path);
        (1..path.len().min(depth + 1)).all(|at| {
            let (_, parent) = self.module(&path[..at]);
            let Some(file) = self.files.get(&parent) else {
                return true;
            };
            let declared = file.items.get(&path[at]).copied();
            let imported = file.imports.get(&path[at]).map(|(visibility, _)| *visibility);
            declared.max(imported).is_none_or(|visibility| visibility == Visibility::Public)
        })
    }

    /// The file of the deepest module that `path` goes through, and how many segments lead there.
    fn module(&self, path: &[String]) -> (usize, String) {
        let mut found = (1, "lib.rs".to_owned());
        for depth in 2..=path.len() {
            let stem = path[1..depth].join("/");
            let Some(name) =
                [format!("{stem}.rs"), format!("{stem}/mod.rs")].into_iter().find(|name| self.files.contains_key(name))
            else {
                break;
            };
            found = (depth, name);
        }
        found
    }
}

impl File {
    fn of(name: &str, text: &str) -> Self {
        let all = tokens(text);
        let (code, test_lines) = shipped(&all);
        let mut file = Self { lines: text.lines().count(), test_lines, ..Self::default() };
        let kept = declared_modules(&code);
        file.test_modules = declared_modules(&all).into_iter().filter(|name| !kept.contains(name)).collect();
        let mut raw = Vec::new();
        Reader::new(&code, module_of(name)).read(&mut file, &mut raw);
        for (module, mut mention) in raw {
            mention.path = file.absolute(&module, mention.path);
            file.mentions.push(mention);
        }
        let own = module_of(name);
        let imports = file
            .imports
            .iter()
            .map(|(alias, (visibility, path))| (alias.clone(), (*visibility, file.absolute(&own, path.clone()))));
        file.imports = imports.collect();
        file
    }

    /// The path written in `module` of this file, from the root of the crate that it goes to.
    fn absolute(&self, module: &[String], mut path: Vec<String>) -> Vec<String> {
        for _ in 0..8 {
            let first = path[0].as_str();
            match first {
                "crate" => break,
                "self" => path = [module, &path[1..]].concat(),
                "super" => {
                    let supers = path.iter().take_while(|segment| *segment == "super").count();
                    path = [&module[..module.len().saturating_sub(supers).max(1)], &path[supers..]].concat();
                }
                "core" | "alloc" => path[0] = "std".to_owned(),
                _ => match self.imports.get(first) {
                    Some((_, to)) if to[0] != first => path = [to, &path[1..]].concat(),
                    _ if self.items.contains_key(first) => path = [module, &path].concat(),
                    _ => break,
                },
            }
        }
        path
    }
}

/// `oauth/http.rs` is `crate::oauth::http`.
fn module_of(name: &str) -> Vec<String> {
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    let below = stem.split('/').filter(|segment| *segment != "lib").map(str::to_owned);
    std::iter::once("crate".to_owned()).chain(below).collect()
}

/// What `mod name;` names.
fn declared_modules(tokens: &[Token]) -> Vec<String> {
    let declared = tokens.windows(3).filter_map(|three| match [&three[0].kind, &three[1].kind, &three[2].kind] {
        [Kind::Ident(word), Kind::Ident(name), Kind::Punct(';')] if word == "mod" => Some(name.clone()),
        _ => None,
    });
    declared.collect()
}

/// The words of `text` that end up in a mention, for the tests of this file.
fn mentioned(name: &str, text: &str) -> BTreeSet<String> {
    File::of(name, text).mentions.into_iter().map(|mention| mention.path.join("::")).collect()
}

#[test]
fn paths_are_read_through_use_trees_aliases_and_modules() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "a.rs",
            "use crate::b::{C, d::{self, E as F}, *};",
            &["crate::b", "crate::b::C", "crate::b::d", "crate::b::d::E"],
        ),
        (
            "a.rs",
            "fn f() -> crate::b::C<super::d::E> { x::<crate::g::H>::new() }",
            &["crate::b::C", "crate::d::E", "crate::g::H"],
        ),
        ("oauth/http.rs", "use super::device; use super::super::id;", &["crate::oauth::device", "crate::id"]),
        ("a.rs", "use std::{fs as disk}; fn f() { disk::read(p) }", &["std::fs", "std::fs::read"]),
        ("a.rs", "use tokio as t; use t::sync;", &["tokio", "tokio::sync"]),
        ("lib.rs", "mod clock; pub use clock::Cancel;", &["crate::clock::Cancel"]),
        ("a.rs", "mod inner { use super::X; fn f() { self::g::h() } }", &["crate::a::X", "crate::a::inner::g::h"]),
        ("a.rs", "fn f() { <T as crate::b::C>::make::it(); ::std::env::var(k) }", &["crate::b::C", "std::env::var"]),
        ("a.rs", "fn f() -> impl Sized + use<'_> { core::fs::x() }", &["std::fs::x"]),
        (
            "a.rs",
            "// crate::b\n/* crate::c /* */ crate::d */\n\
             const X: &str = \"crate::e\"; const Y: &[u8] = br#\"\"crate::f\"#;",
            &[],
        ),
        (
            "a.rs",
            "#[cfg(test)] mod tests { use crate::b::C; fn f() { {} } }\n\
             #[cfg(all(test, unix))]\n#[allow(x)]\nuse crate::d;",
            &[],
        ),
        ("a.rs", "#[cfg(not(test))] use crate::b;", &["crate::b"]),
        ("a.rs", "fn f<'a>(c: &'a str) { let q = '\"'; crate::b::c('\\'') }", &["crate::b::c"]),
    ];
    for (name, text, expected) in cases {
        let expected: BTreeSet<_> = expected.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(mentioned(name, text), expected, "{text}");
    }
}

#[test]
fn a_path_ends_where_the_item_lives() {
    let source = Source::of([
        ("lib.rs", "mod a; pub mod b; pub use a::Thing; pub(crate) use b::inner::Deep; pub type Own = ();"),
        ("a.rs", "pub struct Thing;"),
        ("b/mod.rs", "mod inner; pub use inner::Deep; pub(crate) fn hidden() {} pub const fn shown() {}"),
        ("b/inner.rs", "pub struct Deep; pub(crate) use std::fs as disk;"),
    ]);
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    let file = |name: &str| Target::File(name.to_owned());
    assert_eq!(source.target(&path("crate::Thing")), file("a.rs"));
    assert_eq!(source.target(&path("crate::b::Deep::new")), file("b/inner.rs"));
    assert_eq!(source.target(&path("crate::Own")), file("lib.rs"));
    assert_eq!(source.target(&path("crate::b::inner::disk::read")), Target::Foreign("std::fs::read".to_owned()));
    for public in ["crate::Thing", "crate::b::Deep", "crate::b::shown", "crate::Own"] {
        assert!(source.is_public(&path(public)), "{public}");
    }
    for hidden in ["crate::a::Thing", "crate::Deep", "crate::b::inner::Deep", "crate::b::hidden"] {
        assert!(!source.is_public(&path(hidden)), "{hidden}");
    }
}

#[test]
fn lines_of_tests_and_macros_are_counted() {
    let file = File::of(
        "a.rs",
        "fn f() { a != b; std::println!(\"x\"); vec![1] }\n\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n",
    );
    assert_eq!((file.lines, file.test_lines), (6, 4));
    assert_eq!(file.macros, [(1, "println".to_owned()), (1, "vec".to_owned())]);
    let source = Source::of([
        ("a.rs", "#[cfg(test)]\nmod tests;\nmod more;"),
        ("a/tests.rs", "use tokio::x;\n"),
        ("a/more.rs", ""),
    ]);
    let tests = &source.files["a/tests.rs"];
    assert_eq!((tests.test_lines, tests.mentions.len(), source.files["a/more.rs"].test_lines), (1, 0, 0));
}
