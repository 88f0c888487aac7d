//! The client against MCP servers, each with an authorization server of its own, and many processes at once.

mod servers;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};
use servers::{LONG, McpServer, SHORT};

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
    let running: Vec<_> =
        (0..PROCESSES).flat_map(|_| servers.iter()).map(|server| (server, start(&home, &[&server.url]))).collect();
    for (server, process) in running {
        assert_eq!(end(process), (format!("tool_of_{}", server.name), true));
    }
    for server in &servers {
        assert_eq!(server.approvals(), 1, "{}: nobody was asked again", server.name);
        assert_eq!(server.tokens.counts().rotations, 2, "{}: adopted, and refreshed once", server.name);
        assert_eq!(server.tokens.live_families(), 1, "{}", server.name);
    }
}

/// Runs the client, and approves in its browser's place.
async fn approved(home: &tempfile::TempDir, server: &McpServer) -> String {
    let mut process = start(home, &[&server.url]);
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
    let page = said.find_map(|line| line.unwrap().strip_prefix("Open this page: ").map(str::to_owned)).unwrap();
    let answer = reqwest::get(page).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "Approved");
    let rest = std::thread::spawn(move || said.map_while(Result::ok).collect::<Vec<_>>());
    let (tools, is_well) = tokio::task::block_in_place(|| end(process));
    assert!(is_well, "{:?}", rest.join());
    tools
}

fn run(home: &tempfile::TempDir, arguments: &[&str]) -> (String, bool) {
    tokio::task::block_in_place(|| end(start(home, arguments)))
}

fn start(home: &tempfile::TempDir, arguments: &[&str]) -> Child {
    let path: &Path = home.path();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp_client"));
    command.env_clear().env("HOME", path).env("MCP_CLIENT_CUSTODY", "keyfile").env("MCP_CLIENT_NO_BROWSER", "1");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end. Returns what was printed, and whether all was well.
fn end(mut process: Child) -> (String, bool) {
    let mut tools = String::new();
    process.stdout.take().unwrap().read_to_string(&mut tools).unwrap();
    let mut errors = String::new();
    if let Some(mut stderr) = process.stderr.take() {
        stderr.read_to_string(&mut errors).unwrap();
    }
    let status = wait(&mut process);
    if !status {
        eprintln!("{errors}");
    }
    (tools.trim_end().into(), status)
}

fn wait(process: &mut Child) -> bool {
    for _ in 0..6000 {
        if let Some(status) = process.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = process.kill();
    panic!("it does not end");
}
