//! [`Place`]: which custody is used on this machine. Chosen at login only; a grant stays where its key was put.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::verdict::Remembering;
use super::{Custody, Memory};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Remedy, Result};

/// Where a host allows keys to rest.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Place {
    /// The OS's secure store. Never silently a weaker place.
    #[default]
    Auto,
    /// The first of these that can be used.
    Only(Vec<PlaceName>),
    /// The host's own custody.
    Custom(Arc<dyn Custody>),
}

/// The places that hallpass knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlaceName {
    /// The OS's secure store.
    Os,
    /// This process's memory: the login ends with the process.
    Memory,
}

impl PlaceName {
    /// The name in output, in the index and in `<APP>_CUSTODY`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for PlaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PlaceName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "os" => Ok(Self::Os),
            "memory" => Ok(Self::Memory),
            other => Err(Error::config(
                "custody",
                format!("there is no custody \"{}\": there are auto, os and memory", crate::text::quoted(other)),
            )),
        }
    }
}

/// The custodies of one app, and the choice among them.
#[derive(Debug)]
pub(crate) struct Places {
    allowed: Place,
    memory: Arc<Memory>,
    home: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Places {
    /// `wanted` comes from the environment, and only narrows what the host allows.
    pub(crate) fn new(allowed: Place, wanted: Option<&str>, home: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        let allowed = match (wanted, allowed) {
            (None | Some("auto"), allowed) => allowed,
            (Some(wanted), Place::Custom(custom)) if custom.name() == wanted => Place::Custom(custom),
            (Some(wanted), allowed) => {
                let name: PlaceName = wanted.parse()?;
                match allowed {
                    Place::Auto => Place::Only(vec![name]),
                    Place::Only(places) if places.contains(&name) => Place::Only(vec![name]),
                    _ => return Err(not_allowed(wanted)),
                }
            }
        };
        if let Place::Custom(custom) = &allowed
            && !is_place_name(custom.name())
        {
            let name = crate::text::quoted(custom.name());
            return Err(Error::config("place", format!("\"{name}\" cannot name a custody: it takes visible ASCII")));
        }
        Ok(Self { allowed, memory: Arc::default(), home, clock })
    }

    /// The custody for a new login: the first allowed one that could take a key now.
    pub(crate) fn choose(&self) -> Result<Arc<dyn Custody>> {
        let mut refused = None;
        for custody in self.candidates()? {
            match custody.probe() {
                Ok(()) => return Ok(custody),
                Err(error) => refused = refused.or(Some(error.at_login(custody.name()))),
            }
        }
        Err(refused.unwrap_or_else(|| Error::config("place", "the configuration allows no place for keys")))
    }

    /// The custody that a grant's key rests in. Only that one: a key that cannot be reached is never looked for elsewhere.
    pub(crate) fn of(&self, name: &str) -> Result<Arc<dyn Custody>> {
        if let Place::Custom(custom) = &self.allowed
            && custom.name() == name
        {
            return Ok(custom.clone());
        }
        self.known(name.parse()?)
    }

    fn candidates(&self) -> Result<Vec<Arc<dyn Custody>>> {
        match &self.allowed {
            Place::Auto => Ok(vec![self.known(PlaceName::Os)?]),
            Place::Only(places) => places.iter().map(|place| self.known(*place)).collect(),
            Place::Custom(custom) => Ok(vec![custom.clone()]),
        }
    }

    fn known(&self, name: PlaceName) -> Result<Arc<dyn Custody>> {
        let custody: Arc<dyn Custody> = match name {
            PlaceName::Memory => self.memory.clone(),
            #[cfg(feature = "os-store")]
            PlaceName::Os => Arc::new(super::OsStore),
            #[cfg(not(feature = "os-store"))]
            PlaceName::Os => {
                let message = "this program was built without the OS's secure store";
                return Err(Error::new(ErrorKind::Custody, message).with(Remedy::ChoosePlace));
            }
        };
        Ok(Arc::new(Remembering { custody, home: self.home.clone(), clock: self.clock.clone() }))
    }
}

/// Whether `name` can name a custody in the index: 1 to 64 visible ASCII characters, no path.
pub(crate) fn is_place_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'\\')
}

fn not_allowed(wanted: &str) -> Error {
    let wanted = crate::text::quoted(wanted);
    Error::new(ErrorKind::Config, format!("this program does not allow custody \"{wanted}\"")).with(Remedy::ChoosePlace)
}
