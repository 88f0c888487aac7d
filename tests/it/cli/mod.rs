#[cfg(all(target_os = "linux", feature = "os-store", feature = "passphrase", feature = "qr"))]
mod captures;
mod commands;
mod filtering;
mod help;
mod key_store;
mod login;
mod lost_parts;
mod status;
mod switch;
