//! A small file system of a test's own, which fills up, or turns read-only as one does whose disk fails. Root's.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

pub(crate) struct Volume {
    folder: PathBuf,
    /// The file that the file system is in; `None` for one in memory.
    image: Option<PathBuf>,
}

impl Volume {
    /// A megabyte of memory.
    pub(crate) fn in_memory(folder: &Path) -> Self {
        run("mount", &["-t", "tmpfs", "-o", "size=1m,mode=755", "none", text(folder)]);
        Self { folder: folder.to_owned(), image: None }
    }

    /// ext4, which turns read-only at its first error, files that are open for writing included.
    pub(crate) fn on_disk(folder: &Path) -> Self {
        let image = folder.with_extension("image");
        File::create(&image).unwrap().set_len(8 << 20).unwrap();
        run("mkfs.ext4", &["-q", text(&image)]);
        let volume = Self { folder: folder.to_owned(), image: Some(image) };
        volume.mount();
        volume
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
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let ours = mounts.lines().find(|line| line.split(' ').nth(1) == self.folder.to_str()).unwrap();
        let device = ours.split(' ').next().unwrap().strip_prefix("/dev/").unwrap();
        fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1").unwrap();
        assert!(File::create(self.filler()).is_err_and(|error| error.kind() == ErrorKind::ReadOnlyFilesystem));
    }

    /// As an administrator does after a failure: unmounted and mounted again.
    pub(crate) fn mend(&self) {
        self.unmount();
        self.mount();
    }

    fn mount(&self) {
        let image = self.image.as_deref().unwrap();
        run("mount", &["-o", "loop,errors=remount-ro", text(image), text(&self.folder)]);
    }

    fn unmount(&self) {
        run("umount", &[text(&self.folder)]);
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily, so that it works after a failure as well.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}

fn run(program: &str, arguments: &[&str]) {
    process::run(Command::new(program).args(arguments)).exits(0);
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
