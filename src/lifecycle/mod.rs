//! What happens to a credential, from its birth to its end.
//!
//! | file | does |
//! | --- | --- |
//! | `app/` | the layers put together for one host: what every job needs |
//! | `config/` | what a host says about itself |
//! | `jobs` | a job on its own thread, and the future that waits for it |
//! | `login/` | a login, from the first check to the last write |
//! | `refresh/` | the way to an access token: the stored one, or another under the grant's lock |
//! | `adoption/` | takes over a login that another program made |
//! | `access_token` | the access token that a host is given |
//! | `fetching` | a token on its way to a session |
//! | `authorization` | the headers of a request that a token authorizes |
//! | `token_cache` | the tokens of one session, in memory |
//! | `refusal` | what to do after a resource has refused a token |
//! | `contexts/` | who is logged in where, and which of them is selected |
//! | `switch` | selects another context, renames one |
//! | `userinfo` | whose login it is, as the server says it |
//! | `logout` | the end of a login |
//! | `owner` | who answers for a login changes |
//! | `inventory` | every login here, how old it is, and what should be done about it |
//! | `audit` | the events of the trail, and whether it can be believed |
//! | `move_keys` | the key of a login moves to another key store |
//! | `hints` | what to do about an error, in the host's own commands |
//! | `doctor/` | what is well on this machine, what is not, and what was left behind |

pub(crate) mod access_token;
pub(crate) mod adoption;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod authorization;
pub(crate) mod config;
pub(crate) mod contexts;
pub mod doctor;
pub(crate) mod fetching;
mod hints;
pub(crate) mod inventory;
pub(crate) mod jobs;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod move_keys;
pub(crate) mod owner;
pub(crate) mod refresh;
pub(crate) mod refusal;
pub(crate) mod switch;
pub(crate) mod token_cache;
pub(crate) mod userinfo;
