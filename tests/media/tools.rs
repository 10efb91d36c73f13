//! The independent writers and readers: Pillow and exiftool.

use std::path::{Path, PathBuf};
use std::process::Command;

use damfs::media::{Probe, probe};

pub struct Dir(tempfile::TempDir);

impl Dir {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs Python with Pillow in the directory.
    pub fn pillow(&self, script: &str) {
        let out = Command::new("/usr/bin/python3").arg("-c").arg(script).current_dir(self.0.path()).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    /// Runs exiftool in the directory and gives what it printed.
    pub fn exiftool(&self, args: &[&str]) -> String {
        let out = Command::new("exiftool").args(args).current_dir(self.0.path()).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        read(&self.path(name))
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn probe(&self, name: &str) -> Probe {
        probe(&self.read(name)).unwrap()
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
