//! `auth admin report`.

use clap::Args;
use serde_json::{Value, json};

use super::super::run::Run;
use super::verification;
use crate::cli::help::Details;
use crate::cli::inventory_view::{DUE, item_json, warning_json, warning_text};
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::clock::rfc3339;
use crate::{Auth, Config, Result};

/// Print the inventory, the state of the trail and all findings, in one JSON object for an auditor
///
/// Always JSON, on standard output. Exits 1 if the trail was changed or nothing proves it, else 7 if something should be done
/// about a login.
#[derive(Debug, Args)]
#[group(skip)]
#[command(max_term_width = 100)]
pub(in crate::cli) struct ReportArgs {}

described!(
    ReportArgs,
    "report",
    "Print the inventory, the state of the trail and all findings, for an auditor",
    Details { variables: Some(&["HOME", "PASSPHRASE_FD", "PASSPHRASE"]), examples: &["{} > report.json"] }
);

impl Run for ReportArgs {
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        let (now, app) = (config.clock.now(), config.app.clone());
        let version = config.app_version.clone();
        let auth = Auth::new(config)?;
        let (logins, trail) = (auth.inventory()?, auth.verify_trail().wait_unless_cancelled(&stop.cancel)?);
        let is_believed = verification::is_believed(&trail);
        let of_logins = logins.iter().flat_map(|item| {
            item.warnings.iter().map(|warning| {
                let mut finding = warning_json(warning);
                finding["context"] = json!(item.context.name);
                finding["text"] = json!(warning_text(warning, now));
                finding
            })
        });
        let trail = verification::to_json(&trail);
        let of_trail = trail["findings"].as_array().cloned().unwrap_or_default();
        let findings: Vec<Value> = of_logins.chain(of_trail).collect();
        let is_due = logins.iter().any(|item| !item.warnings.is_empty());
        let report = json!({
            "generated_at": rfc3339(now),
            "app": app,
            "app_version": version,
            "hallpass": env!("CARGO_PKG_VERSION"),
            "logins": logins.iter().map(|item| item_json(&auth, item)).collect::<Vec<_>>(),
            "trail": trail,
            "findings": findings,
        });
        let printed = output.print_json_with_ok(report, is_believed && !is_due);
        Ok(printed.max(match (is_believed, is_due) {
            (false, _) => 1,
            (true, true) => DUE,
            (true, false) => 0,
        }))
    }
}
