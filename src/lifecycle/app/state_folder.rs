//! Which folder is the state folder, and whether it can be trusted (law 16).

use std::path::{Component, Path, PathBuf};

use super::App;
use crate::lifecycle::config::Config;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::setting::Setting;
use crate::state_dir::{StateDir, work_tree_around};
use crate::system::environment::platform_state_folder;

impl App {
    /// Returns the path that the configuration or the environment gives to the state folder.
    pub(super) fn locate_state_dir(config: &Config) -> Result<PathBuf> {
        let state_dir = config.state_dir.clone().or_else(|| config.environment.state_dir.clone()).ok_or_else(|| {
            let why = match &config.environment.variables.home {
                Some(variable) => format!("neither HOME nor {variable} is set"),
                None => "HOME is not set".into(),
            };
            Error::config(Setting::StateDir, format!("there is no folder for state: {why}"))
        })?;
        // Whoever made the current folder would decide what a relative path means.
        if !state_dir.is_absolute() {
            return Err(Error::config(
                Setting::StateDir,
                format!("the state folder {} is not an absolute path", state_dir.display()),
            ));
        }
        // Where `..` leads depends on the links in the path at the time.
        if state_dir.components().any(|part| part == Component::ParentDir) {
            return Err(Error::config(
                Setting::StateDir,
                format!("the state folder {} has `..` in its path", state_dir.display()),
            ));
        }
        // By its components: a slash at the end would follow a symbolic link.
        Ok(state_dir.components().collect())
    }

    /// Opens the state folder. `None` if nobody has logged in yet.
    pub(crate) fn state_dir(&self) -> Result<Option<StateDir>> {
        StateDir::open(self.checked_state_dir()?)
    }

    /// Opens the state folder, and creates it if it is missing.
    pub(crate) fn create_state_dir(&self) -> Result<StateDir> {
        StateDir::create(self.checked_state_dir()?)
    }

    /// Closes the state folder to other users if they can only read it. Returns what was closed.
    pub(crate) fn tighten_state_dir(&self) -> Result<Vec<PathBuf>> {
        match self.state_dir_variable() {
            // The author of the variable may have written the folder.
            Some(_) => Ok(Vec::new()),
            None => StateDir::tighten(self.state_dir_path()?),
        }
    }

    /// Returns the variable that named the state folder, if that is not the platform's folder for this user: the author of the
    /// variable may have written the folder.
    pub(crate) fn state_dir_variable(&self) -> Option<&str> {
        let environment = &self.config.environment;
        let named = environment.state_dir_variable.as_deref().filter(|_| self.config.state_dir.is_none())?;
        let state_dir = self.state_dir.as_ref().ok()?;
        (platform_state_folder(&self.config.app).as_ref() != Some(state_dir)).then_some(named)
    }

    /// Returns the path of the state folder. Trusts a folder that a variable named only outside work trees: the author of a
    /// repository could have written it too (law 16). Checks once, because that reads the disk several times.
    pub(super) fn checked_state_dir(&self) -> Result<&Path> {
        let state_dir = self.state_dir_path()?;
        self.state_dir_check.get_or_init(|| self.check_work_tree(state_dir)).clone().map(|()| state_dir)
    }

    fn check_work_tree(&self, state_dir: &Path) -> Result<()> {
        let Some(variable) = self.state_dir_variable() else { return Ok(()) };
        let Some(tree) = work_tree_around(state_dir) else { return Ok(()) };
        let message = format!(
            "cannot use the state folder {}, which {variable} names: it lies in the work tree {}, whose author may have written it",
            state_dir.display(),
            tree.display()
        );
        Err(Error::new(ErrorKind::Custody, message).with(Remedy::FixConfig { setting: Setting::StateDir }))
    }

    /// Returns the path of the state folder, which may not exist yet.
    pub(crate) fn state_dir_path(&self) -> Result<&Path> {
        self.state_dir.as_deref().map_err(Clone::clone)
    }
}
