//! Calls an API with reqwest, and has a token replaced that the API refuses. The API here is the userinfo endpoint of the
//! authorization server that comes with hallpass, which forgets the token in between.
//!
//! `cargo run --example call_an_api --features testing`
#![allow(clippy::disallowed_types, clippy::print_stdout, reason = "a tool may use the network and print")]

use std::error::Error;

use hallpass::prompt::{Silent, Terminal};
use hallpass::testing::AuthorizationServer;
use hallpass::{AfterRefusal, Auth, Login, Session};
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Client, Response};

/// One request, sent once more where the API refuses the token and another may help.
async fn get(client: &Client, auth: &Auth, session: &Session, url: &str) -> Result<Response, Box<dyn Error>> {
    let token = session.access_token().await?;
    let reply = client.get(url).bearer_auth(token.expose()).send().await?;
    let why = reply.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match session.challenged(&token, url, reply.status().as_u16(), why) {
        AfterRefusal::Retry => {
            let token = session.access_token().await?;
            Ok(client.get(url).bearer_auth(token.expose()).send().await?)
        }
        AfterRefusal::StepUp(step_up) => {
            // The person authenticates as the API demands; the new session is the one to go on with.
            let session = auth.login(step_up.login(Terminal::stderr())).await?;
            let token = session.access_token().await?;
            Ok(client.get(url).bearer_auth(token.expose()).send().await?)
        }
        AfterRefusal::LogIn => {
            // The login has ended or does not renew: the person logs in again, under the same name.
            let mut request = LoginRequest::default();
            request.context = session.context().map(|context| context.name.clone());
            let session = auth.login(request, Arc::new(Terminal::stderr())).await?;
            let token = session.access_token().await?;
            Ok(client.get(url).bearer_auth(token.expose()).send().await?)
        }
        // `NotAllowed`: a right is missing. `GiveUp`: it is no refusal of the token.
        _ => Ok(reply),
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = AuthorizationServer::start()?;
    server.approve_all();
    let home = tempfile::tempdir()?;
    let mut config = server.config(home.path())?;
    // Only these origins can have a token replaced.
    config.resources = vec![server.issuer().parse()?];
    let auth = Auth::new(config)?;
    let session = auth.login(Login::new(Silent)).await?;

    let (client, url) = (Client::new(), format!("{}/userinfo", server.issuer()));
    println!("{}", get(&client, &auth, &session, &url).await?.status());
    server.expire_access_tokens();
    let status = get(&client, &auth, &session, &url).await?.status();
    println!("refused, token replaced ({} refresh), then {status}", server.counts().refreshes);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}
