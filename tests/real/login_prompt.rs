//! What a person at a terminal sees of a login, and which keys they have.

use std::time::Duration;

use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, Fault};
use rustix::process::{Pid, Signal, kill_process};

use crate::acme::Acme;
use crate::machine::{Machine, eventually};
use crate::needs::Need::Terminal;
use crate::needs::{left_out, on_headless, say};
use crate::terminal::ENDED;
use crate::typist::Typist;

#[test]
fn a_login_counts_down_on_one_line() {
    if left_out(&[Terminal]) {
        return;
    }
    for columns in [60, 80, 200] {
        let (server, machine) = (server(), Machine::headless());
        let mut typist = login(&at_a_terminal(&machine, &server), columns, "");
        typist.waits_for("Waiting for your approval, ");
        typist.waits_for("\r\u{1b}[K");
        server.approve_all();
        let shown = typist.ends("code 0");
        say(&format!("at {columns} columns\n{}", screen(&shown).join("\n")));
        let lines = screen(&shown);
        assert!(lines.iter().all(|line| !line.contains("Waiting")), "written over: {lines:?}");
        for words in [
            "acme wants to log you in.",
            "  Host   127.0.0.1:",
            "Only continue if you started this.",
            "Logged in as alice@",
        ] {
            assert!(lines.join(" ").contains(words), "{words}: {lines:?}");
        }
        let page = format!("{}/device?user_code=", server.issuer());
        assert!(lines.iter().any(|line| line.contains(&page)), "{lines:?}");
        // What a login says, below the note of the folder that this machine's variables name.
        let said = lines.iter().skip_while(|line| !line.starts_with("acme wants"));
        assert!(said.clone().count() > 8 && said.clone().all(|line| line.chars().count() <= columns), "{lines:?}");
        assert!(lines.last().unwrap().contains(" echo "), "the terminal is given back: {lines:?}");
    }
}

#[test]
fn a_key_copies_the_address_and_another_draws_it() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let mut typist = login(&at_a_terminal(&machine, &server), 80, "");
    // OSC 52, and only when it is asked for.
    typist.presses("Waiting for your approval", "c");
    typist.waits_for("\u{1b}]52;c;");
    typist.waits_for("Asked the terminal to copy the address.");
    typist.presses("Waiting for your approval", "q");
    typist.waits_for("\u{1b}[38;5;231;48;5;16m");
    typist.waits_for("Waiting for your approval");
    server.approve_all();
    let shown = typist.ends("code 0");
    assert_eq!(shown.matches("\u{1b}]52;c;").count(), 1, "{shown:?}");
    let lines = screen(&shown);
    let page = lines.iter().find_map(|line| line.strip_prefix("  Page   ")).unwrap();
    assert_eq!(qr_code(&lines), page);
}

#[test]
fn the_login_says_what_it_waits_for() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    server.inject(Endpoint::Token, Fault::CutBefore);
    let mut typist = login(&at_a_terminal(&machine, &server), 100, "");
    typist.waits_for("The server does not answer, trying again in ");
    server.approve_all();
    typist.ends("code 0");
}

#[test]
fn ctrl_c_restores_the_terminal() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let mut typist = login(&at_a_terminal(&machine, &server), 80, "trap : INT; ");
    typist.presses("Waiting for your approval", "\u{3}");
    let shown = typist.ends("code 130");
    assert!(screen(&shown).last().unwrap().contains(" echo "), "{shown}");
    assert!(shown.contains("error: cancelled"), "{shown}");
}

/// The first waits for an answer that is under way, and the second does not.
#[test]
fn a_second_ctrl_c_restores_the_terminal() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    server.inject(Endpoint::Token, Fault::Delay(Duration::from_secs(20)));
    let mut typist = login(&at_a_terminal(&machine, &server), 80, "trap : INT; ");
    typist.waits_for("Waiting for your approval");
    eventually("it polls", || !server.requests_to(Endpoint::Token).is_empty());
    typist.presses("Waiting for your approval", "\u{3}");
    typist.waits_for("a second signal stops at once");
    std::thread::sleep(Duration::from_millis(1100)); // closer together they would be one
    typist.presses("", "\u{3}");
    let shown = typist.ends("code 130");
    assert!(screen(&shown).last().unwrap().contains(" echo "), "{shown}");
}

/// Each of these would leave a shell in which nothing that is typed is seen.
#[test]
fn keys_that_end_the_process_leave_the_echo_on() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    server.set_behaviour(|behaviour| behaviour.id_token = false);
    server.inject(Endpoint::UserInfo, Fault::Delay(Duration::from_secs(20)));
    let mut typist = login(&at_a_terminal(&machine, &server), 80, "trap : INT QUIT TSTP; ");
    typist.presses("Waiting for your approval", "\u{1c}");
    typist.presses("Waiting for your approval", "\u{1a}");
    typist.waits_for("Waiting for your approval");
    server.approve_all();
    eventually("userinfo is asked", || !server.requests_to(Endpoint::UserInfo).is_empty());
    typist.presses("", "\u{3}");
    typist.waits_for("a second signal stops at once");
    // Two within a second are one.
    std::thread::sleep(Duration::from_millis(1500));
    typist.presses("", "\u{3}");
    let shown = typist.ends("code 130");
    assert!(screen(&shown).last().unwrap().contains(" echo "), "{shown:?}");
}

/// The shell here sets nothing on its terminal by itself: what `stty` says is what it was given back.
#[test]
fn ctrl_z_restores_the_terminal_and_fg_takes_it_again() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let modes = "stty -a | grep -oE ' -?(echo|icanon) '";
    let script = format!(
        "set -m; stty cols 80 rows 24; \"$ACME\" auth login; echo \"stopped $?\"; {modes}; read -r _; fg; echo \"stopped $?\"; \
         {modes}; stty -echoctl; bg; read -r _; fg; echo \"code $?\"; {modes}; stty -a | grep -o -- -echoctl"
    );
    let mut typist = Typist::start(&at_a_terminal(&machine, &server), &script);
    for _ in 0..2 {
        typist.presses("Waiting for your approval", "\u{1a}");
        typist.waits_for("stopped 148");
        typist.waits_for(" icanon ");
        typist.waits_for(" echo ");
        typist.presses("", "\n");
        typist.waits_for("Waiting for your approval");
        typist.presses("", "c");
        typist.waits_for("Asked the terminal to copy the address.");
    }
    typist.presses("Waiting for your approval", "q");
    typist.waits_for("\u{1b}[38;5;231;48;5;16m");
    server.approve_all();
    // What the shell has set meanwhile stays.
    let shown = typist.ends("-echoctl");
    assert!(shown.contains("code 0"), "{shown:?}");
    let last = screen(&shown).into_iter().rev().take(3).collect::<Vec<_>>();
    assert!(
        last.iter().any(|line| line.contains(" icanon ")) && last.iter().any(|line| line.contains(" echo ")),
        "{last:?}"
    );
}

/// No key was pressed, so that the terminal could not be given back before; the shell here takes it as many do.
#[test]
fn a_login_stopped_from_outside_reads_keys_again() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let pid = machine.scratch().join("pid");
    let script = format!(
        "set -m; stty cols 80 rows 24; sh -c 'echo $$ >{}; exec \"$ACME\" auth login'; stty sane; echo stopped; fg; echo \"code $?\"; \
         stty -a | grep -oE ' -?echo '",
        pid.display()
    );
    let mut typist = Typist::start(&at_a_terminal(&machine, &server), &script);
    typist.waits_for("Waiting for your approval");
    let pid = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
    typist.waits_for("stopped");
    typist.waits_for("Waiting for your approval");
    typist.presses("", "c");
    typist.waits_for("Asked the terminal to copy the address.");
    server.approve_all();
    typist.waits_for("code 0");
    let shown = typist.ends(" echo ");
    assert!(!shown.ends_with("-echo \r\n"), "{shown:?}");
}

/// In the background, where shells make a stopped job go on that they end. To write there would stop it for good, and the shell here
/// sets nothing on its terminal by itself.
#[test]
fn a_killed_stopped_login_restores_the_terminal() {
    if left_out(&[Terminal]) {
        return;
    }
    for is_by_key in [true, false] {
        let (server, machine) = (server(), Machine::headless());
        let pid = machine.scratch().join("pid");
        let script = format!(
            "set -m; stty cols 80 rows 24 tostop; sh -c 'echo $$ >{}; exec \"$ACME\" auth login'; echo stopped; {ENDED}; \
             echo \"code $?\"; stty -a | grep -oE ' -?(echo|icanon) '; echo done",
            pid.display()
        );
        let mut typist = Typist::start(&at_a_terminal(&machine, &server), &script);
        typist.waits_for("Waiting for your approval");
        if is_by_key {
            typist.presses("", "\u{1a}");
        } else {
            let pid = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
            kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
        }
        typist.waits_for("stopped");
        typist.waits_for("code 143");
        typist.waits_for(" icanon ");
        typist.waits_for(" echo ");
        typist.ends("done");
    }
}

/// There the last line is the shell's, and what the person types.
#[test]
fn in_the_background_nothing_is_written_over() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let acme = at_a_terminal(&machine, &server);
    let mut typist = Typist::start(&acme, "set -m; \"$ACME\" auth login & wait; echo \"code $?\"");
    typist.waits_for("Only continue if you started this.");
    eventually("it polls", || server.requests_to(Endpoint::Token).len() > 1);
    server.approve_all();
    let shown = typist.ends("code 0");
    assert!(shown.contains("Logged in as ") && !shown.contains("\u{1b}[K") && !shown.contains("copies"), "{shown:?}");
}

#[test]
fn plain_output_has_no_escape_sequences() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    server.approve_all();
    let acme = at_a_terminal(&machine, &server);
    for acme in
        [acme.clone().with("ACME_PLAIN", "1"), acme.clone().with("TERM", "dumb"), acme.clone().with("ACCESSIBLE", "1")]
    {
        let shown = login(&acme, 80, "").ends("code 0");
        assert!(
            !shown.contains('\u{1b}') && shown.contains("Waiting for your approval; the code is good for 15 min"),
            "{shown:?}"
        );
    }
    let shown = login(&acme.with("NO_COLOR", "1"), 80, "").ends("code 0");
    assert!(!shown.contains("\u{1b}[1m") && shown.contains("\u{1b}[K"), "{shown:?}");
}

fn server() -> AuthorizationServer {
    let mut behaviour = Behaviour::default();
    behaviour.interval = Some(1);
    behaviour.enforce_interval = false;
    AuthorizationServer::start_with(behaviour).unwrap()
}

fn at_a_terminal<'a>(machine: &'a Machine, server: &AuthorizationServer) -> Acme<'a> {
    machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile").with("TERM", "xterm-256color")
}

fn login(acme: &Acme<'_>, columns: usize, before: &str) -> Typist {
    Typist::start(
        acme,
        &format!(
            "stty cols {columns} rows 24; {before}\"$ACME\" auth login; echo \"code $?\"; stty -a | grep -o ' -*echo '"
        ),
    )
}

/// What stays on the screen, line by line: of a line that was written over, the last of it.
fn screen(shown: &str) -> Vec<String> {
    let line = |line: &str| {
        let last = line.trim_end_matches('\r').rsplit("\r\u{1b}[K").next().unwrap_or_default();
        let marks = ["\u{1b}[1m", "\u{1b}[0m", "\u{1b}[38;5;231;48;5;16m"];
        marks.iter().fold(last.to_owned(), |line, mark| line.replace(mark, ""))
    };
    shown.lines().map(line).collect()
}

/// What a phone reads of the screen.
fn qr_code(screen: &[String]) -> String {
    let is_drawn = |line: &&String| line.contains(['█', '▀', '▄']);
    let code: Vec<Vec<char>> = screen.iter().filter(is_drawn).map(|line| line.chars().collect()).collect();
    let is_light = |x: usize, y: usize| match code[y / 2][x] {
        '█' => true,
        '▀' => y.is_multiple_of(2),
        '▄' => !y.is_multiple_of(2),
        _ => false,
    };
    // Four pixels for each module.
    let (width, height) = (code[0].len() * 4, code.len() * 8);
    let grey = |x: usize, y: usize| if is_light(x / 4, y / 4) { 255 } else { 0 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    image.detect_grids()[0].decode().unwrap().1
}
