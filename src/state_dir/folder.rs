//! [`Folder`]: one folder, held open; its files are read, written and locked through it.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind as Io, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::FolderHandle;
use super::refused::{Refused, failed};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::system::clock::{Deadline, pause};
use crate::system::failpoint::reached;

/// One folder, held open.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    pub(super) handle: FolderHandle,
}

/// A held lock. Dropping it, or the death of the process, frees it. Its file can hold a number for the next holder.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        match FolderHandle::open(path) {
            Ok(handle) => Ok(Some(Self { path: path.to_owned(), handle })),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(refused) => Err(refused.into_error(path)),
        }
    }

    /// Opens a folder within this one, through its handle.
    pub(super) fn inner(&self, name: &str) -> Result<Option<Self>> {
        let path = self.path.join(name);
        match self.handle.open_inner(name, &path) {
            Ok(handle) => Ok(Some(Self { path, handle })),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(refused) => Err(refused.into_error(&path)),
        }
    }

    /// Reads the whole file into a buffer that is wiped. Returns `None` if the file does not exist.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        match self.handle.read_only(name).and_then(read_whole) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == Io::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path.join(name), error)),
        }
    }

    /// Reads like [`read`](Self::read), and refuses a file that others can read.
    pub(crate) fn read_private(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let path = self.path.join(name);
        match self.handle.private(name) {
            Ok(file) => read_whole(file).map(Some).map_err(|error| failed("read", &path, error)),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(Refused::Io(error)) => Err(failed("read", &path, error)),
            Err(refused) => Err(refused.into_error(&path)),
        }
    }

    /// Returns the names of the files, in no order.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        self.handle.names(&self.path).map_err(|error| failed("read", &self.path, error))
    }

    /// Writes the file in place, durably. The new content uses the room that the file already takes: the file is cut to the new length,
    /// never emptied. It is cut first, so that a complete write leaves nothing of the old content.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_with_room(name, bytes, 0)
    }

    /// Writes like [`write`](Self::write), and takes room for `room` bytes in all: the file reads as zeros beyond its content.
    pub(crate) fn write_with_room(&self, name: &str, bytes: &[u8], room: usize) -> Result<()> {
        self.try_write(name, bytes, room).map_err(|error| failed("write", &self.path.join(name), error))
    }

    fn try_write(&self, name: &str, bytes: &[u8], room: usize) -> io::Result<()> {
        let length = bytes.len().max(room) as u64;
        if length > MAX_LENGTH {
            return Err(io::Error::new(Io::FileTooLarge, "larger than what could be read again"));
        }
        let mut file = self.handle.read_write(name)?;
        let before = file.metadata()?.len();
        if before > length {
            file.set_len(length)?;
        }
        reached("opened");
        // Two pieces, so that a test can kill the process between them as a power cut would.
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(half)?;
        reached("half written");
        file.write_all(rest)?;
        if room > bytes.len() && !FolderHandle::takes_room(&file, length)? {
            // Zeros take room everywhere.
            io::copy(&mut io::repeat(0).take(length - bytes.len() as u64), &mut file)?;
        }
        reached("written");
        file.sync_all()?;
        if before == 0 {
            // A new file may be gone after a power cut, even if its content was synced.
            self.handle.sync()?;
        }
        reached("synced");
        Ok(())
    }

    /// Renames `from` to `to` in one step, durably.
    pub(crate) fn publish(&self, from: &str, to: &str) -> Result<()> {
        self.try_publish(from, to).map_err(|error| failed("write", &self.path.join(to), error))
    }

    fn try_publish(&self, from: &str, to: &str) -> io::Result<()> {
        self.handle.rename(from, to)?;
        reached("renamed");
        self.handle.sync()?;
        reached("published");
        Ok(())
    }

    /// Removes the file, and returns whether it existed.
    pub(crate) fn remove(&self, name: &str) -> Result<bool> {
        match self.handle.remove(name) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == Io::NotFound => Ok(false),
            Err(error) => Err(failed("remove", &self.path.join(name), error)),
        }
    }

    /// Takes the lock if it is free. Lock files are never unlinked: two processes must always meet at one file.
    pub(crate) fn try_lock(&self, name: &str) -> Result<Option<Lock>> {
        let file = self.handle.read_write(name).map_err(|error| failed("open", &self.path_of(name), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("lock", &self.path_of(name), error)),
        }
    }

    /// Takes the lock, waiting at most `timeout`. Returns `None` if another process holds it all that time.
    pub(crate) fn lock(&self, name: &str, timeout: Duration) -> Result<Option<Lock>> {
        let deadline = Deadline::after(timeout);
        loop {
            match self.try_lock(name)? {
                None if !deadline.has_passed() => pause(Duration::from_millis(5)),
                done => return Ok(done),
            }
        }
    }

    /// Returns the error of a wait that timed out. `holder`: the process that was last seen at work, and what it began.
    pub(crate) fn still_locked(&self, name: &str, timeout: Duration, holder: Option<(u32, String)>) -> Error {
        let (path, waited) = (self.path.join(name), timeout.as_secs());
        let (pid, begun) = holder.map_or((None, String::new()), |(pid, begun)| (Some(pid), format!("; {begun}")));
        let message = format!("another process holds {} (waited {waited} s{begun}): is it stopped?", path.display());
        Error::new(ErrorKind::Custody, message).with(Remedy::OtherProcess { pid })
    }

    /// Sets the file's time to `now`, unless that was done within the last hour. A failure is ignored.
    pub(crate) fn touch(&self, name: &str, now: SystemTime) {
        let _ = self.try_touch(name, now);
    }

    /// Returns the file's time; `None` if there is no such file.
    pub(crate) fn touched(&self, name: &str) -> Option<SystemTime> {
        self.handle.read_only(name).ok()?.metadata().ok()?.modified().ok()
    }

    fn try_touch(&self, name: &str, now: SystemTime) -> io::Result<()> {
        let last = self.handle.read_only(name)?.metadata()?.modified()?;
        match last <= now && now <= last + Duration::from_secs(3600) {
            true => Ok(()),
            false => self.handle.read_write(name)?.set_modified(now),
        }
    }

    /// Returns the path of a file in this folder, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Lock {
    /// Returns the number that the last holder wrote.
    pub(crate) fn read_number(&self) -> Option<u64> {
        let mut text = String::new();
        (&self.file).seek(SeekFrom::Start(0)).ok()?;
        (&self.file).take(DIGITS as u64).read_to_string(&mut text).ok()?;
        text.parse().ok()
    }

    /// Writes a number for the next holder. It is not synced, and a failure is ignored: after a crash the number may be an older one.
    pub(crate) fn write_number(&self, number: u64) {
        if (&self.file).seek(SeekFrom::Start(0)).is_ok() {
            let _ = (&self.file).write_all(format!("{number:0DIGITS$}").as_bytes());
        }
    }

    /// Returns the text that the last holder left in the lock's file.
    pub(crate) fn read_text(&self) -> Option<String> {
        let mut text = String::new();
        (&self.file).seek(SeekFrom::Start(0)).ok()?;
        (&self.file).take(MAX_LENGTH).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Leaves a text for the next holder, in place. It is not synced, and a failure is ignored: half of it, or none, may be left.
    pub(crate) fn write_text(&self, text: &str) {
        let was_longer = self.file.metadata().is_ok_and(|file| file.len() > text.len() as u64);
        if (&self.file).seek(SeekFrom::Start(0)).is_ok()
            && (&self.file).write_all(text.as_bytes()).is_ok()
            && was_longer
        {
            let _ = self.file.set_len(text.len() as u64);
        }
    }
}

pub(super) fn read_whole(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.metadata()?.len().min(MAX_LENGTH) as usize + 1));
    file.take(MAX_LENGTH + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= MAX_LENGTH {
        true => Ok(bytes),
        false => Err(io::Error::new(Io::FileTooLarge, "larger than anything hallpass writes")),
    }
}

/// The largest file that is read, in bytes.
const MAX_LENGTH: u64 = 4 << 20;

/// The number of digits of any `u64`.
const DIGITS: usize = 20;
