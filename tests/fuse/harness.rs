//! A library in a temporary folder, mounted by the real daemon.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A library with its mounts; everything is taken down when it goes.
pub struct Studio {
    pub dir: tempfile::TempDir,
    mounts: Vec<PathBuf>,
}

/// The `dam` that was built with these tests; `dam-mountd` lies beside it.
pub fn dam_path() -> PathBuf {
    let dam = PathBuf::from(env!("CARGO_BIN_EXE_dam"));
    let daemon = dam.with_file_name("dam-mountd");
    assert!(daemon.exists(), "dam-mountd is not built: run `cargo build --workspace` first (scripts/test.sh does)");
    dam
}

/// These tests need what only root on a machine with FUSE has; they say so and never skip in silence.
fn need_fuse() {
    assert!(Path::new("/dev/fuse").exists(), "/dev/fuse is missing: load the fuse module (modprobe fuse)");
    let root = fs::metadata("/proc/self").map(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0).unwrap_or(false);
    assert!(root, "mount tests with several users need root: run scripts/test.sh as root");
}

impl Studio {
    /// A new sealed library, not mounted.
    pub fn new() -> Self {
        need_fuse();
        let dir = tempfile::Builder::new().prefix("damfs-test-").tempdir().unwrap();
        // Other users must reach the mountpoints.
        set_mode(dir.path(), 0o755);
        let studio = Self { dir, mounts: Vec::new() };
        studio.dam(["init", studio.library().to_str().unwrap()]);
        studio
    }

    /// A new library, mounted for root, its first admin.
    pub fn mounted() -> Self {
        let mut studio = Self::new();
        studio.mount("mnt", &[]);
        studio
    }

    pub fn library(&self) -> PathBuf {
        self.dir.path().join("studio")
    }

    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(below)
    }

    /// A path in the first mount.
    pub fn mnt(&self, below: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join("mnt").join(below)
    }

    pub fn mount(&mut self, name: &str, options: &[&str]) -> PathBuf {
        let at = self.path(name);
        // A mount left dead by a crash cannot even be looked at; mounting again cleans it up.
        let _ = fs::create_dir_all(&at);
        let library = self.library();
        let mut args: Vec<&OsStr> = vec!["mount".as_ref()];
        args.extend(options.iter().map(OsStr::new));
        args.extend([library.as_os_str(), at.as_os_str()]);
        self.dam(args);
        self.mounts.push(at.clone());
        at
    }

    /// Takes a mount down at the end that was made by another command.
    pub fn adopt(&mut self, name: &str) {
        self.mounts.push(self.path(name));
    }

    pub fn unmount(&mut self) {
        for at in std::mem::take(&mut self.mounts) {
            let out = self.command(["unmount".as_ref(), at.as_os_str()]).output().unwrap();
            assert!(out.status.success(), "unmount: {}", text(&out));
        }
    }

    /// Mounts again, with these programs and no others.
    pub fn mount_with(&mut self, programs: &[(&str, &str)]) {
        self.unmount();
        let bin = self.path("bin");
        let _ = fs::remove_dir_all(&bin);
        fs::create_dir(&bin).unwrap();
        for (name, script) in programs {
            fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
            set_mode(&bin.join(name), 0o755);
        }
        let mut command = self.command(["mount".as_ref(), self.library().as_os_str(), self.path("mnt").as_os_str()]);
        assert!(command.env("PATH", &bin).status().unwrap().success());
        self.adopt("mnt");
    }

    pub fn remount(&mut self) {
        self.unmount();
        self.mount("mnt", &[]);
    }

    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(dam_path());
        command
            .args(args)
            .env("DAM_LIBRARY", self.library())
            .env("HOME", self.dir.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("DAM_KEY_FILE");
        command
    }

    /// Runs `dam` and expects it to be done.
    pub fn dam<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let mut command = self.command(args);
        let out = command.output().unwrap();
        assert!(out.status.success(), "{command:?}\n{}", text(&out));
        String::from_utf8(out.stdout).unwrap()
    }

    /// Runs `dam` and gives its exit code and everything it said.
    pub fn dam_fails<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> (i32, String) {
        let out = self.command(args).output().unwrap();
        (out.status.code().unwrap(), text(&out))
    }

    pub fn settle(&self) {
        self.dam(["settle"]);
    }

    /// `dam find`, a path per line.
    pub fn find(&self, query: &str) -> Vec<String> {
        self.dam(["find", query]).lines().map(str::to_owned).collect()
    }

    /// `dam show --json`.
    pub fn show(&self, target: impl AsRef<OsStr>) -> Value {
        let shown = self.dam(["show".as_ref(), "--json".as_ref(), target.as_ref()]);
        serde_json::from_str(&shown).unwrap()
    }

    pub fn id(&self, below: impl AsRef<Path>) -> String {
        xattr(&self.mnt(below), "user.dam.id").expect("every asset has an id")
    }

    /// How many versions an asset has.
    pub fn versions(&self, target: &str) -> usize {
        self.show(target)["versions"].as_array().unwrap().len()
    }

    /// The daemon's process id.
    pub fn daemon(&self) -> i32 {
        let status: Value = serde_json::from_str(&self.dam(["status", "--json"])).unwrap();
        let library = self.library();
        let mounts = status["mounts"].as_array().unwrap();
        let mine = mounts.iter().find(|m| m["library"] == library.to_str().unwrap()).expect("the library is mounted");
        i32::try_from(mine["pid"].as_i64().unwrap()).unwrap()
    }

    /// Stops the daemon in the middle of whatever it does, until what is given back is dropped.
    pub fn stop_daemon(&self) -> Stopped {
        let stopped = Stopped(self.daemon());
        sh(&format!("kill -STOP {}", stopped.0));
        // A thread that has not noticed yet still answers.
        wait_until("each thread of the daemon has stopped", || {
            fs::read_dir(format!("/proc/{}/task", stopped.0)).unwrap().all(|task| {
                fs::read_to_string(task.unwrap().path().join("status")).is_ok_and(|s| s.contains("State:\tT"))
            })
        });
        stopped
    }

    /// Kills the daemon as a crash would. It may stay for as long as the kernel holds one of its threads: mounting again must cope.
    pub fn kill_daemon(&mut self) {
        let pid = self.daemon();
        sh(&format!("kill -9 {pid}"));
        let ended = Instant::now() + Duration::from_secs(1);
        while Path::new(&format!("/proc/{pid}")).exists() && Instant::now() < ended {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Imports a folder of pictures made here.
    pub fn import(&self, folder: &Path, options: &[&str]) -> String {
        let mut args: Vec<&OsStr> = vec!["import".as_ref()];
        args.extend(options.iter().map(OsStr::new));
        args.push(folder.as_os_str());
        self.dam(args)
    }
}

/// A daemon that does nothing.
pub struct Stopped(i32);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg("-CONT").arg(self.0.to_string()).status();
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        for at in self.mounts.drain(..) {
            let mut command = Command::new(dam_path());
            let _ = command.arg("unmount").arg(&at).env("HOME", self.dir.path()).output();
            let _ = Command::new("umount").arg("-l").arg(&at).output();
        }
    }
}

pub fn text(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// A real PNG, different for each seed.
pub fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([u8::try_from(x % 256).unwrap(), u8::try_from(y % 256).unwrap(), seed])
    });
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// A real JPEG, different for each seed.
pub fn jpeg(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let picture = image::load_from_memory(&png(width, height, seed)).unwrap();
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

/// Runs a shell line and expects success.
pub fn sh(line: &str) -> String {
    let out = Command::new("sh").arg("-c").arg(line).output().unwrap();
    assert!(out.status.success(), "{line}\n{}", text(&out));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Runs a shell line and gives whether it succeeded and what it said.
pub fn try_sh(line: &str) -> (bool, String) {
    let out = Command::new("sh").arg("-c").arg(line).output().unwrap();
    (out.status.success(), text(&out))
}

pub fn xattr(path: &Path, name: &str) -> Option<String> {
    let out = Command::new("getfattr").args(["--only-values", "-n", name]).arg(path).output().unwrap();
    out.status.success().then(|| String::from_utf8(out.stdout).unwrap())
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

/// The names in a directory, sorted.
pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Waits up to a minute: longer than any machine under load needs.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
