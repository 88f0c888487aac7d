//! The files of the replay suite, read strictly: what is not understood is a failure.
//!
//! ```text
//! # What is special here, in a sentence.
//! server github                       which configuration: see `Setup`
//! scopes repo gist                    optional, as are `issuer`, `secret`, `secret_at_device_authorization`, `parameter`, `pkce`
//! shown ABCD-1234 https://…           what the person sees; optional
//! waits 5 5 10                        every wait on the clock, in seconds; `5*179` is many of them
//! end logged_in                       or: end <kind> <remedy> <part of the message>
//! token at_s3cr3t_1                   after a login; so are `granted repo gist` and `name alice`
//! lives 300                           how long that token lives from now, in seconds, or `unknown`; optional
//! then refresh at_s3cr3t_2            after a login, in order: `refresh <token>`, `refresh_fails <kind> <part>`, `logout <how>`,
//!                                     `logout_fails <kind> <part>`; `whoami <account>`, `whoami_fails <kind> <part>`,
//!                                     `fewer_fail <scope> <kind> <part>`: a token with that scope; `after <seconds> <token>`, the token that is served then;
//!                                     `wants_fails <seconds> <kind> <part>`, of one that is valid for so long;
//!
//! > POST /path                        what is asked; `times 3` behind it: so often
//! > name=value                        each field of the form, decoded; `*` is any value, `authorization:` the header
//! < 200 application/json              what is answered; without a type there is no header for it
//! < Retry-After: 5                    further headers
//! {"the body": "up to the next line that begins with `> `"}
//! ```
//!
//! `< raw` takes the body for the whole reply, `< escaped` for a body, both with `\r`, `\n`, `\\` and `\xNN` in it and without its line
//! ends. `{here}` is the server's origin, `{id_token:alice}` an ID token, `{jwt:{"sub": 7}}` one with these claims. Secrets have `s3cr3t` in them, so that they are found
//! where they must not be.

use std::path::Path;

use super::SECRET;

#[derive(Debug, Default)]
pub(super) struct Script {
    pub server: Vec<String>,
    pub issuer: String,
    pub scopes: Option<String>,
    pub secret: Option<String>,
    pub no_secret_at_device_authorization: bool,
    pub parameters: Vec<(String, String)>,
    pub always_pkce: bool,
    pub shown: Option<String>,
    pub waits: Vec<u64>,
    pub end: Vec<String>,
    pub token: Option<String>,
    pub lives: Option<String>,
    pub granted: Option<String>,
    pub name: Option<String>,
    pub then: Vec<Vec<String>>,
    pub exchanges: Vec<Exchange>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Exchange {
    pub line: usize,
    pub method: String,
    pub path: String,
    pub fields: Vec<(String, String)>,
    pub authorization: Option<String>,
    pub answer: Answer,
    pub body: String,
}

#[derive(Debug, Clone, Default)]
pub(super) enum Answer {
    #[default]
    None,
    Raw,
    Reply {
        status: u16,
        headers: Vec<(String, String)>,
        escaped: bool,
    },
}

impl Script {
    /// The error names file and line.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|(line, why)| format!("{}:{line}: {why}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut script = Self::default();
        let mut times: Vec<usize> = Vec::new();
        let mut is_body = false;
        if !text.starts_with("# ") {
            return Err((1, "does not begin with what is special here".into()));
        }
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |why: &str| (number, format!("{why}: {line}"));
            if let Some(asked) = line.strip_prefix("> ") {
                is_body = false;
                match script.exchanges.last_mut() {
                    Some(open) if matches!(open.answer, Answer::None) => open.field(asked).ok_or(wrong("no field"))?,
                    _ => {
                        let (exchange, often) = Exchange::begun(number, asked).ok_or(wrong("no request line"))?;
                        script.exchanges.push(exchange);
                        times.push(often);
                    }
                }
            } else if let Some(answered) = line.strip_prefix("< ").filter(|_| !is_body) {
                let open = script.exchanges.last_mut().ok_or(wrong("an answer to nothing"))?;
                open.answer(answered).ok_or(wrong("no answer"))?;
            } else if let Some(open) = script.exchanges.last_mut() {
                if matches!(open.answer, Answer::None) {
                    return Err(wrong("neither a field nor an answer"));
                }
                is_body = true;
                open.body.push_str(line);
                open.body.push('\n');
            } else if !line.starts_with('#') && !line.is_empty() {
                script.directive(line).ok_or(wrong("no directive"))?;
            }
        }
        let end = text.lines().count();
        if script.server.is_empty() || script.end.is_empty() || script.exchanges.is_empty() {
            return Err((end, "lacks its server, its end or its conversation".into()));
        }
        if script.exchanges.iter().any(|exchange| matches!(exchange.answer, Answer::None)) {
            return Err((end, "a request has no answer".into()));
        }
        let tokens = [script.token.as_ref(), script.secret.as_ref()];
        if tokens.into_iter().flatten().any(|token| !token.contains(SECRET)) {
            return Err((end, format!("a secret without {SECRET} in it")));
        }
        script.exchanges.iter_mut().for_each(|exchange| exchange.body.truncate(exchange.body.trim_end().len()));
        let often = script.exchanges.iter().zip(times).flat_map(|(one, often)| vec![one.clone(); often]);
        script.exchanges = often.collect();
        Ok(script)
    }

    fn directive(&mut self, line: &str) -> Option<()> {
        let (name, rest) = line.split_once(' ')?;
        let text = || Some(rest.to_owned());
        let words = || rest.split(' ').map(str::to_owned).collect();
        let is_new = match name {
            "server" => std::mem::replace(&mut self.server, words()).is_empty(),
            "issuer" => std::mem::replace(&mut self.issuer, rest.to_owned()).is_empty(),
            "scopes" => std::mem::replace(&mut self.scopes, text()).is_none(),
            "secret" => std::mem::replace(&mut self.secret, text()).is_none(),
            "secret_at_device_authorization" => {
                rest == "no" && !std::mem::replace(&mut self.no_secret_at_device_authorization, true)
            }
            "pkce" => rest == "always" && !std::mem::replace(&mut self.always_pkce, true),
            "parameter" => {
                let (name, value) = rest.split_once('=')?;
                self.parameters.push((name.into(), value.into()));
                true
            }
            "shown" => std::mem::replace(&mut self.shown, text()).is_none(),
            "waits" => {
                let many = |word: &str| {
                    let (seconds, often) = word.split_once('*').unwrap_or((word, "1"));
                    Some(vec![seconds.parse().ok()?; often.parse().ok()?])
                };
                let waits: Option<Vec<Vec<u64>>> = rest.split(' ').map(many).collect();
                std::mem::replace(&mut self.waits, waits?.concat()).is_empty()
            }
            "end" => std::mem::replace(&mut self.end, words()).is_empty(),
            "token" => std::mem::replace(&mut self.token, text()).is_none(),
            "lives" => std::mem::replace(&mut self.lives, text()).is_none(),
            "granted" => std::mem::replace(&mut self.granted, text()).is_none(),
            "name" => std::mem::replace(&mut self.name, text()).is_none(),
            "then" => {
                self.then.push(words());
                true
            }
            _ => false,
        };
        is_new.then_some(())
    }
}

impl Exchange {
    fn begun(line: usize, asked: &str) -> Option<(Self, usize)> {
        let mut words = asked.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let often = match (words.next(), words.next()) {
            (None, _) => 1,
            (Some("times"), Some(often)) => often.parse().ok()?,
            _ => return None,
        };
        let is_request = ["GET", "POST"].contains(&method.as_str()) && path.starts_with('/') && words.next().is_none();
        is_request.then_some((Self { line, method, path, ..Self::default() }, often))
    }

    fn field(&mut self, field: &str) -> Option<()> {
        match field.strip_prefix("authorization: ") {
            Some(header) => self.authorization = Some(header.to_owned()),
            None => {
                let (name, value) = field.split_once('=')?;
                self.fields.push((name.to_owned(), value.to_owned()));
            }
        }
        Some(())
    }

    fn answer(&mut self, line: &str) -> Option<()> {
        match (&mut self.answer, line) {
            (Answer::None, "raw") => self.answer = Answer::Raw,
            (Answer::None, line) => {
                let (status, kind) = line.split_once(' ').unwrap_or((line, ""));
                let headers = [kind].into_iter().filter(|kind| !kind.is_empty());
                self.answer = Answer::Reply {
                    status: status.parse().ok()?,
                    headers: headers.map(|kind| ("Content-Type".to_owned(), kind.to_owned())).collect(),
                    escaped: false,
                };
            }
            (Answer::Reply { escaped, .. }, "escaped") => *escaped = true,
            (Answer::Reply { headers, .. }, line) => {
                let (name, value) = line.split_once(": ")?;
                headers.push((name.to_owned(), value.to_owned()));
            }
            (Answer::Raw, _) => return None,
        }
        Some(())
    }
}

/// `text` without its line ends, and with what its escapes stand for.
pub(super) fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars().filter(|c| *c != '\n');
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('r') => bytes.push(b'\r'),
                Some('n') => bytes.push(b'\n'),
                Some('\\') => bytes.push(b'\\'),
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                other => panic!("no escape: {other:?}"),
            },
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[test]
fn a_script_with_an_error_is_refused() {
    let good =
        "# Why.\nserver metadata\nwaits 5*2 7\nend logged_in\n\n> POST /a times 2\n> b=c\n< 200 x/y\n< D: e\nf\n\n";
    let script = Script::parse(good).unwrap();
    assert_eq!((script.exchanges.len(), script.waits), (2, vec![5, 5, 7]));
    assert_eq!(script.exchanges[1].body, "f");
    for (from, to) in [
        ("# Why.\n", ""),
        ("server metadata\n", ""),
        ("end logged_in\n", ""),
        ("waits 5*2 7", "waits x"),
        ("waits", "wait"),
        ("end logged_in\n", "end logged_in\nend logged_in\n"),
        ("end logged_in\n", "end logged_in\ntoken abc\n"),
        ("POST /a", "PUT /a"),
        ("/a times 2", "/a time 2"),
        ("b=c", "b"),
        ("< 200 x/y\n< D: e\n", ""),
        ("200", "ok"),
        ("D: e", "D"),
    ] {
        assert!(Script::parse(&good.replacen(from, to, 1)).is_err(), "{from:?} -> {to:?}");
    }
}
