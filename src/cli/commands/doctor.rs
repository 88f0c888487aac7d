//! `auth doctor`.

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command, ValueHint};
use serde_json::{Value, json};
use std::ffi::OsStr;

use super::outcomes::print_outcomes;
use super::run::Run;
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::next_steps::Step;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::contexts::{Logins, MoveKeys, MoveOutcome};
use crate::custody::KeyStoreName;
use crate::doctor::{Area, Finding, Repaired, Report, State};
use crate::ids::ContextName;
use crate::prompt::Screen;
use crate::{Auth, Config, ErrorKind, Remedy, Result, Selector};

/// Say what is well on this machine and what is not, and repair it
///
/// Prints one line for each finding: the state folder, the places for keys, the logins, leftovers, the network, the server
/// and its clock. It changes nothing unless --repair or --move-to says so, and shows no secret.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct DoctorArgs {
    /// Move the keys of all logins to another place
    #[arg(id = "hallpass-move-to", long = "move-to", value_name = "PLACE", value_parser = KeyStoreParser)]
    move_to: Option<KeyStoreName>,
    /// Move the key of this login only
    #[arg(
        id = "hallpass-context", long = "context", value_name = "NAME",
        value_hint = ValueHint::Other,
        requires = "hallpass-move-to"
    )]
    context: Option<ContextName>,
    /// Repair what can be repaired
    #[arg(id = "hallpass-repair", long = "repair", conflicts_with = "hallpass-move-to")]
    repair: bool,
}

described!(
    DoctorArgs,
    "doctor",
    "Say what is well on this machine and what is not, and repair it",
    Details {
        variables: Some(&["CUSTODY", "PASSPHRASE_FD", "PASSPHRASE", "HOME"]),
        examples: &["{}", "{} --repair", "{} --move-to kernel --context work"],
    }
);

impl Run for DoctorArgs {
    fn run(self, output: &Output, config: Config, _stop: &Stop) -> Result<u8> {
        let auth = Auth::new(config)?;
        if let Some(to) = self.move_to {
            return move_keys(output, &auth, self.context, to);
        }
        if self.repair {
            return repair(output, &auth);
        }
        Ok(print_report(output, &auth.doctor().wait()?))
    }
}

/// Prints the findings. The exit code is 1 if one of them is a problem.
fn print_report(output: &Output, report: &Report) -> u8 {
    let printed = match output.json {
        true => {
            let findings: Vec<_> = report.findings.iter().map(finding_json).collect();
            let mut answer = json!({"well": report.is_well(), "findings": findings});
            output.add_steps(&mut answer, report.findings.iter().flat_map(|finding| steps(output, finding)));
            output.print_json_with_ok(answer, report.is_well())
        }
        false => {
            let findings = report.findings.iter().map(|finding| finding_lines(output, finding));
            output.print_lines(&findings.collect::<Vec<_>>().join("\n"))
        }
    };
    if report.is_well() { printed } else { 1 }
}

fn finding_json(finding: &Finding) -> Value {
    json!({
        "area": finding.area.name(),
        "state": finding.state.name(),
        "text": finding.text,
        "because": finding.because,
        "remedy": finding.remedy.as_ref().map(Remedy::name),
        "place": finding.key_store,
        "context": finding.context,
    })
}

fn finding_lines(output: &Output, finding: &Finding) -> String {
    let screen = Screen::stdout();
    let head = format!("{:8} {:9} ", finding.state, finding.area);
    let below = " ".repeat(head.len());
    let because = finding.because.as_ref().map(|why| format!("because: {why}"));
    let further = because.into_iter().chain(hint(output, finding));
    let further = further.map(|text| format!("\n{}", screen.entry(&below, &text)));
    screen.entry(&head, &finding.text) + &further.collect::<String>()
}

fn steps(output: &Output, finding: &Finding) -> Vec<Step> {
    finding.remedy.as_ref().map(|remedy| output.steps(ErrorKind::Custody, remedy)).unwrap_or_default()
}

fn hint(output: &Output, finding: &Finding) -> Option<String> {
    finding.remedy.as_ref().map(|remedy| format!("hint: {}", output.hints.hint(ErrorKind::Custody, remedy)))
}

/// Repairs, then reports the problems that no repair can help too: "nothing to repair" would sound as if all were well.
fn repair(output: &Output, auth: &Auth) -> Result<u8> {
    let Repaired { done, mut left, .. } = auth.repair().wait()?;
    for stays in auth.doctor().wait()?.findings {
        // If a repair could have helped, `left` says already why it did not.
        let is_said = stays.area == Area::Leftover || matches!(stays.remedy, Some(Remedy::Repair));
        if stays.state == State::Problem && !is_said {
            let hint = hint(output, &stays).filter(|_| !output.json).map(|hint| format!("\n{hint}"));
            let because = stays.because.as_ref().map(|why| format!(" ({why})"));
            left.push(stays.text + because.as_deref().unwrap_or_default() + hint.as_deref().unwrap_or_default());
        }
    }
    if output.json {
        output.print_json_with_ok(json!({"repaired": done, "left": left}), left.is_empty());
    } else if done.is_empty() && left.is_empty() {
        output.say("There was nothing to repair.");
    }
    done.iter().for_each(|line| output.say(&format!("Repaired: {line}.")));
    left.iter().for_each(|line| output.say(&format!("Not repaired: {line}")));
    Ok(if left.is_empty() { 0 } else { 1 })
}

fn move_keys(output: &Output, auth: &Auth, context: Option<ContextName>, to: KeyStoreName) -> Result<u8> {
    let logins = context.map_or(Logins::All, |context| Logins::from(Selector::context(context)));
    let moved = auth.move_keys(MoveKeys::new(logins, to)).wait()?;
    let nobody = output.hints.nobody();
    Ok(print_outcomes(output, &moved, "moved", &nobody, moved_json, moved_line))
}

fn moved_json(moved: &MoveOutcome) -> Value {
    json!({"context": moved.context, "from": moved.from, "to": moved.to, "left_behind": moved.left_behind})
}

fn moved_line(MoveOutcome { context, from, to, left_behind, .. }: &MoveOutcome) -> String {
    match left_behind {
        None if from == to => format!("The key of {context} is in {to} already."),
        None => format!("Moved the key of {context} from {from} to {to}."),
        Some(why) => format!(
            "Moved the key of {context} to {to}. Its copy in {from} could not be erased: {why}. Run this again then."
        ),
    }
}

/// Takes any name, since a host may have a key store of its own, and the library knows which key stores exist. Help and completions
/// name the ones that every host has.
#[derive(Clone)]
struct KeyStoreParser;

impl TypedValueParser for KeyStoreParser {
    type Value = KeyStoreName;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<KeyStoreName, clap::Error> {
        StringValueParser::new().try_map(|name| name.parse::<KeyStoreName>()).parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(["os", "kernel", "session", "passphrase", "keyfile"].into_iter().map(PossibleValue::new)))
    }
}
