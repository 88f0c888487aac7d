//! Lists the tools of an MCP server: `mcp_client URL`. Whoever is not logged in there approves in a browser first.
//!
//! rmcp finds the authorization server and runs the authorization code flow; hallpass keeps the login, refreshes it and logs out:
//! `mcp_client URL --logout`. `store.rs` is the part to copy; `redirect.rs` has the port that the browser comes back to.

mod redirect;
mod store;

use std::error::Error;

use hallpass::config::Environment;
use hallpass::prompt::open_page;
use rmcp::service::ClientInitializeError;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthorizationManager, AuthorizationRequest, AuthorizationSession, CredentialStore,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ServiceError, ServiceExt};
use tokio::task::block_in_place;
use url::Url;

use redirect::Redirect;
use store::{APP, Store};

/// The client that this program is registered as.
const CLIENT_ID: &str = "mcp-client";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url: Url = arguments.next().ok_or("usage: mcp_client URL [--logout]")?.parse()?;
    let (manager, issuer) = discover(&url).await?;
    let store = Store::open(&url, &issuer, CLIENT_ID)?;
    if arguments.next().as_deref() == Some("--logout") {
        return Ok(store.clear().await?);
    }
    let tools = match list_tools(&url, manager, &store).await {
        // The server has forgotten the token. rmcp has no refresh token to get another one with.
        Err(error) => match challenge(&*error) {
            Some(why) if store.after_refusal(url.as_str(), why).await? => {
                list_tools(&url, discover(&url).await?.0, &store).await?
            }
            _ => return Err(error),
        },
        Ok(tools) => tools,
    };
    tools.iter().for_each(|tool| println!("{tool}"));
    Ok(())
}

/// Finds the authorization server, and returns its issuer too.
async fn discover(url: &Url) -> Result<(AuthorizationManager, String), Box<dyn Error>> {
    let mut manager = AuthorizationManager::new(url.as_str()).await?;
    let metadata = manager.resolve_metadata().await?.metadata;
    let issuer = metadata.issuer.clone().ok_or("the authorization server does not name its issuer")?;
    manager.set_metadata(metadata);
    Ok((manager, issuer))
}

/// Lists the tools; asks the person first if nobody is logged in.
async fn list_tools(
    url: &Url,
    mut manager: AuthorizationManager,
    store: &Store,
) -> Result<Vec<String>, Box<dyn Error>> {
    manager.set_credential_store(store.clone());
    if !manager.initialize_from_store().await? {
        manager = authorize(manager).await?;
    }
    let client = AuthClient::new(reqwest::Client::new(), manager);
    let config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
    let server = ().serve(StreamableHttpClientTransport::with_client(client, config)).await?;
    let tools = server.list_all_tools().await?;
    server.cancel().await?;
    Ok(tools.into_iter().map(|tool| tool.name.into_owned()).collect())
}

/// Returns what the server demands, if it has refused the token.
fn challenge<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    let from_start = error.downcast_ref().and_then(ClientInitializeError::auth_challenge);
    from_start.or_else(|| error.downcast_ref().and_then(ServiceError::auth_challenge))
}

/// Lets the person approve in a browser.
async fn authorize(manager: AuthorizationManager) -> Result<AuthorizationManager, Box<dyn Error>> {
    let redirect = Redirect::bind().await?;
    let request = AuthorizationRequest::new(redirect.uri()).with_preregistered_client(CLIENT_ID);
    let session = AuthorizationSession::new(manager, request).await.map_err(|(_, error)| error)?;
    let page: Url = session.get_authorization_url().parse()?;
    eprintln!("Open this page: {page}");
    if Environment::read(&APP.parse()?).can_show_a_browser() {
        // If no browser opens, the person can still open the page by hand.
        let _ = block_in_place(|| open_page(&page));
    }
    session.handle_callback_url(redirect.receive(&page).await?.as_str()).await?;
    Ok(session.auth_manager)
}
