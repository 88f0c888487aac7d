//! What a program that keeps its token in the OS's secure store cannot do without: one get, printed.
//!
//! `keyring_get SERVICE USER`

use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(service), Some(user)) = (arguments.next(), arguments.next()) else {
        return Err("keyring_get SERVICE USER".into());
    };
    let secret = keyring::Entry::new(&service, &user)?.get_secret()?;
    Ok(std::io::stdout().write_all(&secret)?)
}
