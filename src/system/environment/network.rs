//! What the environment says about proxies and TLS roots.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::model::error::Remedy;
use crate::model::secret::Secret;
use crate::model::setting::Setting;

/// The name and value of a variable that names a proxy. The value may contain a password.
pub(crate) type ProxyVariable = (&'static str, Secret);

/// The variables of proxies. Like an app's own, an empty one counts as unset.
#[derive(Debug, Default)]
pub(crate) struct ProxyVariables {
    pub(crate) https: Option<ProxyVariable>,
    pub(crate) http: Option<ProxyVariable>,
    /// For requests that the other two do not cover.
    pub(crate) all: Option<ProxyVariable>,
    /// `NO_PROXY`: the hosts that are reached directly.
    pub(crate) except: String,
}

impl ProxyVariables {
    /// Reads the variables as they are now.
    pub(crate) fn read() -> Self {
        Self::from(&super::variable)
    }

    fn from(get: &dyn Fn(&str) -> Option<OsString>) -> Self {
        Self {
            https: proxy(["HTTPS_PROXY", "https_proxy"], get),
            http: proxy(["HTTP_PROXY", "http_proxy"], get),
            all: proxy(["ALL_PROXY", "all_proxy"], get),
            except: first_set(["NO_PROXY", "no_proxy"], get).map(|(_, hosts)| hosts).unwrap_or_default(),
        }
    }
}

fn proxy(names: [&'static str; 2], get: &dyn Fn(&str) -> Option<OsString>) -> Option<ProxyVariable> {
    first_set(names, get).map(|(name, value)| (name, Secret::new(value)))
}

fn first_set(names: [&'static str; 2], get: &dyn Fn(&str) -> Option<OsString>) -> Option<(&'static str, String)> {
    let mut set = names.into_iter().filter_map(|name| Some((name, get(name).filter(|value| !value.is_empty())?)));
    set.next().map(|(name, value)| (name, value.to_string_lossy().trim().to_owned()))
}

/// Returns why TLS has no roots, or fewer than it should, and what helps. Windows and macOS have their own roots and read no variable.
pub(crate) fn roots_trouble() -> Option<(String, Remedy)> {
    let names: &[_] = if cfg!(any(windows, target_os = "macos")) { &[] } else { &["SSL_CERT_FILE", "SSL_CERT_DIR"] };
    names.iter().find_map(|name| variable_trouble(name)).or_else(|| {
        // The system's own roots fail to load if no more files can be opened.
        let error = File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).err()?;
        is_out_of_files(&error).then(|| (error.to_string(), Remedy::RaiseLimit))
    })
}

fn variable_trouble(name: &'static str) -> Option<(String, Remedy)> {
    let value = unfiltered(name)?;
    let is_folder = name == "SSL_CERT_DIR";
    // A line break at the end would be invisible, and the path would look right.
    let text = value.to_string_lossy().replace('\r', "\\r").replace('\n', "\\n");
    let paths = if is_folder { std::env::split_paths(&value).collect() } else { vec![value.into()] };
    let error = paths.iter().find_map(|path| check_readable(path, is_folder).err())?;
    let why = match error.kind() {
        _ if is_out_of_files(&error) => return Some((error.to_string(), Remedy::RaiseLimit)),
        _ if text.is_empty() => format!("{name} is empty"),
        io::ErrorKind::NotFound => format!("{name} names {text}, which does not exist"),
        _ => format!("{name} names {text}, which cannot be read ({error})"),
    };
    Some((why, Remedy::FixConfig { setting: Setting::Variable(name) }))
}

/// Returns whether a system call failed because this process, or the machine, has too many files open.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    // ENFILE and EMFILE, which have the same numbers on every Unix.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

#[allow(clippy::disallowed_methods, reason = "this folder may look at what the environment names")]
fn check_readable(path: &Path, is_folder: bool) -> io::Result<()> {
    match is_folder {
        true => std::fs::read_dir(path).map(drop),
        false if File::open(path)?.metadata()?.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(()),
    }
}

/// Returns a variable with its line break, and an empty one too, as the crate that loads the roots reads it.
#[allow(clippy::disallowed_methods, reason = "this folder may read the environment")]
fn unfiltered(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_does_not_hide_the_other_spelling() {
        let set = |pairs: &'static [(&str, &str)]| {
            let get = |name: &str| pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value));
            let ProxyVariables { https, http, all, except } = ProxyVariables::from(&get);
            let expose =
                |variable: Option<ProxyVariable>| variable.map(|(name, value)| format!("{name}={}", value.expose()));
            ([https, http, all].map(expose), except)
        };
        let (found, except) =
            set(&[("HTTPS_PROXY", ""), ("https_proxy", "a\r\n"), ("ALL_PROXY", "b"), ("all_proxy", "c")]);
        assert_eq!(found, [Some("https_proxy=a".into()), None, Some("ALL_PROXY=b".into())]);
        assert_eq!(except, "");
        assert_eq!(set(&[("NO_PROXY", ""), ("no_proxy", "x"), ("HTTP_PROXY", "d")]).1, "x");
    }
}
