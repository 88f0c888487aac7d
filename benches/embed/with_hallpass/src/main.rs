//! A host that logs a person in and prints a token: device login, key in the OS's store, refresh when it is due.

use hallpass::{Auth, Config, ErrorKind, Login, Terminal};

fn main() -> hallpass::Result<()> {
    let auth = Auth::new(Config::new("acme", "https://id.example.com", "acme-cli")?)?;
    let session = match auth.session() {
        Err(error) if error.kind() == ErrorKind::NotLoggedIn => {
            auth.login(Login::new(Terminal::stderr())).wait()?
        }
        other => other?,
    };
    println!("{}", session.access_token().wait()?.expose());
    Ok(())
}
