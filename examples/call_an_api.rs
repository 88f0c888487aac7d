//! Calls an API with reqwest, and has a token replaced that the API refuses. The API here is the userinfo endpoint of the
//! authorization server that comes with hallpass, which forgets the token in between.
//!
//! `cargo run --example call_an_api --features testing`
#![allow(clippy::disallowed_types, clippy::print_stdout, reason = "a tool may use the network and print")]

use std::error::Error;

use hallpass::Terminal;
use hallpass::prompt::Silent;
use hallpass::testing::AuthorizationServer;
use hallpass::{AfterRefusal, Auth, Login, Session};
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Client, Response};

/// One request, sent once more where the API refuses the token and another may help.
async fn get(client: &Client, auth: &Auth, session: &Session, url: &str) -> Result<Response, Box<dyn Error>> {
    let send = async |headers| client.get(url).headers(headers).send().await;
    let headers = session.authorization("GET", url).await?;
    let reply = send(headers.clone()).await?;
    let why = reply.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let login = match session.challenged(&headers, url, reply.status().as_u16(), why) {
        AfterRefusal::Retry => return Ok(send(session.authorization("GET", url).await?).await?),
        // The person authenticates as the API demands.
        AfterRefusal::StepUp(step_up) => step_up.login(Terminal::stderr()),
        // The login has ended, or cannot get another token.
        AfterRefusal::LogIn => match session.context() {
            Some(context) => Login::new(Terminal::stderr()).context(context.name.clone()),
            None => return Ok(reply),
        },
        // No other token would help: what the API says is the answer.
        _ => return Ok(reply),
    };
    // The new session is the one to go on with.
    let session = auth.login(login).await?;
    Ok(send(session.authorization("GET", url).await?).await?)
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
