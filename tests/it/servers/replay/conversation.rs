//! The server's side of a script: it compares what is asked, and answers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::SECRET;
use super::script::{Answer, Exchange, Script, unescaped};
use super::server::{Request, reply};

pub(super) struct Conversation {
    pub issuer: String,
    /// What `discovered` serves: the paths of the endpoints, and the issuer's.
    discovered: Option<(Vec<String>, String)>,
    exchanges: Vec<Exchange>,
    next: usize,
    wrong: Option<String>,
}

impl Conversation {
    pub(super) fn new(script: &Script) -> Self {
        let discovered = script.server.split_first().filter(|(first, _)| *first == "discovered");
        Self {
            issuer: String::new(),
            discovered: discovered.map(|(_, paths)| (paths.to_vec(), script.issuer.clone())),
            exchanges: script.exchanges.clone(),
            next: 0,
            wrong: None,
        }
    }

    pub(super) fn answer(&mut self, request: &Request, here: &str) -> Vec<u8> {
        if let Some((paths, issuer)) = self.discovered.as_ref().filter(|_| request.path.contains("/.well-known/")) {
            return discovery(request, here, paths, issuer);
        }
        let Some(exchange) = self.exchanges.get(self.next) else {
            return self.differs(format!("asked once more: {request:?}"));
        };
        let is_field = |(wanted, found): (&(String, String), &(String, String))| {
            wanted.0 == found.0 && (wanted.1 == "*" || wanted.1 == found.1)
        };
        let sorted = |fields: &[(String, String)]| {
            let mut fields = fields.to_vec();
            fields.sort();
            fields
        };
        let (wanted, found) = (sorted(&exchange.fields), sorted(&request.form));
        let same = wanted.len() == found.len() && wanted.iter().zip(&found).all(is_field);
        let asked = (&request.method, &request.path, &request.authorization);
        if !same || asked != (&exchange.method, &exchange.path, &exchange.authorization) {
            let why = format!("line {}: asked otherwise: {request:?}", exchange.line);
            return self.differs(why);
        }
        self.next += 1;
        let exchange = &self.exchanges[self.next - 1];
        let body = self.filled(&exchange.body, here);
        match &exchange.answer {
            Answer::None => unreachable!("checked when it was read"),
            Answer::Raw => unescaped(&body),
            Answer::Reply { status, headers, escaped } => {
                let body = if *escaped { unescaped(&body) } else { body.into_bytes() };
                reply(*status, headers, &body)
            }
        }
    }

    fn differs(&mut self, why: String) -> Vec<u8> {
        self.wrong.get_or_insert(why);
        Vec::new()
    }

    /// Whether all was asked, and nothing else.
    pub(super) fn end(&self) -> Result<(), String> {
        match (&self.wrong, self.exchanges.get(self.next)) {
            (Some(why), _) => Err(why.clone()),
            (None, Some(exchange)) => Err(format!("line {}: was not asked", exchange.line)),
            (None, None) => Ok(()),
        }
    }

    fn filled(&self, body: &str, here: &str) -> String {
        let body = body.replace("{here}", here);
        let jwt = |claims: Value| {
            let mut all = json!({"iss": self.issuer, "aud": "acme-cli", "exp": 4_000_000_000_u64});
            all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            format!("e30.{}.{}", URL_SAFE_NO_PAD.encode(all.to_string()), URL_SAFE_NO_PAD.encode(SECRET))
        };
        if let Some((before, rest)) = body.split_once("{jwt:") {
            let mut claims = serde_json::Deserializer::from_str(rest).into_iter();
            let told = jwt(claims.next().unwrap().unwrap());
            return format!("{before}{told}{}", rest[claims.byte_offset()..].strip_prefix('}').unwrap());
        }
        let Some((before, rest)) = body.split_once("{id_token:") else { return body };
        let (subject, after) = rest.split_once('}').unwrap();
        format!("{before}{}{after}", jwt(json!({"sub": subject})))
    }
}

/// OpenID Connect Discovery only, as most have it.
fn discovery(request: &Request, here: &str, paths: &[String], issuer: &str) -> Vec<u8> {
    if request.path != format!("{issuer}/.well-known/openid-configuration") {
        return reply(404, &[], b"not here");
    }
    let names = ["device_authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint"];
    let mut document = json!({"issuer": format!("{here}{issuer}")});
    for (name, path) in names.iter().zip(paths) {
        document[name] = format!("{here}{path}").into();
    }
    reply(200, &[("Content-Type".into(), "application/json".into())], document.to_string().as_bytes())
}
