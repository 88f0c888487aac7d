//! The crates, each used as its documentation has it, in memory where it can be.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hallpass::prompt::Silent;
use hallpass::testing::AuthorizationServer;
use hallpass::{Auth, Login, Session, TokenRequest};
use huskarl::cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache, NoSource, TokenSource};
use huskarl::core::client_auth::NoAuth;
use huskarl::core::server_metadata::AuthorizationServerMetadata;
use huskarl::grant::device_authorization::{DeviceAuthorizationGrant, StartInput};
use huskarl_reqwest::ReqwestClient;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::runtime::{Handle, Runtime};
use yup_oauth2::ApplicationSecret;
use yup_oauth2::authenticator::{DefaultAuthenticator, DeviceFlowAuthenticator};
use yup_oauth2::storage::TokenInfo;

const SCOPES: [&str; 3] = ["openid", "offline_access", "email"];

/// A crate that can log in.
pub trait Login: Contender + Sized + 'static {
    const NAME: &'static str;
    /// What the client authenticates with. By default it is a public one.
    const SECRET: Option<&'static str> = None;

    /// How long a token must live for this one to serve it so long.
    fn lifetime(fresh: Duration) -> Duration;
    fn log_in(runtime: &Runtime, server: &AuthorizationServer, folder: &Path) -> Self;
}

/// A crate that has logged in.
pub trait Contender: Send + Sync {
    /// The token at hand, on a thread that has entered a runtime; polled once.
    fn hit(&self) -> Token;
    /// A token, whatever it takes, on such a thread; `None` where there is none.
    fn token(&self) -> Option<String>;
    /// A new token, whatever is at hand.
    fn refresh(&self, runtime: &Runtime);

    fn name(&self) -> &'static str;
    /// Where a refresh leaves what it brought.
    fn keeps(&self) -> &'static str;
    fn notes(&self) -> &'static str;
}

/// What each of them hands out.
#[allow(dead_code, reason = "made and dropped, as a caller does")]
pub enum Token {
    Hallpass(hallpass::AccessToken),
    Huskarl(Arc<huskarl::grant::core::TokenResponse>),
    Yup(yup_oauth2::AccessToken),
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("no token at hand"),
    }
}

pub struct Hallpass(Session);

impl Login for Hallpass {
    const NAME: &'static str = "hallpass";

    fn lifetime(fresh: Duration) -> Duration {
        fresh
    }

    fn log_in(_: &Runtime, server: &AuthorizationServer, folder: &Path) -> Self {
        let auth = Auth::new(server.config(folder).expect("a configuration")).expect("an Auth");
        let session = auth.login(Login::new(Silent)).wait().expect("a login");
        // A login leaves its token on the disk: the first who asks takes it from there.
        session.access_token().wait().expect("a token");
        Self(session)
    }
}

impl Contender for Hallpass {
    fn hit(&self) -> Token {
        Token::Hallpass(ready(self.0.access_token()).expect("a token"))
    }

    fn token(&self) -> Option<String> {
        block_on(self.0.access_token()).ok().map(|token| token.expose().to_owned())
    }

    fn refresh(&self, runtime: &Runtime) {
        let mut forced = TokenRequest::default();
        forced = forced.refresh();
        drop(runtime.handle().block_on(self.0.access_token_with(forced)).expect("a refresh"));
    }

    fn name(&self) -> &'static str {
        "hallpass"
    }

    fn keeps(&self) -> &'static str {
        "sealed file, synced twice"
    }

    fn notes(&self) -> &'static str {
        "`Session::access_token`; keys in memory. A refresh has a thread, a runtime and an HTTP client of its own."
    }
}

type Cache = InMemoryTokenCache<GrantTokenSource<DeviceAuthorizationGrant, InMemoryRefreshTokenStore>>;

pub struct Huskarl(Cache);

impl Login for Huskarl {
    const NAME: &'static str = "huskarl";

    /// It retires a token 30 s before its end, or at half its life where that is later.
    fn lifetime(fresh: Duration) -> Duration {
        fresh * 2
    }

    fn log_in(runtime: &Runtime, server: &AuthorizationServer, _: &Path) -> Self {
        runtime.handle().block_on(async {
            let client = ReqwestClient::from(reqwest::Client::builder().no_proxy().build().expect("a client"));
            let metadata = AuthorizationServerMetadata::fetch()
                .http_client(&client)
                .issuer(server.issuer())
                .call()
                .await
                .expect("metadata");
            let grant = DeviceAuthorizationGrant::builder_from_metadata(&metadata)
                .expect("a device grant")
                .client_id(server.client_id())
                .http_client(client)
                .client_auth(NoAuth)
                .min_poll_interval_secs(1)
                .build();
            let started = grant.start(StartInput::scope(SCOPES.map(str::to_owned).to_vec())).await.expect("a code");
            let mut pending = started.pending_state;
            let reply = grant.poll_to_completion(&mut pending, None).await.expect("a login");
            let source = GrantTokenSource::builder()
                .grant(grant)
                .grant_parameters(NoSource)
                .refresh_store(InMemoryRefreshTokenStore::default())
                .build();
            source.prime(reply).await.expect("a token handed over");
            let cache = InMemoryTokenCache::builder().source(source).build();
            cache.token().await.expect("a token");
            Self(cache)
        })
    }
}

impl Contender for Huskarl {
    fn hit(&self) -> Token {
        Token::Huskarl(ready(self.0.token()).expect("a token"))
    }

    fn token(&self) -> Option<String> {
        let token = block_on(self.0.token()).ok()?;
        Some(token.access_token().token().expose_secret().to_owned())
    }

    fn refresh(&self, runtime: &Runtime) {
        self.0.invalidate();
        drop(runtime.handle().block_on(self.0.token()).expect("a refresh"));
    }

    fn name(&self) -> &'static str {
        "huskarl"
    }

    fn keeps(&self) -> &'static str {
        "memory only"
    }

    fn notes(&self) -> &'static str {
        "`InMemoryTokenCache::token` over a device grant; its store for refresh tokens is a trait with an implementation in \
         memory. A refresh (`invalidate`, then `token`) uses a client and a connection that are there already."
    }
}

pub struct Yup(DefaultAuthenticator);

impl Login for Yup {
    const NAME: &'static str = "yup-oauth2";

    /// It always sends a secret, and an empty one is refused from a public client.
    const SECRET: Option<&'static str> = Some("secret-of-the-bench");

    /// It takes a token for ended a minute before its end.
    fn lifetime(fresh: Duration) -> Duration {
        fresh + Duration::from_secs(60)
    }

    /// Its own device login asks as Google wants it (`code` for `device_code`), which no server of RFC 8628 understands. So the
    /// login is made by hand, and handed over in the file where it keeps tokens.
    fn log_in(runtime: &Runtime, server: &AuthorizationServer, folder: &Path) -> Self {
        let secret = Self::SECRET.expect("a secret");
        let ask = async |path: &str, form: &[(&str, &str)]| {
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            let client_id = server.client_id();
            let own = [("client_id", client_id.as_str()), ("client_secret", secret)];
            let request = client.post(format!("{}{path}", server.issuer())).form(&[form, &own].concat());
            let reply = request.send().await.and_then(reqwest::Response::error_for_status).expect("a reply");
            serde_json::from_slice::<Value>(&reply.bytes().await.expect("a body")).expect("JSON")
        };
        let text = |reply: &Value, name: &str| reply[name].as_str().expect(name).to_owned();
        runtime.handle().block_on(async {
            let device = ask("/device_authorization", &[("scope", &SCOPES.join(" "))]).await;
            let code = text(&device, "device_code");
            let grant_type = "urn:ietf:params:oauth:grant-type:device_code";
            let reply = ask("/token", &[("grant_type", grant_type), ("device_code", &code)]).await;
            let lifetime = time::Duration::seconds(reply["expires_in"].as_i64().expect("a lifetime"));
            let token = TokenInfo {
                access_token: Some(text(&reply, "access_token")),
                refresh_token: Some(text(&reply, "refresh_token")),
                expires_at: Some(OffsetDateTime::now_utc() + lifetime),
                id_token: None,
            };
            fs::create_dir_all(folder).expect("a folder");
            let file = folder.join("tokens.json");
            fs::write(&file, json!([{ "scopes": SCOPES, "token": token }]).to_string()).expect("a file");
            let secret = ApplicationSecret {
                client_id: server.client_id(),
                client_secret: secret.to_owned(),
                token_uri: format!("{}/token", server.issuer()),
                ..ApplicationSecret::default()
            };
            let authenticator = DeviceFlowAuthenticator::builder(secret)
                // Where a refresh fails it begins a new login, which must not be at Google: here it is refused at once.
                .device_code_url(format!("{}/device_authorization", server.issuer()))
                .persist_tokens_to_disk(file)
                .build();
            Self(authenticator.await.expect("an authenticator"))
        })
    }
}

impl Contender for Yup {
    fn hit(&self) -> Token {
        Token::Yup(block_on(self.0.token(&SCOPES)).expect("a token"))
    }

    fn token(&self) -> Option<String> {
        let token = block_on(self.0.token(&SCOPES)).ok()?;
        token.token().map(str::to_owned)
    }

    fn refresh(&self, runtime: &Runtime) {
        drop(runtime.handle().block_on(self.0.force_refreshed_token(&SCOPES)).expect("a refresh"));
    }

    fn name(&self) -> &'static str {
        "yup-oauth2"
    }

    fn keeps(&self) -> &'static str {
        "plain file, not synced"
    }

    fn notes(&self) -> &'static str {
        "`Authenticator::token`, kept in a file and served from memory behind an async mutex, for which a crowd has to wait: its \
         hit is awaited, not polled once. Its own device login speaks Google's dialect only: no equivalent. Where a refresh fails it begins a new \
         login, which fails here."
    }
}

/// On a thread that has entered a runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    Handle::current().block_on(future)
}
