//! Folders by handle: every file is reached through the folder that was checked.

use std::fs::File;
use std::io::{self, ErrorKind as Io};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, DirEntry, FileType, Mode, OFlags, RawMode, Stat, chmodat, fchmod, fstat, fsync, mkdirat, openat,
    renameat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::refused::Refused;
use crate::system::environment::name_of_user;

#[derive(Debug)]
pub(super) struct Handle(OwnedFd);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// NONBLOCK, so that a named pipe in place of a file cannot hold us; it means nothing for a regular file.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

impl Handle {
    pub(super) fn open(path: &Path) -> Result<Self, Refused> {
        Self::checked(openat(CWD, path, FOLDER, Mode::empty()), path)
    }

    pub(super) fn open_inner(&self, name: &str, path: &Path) -> Result<Self, Refused> {
        Self::checked(openat(&self.0, name, FOLDER, Mode::empty()), path)
    }

    pub(super) fn create_inner(&self, name: &str) -> io::Result<()> {
        made(&self.0, Path::new(name))
    }

    fn checked(opened: Result<OwnedFd, Errno>, path: &Path) -> Result<Self, Refused> {
        let (handle, mode) = Self::owned(opened, path)?;
        unless(mode & 0o022, mode, "write to", closing(path, mode))?;
        // A folder that was copied, or came out of a repository, is open to read.
        unless(mode & 0o077, mode, "read", closing(path, mode))?;
        Ok(handle)
    }

    /// The folder and its mode, where it is this user's.
    fn owned(opened: Result<OwnedFd, Errno>, path: &Path) -> Result<(Self, RawMode), Refused> {
        let handle = opened.map_err(|error| why_not_opened(path, error.into()))?;
        let stat = fstat(&handle).map_err(io::Error::from)?;
        match stat.st_uid == geteuid().as_raw() {
            true => Ok((Self(handle), stat.st_mode)),
            false => Err(Refused::Owner(name_of_user(stat.st_uid))),
        }
    }

    /// Closes a folder and its files to other users, where they can read them and not write; says what was open.
    pub(super) fn tighten(path: &Path) -> Result<Vec<PathBuf>, Refused> {
        let (handle, mode) = Self::owned(openat(CWD, path, FOLDER, Mode::empty()), path)?;
        unless(mode & 0o022, mode, "write to", closing(path, mode))?;
        let mut closed = Vec::new();
        let close = |opened: &OwnedFd, mode: RawMode| {
            fchmod(opened, Mode::from_raw_mode(mode & 0o700)).map_err(io::Error::from)
        };
        if mode & 0o077 != 0 {
            close(&handle.0, mode)?;
            closed.push(path.to_owned());
        }
        for name in handle.names(path)? {
            // What is no file, or may not be opened, is not ours to close.
            let Ok(opened) = openat(&handle.0, &*name, OFlags::RDONLY | FILE, Mode::empty()) else { continue };
            let stat = fstat(&opened).map_err(io::Error::from)?;
            if is_own_file(&stat) && stat.st_mode & 0o077 != 0 && stat.st_mode & 0o022 == 0 {
                close(&opened, stat.st_mode)?;
                closed.push(path.join(&name));
            }
        }
        Ok(closed)
    }

    /// A folder that the system may own as well.
    pub(super) fn open_credentials(path: &Path) -> Result<Self, Refused> {
        let handle = openat(CWD, path, FOLDER, Mode::empty()).map_err(|error| why_not_opened(path, error.into()))?;
        let stat = fstat(&handle).map_err(io::Error::from)?;
        is_trusted(stat.st_uid)?;
        unless(stat.st_mode & 0o022, stat.st_mode, "write to", None).map(|()| Self(handle))
    }

    /// A file of [`open_credentials`](Self::open_credentials). What looks like rights of a group on a file of the system's is how an
    /// access control list shows, by which systemd lets the service read.
    pub(super) fn credential(&self, name: &str) -> Result<File, Refused> {
        let file = File::from(openat(&self.0, name, FILE, Mode::empty()).map_err(io::Error::from)?);
        let stat = fstat(&file).map_err(io::Error::from)?;
        is_trusted(stat.st_uid)?;
        let others = if stat.st_uid == 0 { 0o027 } else { 0o077 };
        unless(stat.st_mode & others, stat.st_mode, "read", None).map(|()| file)
    }

    pub(super) fn other_owner(path: &Path) -> io::Result<Option<String>> {
        let owner = std::fs::symlink_metadata(path)?.uid();
        Ok((owner != geteuid().as_raw()).then(|| name_of_user(owner)))
    }

    /// Creates the folder, and those around it that are missing.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        let is_missing = |folder: &&Path| folder.metadata().is_err_and(|error| error.kind() == Io::NotFound);
        let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
        missing.into_iter().rev().try_for_each(|folder| made(CWD, folder))
    }

    /// The user in whose folders `path` would lie, where root is somebody else: what root keeps there, that user can neither read nor
    /// take away.
    pub(super) fn host_of(path: &Path) -> Option<String> {
        if !geteuid().is_root() {
            return None;
        }
        let mut owners = path.ancestors().filter_map(|folder| Some(folder.metadata().ok()?.uid()));
        owners.find(|owner| ![0, UNKNOWN].contains(owner)).map(name_of_user)
    }

    pub(super) fn read_only(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::RDONLY)
    }

    /// Refuses a file that others can read.
    pub(super) fn private(&self, name: &str) -> Result<File, Refused> {
        let file = self.file(name, OFlags::RDONLY)?;
        let mode = fstat(&file).map_err(io::Error::from)?.st_mode;
        unless(mode & 0o077, mode, "read", Some(0o600)).map(|()| file)
    }

    pub(super) fn names(&self, _path: &Path) -> io::Result<Vec<String>> {
        let entries = Dir::read_from(&self.0)?;
        let name = |entry: Result<DirEntry, Errno>| Ok(entry?.file_name().to_string_lossy().into_owned());
        entries.map(name).filter(|name| !matches!(name.as_deref(), Ok("." | ".."))).collect()
    }

    pub(super) fn read_write(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::RDWR | OFlags::CREATE)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.0)?)
    }

    /// Takes the blocks of a file up to `length` bytes without writing them, where the system can: says whether it could.
    #[cfg(target_os = "linux")]
    pub(super) fn takes_room(file: &File, length: u64) -> io::Result<bool> {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(file, FallocateFlags::empty(), 0, length) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(false),
            done => Ok(done.map(|()| true)?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn takes_room(_file: &File, _length: u64) -> io::Result<bool> {
        Ok(false)
    }

    fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let own = Mode::RUSR | Mode::WUSR;
        let file = openat(&self.0, name, flags | FILE, own)?;
        let stat = fstat(&file)?;
        let refused = |why: &str| Err(io::Error::new(Io::InvalidInput, why));
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return refused("it is not a regular file");
        }
        if stat.st_uid != geteuid().as_raw() {
            let owner = name_of_user(stat.st_uid);
            return refused(&format!("it belongs to {owner}, not to the user of this process"));
        }
        // A umask has taken the owner's rights to what was created just now: the next process would not get in.
        if flags.contains(OFlags::CREATE) && stat.st_size == 0 && !Mode::from_raw_mode(stat.st_mode).contains(own) {
            fchmod(&file, own)?;
        }
        Ok(File::from(file))
    }
}

/// Linux shows this owner where it is one that this namespace does not know.
const UNKNOWN: u32 = if cfg!(target_os = "linux") { 65_534 } else { 0 };

/// Creates a folder for its owner alone, who gets in whatever the umask.
fn made(around: impl AsFd, folder: &Path) -> io::Result<()> {
    match mkdirat(&around, folder, Mode::RWXU) {
        Err(Errno::EXIST) => return Ok(()),
        done => done?,
    }
    let closed = match openat(&around, folder, FOLDER, Mode::empty()) {
        Ok(handle) => fchmod(&handle, Mode::RWXU),
        // The umask does not even let its owner open it.
        Err(Errno::ACCESS) => chmodat(&around, folder, Mode::RWXU, AtFlags::empty()),
        Err(error) => Err(error),
    };
    Ok(closed?)
}

fn is_own_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_uid == geteuid().as_raw()
}

/// The kernel's word for a symbolic link differs between systems, so the link is looked at.
fn why_not_opened(path: &Path, error: io::Error) -> Refused {
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_symlink() => Refused::Symlink,
        Ok(there) if !there.is_dir() => Refused::NotAFolder,
        _ => Refused::Io(error),
    }
}

/// The mode that closes a folder; `None` of one that others need: the root, and one for all like `/tmp`.
fn closing(path: &Path, mode: RawMode) -> Option<u32> {
    let is_for_all = path.parent().is_none() || mode & Mode::SVTX.as_raw_mode() != 0;
    (!is_for_all).then_some(0o700)
}

fn unless(forbidden: RawMode, mode: RawMode, may: &'static str, closed: Option<u32>) -> Result<(), Refused> {
    if forbidden == 0 { Ok(()) } else { Err(Refused::Open { may, mode: format!("{:o}", mode & 0o777), closed }) }
}

fn is_trusted(owner: u32) -> Result<(), Refused> {
    let is_ours = owner == 0 || owner == geteuid().as_raw();
    if is_ours { Ok(()) } else { Err(Refused::Foreign(name_of_user(owner))) }
}
