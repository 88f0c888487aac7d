//! What the environment says of proxies and TLS roots.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::model::error::Remedy;
use crate::model::secret::Secret;

/// A variable that names a proxy, by the name that it has here. Its value may hold a password.
pub(crate) type ProxyVariable = (&'static str, Secret);

/// The variables of proxies. Like an app's own, an empty one counts as unset.
#[derive(Debug, Default)]
pub(crate) struct ProxyVariables {
    pub(crate) https: Option<ProxyVariable>,
    pub(crate) http: Option<ProxyVariable>,
    /// For what the other two do not name.
    pub(crate) all: Option<ProxyVariable>,
    /// `NO_PROXY`: the hosts that are asked directly.
    pub(crate) except: String,
}

impl ProxyVariables {
    /// As they are now.
    pub(crate) fn read() -> Self {
        Self::from(&super::variable)
    }

    fn from(get: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let first = |names: [&'static str; 2]| {
            let set = names.into_iter().find_map(|name| Some((name, get(name).filter(|value| !value.is_empty())?)));
            set.map(|(name, value)| (name, value.to_string_lossy().trim().to_owned()))
        };
        let proxy = |names| first(names).map(|(name, value)| (name, Secret::new(value)));
        Self {
            https: proxy(["HTTPS_PROXY", "https_proxy"]),
            http: proxy(["HTTP_PROXY", "http_proxy"]),
            all: proxy(["ALL_PROXY", "all_proxy"]),
            except: first(["NO_PROXY", "no_proxy"]).map(|(_, hosts)| hosts).unwrap_or_default(),
        }
    }
}

/// Why TLS has no roots, or fewer than it should, and what to do. Windows and macOS have roots of their own and read no variable.
pub(crate) fn roots_trouble() -> Option<(String, Remedy)> {
    let of_variable = |name: &'static str, value: OsString| {
        // A line break at its end would not show, and the path would look right.
        let text = value.to_string_lossy().replace('\r', "\\r").replace('\n', "\\n");
        let paths = if name == "SSL_CERT_DIR" { std::env::split_paths(&value).collect() } else { vec![value.into()] };
        let error = paths.iter().find_map(|path| readable(path, name == "SSL_CERT_DIR").err())?;
        let (why, remedy) = match error.kind() {
            _ if is_out_of_files(&error) => return Some((error.to_string(), Remedy::RaiseLimit)),
            _ if text.is_empty() => (format!("{name} is empty"), Remedy::FixConfig { field: name }),
            io::ErrorKind::NotFound => {
                (format!("{name} names {text}, which does not exist"), Remedy::FixConfig { field: name })
            }
            _ => (format!("{name} names {text}, which cannot be read ({error})"), Remedy::FixConfig { field: name }),
        };
        Some((why, remedy))
    };
    let names: &[_] = if cfg!(any(windows, target_os = "macos")) { &[] } else { &["SSL_CERT_FILE", "SSL_CERT_DIR"] };
    let mut set = names.iter().copied().filter_map(|name| Some((name, as_it_is(name)?)));
    set.find_map(|(name, value)| of_variable(name, value)).or_else(|| {
        // The system's own roots fail to load where no more files can be opened.
        let error = File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).err()?;
        is_out_of_files(&error).then(|| (error.to_string(), Remedy::RaiseLimit))
    })
}

/// Whether a system call failed because this process, or the machine, has too many files open.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    // ENFILE and EMFILE, which have the same numbers on every Unix.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

#[allow(clippy::disallowed_methods, reason = "this folder may look at what the environment names")]
fn readable(path: &Path, is_folder: bool) -> io::Result<()> {
    match is_folder {
        true => std::fs::read_dir(path).map(drop),
        false if File::open(path)?.metadata()?.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(()),
    }
}

/// A variable with its line break, and an empty one too: as the crate that loads the roots reads it.
#[allow(clippy::disallowed_methods, reason = "this folder may read the environment")]
fn as_it_is(name: &str) -> Option<OsString> {
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
            let told =
                |variable: Option<ProxyVariable>| variable.map(|(name, value)| format!("{name}={}", value.expose()));
            ([https, http, all].map(told), except)
        };
        let (found, except) =
            set(&[("HTTPS_PROXY", ""), ("https_proxy", "a\r\n"), ("ALL_PROXY", "b"), ("all_proxy", "c")]);
        assert_eq!(found, [Some("https_proxy=a".into()), None, Some("ALL_PROXY=b".into())]);
        assert_eq!(except, "");
        assert_eq!(set(&[("NO_PROXY", ""), ("no_proxy", "x"), ("HTTP_PROXY", "d")]).1, "x");
    }
}
