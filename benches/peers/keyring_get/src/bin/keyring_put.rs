//! Puts what `keyring_get` gets: `keyring_put SERVICE USER < SECRET`

use std::error::Error;
use std::io::Read;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(service), Some(user)) = (arguments.next(), arguments.next()) else {
        return Err("keyring_put SERVICE USER < SECRET".into());
    };
    let mut secret = Vec::new();
    std::io::stdin().read_to_end(&mut secret)?;
    Ok(keyring::Entry::new(&service, &user)?.set_secret(&secret)?)
}
