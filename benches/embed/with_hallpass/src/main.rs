//! A host that logs a person in and prints a token: device login, key in the OS's store, refresh when it is due.

use std::sync::Arc;

use hallpass::prompt::Terminal;
use hallpass::{Auth, Config, ErrorKind, LoginRequest, blocking};

fn main() -> hallpass::Result<()> {
    let auth = Auth::new(Config::new("acme", "https://id.example.com", "acme-cli")?)?;
    let session = match auth.session() {
        Err(error) if error.kind() == ErrorKind::NotLoggedIn => {
            blocking::wait(auth.login(LoginRequest::default(), Arc::new(Terminal::stderr())))?
        }
        other => other?,
    };
    println!("{}", blocking::wait(session.access_token())?.expose());
    Ok(())
}
