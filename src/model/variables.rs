//! [`Variables`]: the names of a host's own environment variables.

/// The names of a host's own environment variables: read by [`Config`](crate::Config), and named in messages, hints and help.
///
/// A variable without a name is not read, whatever is set.
///
/// ```
/// use hallpass::config::Variables;
///
/// # fn main() -> hallpass::Result<()> {
/// let mut config = hallpass::Config::new("railway", "https://id.example.com", "railway-cli")?;
/// let mut variables = Variables::none();
/// variables.token = Some("RAILWAY_API_TOKEN".into());
/// config.set_variables(variables);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variables {
    /// An access token to use as it is. Nothing is stored.
    pub token: Option<String>,
    /// The context to use.
    pub context: Option<String>,
    /// The org to speak for.
    pub org: Option<String>,
    /// The key store for new logins, within what the configuration allows.
    pub custody: Option<String>,
    /// The state folder.
    pub home: Option<String>,
    /// A passphrase. Other programs of the same user can read it.
    pub passphrase: Option<String>,
    /// A descriptor, 3 or above, that a passphrase can be read from.
    pub passphrase_fd: Option<String>,
    /// If set, no browser opens.
    pub no_browser: Option<String>,
    /// If set, no line of a login is written over.
    pub plain: Option<String>,
}

impl Variables {
    /// Names all variables: `prefixed("ACME")` names `ACME_TOKEN`, `ACME_CONTEXT` and so on.
    pub fn prefixed(prefix: &str) -> Self {
        let named = |name: &str| Some(format!("{prefix}_{name}"));
        Self {
            token: named("TOKEN"),
            context: named("CONTEXT"),
            org: named("ORG"),
            custody: named("CUSTODY"),
            home: named("HOME"),
            passphrase: named("PASSPHRASE"),
            passphrase_fd: named("PASSPHRASE_FD"),
            no_browser: named("NO_BROWSER"),
            plain: named("PLAIN"),
        }
    }

    /// Names the variables of a program: `my-app` makes `MY_APP_TOKEN` and so on; no variable has another character in its name. The default of a [`Config`](crate::Config) is this, with
    /// the app's name.
    pub fn of_program(program: &str) -> Self {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        Self::prefixed(&program.chars().map(letter).collect::<String>())
    }

    /// Names no variable, so that hallpass reads none of the host's.
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns the name of the variable with a token, for messages.
    pub(crate) fn token_name(&self) -> &str {
        self.token.as_deref().unwrap_or("the environment")
    }
}
