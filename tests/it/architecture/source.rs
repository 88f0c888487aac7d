//! Reads Rust well enough to hold rules against it: which paths a file names, and where they lead. Macro bodies and
//! attributes count; comments, strings and `#[cfg(test)]` items do not.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// All files of a `src/`, by their path in it (`system/http/mod.rs`).
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) files: BTreeMap<String, File>,
}

/// What one file says.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) lines: usize,
    pub(super) mentions: Vec<Mention>,
    module: Vec<String>,
    imports: BTreeMap<String, (Visibility, Vec<String>)>,
    items: BTreeMap<String, Visibility>,
}

/// A path that the code names: `crate::…` where it is ours, else beginning with the crate's name.
#[derive(Debug)]
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
    pub(super) is_reexport: bool,
    /// The module that names it.
    module: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Eq, Ord)]
enum Visibility {
    Private,
    Restricted,
    Public,
}

impl Source {
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let (mut source, mut folders) = (Self::default(), vec![root.to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name: Vec<_> = path.strip_prefix(root).expect("below it").iter().collect();
                    source.add(&name.join("/".as_ref()).into_string().expect("UTF-8"), &fs::read_to_string(&path)?);
                }
            }
        }
        Ok(source)
    }

    pub(super) fn add(&mut self, name: &str, text: &str) {
        self.files.insert(name.to_owned(), File::of(name, text));
    }

    /// `path` from its crate's root, with every import and re-export on its way followed.
    pub(super) fn resolve(&self, path: &[String]) -> Vec<String> {
        let mut real = vec![path[0].clone()];
        for segment in &path[1..] {
            let import = self.module(&real).and_then(|(_, file)| file.imports.get(segment));
            real.push(segment.clone());
            // A function can have the name of the module that it is imported from.
            if let Some((_, to)) = import
                && *to != real
                && self.module(&real).is_none()
            {
                real = self.resolve(to);
            }
        }
        real
    }

    /// The file of the innermost module on the way of a resolved path of ours.
    pub(super) fn file_of(&self, real: &[String]) -> Option<&str> {
        (1..=real.len()).rev().find_map(|depth| self.module(&real[..depth])).map(|(name, _)| name)
    }

    /// Whether somebody outside the crate could write this path of ours too.
    pub(super) fn is_public(&self, path: &[String]) -> bool {
        (1..path.len()).all(|depth| {
            // What is not in a module is in a type, as public as that.
            let Some((_, file)) = self.module(&self.resolve(&path[..depth])) else {
                return true;
            };
            let declared = file.items.get(&path[depth]);
            let imported = file.imports.get(&path[depth]).map(|(visibility, _)| visibility);
            declared.max(imported).is_none_or(|visibility| *visibility == Visibility::Public)
        })
    }

    fn module(&self, module: &[String]) -> Option<(&str, &File)> {
        let names = match module {
            [root] if root == "crate" => vec!["lib.rs".to_owned()],
            [root, below @ ..] if root == "crate" => vec![below.join("/") + ".rs", below.join("/") + "/mod.rs"],
            _ => vec![],
        };
        names.iter().find_map(|name| self.files.get_key_value(name)).map(|(name, file)| (name.as_str(), file))
    }
}

impl File {
    fn of(name: &str, text: &str) -> Self {
        let stem = name.trim_end_matches(".rs").trim_end_matches("/mod");
        let below = stem.split('/').filter(|segment| *segment != "lib").map(str::to_owned);
        let module: Vec<_> = std::iter::once("crate".to_owned()).chain(below).collect();
        let mut file = Self { lines: text.lines().count(), module: module.clone(), ..Self::default() };
        if name.ends_with("/tests.rs") {
            return file;
        }
        file.read(text.parse().unwrap_or_else(|error| panic!("src/{name}: {error}")), &module, true);
        // Only now all names are known that a path can begin with.
        for mut mention in std::mem::take(&mut file.mentions) {
            mention.path = file.absolute(&mention.module, mention.path);
            file.mentions.push(mention);
        }
        let imports = file.imports.iter().map(|(name, (visibility, path))| {
            let path = file.absolute(&module, path.clone());
            (name.clone(), (*visibility, path))
        });
        file.imports = imports.collect();
        file
    }

    /// What stands in `module`, or in a bracket there.
    fn read(&mut self, tokens: TokenStream, module: &[String], is_top: bool) {
        let tokens = without_tests(tokens);
        let mut at = 0;
        while at < tokens.len() {
            let (before, rest) = tokens.split_at(at);
            let line = rest[0].span().start().line;
            let mut mention = |path, is_reexport| {
                self.mentions.push(Mention { line, path, is_reexport, module: module.to_vec() });
            };
            at += 1;
            match (rest, word(&rest[0]).as_str()) {
                ([TokenTree::Group(group), ..], _) => self.read(group.stream(), module, false),
                ([_, next, ..], "use") if !is(next, '<') => {
                    let end = rest.iter().position(|token| is(token, ';')).unwrap_or(rest.len());
                    let visibility = visibility(before);
                    for (name, path) in leaves(&rest[1..end], &[]) {
                        mention(path.clone(), visibility > Visibility::Private);
                        if *module == self.module {
                            self.imports.insert(name, (visibility, path));
                        }
                    }
                    at += end - 1;
                }
                ([_, name, TokenTree::Group(body), ..], "mod") => {
                    self.read(body.stream(), &[module, &[word(name)]].concat(), false);
                    self.items.insert(word(name), visibility(before));
                    at += 2;
                }
                (
                    [_, TokenTree::Ident(name), ..],
                    "mod" | "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union",
                ) if is_top => {
                    self.items.insert(name.to_string(), visibility(before));
                }
                ([TokenTree::Ident(_), ..], _) => {
                    let path = path(rest);
                    at += (path.len() - 1) * 3;
                    // In `<T as Trait>::Name` and `name::<T>::new` it goes on in a type, not in a module.
                    let is_in_type = matches!(before, [.., end, a, b] if is(end, '>') && is(a, ':') && is(b, ':'));
                    if path.len() > 1 && !is_in_type {
                        mention(path, false);
                    }
                }
                _ => {}
            }
        }
    }

    /// The path written in `module` of this file, from the root of the crate that it goes to.
    fn absolute(&self, module: &[String], mut path: Vec<String>) -> Vec<String> {
        // An import of an import of …; nobody has eight.
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

/// The tokens outside items that begin with `#[cfg(test)]` or `#[cfg(all(test, …))]`; no lifetimes, which can look like keywords.
fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let is_test = |attribute: &Group| {
        let text = attribute.stream().to_string().replace(' ', "");
        text == "cfg(test)" || text.starts_with("cfg(all(test,")
    };
    let (mut kept, mut tokens) = (Vec::new(), tokens.into_iter().peekable());
    while let Some(token) = tokens.next() {
        if is(&token, '#') && matches!(tokens.peek(), Some(TokenTree::Group(attribute)) if is_test(attribute)) {
            let is_end = |token: &TokenTree| match token {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                token => is(token, ';'),
            };
            tokens.by_ref().find(is_end);
        } else if is(&token, '\'') {
            tokens.next();
        } else {
            kept.push(token);
        }
    }
    kept
}

/// The names that a `use` tree brings in, each with its path.
fn leaves(tree: &[TokenTree], prefix: &[String]) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for branch in tree.split(|token| is(token, ',')).filter(|branch| !branch.is_empty()) {
        let words: Vec<_> = branch.iter().filter(|token| matches!(token, TokenTree::Ident(_))).map(word).collect();
        let written = words.split(|word| word == "as").next().unwrap_or_default();
        let mut path = [prefix, written].concat();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        match branch.last() {
            Some(TokenTree::Group(below)) => all.extend(leaves(&Vec::from_iter(below.stream()), &path)),
            Some(token) if is(token, '*') => all.push(("*".to_owned(), path)),
            _ => {
                let name = words.last().filter(|name| *name != "self").or(path.last());
                all.push((name.cloned().unwrap_or_default(), path));
            }
        }
    }
    all
}

/// `a::b::c` at the beginning of `tokens`.
fn path(tokens: &[TokenTree]) -> Vec<String> {
    let mut path = vec![word(&tokens[0])];
    let mut rest = &tokens[1..];
    while let [a, b, segment @ TokenTree::Ident(_), ..] = rest
        && is(a, ':')
        && is(b, ':')
    {
        path.push(word(segment));
        rest = &rest[3..];
    }
    path
}

/// The visibility written before the keyword that follows `before`.
fn visibility(before: &[TokenTree]) -> Visibility {
    let is_modifier = |token: &&TokenTree| {
        matches!(token, TokenTree::Literal(_)) || ["const", "async", "unsafe", "extern"].contains(&&*word(token))
    };
    match before.iter().rev().find(|token| !is_modifier(token)) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => Visibility::Restricted,
        Some(token) if word(token) == "pub" => Visibility::Public,
        _ => Visibility::Private,
    }
}

/// The identifier, or nothing.
fn word(token: &TokenTree) -> String {
    match token {
        TokenTree::Ident(ident) => ident.to_string().trim_start_matches("r#").to_owned(),
        _ => String::new(),
    }
}

fn is(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}
