//! The one door to the network.
//!
//! | file | has |
//! | --- | --- |
//! | `client` | [`Http`]: the client, and what may be sent |
//! | `tls/` | the two TLS providers, and which roots they trust |
//! | `form` | the body of a request |
//! | `proxy` | the proxy, from the variables that curl reads |
//! | `reply` | [`Reply`]: reads a reply, at most 1 MiB of it |
//! | `redirect` | where a redirect leads, for the error |
//! | `content_coding` | `gzip` and `deflate` |
//! | `deflate` | RFC 1951, for `content_coding` |
//! | `body` | a form or JSON, to JSON |
//! | `error` | [`HttpError`](error::HttpError): why a request brought no reply |

pub(crate) mod body;
mod client;
mod content_coding;
mod deflate;
pub(crate) mod error;
pub(crate) mod form;
mod proxy;
mod redirect;
mod reply;
mod tls;

pub(crate) use client::{Http, Settings};
pub(crate) use reply::{Reply, UnexpectedBody};
