//! The wire: what the RFCs say, and nothing of disks or persons.
//!
//! | file | what it obeys |
//! | --- | --- |
//! | `http` | the one door to the network |
//! | `http_error` | why a request brought no reply |
//! | `form` | `application/x-www-form-urlencoded` |
//! | `inflate` | RFC 1950, RFC 1951, RFC 1952: replies that are compressed although nobody asked |
//! | `deflate` | RFC 1951 |
//! | `proxy` | the variables that name a proxy |
//! | `shape` | what servers do instead, brought into the RFCs' shape |
//! | `dialect` | what known servers do differently, as data |
//! | `wording` | what an error says in words |
//! | `metadata` | RFC 8414, OpenID Connect Discovery |
//! | `client_auth` | RFC 6749 §2.3 |
//! | `endpoint` | RFC 6749 §3.2, §5, §6: the token endpoint |
//! | `refusal` | RFC 6749 §5.2, RFC 8628 §3.5: error replies |
//! | `access_token` | RFC 9068 §2.2: when a token ends, if the reply does not say |
//! | `device` | RFC 8628 |
//! | `pkce` | RFC 7636 |
//! | `claims` | OpenID Connect Core §5.1 |
//! | `challenge` | RFC 6750 §3, RFC 9470 |
//! | `id_token` | OpenID Connect Core §2, §3.1.3.7 |
//! | `userinfo` | OpenID Connect Core §5.3 |
//! | `revocation` | RFC 7009 |

pub(crate) mod access_token;
pub(crate) mod challenge;
pub(crate) mod claims;
pub(crate) mod client_auth;
mod deflate;
pub(crate) mod device;
pub(crate) mod dialect;
pub(crate) mod endpoint;
pub(crate) mod form;
pub(crate) mod http;
pub(crate) mod http_error;
pub(crate) mod id_token;
pub(crate) mod inflate;
pub(crate) mod metadata;
pub(crate) mod pkce;
pub(crate) mod proxy;
pub(crate) mod refusal;
pub(crate) mod revocation;
pub(crate) mod shape;
pub(crate) mod userinfo;
pub(crate) mod wording;
