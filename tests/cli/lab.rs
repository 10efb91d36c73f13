//! A library in a temporary place, and images to put into it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use damfs::clock::{Clock, ManualClock, SharedClock, SystemClock};
use damfs::fs::{Audience, FsResult, Mount, OpenMode, ROOT, Show};
use damfs::ops::{Library, OpenError};
use damfs::rng::{SharedEntropy, SystemEntropy};
use damfs::types::Caller;
use serde_json::Value;
use tempfile::TempDir;

/// A temporary home with a config folder, a place for files, and a library.
pub struct Lab {
    dir: TempDir,
}

impl Lab {
    /// Nothing but an empty home.
    pub fn empty() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// With a sealed library.
    pub fn new() -> Self {
        let lab = Self::empty();
        let library = lab.library();
        lab.ok(&["init", library.to_str().unwrap()]);
        lab
    }

    /// With a library and two imported images: `library/luna/beach.png`, `library/luna/city.png`.
    pub fn with_two() -> Self {
        let lab = Self::new();
        lab.image("in/beach.png", 1);
        lab.image("in/city.png", 2);
        let folder = lab.path("in");
        lab.ok(&["import", folder.to_str().unwrap(), "--into", "luna", "--set", "persona=luna"]);
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn library(&self) -> PathBuf {
        self.path("studio")
    }

    pub fn config(&self) -> PathBuf {
        self.path("config/damfs")
    }

    /// `dam` in this home, with this library.
    pub fn dam(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// As [`Lab::dam`], not run yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dam"));
        command.args(args);
        self.at_home(command)
    }

    /// A program in this home, with this library.
    pub fn at_home(&self, mut command: Command) -> Command {
        command
            .env_remove("DAM_KEY_FILE")
            .env("DAM_LIBRARY", self.library())
            .env("HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .current_dir(self.dir.path());
        command
    }

    /// Runs, expects success, gives stdout.
    pub fn ok(&self, args: &[&str]) -> String {
        let out = self.dam(args);
        assert!(out.status.success(), "dam {args:?} failed: {}{}", text(&out.stdout), text(&out.stderr));
        text(&out.stdout)
    }

    /// As [`Lab::ok`], parsed.
    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(args);
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// Runs, expects this exit code, gives stderr.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let out = self.dam(args);
        assert_eq!(out.status.code(), Some(code), "dam {args:?}: {}{}", text(&out.stdout), text(&out.stderr));
        text(&out.stderr)
    }

    /// A PNG whose bytes depend on `seed`, with the metadata that A1111 writes.
    pub fn image(&self, name: &str, seed: u8) -> PathBuf {
        let infotext = format!(
            "luna on a beach, red dress\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: {seed}, Size: 24x32, Model: dream"
        );
        self.file(name, &png(24, 32, seed, Some(&infotext)))
    }

    /// A file with these bytes.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// As a mount, without a kernel, for as long as `f` takes: a caller, his mount, and the folder and name of a path in it.
    pub fn in_mount<T>(&self, path: &str, f: impl FnOnce(&Mount, &Caller, u64, &OsStr) -> FsResult<T>) -> T {
        self.in_mount_at(Arc::new(SystemClock), path, f)
    }

    /// As [`Lab::in_mount`], by another clock.
    fn in_mount_at<T>(
        &self,
        clock: SharedClock,
        path: &str,
        f: impl FnOnce(&Mount, &Caller, u64, &OsStr) -> FsResult<T>,
    ) -> T {
        let id = Library::info_of(&self.library()).unwrap().id;
        let key = self.config().join(format!("{id}.key"));
        let entropy: SharedEntropy = Arc::new(SystemEntropy::new());
        let mut tries = 0;
        let library = loop {
            match Library::open(&self.library(), Some(&key), clock.clone(), entropy.clone()) {
                Ok(library) => break library,
                // The feed's thread of the last one lets go within a second.
                Err(OpenError::InUse { .. }) if tries < 300 => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(e) => panic!("{e}"),
            }
        };
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let caller = Caller { uid, gid, process: std::process::id() };
        let member = library.member_for(uid).unwrap();
        let mount = Mount::new(library.clone(), Audience::Member(member), Show { uid, gid }).unwrap();
        let (folder, name) = path.rsplit_once('/').unwrap();
        let into = |at: u64, part: &str| mount.lookup(&caller, at, OsStr::new(part)).unwrap().attr.ino;
        let done = f(&mount, &caller, folder.split('/').fold(ROOT, into), OsStr::new(name)).unwrap();
        library.settle().unwrap();
        done
    }

    /// Writes over a file, which makes a version.
    pub fn overwrite(&self, path: &str, bytes: &[u8]) {
        self.overwrite_earlier(path, bytes, 0);
    }

    /// As [`Lab::overwrite`], so many days ago.
    pub fn overwrite_earlier(&self, path: &str, bytes: &[u8], days: i64) {
        let clock = Arc::new(ManualClock::at(SystemClock.now().plus_ms(-days * 86_400_000)));
        self.in_mount_at(clock, path, |mount, caller, folder, name| {
            let file = mount.lookup(caller, folder, name)?.attr.ino;
            let fh = mount.open(caller, 0, file, OpenMode { write: true, truncate: true, ..OpenMode::default() })?.fh;
            mount.write(caller, fh, 0, bytes, false)?;
            mount.release(caller, fh)
        });
    }

    /// Removes a file, which puts it into the trash.
    pub fn remove(&self, path: &str) {
        self.in_mount(path, |mount, caller, folder, name| mount.unlink(caller, folder, name));
    }

    /// Every file below a folder, for what must not be there.
    pub fn files_below(root: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { found.extend(Self::files_below(&path)) } else { found.push(path) }
        }
        found
    }
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A small PNG.
pub fn png(width: u32, height: u32, seed: u8, infotext: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    if let Some(infotext) = infotext {
        encoder.add_text_chunk("parameters".into(), infotext.into()).unwrap();
    }
    let mut writer = encoder.write_header().unwrap();
    let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i % 251) as u8 ^ seed).collect();
    writer.write_image_data(&pixels).unwrap();
    drop(writer);
    out
}
