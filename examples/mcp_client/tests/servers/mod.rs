//! An MCP server of rmcp, and its authorization server: hallpass's embedded one, behind an authorization endpoint, which that does not have.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallpass::testing::{AuthorizationServer, Behaviour};
use rmcp::model::{ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

const CLIENT_ID: &str = "mcp-client";

/// Longer than a run of the client takes.
pub const SHORT: Duration = Duration::from_secs(5);
pub const LONG: Duration = Duration::from_secs(3600);

pub struct McpServer {
    pub name: String,
    pub url: String,
    pub tokens: Arc<AuthorizationServer>,
    front: Arc<Front>,
}

/// The authorization endpoint, and the way to the embedded server.
struct Front {
    issuer: String,
    behind: String,
    /// The challenge of each code (RFC 7636), and where it was sent.
    codes: Mutex<HashMap<String, (String, String)>>,
    approvals: AtomicUsize,
    /// The requests to the MCP server with a token that is not valid there.
    refused: AtomicUsize,
    http: reqwest::Client,
}

impl McpServer {
    pub async fn start(name: &str) -> Self {
        let mut behaviour = Behaviour::default();
        behaviour.client_id = CLIENT_ID.into();
        // They would name the embedded server as their issuer.
        behaviour.id_token = false;
        behaviour.access_token_lifetime = Some(SHORT);
        let tokens = Arc::new(AuthorizationServer::start_with(behaviour).unwrap());
        tokens.approve_all();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let front = Arc::new(Front {
            behind: tokens.issuer().to_owned(),
            issuer: issuer.clone(),
            codes: Mutex::default(),
            approvals: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            http: reqwest::Client::new(),
        });
        let router = router(front.clone(), name.to_owned());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { name: name.to_owned(), url: format!("{issuer}/mcp"), tokens, front }
    }

    /// How often a person has approved.
    pub fn approvals(&self) -> usize {
        self.front.approvals.load(Ordering::Relaxed)
    }

    /// How often a request had a token that is not valid here.
    pub fn refused(&self) -> usize {
        self.front.refused.load(Ordering::Relaxed)
    }

    /// Says how long the tokens live that are issued from now on.
    pub fn issue_for(&self, lifetime: Duration) {
        self.tokens.set_behaviour(|behaviour| behaviour.access_token_lifetime = Some(lifetime));
    }
}

fn router(front: Arc<Front>, name: String) -> Router {
    let mcp: StreamableHttpService<Tools, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(Tools(name.clone())), Default::default(), Default::default());
    let mcp = Router::new().nest_service("/mcp", mcp).layer(from_fn_with_state(front.clone(), demand_token));
    Router::new()
        .route("/.well-known/oauth-protected-resource", get(resource_metadata))
        .route("/.well-known/oauth-protected-resource/mcp", get(resource_metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/revoke", post(|front, form| forward(front, "/revoke", form)))
        .route("/userinfo", get(userinfo))
        .with_state(front)
        .merge(mcp)
}

async fn resource_metadata(State(front): State<Arc<Front>>) -> Json<Value> {
    Json(json!({"resource": format!("{}/mcp", front.issuer), "authorization_servers": [front.issuer]}))
}

async fn metadata(State(front): State<Arc<Front>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", front.issuer);
    Json(json!({
        "issuer": front.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "revocation_endpoint": at("/revoke"),
        "userinfo_endpoint": at("/userinfo"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["openid", "email", "offline_access"],
    }))
}

/// Approves at once (RFC 6749 §4.1.2).
async fn authorize(State(front): State<Arc<Front>>, Query(request): Query<HashMap<String, String>>) -> Redirect {
    let number = front.approvals.fetch_add(1, Ordering::Relaxed);
    let code = format!("code-{number}");
    let (challenge, redirect) = (request["code_challenge"].clone(), request["redirect_uri"].clone());
    let back = format!("{redirect}?code={code}&state={}&iss={}", request["state"], front.issuer);
    front.codes.lock().unwrap().insert(code, (challenge, redirect));
    Redirect::to(&back)
}

async fn token(State(front): State<Arc<Front>>, Form(form): Form<HashMap<String, String>>) -> Response {
    if form.get("grant_type").is_none_or(|grant| grant != "authorization_code") {
        return forward(State(front), "/token", Form(form)).await;
    }
    let issued = front.codes.lock().unwrap().remove(&form["code"]);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    if issued != Some((challenge, form["redirect_uri"].clone())) {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    }
    // The tokens are those of a device login, which the embedded server approves by itself.
    let scopes = "openid email offline_access";
    let device = front.post("/device_authorization", &[("client_id", CLIENT_ID), ("scope", scopes)]).await.1;
    let device: Value = serde_json::from_str(&device).unwrap();
    let grant = [
        ("client_id", CLIENT_ID),
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", device["device_code"].as_str().unwrap()),
    ];
    json_reply(front.post("/token", &grant).await)
}

async fn forward(
    State(front): State<Arc<Front>>,
    path: &str,
    Form(mut form): Form<HashMap<String, String>>,
) -> Response {
    // The embedded server knows one API.
    form.remove("resource");
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    json_reply(front.post(path, &form).await)
}

async fn userinfo(State(front): State<Arc<Front>>, headers: HeaderMap) -> Response {
    json_reply(front.userinfo(&headers).await)
}

/// Demands a token that the authorization server takes (RFC 9728 §5.1).
async fn demand_token(State(front): State<Arc<Front>>, request: Request<Body>, next: Next) -> Response {
    if front.userinfo(request.headers()).await.0 == StatusCode::OK {
        return next.run(request).await;
    }
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", front.issuer);
    // RFC 6750 §3.1: a request without a token gets no error code.
    let has_token = request.headers().contains_key(header::AUTHORIZATION);
    front.refused.fetch_add(usize::from(has_token), Ordering::Relaxed);
    let error = if has_token { ", error=\"invalid_token\"" } else { "" };
    let challenge = format!("Bearer resource_metadata=\"{metadata}\"{error}");
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
}

impl Front {
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
        let sent = self.http.post(format!("{}{path}", self.behind)).form(form).send().await;
        answer(sent).await
    }

    async fn userinfo(&self, headers: &HeaderMap) -> (StatusCode, String) {
        let authorization = headers.get(header::AUTHORIZATION).cloned();
        let request = self.http.get(format!("{}/userinfo", self.behind));
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        answer(request.send().await).await
    }
}

async fn answer(sent: reqwest::Result<reqwest::Response>) -> (StatusCode, String) {
    match sent {
        Ok(reply) => (reply.status(), reply.text().await.unwrap_or_default()),
        Err(_) => (StatusCode::BAD_GATEWAY, String::new()),
    }
}

fn json_reply((status, body): (StatusCode, String)) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// An MCP server with one tool.
struct Tools(String);

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = serde_json::Map::from_iter([("type".to_owned(), json!("object"))]);
        Ok(ListToolsResult::with_all_items(vec![Tool::new(format!("tool_of_{}", self.0), "A tool", Arc::new(schema))]))
    }
}
