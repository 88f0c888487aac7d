//! A small file system of a test's own, which fills up, or turns read-only as one does whose disk fails. Root's.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::needs::say;

pub(crate) struct Volume {
    folder: PathBuf,
    /// The file that the file system is in; `None` for one in memory.
    image: Option<PathBuf>,
}

/// True where the calling test has to be left out because this machine lets us make no such volume (not root, a container,
/// another kernel), which is then said aloud. Nothing that tests/all could install would help.
pub(crate) fn left_out(make: fn(&Path) -> Result<Volume, String>) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let Err(why) = make(&folder.path().join("volume")) else { return false };
    say(&format!("LEFT OUT: it needs a file system of its own: {why}"));
    true
}

impl Volume {
    /// A megabyte of memory.
    pub(crate) fn in_memory(folder: &Path) -> Result<Self, String> {
        fs::create_dir(folder).unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=1m,mode=755", "none", text(folder)])?;
        Ok(Self { folder: folder.to_owned(), image: None })
    }

    /// ext4, which turns read-only at its first error, files that are open for writing included.
    pub(crate) fn on_disk(folder: &Path) -> Result<Self, String> {
        fs::create_dir(folder).unwrap();
        let image = folder.with_extension("image");
        File::create(&image).unwrap().set_len(8 << 20).unwrap();
        run("mkfs.ext4", &["-q", text(&image)])?;
        run("mount", &["-o", "loop,errors=remount-ro", text(&image), text(folder)])?;
        let volume = Self { folder: folder.to_owned(), image: Some(image) };
        match volume.trigger().exists() {
            true => Ok(volume),
            false => Err(format!("there is no {}", volume.trigger().display())),
        }
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        let mut piece = vec![0; 64 << 10];
        while !piece.is_empty() {
            match filler.write_all(&piece) {
                Ok(()) => {}
                // Down to the last byte.
                Err(error) if error.kind() == ErrorKind::StorageFull => piece.truncate(piece.len() / 2),
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    /// Lets the kernel find an error in the file system.
    pub(crate) fn fail(&self) {
        fs::write(self.trigger(), "1").unwrap();
        assert!(File::create(self.filler()).is_err_and(|error| error.kind() == ErrorKind::ReadOnlyFilesystem));
    }

    /// As an administrator does after a failure: unmounted and mounted again.
    pub(crate) fn mend(&self) {
        let image = self.image.as_deref().unwrap();
        run("umount", &[text(&self.folder)]).unwrap();
        run("mount", &["-o", "loop,errors=remount-ro", text(image), text(&self.folder)]).unwrap();
    }

    /// What is written there is an error in this file system.
    fn trigger(&self) -> PathBuf {
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let ours = mounts.lines().find(|line| line.split(' ').nth(1) == self.folder.to_str()).unwrap();
        let device = Path::new(ours.split(' ').next().unwrap()).file_name().unwrap();
        Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error")
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily, so that it works after a failure as well.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).stderr(Stdio::null()).status();
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    match ran.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&ran.stderr).trim())),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
