//! [`FolderHandle`]: a folder by handle (Unix). Every file is reached through the folder that was checked.

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
pub(super) struct FolderHandle(OwnedFd);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// NONBLOCK, so that a named pipe in place of a file cannot block us; it has no effect on a regular file.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

impl FolderHandle {
    pub(super) fn open(path: &Path) -> Result<Self, Refused> {
        Self::checked(openat(CWD, path, FOLDER, Mode::empty()), path)
    }

    pub(super) fn open_inner(&self, name: &str, path: &Path) -> Result<Self, Refused> {
        Self::checked(openat(&self.0, name, FOLDER, Mode::empty()), path)
    }

    pub(super) fn create_inner(&self, name: &str) -> io::Result<()> {
        create_private(&self.0, Path::new(name))
    }

    fn checked(opened: Result<OwnedFd, Errno>, path: &Path) -> Result<Self, Refused> {
        let (handle, mode) = Self::owned(opened, path)?;
        forbid(mode & 0o022, mode, "write to", private_mode(path, mode))?;
        // A folder that was copied, or came out of a repository, can be read by others.
        forbid(mode & 0o077, mode, "read", private_mode(path, mode))?;
        Ok(handle)
    }

    /// Returns the folder and its mode, if it belongs to this user.
    fn owned(opened: Result<OwnedFd, Errno>, path: &Path) -> Result<(Self, RawMode), Refused> {
        let handle = opened.map_err(|error| why_not_opened(path, error.into()))?;
        let stat = fstat(&handle).map_err(io::Error::from)?;
        match stat.st_uid == geteuid().as_raw() {
            true => Ok((Self(handle), stat.st_mode)),
            false => Err(Refused::Owner(name_of_user(stat.st_uid))),
        }
    }

    /// Makes a folder and its files private if other users can read but not write them. Returns what was not private.
    pub(super) fn tighten(path: &Path) -> Result<Vec<PathBuf>, Refused> {
        let (handle, mode) = Self::owned(openat(CWD, path, FOLDER, Mode::empty()), path)?;
        forbid(mode & 0o022, mode, "write to", private_mode(path, mode))?;
        let mut tightened = Vec::new();
        if mode & 0o077 != 0 {
            make_private(&handle.0, mode)?;
            tightened.push(path.to_owned());
        }
        for name in handle.names(path)? {
            // What is no file, or may not be opened, is not ours to change.
            let Ok(opened) = openat(&handle.0, &*name, OFlags::RDONLY | FILE, Mode::empty()) else { continue };
            let stat = fstat(&opened).map_err(io::Error::from)?;
            if is_own_file(&stat) && stat.st_mode & 0o077 != 0 && stat.st_mode & 0o022 == 0 {
                make_private(&opened, stat.st_mode)?;
                tightened.push(path.join(&name));
            }
        }
        Ok(tightened)
    }

    /// Opens a folder that others may read, but not write.
    pub(super) fn open_shared(path: &Path) -> Result<Self, Refused> {
        let (handle, mode) = Self::owned(openat(CWD, path, FOLDER, Mode::empty()), path)?;
        forbid(mode & 0o022, mode, "write to", private_mode(path, mode)).map(|()| handle)
    }

    /// Opens a folder that the system may own as well.
    pub(super) fn open_credentials(path: &Path) -> Result<Self, Refused> {
        let handle = openat(CWD, path, FOLDER, Mode::empty()).map_err(|error| why_not_opened(path, error.into()))?;
        let stat = fstat(&handle).map_err(io::Error::from)?;
        is_trusted(stat.st_uid)?;
        forbid(stat.st_mode & 0o022, stat.st_mode, "write to", None).map(|()| Self(handle))
    }

    /// Opens a file of [`open_credentials`](Self::open_credentials). On a file of the system, the group's rights may show an access control
    /// list, by which systemd lets the service read.
    pub(super) fn credential(&self, name: &str) -> Result<File, Refused> {
        let file = File::from(openat(&self.0, name, FILE, Mode::empty()).map_err(io::Error::from)?);
        let stat = fstat(&file).map_err(io::Error::from)?;
        is_trusted(stat.st_uid)?;
        let others = if stat.st_uid == 0 { 0o027 } else { 0o077 };
        forbid(stat.st_mode & others, stat.st_mode, "read", None).map(|()| file)
    }

    pub(super) fn other_owner(path: &Path) -> io::Result<Option<String>> {
        let owner = std::fs::symlink_metadata(path)?.uid();
        Ok((owner != geteuid().as_raw()).then(|| name_of_user(owner)))
    }

    /// Creates the folder, and those around it that are missing.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        let missing: Vec<_> = path.ancestors().take_while(|folder| is_missing(folder)).collect();
        missing.into_iter().rev().try_for_each(|folder| create_private(CWD, folder))
    }

    /// Returns the user in whose folder `path` would lie, if this process is root and that user is not: that user could neither read nor
    /// remove what root creates there.
    pub(super) fn other_owner_above(path: &Path) -> Option<String> {
        if !geteuid().is_root() {
            return None;
        }
        let mut owners = path.ancestors().filter_map(|folder| Some(folder.metadata().ok()?.uid()));
        owners.find(|owner| ![0, UNKNOWN_OWNER].contains(owner)).map(name_of_user)
    }

    pub(super) fn read_only(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::RDONLY)
    }

    /// Refuses a file that others can read.
    pub(super) fn private(&self, name: &str) -> Result<File, Refused> {
        let file = self.file(name, OFlags::RDONLY)?;
        let mode = fstat(&file).map_err(io::Error::from)?.st_mode;
        forbid(mode & 0o077, mode, "read", Some(0o600)).map(|()| file)
    }

    /// Refuses a file that others can write.
    pub(super) fn unwritable(&self, name: &str) -> Result<File, Refused> {
        let file = self.file(name, OFlags::RDONLY)?;
        let mode = fstat(&file).map_err(io::Error::from)?.st_mode;
        forbid(mode & 0o022, mode, "write to", Some(0o600)).map(|()| file)
    }

    pub(super) fn names(&self, _path: &Path) -> io::Result<Vec<String>> {
        let names = Dir::read_from(&self.0)?.map(file_name);
        names.filter(|name| !matches!(name.as_deref(), Ok("." | ".."))).collect()
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

    /// Takes the blocks of a file up to `length` bytes without writing them. Returns whether the system can do that.
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
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(Io::InvalidInput, "it is not a regular file"));
        }
        if stat.st_uid != geteuid().as_raw() {
            let why = format!("it belongs to {}, not to the user of this process", name_of_user(stat.st_uid));
            return Err(io::Error::new(Io::InvalidInput, why));
        }
        // A umask may take the owner's rights to a new file: the next process could not open it.
        if flags.contains(OFlags::CREATE) && stat.st_size == 0 && !Mode::from_raw_mode(stat.st_mode).contains(own) {
            fchmod(&file, own)?;
        }
        Ok(File::from(file))
    }
}

/// Linux shows this owner if the namespace does not know the real one.
const UNKNOWN_OWNER: u32 = if cfg!(target_os = "linux") { 65_534 } else { 0 };

fn is_missing(folder: &Path) -> bool {
    folder.metadata().is_err_and(|error| error.kind() == Io::NotFound)
}

/// Creates a folder for its owner alone, who can enter it whatever the umask.
fn create_private(parent: impl AsFd, folder: &Path) -> io::Result<()> {
    match mkdirat(&parent, folder, Mode::RWXU) {
        Err(Errno::EXIST) => return Ok(()),
        done => done?,
    }
    let changed = match openat(&parent, folder, FOLDER, Mode::empty()) {
        Ok(handle) => fchmod(&handle, Mode::RWXU),
        // The umask does not even let the owner open it.
        Err(Errno::ACCESS) => chmodat(&parent, folder, Mode::RWXU, AtFlags::empty()),
        Err(error) => Err(error),
    };
    Ok(changed?)
}

fn make_private(opened: &OwnedFd, mode: RawMode) -> io::Result<()> {
    Ok(fchmod(opened, Mode::from_raw_mode(mode & 0o700))?)
}

fn file_name(entry: Result<DirEntry, Errno>) -> io::Result<String> {
    Ok(entry?.file_name().to_string_lossy().into_owned())
}

fn is_own_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_uid == geteuid().as_raw()
}

/// The error for a symbolic link differs between systems, so the path itself is checked.
fn why_not_opened(path: &Path, error: io::Error) -> Refused {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_symlink() => Refused::Symlink,
        Ok(metadata) if !metadata.is_dir() => Refused::NotAFolder,
        _ => Refused::Io(error),
    }
}

/// Returns the mode that makes a folder private; `None` if others need it: the root, and shared folders like `/tmp`.
fn private_mode(path: &Path, mode: RawMode) -> Option<u32> {
    let is_shared = path.parent().is_none() || mode & Mode::SVTX.as_raw_mode() != 0;
    (!is_shared).then_some(0o700)
}

fn forbid(bits: RawMode, mode: RawMode, may: &'static str, private_mode: Option<u32>) -> Result<(), Refused> {
    match bits {
        0 => Ok(()),
        _ => Err(Refused::Open { may, mode: format!("{:o}", mode & 0o777), private_mode }),
    }
}

fn is_trusted(owner: u32) -> Result<(), Refused> {
    let is_ours = owner == 0 || owner == geteuid().as_raw();
    if is_ours { Ok(()) } else { Err(Refused::Foreign(name_of_user(owner))) }
}
