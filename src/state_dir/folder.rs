//! [`Folder`]: one folder, held open; its files are read, written and locked through it.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind as Io, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::Handle;
use super::refused::{Refused, failed};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::system::clock::{Deadline, pause};
use crate::system::failpoint::reached;

/// One folder, held open.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    pub(super) handle: Handle,
}

/// A held lock; dropping it, or the death of the process, frees it. Its file can hold a number, for whoever holds it next.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        match Handle::open(path) {
            Ok(handle) => Ok(Some(Self { path: path.to_owned(), handle })),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(refused) => Err(refused.into_error(path)),
        }
    }

    /// A folder within this one, reached through it.
    pub(super) fn inner(&self, name: &str) -> Result<Option<Self>> {
        let path = self.path.join(name);
        match self.handle.open_inner(name, &path) {
            Ok(handle) => Ok(Some(Self { path, handle })),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(refused) => Err(refused.into_error(&path)),
        }
    }

    /// The whole file, in a buffer that is wiped, or `None` where there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        match self.handle.read_only(name).and_then(read_whole) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == Io::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path.join(name), error)),
        }
    }

    /// As [`read`](Self::read), and refuses a file that others can read.
    pub(crate) fn read_private(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let path = self.path.join(name);
        match self.handle.private(name) {
            Ok(file) => read_whole(file).map(Some).map_err(|error| failed("read", &path, error)),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(Refused::Io(error)) => Err(failed("read", &path, error)),
            Err(refused) => Err(refused.into_error(&path)),
        }
    }

    /// The names of the files, in no order.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        self.handle.names(&self.path).map_err(|error| failed("read", &self.path, error))
    }

    /// Writes the file in place and through to the disk. Room that the file already takes is room that the new content has: it
    /// is cut to the new length, never emptied. Cut first, so that whatever is written whole is nothing but itself.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_with_room(name, bytes, 0)
    }

    /// As [`write`](Self::write), and takes room for `room` bytes in all: what the file has beyond its content reads as zeros.
    pub(crate) fn write_with_room(&self, name: &str, bytes: &[u8], room: usize) -> Result<()> {
        let write = || -> io::Result<()> {
            let length = bytes.len().max(room) as u64;
            if length > LIMIT {
                return Err(io::Error::new(Io::FileTooLarge, "larger than what could be read again"));
            }
            let mut file = self.handle.read_write(name)?;
            let before = file.metadata()?.len();
            if before > length {
                file.set_len(length)?;
            }
            reached("opened");
            // Two pieces, so that a test can die between them as a power cut would.
            let (half, rest) = bytes.split_at(bytes.len() / 2);
            file.write_all(half)?;
            reached("half written");
            file.write_all(rest)?;
            if room > bytes.len() && !Handle::takes_room(&file, length)? {
                // Zeros take room everywhere.
                io::copy(&mut io::repeat(0).take(length - bytes.len() as u64), &mut file)?;
            }
            reached("written");
            file.sync_all()?;
            if before == 0 {
                // A file that was not there may be gone after a power cut, however well its content was written.
                self.handle.sync()?;
            }
            reached("synced");
            Ok(())
        };
        write().map_err(|error| failed("write", &self.path.join(name), error))
    }

    /// Moves `from` over `to` in one step, and the fact through to the disk.
    pub(crate) fn publish(&self, from: &str, to: &str) -> Result<()> {
        let publish = || -> io::Result<()> {
            self.handle.rename(from, to)?;
            reached("renamed");
            self.handle.sync()?;
            reached("published");
            Ok(())
        };
        publish().map_err(|error| failed("write", &self.path.join(to), error))
    }

    /// Removes the file; says whether there was one.
    pub(crate) fn remove(&self, name: &str) -> Result<bool> {
        match self.handle.remove(name) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == Io::NotFound => Ok(false),
            Err(error) => Err(failed("remove", &self.path.join(name), error)),
        }
    }

    /// Takes the lock if it is free. Lock files are never unlinked: two processes must always meet at one file.
    pub(crate) fn try_lock(&self, name: &str) -> Result<Option<Lock>> {
        let path = || self.path.join(name);
        let file = self.handle.read_write(name).map_err(|error| failed("open", &path(), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path(), error)),
        }
    }

    /// Takes the lock, waiting at most `timeout`; `None` where another process has it all the while.
    pub(crate) fn lock(&self, name: &str, timeout: Duration) -> Result<Option<Lock>> {
        let deadline = Deadline::after(timeout);
        loop {
            match self.try_lock(name)? {
                None if !deadline.has_passed() => pause(Duration::from_millis(5)),
                done => return Ok(done),
            }
        }
    }

    /// The error of a wait that came to its end. `known`: the process that was last seen at work, and what it began.
    pub(crate) fn still_locked(&self, name: &str, timeout: Duration, known: Option<(u32, String)>) -> Error {
        let (path, waited) = (self.path.join(name), timeout.as_secs());
        let (pid, told) = known.map_or((None, String::new()), |(pid, told)| (Some(pid), format!("; {told}")));
        let message = format!("another process holds {} (waited {waited} s{told}): is it stopped?", path.display());
        Error::new(ErrorKind::Custody, message).with(Remedy::OtherProcess { pid })
    }

    /// Sets the file's time to `now`, unless that was done within the last hour. A mark that cannot be made is no error.
    pub(crate) fn mark(&self, name: &str, now: SystemTime) {
        let mark = || -> io::Result<()> {
            let last = self.handle.read_only(name)?.metadata()?.modified()?;
            match last <= now && now <= last + Duration::from_secs(3600) {
                true => Ok(()),
                false => self.handle.read_write(name)?.set_modified(now),
            }
        };
        let _ = mark();
    }

    /// Where a file of this folder lies, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Lock {
    /// The number that the last holder left.
    pub(crate) fn number(&self) -> Option<u64> {
        let mut text = String::new();
        (&self.file).seek(SeekFrom::Start(0)).ok()?;
        (&self.file).take(DIGITS as u64).read_to_string(&mut text).ok()?;
        text.parse().ok()
    }

    /// Leaves a number. Not through to the disk, and no error where it cannot be left: after a crash it may be an older one.
    pub(crate) fn leave(&self, number: u64) {
        let leave = || -> io::Result<()> {
            (&self.file).seek(SeekFrom::Start(0))?;
            (&self.file).write_all(format!("{number:0DIGITS$}").as_bytes())
        };
        let _ = leave();
    }
}

pub(super) fn read_whole(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.metadata()?.len().min(LIMIT) as usize + 1));
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= LIMIT {
        true => Ok(bytes),
        false => Err(io::Error::new(Io::FileTooLarge, "larger than anything hallpass writes")),
    }
}

/// The largest file that is read, in bytes.
const LIMIT: u64 = 4 << 20;

/// The digits of any `u64`.
const DIGITS: usize = 20;
