//! The wire: what the RFCs say, and nothing of disks or persons.
//!
//! | file | what it obeys |
//! | --- | --- |
//! | `metadata` | RFC 8414, OpenID Connect Discovery |
//! | `client_auth` | RFC 6749 §2.3 |
//! | `token_endpoint` | RFC 6749 §3.2, §5, §6 |
//! | `error_response` | RFC 6749 §5.2, RFC 8628 §3.5 |
//! | `error_description` | what an error says in words, if its code says nothing |
//! | `device` | RFC 8628 |
//! | `pkce` | RFC 7636 |
//! | `claims` | OpenID Connect Core §5.1 |
//! | `id_token` | OpenID Connect Core §2, §3.1.3.7 |
//! | `userinfo` | OpenID Connect Core §5.3 |
//! | `jwt_access_token` | RFC 9068 §2.2: when a token ends, if the reply does not say |
//! | `challenge` | RFC 6750 §3, RFC 9470 |
//! | `revocation` | RFC 7009 |
//! | `org_selection` | how a server is told which org a token is for |
//! | `normalize` | what servers do instead, brought into the RFCs' shape |
//! | `server_quirks` | what known servers do differently, as data |

pub(crate) mod challenge;
pub(crate) mod claims;
pub(crate) mod client_auth;
pub(crate) mod device;
pub(crate) mod device_polling;
mod error_codes;
mod error_description;
pub(crate) mod error_response;
pub(crate) mod id_token;
pub(crate) mod jwt_access_token;
pub(crate) mod metadata;
pub(crate) mod normalize;
pub(crate) mod org_selection;
pub(crate) mod pkce;
pub(crate) mod revocation;
pub(crate) mod server_quirks;
pub(crate) mod token_endpoint;
pub(crate) mod userinfo;
