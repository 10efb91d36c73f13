//! One library with several members, each at a mount of his own, without a kernel in between.

use std::ffi::OsStr;
use std::fs;
use std::sync::Arc;

use damfs::clock::{ManualClock, SharedClock};
use damfs::fs::{Audience, FsError, FsResult, Listed, Mount, OpenMode, ROOT, SetAttr, Show, XattrMode};
use damfs::ops::library::KeyChoice;
use damfs::ops::members::MemberChange;
use damfs::ops::proto::{Assignment, Command, Failure, FailureKind};
use damfs::ops::{Library, OpenError, serve};
use damfs::rng::{SharedEntropy, SystemEntropy};
use damfs::types::{Attr, Caller, Timestamp};
use serde_json::Value;

pub struct World {
    pub clock: Arc<ManualClock>,
    pub library: Arc<Library>,
    dir: tempfile::TempDir,
}

/// Someone at his mount.
pub struct Seat {
    pub mount: Arc<Mount>,
    pub caller: Caller,
}

pub fn assign(set: &[&str]) -> Vec<Assignment> {
    let one = |text: &&str| {
        let (facet, value) = text.split_once('=').unwrap();
        Assignment { facet: facet.into(), value: value.into() }
    };
    set.iter().map(one).collect()
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_790_000_000)));
        let shared: SharedClock = clock.clone();
        let entropy: SharedEntropy = Arc::new(SystemEntropy::new());
        let root = dir.path().join("studio");
        Library::create(&root, KeyChoice::Plain, ("root", 0), &shared, &entropy).unwrap();
        let library = Library::open(&root, None, shared, entropy).unwrap();
        library.index();
        Self { clock, library, dir }
    }

    /// As above, with `library/acme/a.png` of client acme and `library/globex/secret.png` of client globex, both the admin's.
    pub fn studio() -> (Self, Seat) {
        let world = Self::new();
        let admin = world.admin();
        for (path, client) in [("library/acme/a.png", "acme"), ("library/globex/secret.png", "globex")] {
            let (folder, _) = path.rsplit_once('/').unwrap();
            admin.mkdir(folder).unwrap();
            admin.write(path, client.as_bytes()).unwrap();
        }
        world.settle();
        world.set("library/acme/a.png", &["client=acme"]);
        world.set("library/globex/secret.png", &["client=globex", "persona=nova"]);
        (world, admin)
    }

    pub fn serve(&self, uid: u32, command: Command) -> Result<Value, Failure> {
        serve::serve(&self.library, &Caller { uid, gid: uid, process: 1 }, command, None)
    }

    pub fn kind(&self, uid: u32, command: Command) -> FailureKind {
        self.serve(uid, command).unwrap_err().kind
    }

    /// A rejection has a reason.
    pub fn set(&self, target: &str, set: &[&str]) {
        let why = set.iter().any(|word| word.ends_with("=rejected")).then(|| "not this one".to_owned());
        self.serve(0, Command::Set { what: vec![target.into()].into(), set: assign(set), dry_run: false, why })
            .unwrap();
    }

    pub fn show(&self, target: &str) -> Value {
        self.serve(0, Command::Show { target: target.into() }).unwrap()
    }

    pub fn admin(&self) -> Seat {
        self.seat(0)
    }

    pub fn seat(&self, uid: u32) -> Seat {
        let member = self.library.member_for(uid).unwrap();
        let mount = Mount::new(self.library.clone(), Audience::Member(member), Show { uid, gid: uid }).unwrap();
        Seat { mount, caller: Caller { uid, gid: uid, process: uid + 100 } }
    }

    /// A new member at his mount.
    pub fn member(&self, name: &str, uid: u32, role: &str, scope: Option<&str>) -> Seat {
        let command = Command::MemberAdd {
            name: name.into(),
            uid: Some(uid),
            role: role.into(),
            scope: scope.map(str::to_owned),
            ends: None,
        };
        self.serve(0, command).unwrap();
        self.seat(uid)
    }

    pub fn change_member(&self, name: &str, scope: Option<&str>, active: Option<bool>) {
        let scope = scope.map(str::to_owned);
        let change = MemberChange { scope, active, ..MemberChange::default() };
        self.serve(0, Command::MemberSet { name: name.into(), change }).unwrap();
    }

    /// With more roles in force.
    pub fn with_roles(self, add: &str) -> Self {
        self.roles(&format!("{}\n{add}", self.roles_text()));
        self
    }

    /// The text of the roles in force.
    pub fn roles_text(&self) -> String {
        let shown = self.serve(0, Command::PolicyShow { version: None }).unwrap();
        shown["text"].as_str().unwrap().to_owned()
    }

    /// Another text of roles in force.
    pub fn roles(&self, text: &str) {
        self.serve(0, Command::PolicyApply { text: Some(text.to_owned()), base: None }).unwrap();
    }

    /// Another glossary, as an editor writes it.
    pub fn words(&self, text: &str) {
        fs::write(self.library.root().join("glossary.toml"), text).unwrap();
        self.beats();
    }

    /// Another table of platforms, as a spreadsheet writes it.
    pub fn sheet(&self, text: &str) {
        fs::write(self.library.root().join("platforms.csv"), text).unwrap();
        self.beats();
    }

    /// As many beats as it takes to believe that nobody is writing such a text any more.
    pub fn beats(&self) {
        self.library.tick();
        self.library.tick_short();
        self.library.tick();
        self.library.tick_short();
    }

    /// The same, with time for them, and for what the rules of alerts say of what was done.
    pub fn watches(&self) {
        for _ in 0..3 {
            self.clock.advance_ms(2_000);
            self.library.tick();
            self.library.tick_short();
            self.library.watch_alerts();
        }
    }

    pub fn reopen(self) -> Self {
        self.try_reopen().unwrap()
    }

    /// What somebody leaves who has the catalogue's file and changes rows of the log.
    pub fn tampered(self, sql: &str) -> Self {
        self.try_tampered(sql).unwrap()
    }

    pub fn try_tampered(self, sql: &str) -> Result<Self, OpenError> {
        let Self { clock, library, dir } = self;
        let root = library.root().to_owned();
        drop(library);
        let db = rusqlite::Connection::open(root.join("catalog.db")).unwrap();
        // The feed's thread lets go of the library within a second.
        db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        db.execute_batch("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed;").unwrap();
        db.execute_batch(sql).unwrap();
        drop(db);
        Self::opened(clock, dir, &root)
    }

    pub fn try_reopen(self) -> Result<Self, OpenError> {
        let Self { clock, library, dir } = self;
        let root = library.root().to_owned();
        drop(library);
        Self::opened(clock, dir, &root)
    }

    fn opened(clock: Arc<ManualClock>, dir: tempfile::TempDir, root: &std::path::Path) -> Result<Self, OpenError> {
        for _ in 0..300 {
            let entropy: SharedEntropy = Arc::new(SystemEntropy::new());
            match Library::open(root, None, clock.clone(), entropy) {
                Ok(library) => return Ok(Self { clock, library, dir }),
                // The feed's thread lets go of the last one within a second.
                Err(OpenError::InUse { .. }) => std::thread::sleep(std::time::Duration::from_millis(10)),
                Err(e) => return Err(e),
            }
        }
        panic!("the library stays open");
    }

    pub fn settle(&self) {
        self.library.settle().unwrap();
    }

    /// Time passes, and a beat comes.
    pub fn pass(&self, ms: i64) {
        self.clock.advance_ms(ms);
        self.library.tick();
        self.library.tick_short();
    }
}

impl Seat {
    pub fn find(&self, path: &str) -> FsResult<u64> {
        self.attr(path).map(|attr| attr.ino)
    }

    pub fn attr(&self, path: &str) -> FsResult<Attr> {
        let mut attr = self.mount.getattr(&self.caller, ROOT)?.attr;
        for part in path.split('/').filter(|p| !p.is_empty()) {
            attr = self.mount.lookup(&self.caller, attr.ino, OsStr::new(part))?.attr;
        }
        Ok(attr)
    }

    pub fn has(&self, path: &str) -> bool {
        self.find(path).is_ok()
    }

    pub fn split<'a>(&self, path: &'a str) -> FsResult<(u64, &'a OsStr)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.find(parent)?, OsStr::new(name)))
    }

    /// A directory as it is listed: names and numbers.
    pub fn rows(&self, path: &str) -> Vec<(String, u64)> {
        self.rows_in(self.find(path).unwrap())
    }

    /// The same of one whose number is known from before.
    pub fn rows_in(&self, ino: u64) -> Vec<(String, u64)> {
        let fh = self.mount.opendir(&self.caller, ino).unwrap().fh;
        let mut rows = Vec::new();
        let mut each = |row: Listed| {
            rows.push((String::from_utf8(row.name).unwrap(), row.ino));
            true
        };
        self.mount.readdir(&self.caller, fh, 0, true, &mut each).unwrap();
        self.mount.releasedir(&self.caller, fh).unwrap();
        rows
    }

    /// The names in a directory, sorted.
    pub fn names(&self, path: &str) -> Vec<String> {
        let mut names: Vec<String> = self.rows(path).into_iter().map(|(name, _)| name).collect();
        names.retain(|name| name != "." && name != "..");
        names.sort();
        names
    }

    pub fn open(&self, path: &str, read: bool, write: bool) -> FsResult<u64> {
        let mode = OpenMode { read, write, ..OpenMode::default() };
        Ok(self.mount.open(&self.caller, 0, self.find(path)?, mode)?.fh)
    }

    pub fn pread(&self, fh: u64) -> FsResult<Vec<u8>> {
        self.mount.read(&self.caller, fh, 0, 1 << 16)
    }

    pub fn pwrite(&self, fh: u64, bytes: &[u8]) -> FsResult<()> {
        self.mount.write(&self.caller, fh, 0, bytes, false).map(|_| ())
    }

    pub fn close(&self, fh: u64) {
        self.mount.flush(&self.caller, fh).unwrap();
        self.mount.release(&self.caller, fh).unwrap();
    }

    pub fn read(&self, path: &str) -> FsResult<Vec<u8>> {
        let fh = self.open(path, true, false)?;
        let bytes = self.pread(fh);
        self.close(fh);
        bytes
    }

    /// Creates a file that is not there.
    pub fn write(&self, path: &str, bytes: &[u8]) -> FsResult<()> {
        let (parent, name) = self.split(path)?;
        let mode = OpenMode { write: true, exclusive: true, ..OpenMode::default() };
        let (_, opened) = self.mount.create(&self.caller, parent, name, 0o644, mode)?;
        let written = self.pwrite(opened.fh, bytes);
        self.close(opened.fh);
        written
    }

    /// Writes over a file that is there.
    pub fn overwrite(&self, path: &str, bytes: &[u8]) -> FsResult<()> {
        let fh = self.open(path, false, true)?;
        let written = self.pwrite(fh, bytes);
        self.close(fh);
        written
    }

    pub fn mkdir(&self, path: &str) -> FsResult<()> {
        let (parent, name) = self.split(path)?;
        self.mount.mkdir(&self.caller, parent, name, 0o755).map(|_| ())
    }

    pub fn rmdir(&self, path: &str) -> FsResult<()> {
        let (parent, name) = self.split(path)?;
        self.mount.rmdir(&self.caller, parent, name)
    }

    pub fn unlink(&self, path: &str) -> FsResult<()> {
        let (parent, name) = self.split(path)?;
        self.mount.unlink(&self.caller, parent, name)
    }

    pub fn rename(&self, from: &str, to: &str) -> FsResult<()> {
        let ((parent, name), (new_parent, new_name)) = (self.split(from)?, self.split(to)?);
        self.mount.rename(&self.caller, parent, name, new_parent, new_name, false)
    }

    pub fn setattr(&self, path: &str, set: SetAttr) -> FsResult<()> {
        self.mount.setattr(&self.caller, self.find(path)?, set).map(|_| ())
    }

    pub fn setxattr(&self, path: &str, name: &str, value: &str) -> FsResult<()> {
        let ino = self.find(path)?;
        self.mount.setxattr(&self.caller, ino, name.as_bytes(), value.as_bytes(), XattrMode::Any)
    }

    /// The names of a file's attributes, sorted.
    pub fn listxattr(&self, path: &str) -> Vec<String> {
        let names = String::from_utf8(self.mount.listxattr(&self.caller, self.find(path).unwrap()).unwrap()).unwrap();
        names.split_terminator('\0').map(str::to_owned).collect()
    }

    pub fn removexattr(&self, path: &str, name: &str) -> FsResult<()> {
        self.mount.removexattr(&self.caller, self.find(path)?, name.as_bytes())
    }

    pub fn getxattr(&self, path: &str, name: &str) -> FsResult<String> {
        let value = self.mount.getxattr(&self.caller, self.find(path)?, name.as_bytes())?;
        Ok(String::from_utf8(value).unwrap())
    }
}

/// The number that a program sees.
#[track_caller]
pub fn errno<T: std::fmt::Debug>(result: Result<T, FsError>) -> i32 {
    result.unwrap_err().errno()
}
