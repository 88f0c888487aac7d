//! [`Log`]: a file that only grows, by whole lines.

use std::fs::File;
use std::io::{self, ErrorKind as Io, Read, Seek, SeekFrom, Write};

use super::folder::Folder;
use super::refused::failed;
use crate::model::error::Result;
use crate::system::failpoint::reached;

/// An open file of lines. Nothing of it is ever written over.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    /// Whether the file was empty, and so may be new.
    is_new: bool,
}

impl Folder {
    /// Opens the file to read it. Returns `None` if it does not exist.
    pub(crate) fn open_log(&self, name: &str) -> Result<Option<Log>> {
        match self.handle.read_only(name) {
            Ok(file) => Ok(Some(Log { file, is_new: false })),
            Err(error) if error.kind() == Io::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path_of(name), error)),
        }
    }

    /// Opens the file to add to it, and creates it if it is missing.
    pub(crate) fn extend_log(&self, name: &str) -> io::Result<Log> {
        let file = self.handle.read_write(name)?;
        let is_new = file.metadata()?.len() == 0;
        Ok(Log { file, is_new })
    }

    /// Makes the entries of new files durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.handle.sync()
    }
}

impl Log {
    /// Returns its length in bytes.
    pub(crate) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Returns at most `length` bytes from `offset` on, fewer at the end of the file.
    pub(crate) fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        (&self.file).seek(SeekFrom::Start(offset))?;
        (&self.file).take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Adds lines at the end, in one write.
    pub(crate) fn append(&self, lines: &[u8]) -> io::Result<()> {
        (&self.file).seek(SeekFrom::End(0))?;
        reached("line begun");
        // Two pieces, so that a test can kill the process between them as a power cut would.
        if cfg!(all(debug_assertions, feature = "testing", unix)) {
            let (half, rest) = lines.split_at(lines.len() / 2);
            (&self.file).write_all(half)?;
            reached("line half written");
            (&self.file).write_all(rest)?;
        } else {
            (&self.file).write_all(lines)?;
        }
        reached("line written");
        Ok(())
    }

    /// Makes what was added durable, with the file's entry in `folder` if it is new.
    pub(crate) fn sync(&self, folder: &Folder) -> io::Result<()> {
        self.file.sync_data()?;
        if self.is_new { folder.sync() } else { Ok(()) }
    }

    /// Cuts off what a write that failed has left behind.
    pub(crate) fn cut(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
}
