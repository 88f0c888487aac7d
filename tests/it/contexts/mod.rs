//! Several logins side by side.
//!
//! | file | tests |
//! | --- | --- |
//! | `folders` | folders that are pinned to a login |
//! | `foreign` | logins of another issuer or client in the same state folder |
//! | `names` | names of logins, and the default |
//! | `switch` | switching the default, and the current login |

mod folders;
mod foreign;
mod names;
mod switch;

use crate::support::rig::{Rig, bob};
use hallpass::Auth;
use hallpass::contexts::ChosenBy;
use hallpass::ids::ContextName;
use hallpass::testing::Person;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn name(text: &str) -> ContextName {
    text.parse().unwrap()
}

/// Alice as `home`, the default, and Bob as `work`.
pub(crate) fn two() -> Rig {
    let rig = Rig::new();
    rig.log_in_as(&Person::default(), Some("home"));
    rig.log_in_as(&bob(), Some("work"));
    rig
}

fn auth_in(rig: &Rig, folder: &Path) -> Auth {
    let mut config = rig.config();
    config.environment.folder = Some(folder.to_owned());
    Auth::new(config).unwrap()
}

/// A folder of the project, by its real path.
fn folder(rig: &Rig, path: &str) -> PathBuf {
    let folder = rig.folder.path().join(path);
    fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

pub(crate) fn meant(auth: &Auth) -> (String, Option<ChosenBy>) {
    let session = auth.session().unwrap();
    let context = session.context().unwrap();
    (context.name.to_string(), context.chosen_by.clone())
}

fn by_folder(context: &str, folder: &Path) -> (String, Option<ChosenBy>) {
    (context.into(), Some(ChosenBy::Folder(folder.to_owned())))
}

pub(crate) fn by_default(context: &str) -> (String, Option<ChosenBy>) {
    (context.into(), Some(ChosenBy::Default))
}
