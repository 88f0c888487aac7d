//! The feature `tls-aws-lc`: reqwest makes the configuration, with the process's provider if the host has installed one, else with aws-lc.
#![allow(clippy::disallowed_types, reason = "this file may touch the network")]

use reqwest::{Certificate, ClientBuilder};

use crate::system::http::error::HttpError;

/// Lets the client trust the operating system's roots and `extra_roots` (PEM, or empty).
pub(in crate::system::http) fn configure(
    client: ClientBuilder,
    extra_roots: &[u8],
) -> Result<ClientBuilder, HttpError> {
    // If the host turns on reqwest's feature native-tls, native-tls is reqwest's default.
    let client = client.tls_backend_rustls();
    if extra_roots.is_empty() {
        return Ok(client);
    }
    match Certificate::from_pem_bundle(extra_roots) {
        Ok(roots) if !roots.is_empty() => Ok(client.tls_certs_merge(roots)),
        _ => Err(HttpError::no_root_in_pem()),
    }
}
