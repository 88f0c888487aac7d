//! The client against MCP servers, each with an authorization server of its own, and many processes at once.

mod servers;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hallpass::testing::{Endpoint, Fault};
use servers::{LONG, McpServer, SHORT};
use url::Url;

const SERVERS: usize = 5;
const PROCESSES: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_kept_renewed_and_ended() {
    let (home, server) = (tempfile::tempdir().unwrap(), McpServer::start("harbour").await);
    assert_eq!(approved(&home, &server).await, "tool_of_harbour");
    // rmcp's own code exchange brought a refresh token, and hallpass has exchanged it.
    assert_eq!(server.tokens.counts().rotations, 1);
    assert_eq!(run(&home, &[&server.url]), ("tool_of_harbour".into(), true), "no question");
    assert_eq!(server.approvals(), 1);

    // The token has expired: one refresh, by hallpass.
    server.issue_for(SHORT);
    tokio::time::sleep(SHORT).await;
    assert_eq!(run(&home, &[&server.url]), ("tool_of_harbour".into(), true));
    assert_eq!(server.tokens.counts().rotations, 2);

    // An absent server is no reason to ask the person again.
    server.issue_for(LONG);
    tokio::time::sleep(SHORT).await;
    server.tokens.inject_always(Endpoint::Token, Fault::CutBefore);
    assert!(!run(&home, &[&server.url]).1);
    server.tokens.clear_faults();
    assert_eq!((run(&home, &[&server.url]).1, server.approvals()), (true, 1));

    assert_eq!(run(&home, &[&server.url, "--logout"]), (String::new(), true));
    assert_eq!(server.tokens.live_families(), 0, "revoked at the server");
    assert_eq!(approved(&home, &server).await, "tool_of_harbour");
    assert_eq!(server.approvals(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_replaced() {
    let (home, server) = (tempfile::tempdir().unwrap(), McpServer::start("harbour").await);
    server.issue_for(LONG);
    assert_eq!(approved(&home, &server).await, "tool_of_harbour");
    server.tokens.expire_access_tokens();
    assert_eq!(run(&home, &[&server.url]), ("tool_of_harbour".into(), true));
    assert_eq!((server.tokens.counts().rotations, server.approvals()), (2, 1));

    // The person is asked if the server has ended the login, or has given no refresh token.
    server.tokens.revoke_everything();
    server.tokens.set_behaviour(|behaviour| behaviour.refresh_token = false);
    assert_eq!(approved(&home, &server).await, "tool_of_harbour");
    server.tokens.expire_access_tokens();
    assert_eq!(approved(&home, &server).await, "tool_of_harbour");
    assert_eq!((server.tokens.counts().rotations, server.approvals()), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_token_is_used_to_its_end() {
    let (home, server) = (tempfile::tempdir().unwrap(), McpServer::start("harbour").await);
    // Less than rmcp keeps in reserve.
    server.issue_for(Duration::from_secs(1));
    assert_eq!(approved(&home, &server).await, "tool_of_harbour");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_disturb_a_login() {
    let (home, server) = (tempfile::tempdir().unwrap(), McpServer::start("harbour").await);
    let mut process = start(&home, &[&server.url]);
    let page = page(&mut process);
    let redirect = page.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.parse::<Url>().unwrap();
    // A browser may open a connection that it does not use.
    let _idle = std::net::TcpStream::connect(&redirect.socket_addrs(|| None).unwrap()[..]).unwrap();
    let forged = reqwest::get(format!("{redirect}?code=code-0&state=forged")).await.unwrap();
    assert_eq!(forged.status(), 404);
    assert_eq!(reqwest::get(page).await.unwrap().status(), 200);
    assert_eq!(tokio::task::block_in_place(|| end(process)), ("tool_of_harbour".into(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_and_servers_do_not_overwrite_each_other() {
    let home = tempfile::tempdir().unwrap();
    let mut servers = Vec::new();
    for number in 0..SERVERS {
        let server = McpServer::start(&format!("server{number}")).await;
        assert_eq!(approved(&home, &server).await, format!("tool_of_server{number}"));
        servers.push(server);
    }
    for server in &servers {
        server.issue_for(LONG);
    }
    tokio::time::sleep(SHORT).await;
    for server in &servers {
        // The other processes come while one waits for its answer.
        server.tokens.inject(Endpoint::Token, Fault::DelayReply(Duration::from_secs(1)));
    }
    run_many(&home, &servers);
    for server in &servers {
        assert_eq!(server.refused(), 0, "{}: no token of another server, and no old one", server.name);
        assert_eq!(server.tokens.counts().rotations, 2, "{}: adopted, and refreshed once", server.name);
    }

    // The servers forget their access tokens, which each process learns from a refused request.
    servers.iter().for_each(|server| server.tokens.expire_access_tokens());
    run_many(&home, &servers);
    for server in &servers {
        assert_eq!(server.tokens.counts().rotations, 3, "{}: refreshed once more", server.name);
        assert_eq!(server.approvals(), 1, "{}: nobody was asked again", server.name);
        assert_eq!((server.tokens.counts().reuses, server.tokens.live_families()), (0, 1), "{}", server.name);
    }
}

/// Runs the client in many processes at once, at all servers.
fn run_many(home: &tempfile::TempDir, servers: &[McpServer]) {
    let each = (0..PROCESSES).flat_map(|_| servers.iter());
    let running: Vec<_> = each.map(|server| (server, start(home, &[&server.url]))).collect();
    for (server, process) in running {
        assert_eq!(tokio::task::block_in_place(|| end(process)), (format!("tool_of_{}", server.name), true));
    }
}

/// Runs the client, and approves in its browser's place.
async fn approved(home: &tempfile::TempDir, server: &McpServer) -> String {
    let mut process = start(home, &[&server.url]);
    assert_eq!(reqwest::get(page(&mut process)).await.unwrap().status(), 200);
    let (tools, is_well) = tokio::task::block_in_place(|| end(process));
    assert!(is_well);
    tools
}

/// Reads the address of the page that the client asks a person to open.
fn page(Running(process): &mut Running) -> Url {
    let mut said = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    // What it says later is read at its end.
    process.stderr = Some(said.into_inner());
    line.trim_end().strip_prefix("Open this page: ").unwrap_or_else(|| panic!("{line}")).parse().unwrap()
}

fn run(home: &tempfile::TempDir, arguments: &[&str]) -> (String, bool) {
    tokio::task::block_in_place(|| end(start(home, arguments)))
}

fn start(home: &tempfile::TempDir, arguments: &[&str]) -> Running {
    let path: &Path = home.path();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp_client"));
    command.env_clear().env("HOME", path).env("MCP_CLIENT_CUSTODY", "keyfile");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

/// Waits for the end. Returns what was printed, and whether all was well. What it prints fits into its pipes.
fn end(mut process: Running) -> (String, bool) {
    let is_well = wait(&mut process.0);
    let (mut tools, mut errors) = (String::new(), String::new());
    process.0.stdout.take().unwrap().read_to_string(&mut tools).unwrap();
    process.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    if !is_well {
        eprintln!("{errors}");
    }
    (tools.trim_end().into(), is_well)
}

/// A client that asks a person waits for good: that is a failure here.
fn wait(process: &mut Child) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if let Some(status) = process.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = process.kill();
    eprintln!("the client does not end");
    false
}

/// A client that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
