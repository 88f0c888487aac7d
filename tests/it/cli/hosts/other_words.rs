//! A host in another language, with an `auth` and a `--json` of its own, a tree that it builds by hand, and variables that it names itself:
//! `FAHRPLAN_KARTE` for a token, and no others. With `OTHER_WORDS=none` it has no variables at all.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a host may read its environment, and print")]

use std::process::ExitCode;

use clap::{Arg, ArgAction, Args, Command, FromArgMatches};
use hallpass::config::Variables;
use hallpass::{Auth, Config, Result, cli};

fn main() -> ExitCode {
    let auth = Command::new("auth").about("Prüft eine Fahrkarte").arg(Arg::new("karte").required(true));
    let fahren = Command::new("fahren").about("Fährt los");
    let anmelden = cli::Login::augment_args(Command::new("anmelden")).about("Meldet an");
    let wer = cli::Whoami::augment_args(Command::new("wer"));
    let konto = cli::AuthCommand::augment_args(Command::new("konto").about("Das Konto"));
    let json = Arg::new("json").long("json").global(true).action(ArgAction::SetTrue);
    let fahrplan = Command::new("fahrplan").version("1").about("Fährt Züge").arg(json).subcommand_required(true);
    let verwaltung = Command::new("verwaltung").about("Verwaltet").subcommand_required(true).subcommand(konto);
    let tree = cli::prepare_with(fahrplan.subcommands([auth, fahren, anmelden, wer, verwaltung]), &variables());

    let matches = tree.clone().get_matches();
    if let Some(code) = cli::answer(&tree, &matches) {
        return code;
    }
    let config = config();
    match matches.subcommand() {
        Some(("anmelden", login)) => run(cli::Login::from_arg_matches(login), |login| login.run(config)),
        Some(("wer", whoami)) => run(cli::Whoami::from_arg_matches(whoami), |whoami| whoami.run(config)),
        Some(("verwaltung", below)) => match below.subcommand() {
            Some(("konto", konto)) => run(cli::AuthCommand::from_arg_matches(konto), |konto| konto.run(config)),
            _ => ExitCode::FAILURE,
        },
        Some(("auth", auth)) => {
            println!("{:?}", auth.get_one::<String>("karte"));
            ExitCode::SUCCESS
        }
        _ => drive(config, matches.get_flag("json")),
    }
}

fn run<T>(parsed: Result<T, clap::Error>, run: impl FnOnce(T) -> ExitCode) -> ExitCode {
    match parsed {
        Ok(command) => run(command),
        Err(error) => error.exit(),
    }
}

/// A command of the host's own, with errors in the host's own words.
fn drive(config: Result<Config>, json: bool) -> ExitCode {
    let commands = match &config {
        Ok(config) => config.commands(),
        Err(_) => "fahrplan".into(),
    };
    match config.and_then(Auth::new).and_then(|auth| auth.session()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) if json => cli::report_json(commands, &error),
        Err(error) => cli::report(commands, &error),
    }
}

fn config() -> Result<Config> {
    use hallpass::config::{Command, Commands};
    let mut config = Config::new("fahrplan", "https://id.example.com", "fahrplan-cli")?;
    config.set_variables(variables());
    config.set_commands(Commands::none("fahrplan").with(Command::Login, "anmelden"));
    config.user_agent = Some("fahrplan/1".into());
    Ok(config)
}

fn variables() -> Variables {
    let mut variables = Variables::none();
    if std::env::var_os("OTHER_WORDS").is_none_or(|words| words != "none") {
        variables.token = Some("FAHRPLAN_KARTE".into());
    }
    variables
}
