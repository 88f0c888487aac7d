//! Lists the tools of an MCP server: `mcp_client URL`. Whoever is not logged in there approves in a browser first.
//!
//! rmcp finds the authorization server and runs the authorization code flow; hallpass keeps the login, refreshes it and logs out:
//! `mcp_client URL --logout`. `store.rs` is the part to copy.

mod store;

use std::error::Error;

use hallpass::prompt::open_page;
use rmcp::ServiceExt;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthorizationManager, AuthorizationRequest, AuthorizationSession, CredentialStore,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The client that this program is registered as.
const CLIENT_ID: &str = "mcp-client";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: mcp_client URL [--logout]")?;
    let mut manager = AuthorizationManager::new(url.as_str()).await?;
    let metadata = manager.resolve_metadata().await?.metadata;
    let issuer = metadata.issuer.clone().ok_or("the authorization server does not name its issuer")?;
    if arguments.next().as_deref() == Some("--logout") {
        return Ok(Store::open(&url, &issuer, CLIENT_ID)?.clear().await?);
    }
    manager.set_metadata(metadata);
    manager.set_credential_store(Store::open(&url, &issuer, CLIENT_ID)?);
    if !manager.initialize_from_store().await? {
        manager = authorize(manager).await?;
    }
    let client = AuthClient::new(reqwest::Client::new(), manager);
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let server = ().serve(StreamableHttpClientTransport::with_client(client, config)).await?;
    for tool in server.list_all_tools().await? {
        println!("{}", tool.name);
    }
    server.cancel().await?;
    Ok(())
}

/// Lets the person approve in a browser on this machine (RFC 8252 §7.3).
async fn authorize(manager: AuthorizationManager) -> Result<AuthorizationManager, Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let redirect = format!("http://{}/callback", listener.local_addr()?);
    let request = AuthorizationRequest::new(&redirect).with_preregistered_client(CLIENT_ID);
    let session = AuthorizationSession::new(manager, request).await.map_err(|(_, error)| error)?;
    eprintln!("Open this page: {}", session.get_authorization_url());
    if std::env::var_os("MCP_CLIENT_NO_BROWSER").is_none() {
        let _ = open_page(&session.get_authorization_url().parse()?);
    }
    let path = callback(&listener).await?;
    session.handle_callback_url(&format!("http://{}{path}", listener.local_addr()?)).await?;
    Ok(session.auth_manager)
}

/// Waits for the browser to come back, and returns the path and query that it asks for.
async fn callback(listener: &TcpListener) -> Result<String, Box<dyn Error>> {
    loop {
        let (mut browser, _) = listener.accept().await?;
        let mut request = vec![0; 4096];
        let length = browser.read(&mut request).await?;
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        browser.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nApproved").await?;
        // Not a favicon.
        if let Some(path) = request.split(' ').nth(1).filter(|path| path.starts_with("/callback?")) {
            return Ok(path.to_owned());
        }
    }
}
