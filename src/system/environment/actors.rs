//! The variables and programs by which agents and CI systems show themselves. Facts: a new agent is a line here.
//!
//! A crate for this would be one more in every tree; the list is what it has.

use std::ffi::OsString;

use crate::model::sanitize::quoted;

/// A variable that is set, and who sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sign {
    pub(crate) variable: &'static str,
    /// The name of who sets it; `None` if the variable does not tell.
    pub(crate) name: Option<String>,
}

/// Variables in which an agent names itself: the proposal of agents.md, and what tools did before it.
const NAMING: &[&str] = &["AGENT", "AI_AGENT"];

/// Variables that one agent sets for the programs that it starts.
const AGENTS: &[(&str, &str)] = &[
    ("CLAUDECODE", "claude-code"),
    ("CLAUDE_CODE", "claude-code"),
    ("CURSOR_AGENT", "cursor"),
    ("CODEX_SANDBOX", "codex"),
    ("CODEX_THREAD_ID", "codex"),
    ("CODEX_CI", "codex"),
    ("GEMINI_CLI", "gemini-cli"),
    ("QWEN_CODE", "qwen-code"),
    ("COPILOT_CLI", "github-copilot"),
    ("COPILOT_AGENT", "github-copilot"),
    ("COPILOT_AGENT_SESSION_ID", "github-copilot"),
    ("OPENCODE", "opencode"),
    ("OPENCODE_CLIENT", "opencode"),
    ("AMP_CURRENT_THREAD_ID", "amp"),
    ("AUGMENT_AGENT", "augment"),
    ("CLINE_ACTIVE", "cline"),
    ("CLINE_TASK_ID", "cline"),
    ("ROO_CODE_TASK_ID", "roo-code"),
    ("GOOSE_TERMINAL", "goose"),
    ("CRUSH", "crush"),
    ("GROK_AGENT", "grok"),
    ("PI_CODING_AGENT", "pi"),
    ("KIRO_AGENT_PATH", "kiro"),
    ("ANTIGRAVITY_AGENT", "antigravity"),
    ("TRAE_AI_SHELL_ID", "trae"),
];

/// Programs that are agents, by the names of their processes. None of them is a common word.
const AGENT_PROGRAMS: &[(&str, &str)] = &[
    ("claude", "claude-code"),
    ("codex", "codex"),
    ("cursor-agent", "cursor"),
    ("gemini", "gemini-cli"),
    ("qwen", "qwen-code"),
    ("opencode", "opencode"),
    ("aider", "aider"),
    ("auggie", "augment"),
    ("kiro-cli", "kiro"),
];

/// Variables of CI systems. `CI` alone is set by many.
const CI_SYSTEMS: &[(&str, &str)] = &[
    ("GITHUB_ACTIONS", "github-actions"),
    ("GITLAB_CI", "gitlab-ci"),
    ("BUILDKITE", "buildkite"),
    ("CIRCLECI", "circleci"),
    ("JENKINS_URL", "jenkins"),
    ("TF_BUILD", "azure-pipelines"),
    ("BITBUCKET_BUILD_NUMBER", "bitbucket-pipelines"),
    ("CODEBUILD_BUILD_ID", "aws-codebuild"),
    ("TEAMCITY_VERSION", "teamcity"),
    ("TRAVIS", "travis-ci"),
    ("DRONE", "drone"),
    ("APPVEYOR", "appveyor"),
];

/// Returns the first sign of an agent.
pub(super) fn agent(get: &dyn Fn(&str) -> Option<OsString>) -> Option<Sign> {
    let naming = NAMING.iter().find_map(|variable| Some(Sign { variable, name: name_in(&get(variable)?) }));
    let known = || AGENTS.iter().find(|(variable, _)| get(variable).is_some());
    match naming {
        // It does not say which agent it is, and another variable may.
        Some(Sign { name: None, variable }) => {
            Some(known().map_or(Sign { variable, name: None }, |known| sign(*known)))
        }
        Some(named) => Some(named),
        None => known().map(|known| sign(*known)),
    }
}

/// Returns the first sign of a CI system.
pub(super) fn ci(get: &dyn Fn(&str) -> Option<OsString>) -> Option<Sign> {
    let known = CI_SYSTEMS.iter().find(|(variable, _)| get(variable).is_some()).map(|known| sign(*known));
    known.or_else(|| get("CI").map(|_| Sign { variable: "CI", name: None }))
}

/// Returns the agent that is a program of this name.
pub(crate) fn agent_of_program(program: &str) -> Option<&'static str> {
    AGENT_PROGRAMS.iter().find(|(own, _)| *own == program).map(|(_, name)| *name)
}

fn sign((variable, name): (&'static str, &str)) -> Sign {
    Sign { variable, name: Some(name.to_owned()) }
}

/// Returns the name in a value like `goose`, `goose@1.2.3` or `claude-code_2.1.0_agent`; `None` for `1` and `true`.
fn name_in(value: &OsString) -> Option<String> {
    let text = quoted(&value.to_string_lossy());
    let name = text.split(['@', '_', '/', ' ']).next().unwrap_or_default().to_lowercase();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !["true", "yes", "on"].contains(&&*name);
    is_name.then(|| name.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent_of(variables: &[(&str, &str)]) -> Option<(String, Option<String>)> {
        let get = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value));
        agent(&get).map(|sign| (sign.variable.to_owned(), sign.name))
    }

    #[test]
    fn an_agent_is_known_by_its_variable() {
        for (variable, name) in AGENTS {
            assert_eq!(agent_of(&[(variable, "1")]), Some(((*variable).into(), Some((*name).into()))));
        }
        assert_eq!(agent_of(&[]), None);
    }

    #[test]
    fn a_name_is_read_without_its_version() {
        for (value, name) in [
            ("goose", Some("goose")),
            ("Goose@1.2.3", Some("goose")),
            ("claude-code_2.1.0_agent", Some("claude-code")),
            ("new\u{1b}[2J\nagent", Some("new[2jagent")),
            ("1", None),
            ("true", None),
        ] {
            assert_eq!(agent_of(&[("AI_AGENT", value)]), Some(("AI_AGENT".into(), name.map(str::to_owned))), "{value}");
        }
        let both = agent_of(&[("AGENT", "1"), ("CLAUDECODE", "1")]);
        assert_eq!(both, Some(("CLAUDECODE".into(), Some("claude-code".into()))));
        assert_eq!(agent_of(&[("AI_AGENT", &"x".repeat(300))]).unwrap().1.unwrap().len(), 40);
    }
}
