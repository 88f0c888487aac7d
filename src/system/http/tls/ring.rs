//! The feature `tls-ring`: one configuration of rustls with ring. It does not read or set the process's default provider, which belongs to
//! the host.
#![allow(clippy::disallowed_types, reason = "this file may touch the network")]

use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::system::http::error::HttpError;

/// Lets the client trust the operating system's roots and `extra_roots` (PEM, or empty).
pub(in crate::system::http) fn configure(
    client: ClientBuilder,
    extra_roots: &[u8],
) -> Result<ClientBuilder, HttpError> {
    let config = client_config(extra_roots)?;
    // Takes any type: only `build` fails if this is not the ClientConfig of reqwest's own rustls.
    Ok(client.tls_backend_preconfigured(config))
}

fn client_config(extra_roots: &[u8]) -> Result<ClientConfig, HttpError> {
    let provider = Arc::new(default_provider());
    let verifier = match extra_roots {
        // On Windows `new_with_extra_roots` makes another kind of verifier, even if it gets no roots.
        [] => Verifier::new(provider.clone()),
        pem => Verifier::new_with_extra_roots(certificates(pem)?, provider.clone()),
    };
    let verifier = verifier.map_err(|error| HttpError::client_not_built(&error))?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| HttpError::client_not_built(&error))?;
    // Not dangerous: this verifier checks chain, name and time. The roots of the operating system have no other way in.
    let mut config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    // reqwest adds no protocols to a configuration that it did not make.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        _ => Err(HttpError::no_root_in_pem()),
    }
}
