#[cfg(unix)]
mod blocked;
#[cfg(unix)]
mod ownership;
mod planted;
