//! The RFCs: requests and replies, without disks and persons.
//!
//! | file | obeys |
//! | --- | --- |
//! | `metadata/` | RFC 8414, OpenID Connect Discovery |
//! | `device` | RFC 8628 §3.1, §3.2: the device authorization request |
//! | `device_polling` | RFC 8628 §3.5: when to poll, `slow_down` |
//! | `pkce` | RFC 7636 |
//! | `token_endpoint` | RFC 6749 §3.2, §5, §6 |
//! | `client_auth` | RFC 6749 §2.3 |
//! | `error_response` | RFC 6749 §5.2, RFC 8628 §3.5 |
//! | `error_codes` | the RFCs' error codes, and what servers write in their place |
//! | `error_description` | what an error says in words, if its code says nothing |
//! | `normalize` | replies of any server, brought into the RFCs' form |
//! | `claims` | OpenID Connect Core §5.1 |
//! | `id_token` | OpenID Connect Core §2, §3.1.3.7 |
//! | `userinfo` | OpenID Connect Core §5.3 |
//! | `jwt_access_token` | RFC 9068 §2.2: when a token ends, if the reply does not say |
//! | `challenge` | RFC 6750 §3, RFC 9470 |
//! | `revocation` | RFC 7009 |
//! | `org_selection` | how a request names the org that a token is for |
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
