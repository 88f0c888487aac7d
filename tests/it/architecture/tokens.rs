//! Rust text to tokens: no comments, no literals' contents, no code that only tests see.

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Ident(String),
    /// `::`
    Sep,
    Punct(char),
    /// A string, character or number; what it says is of no interest here.
    Literal,
}

pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text: text.chars().collect(), at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = lexer.peek(0) {
        let line = lexer.line;
        if let Some(kind) = lexer.token(first) {
            tokens.push(Token { line, kind });
        }
    }
    tokens
}

/// The tokens without `#[cfg(test)]` items, and how many lines those items take.
pub(crate) fn shipped(all: &[Token]) -> (Vec<Token>, usize) {
    let (mut code, mut test_lines, mut at) = (Vec::new(), 0, 0);
    while at < all.len() {
        if is_test_attribute(all, at) {
            let end = end_of_item(all, at);
            test_lines += all[end - 1].line - all[at].line + 1;
            at = end;
        } else {
            code.push(all[at].clone());
            at += 1;
        }
    }
    (code, test_lines)
}

struct Lexer {
    text: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn token(&mut self, first: char) -> Option<Kind> {
        match (first, self.peek(1)) {
            ('/', Some('/')) => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.bump();
                }
                None
            }
            ('/', Some('*')) => {
                self.block_comment();
                None
            }
            (':', Some(':')) => {
                self.skip(2);
                Some(Kind::Sep)
            }
            ('"', _) => Some(self.string(0, true)),
            ('\'', next) => {
                let is_char = next == Some('\\') || self.peek(2) == Some('\'');
                self.skip(1);
                if is_char {
                    return Some(self.quoted('\''));
                }
                self.word();
                None
            }
            (c, _) if c.is_ascii_digit() => {
                self.number();
                Some(Kind::Literal)
            }
            (c, _) if c.is_alphabetic() || c == '_' => Some(self.ident_or_prefixed_literal()),
            (c, _) => {
                self.skip(1);
                (!c.is_whitespace()).then_some(Kind::Punct(c))
            }
        }
    }

    fn ident_or_prefixed_literal(&mut self) -> Kind {
        let word = self.word();
        let hashes = (0..).take_while(|ahead| self.peek(*ahead) == Some('#')).count();
        match (word.as_str(), self.peek(hashes)) {
            ("r" | "br" | "cr", Some('"')) => self.string(hashes, false),
            ("b" | "c", Some('"')) if hashes == 0 => self.string(0, true),
            ("b", Some('\'')) if hashes == 0 => {
                self.skip(1);
                self.quoted('\'')
            }
            ("r", Some(_)) if hashes == 1 => {
                self.skip(1);
                Kind::Ident(self.word())
            }
            _ => Kind::Ident(word),
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.peek(0).is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.bump();
        }
        self.text[start..self.at].iter().collect()
    }

    fn number(&mut self) {
        self.word();
        while self.peek(0) == Some('.') && self.peek(1).is_some_and(|c| c.is_ascii_digit()) {
            self.skip(1);
            self.word();
        }
    }

    fn string(&mut self, hashes: usize, has_escapes: bool) -> Kind {
        self.skip(hashes + 1);
        if has_escapes {
            return self.quoted('"');
        }
        while self.peek(0).is_some()
            && !(self.peek(0) == Some('"') && (1..=hashes).all(|at| self.peek(at) == Some('#')))
        {
            self.bump();
        }
        self.skip(hashes + 1);
        Kind::Literal
    }

    fn quoted(&mut self, end: char) -> Kind {
        while let Some(c) = self.peek(0) {
            self.skip(if c == '\\' { 2 } else { 1 });
            if c == end {
                break;
            }
        }
        Kind::Literal
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        (0..count).for_each(|_| self.bump());
    }

    fn bump(&mut self) {
        if self.peek(0) == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }
}

/// `#[cfg(test)]`, or `#[cfg(all(test, …))]`.
fn is_test_attribute(all: &[Token], at: usize) -> bool {
    if !(is(all, at, '#') && is(all, at + 1, '[')) {
        return false;
    }
    let words = all[at..closing(all, at + 1)].iter().filter_map(|token| match &token.kind {
        Kind::Ident(word) => Some(word.as_str()),
        _ => None,
    });
    let words: Vec<_> = words.collect();
    words == ["cfg", "test"]
        || (words.starts_with(&["cfg", "all"]) && words.contains(&"test") && !words.contains(&"not"))
}

/// Past the item that the attribute at `at` belongs to.
fn end_of_item(all: &[Token], mut at: usize) -> usize {
    while is(all, at, '#') {
        at = closing(all, at + 1);
    }
    while at < all.len() {
        match all[at].kind {
            Kind::Punct('{') => return closing(all, at),
            Kind::Punct('(' | '[') => at = closing(all, at),
            Kind::Punct(';') => return at + 1,
            Kind::Punct('}' | ')' | ']') => return at,
            _ => at += 1,
        }
    }
    at
}

/// Past the bracket that closes the one at `at`.
fn closing(all: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (index, token) in all.iter().enumerate().skip(at) {
        match token.kind {
            Kind::Punct('(' | '[' | '{') => depth += 1,
            Kind::Punct(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    all.len()
}

fn is(all: &[Token], at: usize, mark: char) -> bool {
    all.get(at).is_some_and(|token| token.kind == Kind::Punct(mark))
}
