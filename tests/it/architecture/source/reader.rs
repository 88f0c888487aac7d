//! One walk over the tokens of a file: what it imports, declares and names.

use super::super::tokens::{Kind, Token};
use super::{File, Mention, Visibility};

/// Walks the tokens of one file once.
pub(super) struct Reader<'a> {
    code: &'a [Token],
    at: usize,
    depth: usize,
    module: Vec<String>,
    /// The brace depths at which `mod name {` began.
    inner: Vec<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(code: &'a [Token], module: Vec<String>) -> Self {
        Self { code, at: 0, depth: 0, module, inner: Vec::new() }
    }

    pub(super) fn read(&mut self, file: &mut File, raw: &mut Vec<(Vec<String>, Mention)>) {
        while let Some(token) = self.code.get(self.at) {
            match &token.kind {
                Kind::Punct('{') => self.depth += 1,
                Kind::Punct('}') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.inner.last() == Some(&self.depth) {
                        self.inner.pop();
                        self.module.pop();
                    }
                }
                Kind::Ident(word) => match word.as_str() {
                    "use" if !self.punct(1, '<') => {
                        let (visibility, line) = (self.visibility(), token.line);
                        self.at += 1;
                        let mut leaves = Vec::new();
                        self.tree(Vec::new(), &mut leaves);
                        for (path, alias) in leaves {
                            if self.inner.is_empty() {
                                file.imports.insert(alias, (visibility, path.clone()));
                            }
                            let is_reexport = visibility > Visibility::Private;
                            raw.push((self.module.clone(), Mention { line, path, is_reexport }));
                        }
                        continue;
                    }
                    "mod" | "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union" => {
                        if let Some(Kind::Ident(name)) = self.kind(1).cloned() {
                            if self.depth == 0 && !["fn", "mut", "unsafe", "extern"].contains(&&*name) {
                                file.items.insert(name.clone(), self.visibility());
                            }
                            if word == "mod" && self.punct(2, '{') {
                                self.inner.push(self.depth);
                                self.module.push(name);
                            }
                        }
                    }
                    _ => {
                        let (line, path) = (token.line, self.path());
                        if self.punct(1, '!') && "([{".chars().any(|open| self.punct(2, open)) {
                            file.macros.push((line, path.last().cloned().unwrap_or_default()));
                        }
                        if path.len() > 1 {
                            raw.push((self.module.clone(), Mention { line, path, is_reexport: false }));
                        }
                    }
                },
                // `<T as Trait>::Name`, `name::<T>::new`: what follows belongs to a type, not to a module.
                Kind::Sep if self.before(1).is_some_and(|kind| matches!(kind, Kind::Punct('>'))) => {
                    self.at += 1;
                    self.path();
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// `a::b::c` from here on; stops at its last name.
    fn path(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        while let Some(Kind::Ident(segment)) = self.kind(0) {
            path.push(segment.clone());
            if !(matches!(self.kind(1), Some(Kind::Sep)) && matches!(self.kind(2), Some(Kind::Ident(_)))) {
                break;
            }
            self.at += 2;
        }
        path
    }

    /// The leaves of a `use` tree with the names they get.
    fn tree(&mut self, prefix: Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
        let mut path = prefix;
        loop {
            match self.kind(0).cloned() {
                Some(Kind::Sep) => self.at += 1,
                Some(Kind::Ident(segment)) => {
                    self.at += 1;
                    if segment == "as" {
                        if let Some(Kind::Ident(alias)) = self.kind(0).cloned() {
                            self.at += 1;
                            leaves.push((path, alias));
                            return;
                        }
                    } else if segment != "self" || path.is_empty() {
                        path.push(segment);
                    }
                }
                Some(Kind::Punct('{')) => {
                    self.at += 1;
                    while self.at < self.code.len() && !self.punct(0, '}') {
                        self.tree(path.clone(), leaves);
                        if self.punct(0, ',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                Some(Kind::Punct('*')) => {
                    self.at += 1;
                    leaves.push((path, format!("*{}", leaves.len())));
                    return;
                }
                _ => {
                    if let Some(alias) = path.last().cloned() {
                        leaves.push((path, alias));
                    }
                    return;
                }
            }
        }
    }

    /// The visibility written before the keyword here.
    fn visibility(&self) -> Visibility {
        let modifiers = ["const", "async", "unsafe", "extern"];
        let mut back = 1;
        while self.before(back).is_some_and(|kind| match kind {
            Kind::Ident(word) => modifiers.contains(&&**word),
            kind => *kind == Kind::Literal,
        }) {
            back += 1;
        }
        match self.before(back) {
            Some(Kind::Ident(word)) if word == "pub" => Visibility::Public,
            Some(Kind::Punct(')')) => Visibility::Restricted,
            _ => Visibility::Private,
        }
    }

    fn kind(&self, ahead: usize) -> Option<&Kind> {
        self.code.get(self.at + ahead).map(|token| &token.kind)
    }

    fn before(&self, back: usize) -> Option<&Kind> {
        self.at.checked_sub(back).map(|at| &self.code[at].kind)
    }

    fn punct(&self, ahead: usize, mark: char) -> bool {
        self.kind(ahead) == Some(&Kind::Punct(mark))
    }
}
