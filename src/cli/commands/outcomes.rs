//! What a command did with each of several logins.

use serde_json::{Value, json};

use crate::cli::output::Output;
use crate::contexts::Outcomes;

/// Prints what became of each login: `name` is the member of the JSON with those that succeeded, `nobody` the line if there was no login.
/// The exit code is the one of the first failure.
pub(super) fn print_outcomes<T>(
    output: &Output,
    outcomes: &Outcomes<T>,
    name: &str,
    nobody: &str,
    to_json: impl Fn(&T) -> Value,
    to_line: impl Fn(&T) -> String,
) -> u8 {
    let Outcomes { done, failed, .. } = outcomes;
    let code = failed.first().map(|(_, error)| output.exit_code(error));
    if output.json {
        let failed = failed.iter().map(|(context, error)| {
            let mut object = output.error_json(error);
            object["context"] = json!(context);
            object
        });
        let answer = json!({
            (name): done.iter().map(to_json).collect::<Vec<_>>(),
            "failed": failed.collect::<Vec<_>>(),
        });
        let printed = output.print_json_with_ok(answer, code.is_none());
        return code.unwrap_or(printed);
    }
    if done.is_empty() && failed.is_empty() {
        output.say(nobody);
    }
    done.iter().for_each(|one| output.say(&to_line(one)));
    for (_, error) in failed {
        output.print_error(error);
    }
    code.unwrap_or(0)
}
