//! A library in a temporary folder with a clock of its own, used through `damfs::fs` as the kernel does.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use damfs::catalog::{ChangeKind, MemberRow};
use damfs::clock::{Clock, ManualClock, SharedClock};
use damfs::fs::{Audience, FsError, FsResult, Listed, Mount, OpenMode, ROOT, SetAttr, Show};
use damfs::ops::library::{KeyChoice, OpenError};
use damfs::ops::proto::{Command, Failure};
use damfs::ops::{Actor, Library, folders, serve};
use damfs::rng::{SharedEntropy, SystemEntropy};
use damfs::types::{Attr, Caller, FileKind, MemberId, NodeId, Timestamp};
use serde_json::Value;

const ADMIN: Caller = Caller { uid: 0, gid: 0, process: 7 };

/// What a command of these targets is asked.
pub fn of(targets: &[String]) -> damfs::ops::assign::Ask {
    damfs::ops::assign::Ask { what: targets.to_vec().into(), ..Default::default() }
}

pub struct World {
    pub clock: Arc<ManualClock>,
    root: PathBuf,
    library: Option<Arc<Library>>,
    mount: Option<Arc<Mount>>,
}

impl World {
    pub fn new(dir: &Path) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_790_000_000)));
        let shared: SharedClock = clock.clone();
        let entropy: SharedEntropy = Arc::new(SystemEntropy::new());
        let root = dir.join("studio");
        Library::create(&root, KeyChoice::Plain, ("root", 0), &shared, &entropy).unwrap();
        let mut world = Self { clock, root, library: None, mount: None };
        world.open();
        world
    }

    /// Opens the library, again when it was open. Every [`User`] must be gone.
    pub fn open(&mut self) {
        self.mount = None;
        self.library = None;
        let entropy: SharedEntropy = Arc::new(SystemEntropy::new());
        let mut tries = 0;
        let library = loop {
            match Library::open(&self.root, None, self.clock.clone(), entropy.clone()) {
                Ok(library) => break library,
                // The feed's thread lets go of the last one within a second.
                Err(OpenError::InUse { .. }) if tries < 300 => {
                    tries += 1;
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                Err(e) => panic!("{e}"),
            }
        };
        library.index();
        let member = library.member_for(0).unwrap();
        self.mount = Some(Mount::new(library.clone(), Audience::Member(member), Show { uid: 0, gid: 0 }).unwrap());
        self.library = Some(library);
    }

    /// What a killed daemon leaves, opened in another place: the files of the library as they are now, and nothing that was yet to be done.
    pub fn crash(&mut self, root: &Path) {
        copy_all(&self.root, root);
        self.root = root.to_owned();
        self.open();
    }

    /// As `dam tag add` and `dam tag remove` do.
    pub fn set_tag(&self, path: &str, tag: &str, give: bool) -> FsResult<()> {
        let actor = Actor::of(self.library(), &ADMIN).unwrap();
        let target = [format!("library/{path}")];
        damfs::ops::assign::tag(self.library(), &actor, of(&target), tag, !give, &()).map(drop).map_err(FsError::from)
    }

    pub fn library(&self) -> &Arc<Library> {
        self.library.as_ref().unwrap()
    }

    pub fn me(&self) -> User {
        User { mount: self.mount.clone().unwrap(), caller: ADMIN }
    }

    /// The admin through a second mount.
    pub fn me_elsewhere(&self) -> User {
        let member = self.library().member_for(0).unwrap();
        let show = Show { uid: 0, gid: 0 };
        User { mount: Mount::new(self.library().clone(), Audience::Member(member), show).unwrap(), caller: ADMIN }
    }

    /// A member of a role, through a mount of his own.
    pub fn member(&self, name: &str, uid: u32, role: &str, scope: Option<&str>) -> User {
        let id = MemberId::from_bytes([u8::try_from(uid % 200).unwrap() + 1; 16]);
        let row = MemberRow {
            id,
            name: name.into(),
            uid: Some(uid),
            role: role.into(),
            scope: scope.map(str::to_owned),
            active: true,
            since: self.clock.now(),
            ends: None,
            read_only: false,
            groups: Vec::new(),
        };
        self.library()
            .catalog
            .write(|tx| -> Result<(), damfs::catalog::CatalogError> {
                tx.put_member(&row)?;
                tx.change(ChangeKind::Access, &id.to_string())
            })
            .unwrap();
        let show = Show { uid, gid: uid };
        let mount = Mount::new(self.library().clone(), Audience::Member(id), show).unwrap();
        User { mount, caller: Caller { uid, gid: uid, process: uid } }
    }

    /// Time passes, and a beat comes.
    pub fn wait(&self, seconds: i64) {
        self.clock.advance_ms(seconds * 1_000);
        self.library().tick();
        self.library().tick_short();
    }

    /// What `dam show --json` says of a path below `library/`.
    pub fn show(&self, path: &str) -> Value {
        let actor = Actor::of(self.library(), &ADMIN).unwrap();
        damfs::ops::show::show(self.library(), &actor, &format!("library/{path}")).unwrap()
    }

    /// The paths that `dam find` prints.
    pub fn found(&self, query: &str) -> Result<Vec<String>, Failure> {
        let command = Command::Find { expr: Some(query.into()), sort: None, limit: None, count: false };
        let found = serve::serve(self.library(), &ADMIN, command, None)?;
        let paths = found["assets"].as_array().unwrap().iter().map(|asset| asset["path"].as_str().unwrap().to_owned());
        Ok(paths.collect())
    }

    pub fn node(&self, path: &str) -> NodeId {
        let found = self.library().catalog.read(|tx| folders::resolve(tx, &format!("library/{path}")));
        found.unwrap().unwrap().id
    }

    pub fn versions(&self, path: &str) -> usize {
        self.show(path)["versions"].as_array().unwrap().len()
    }

    /// The faults that `dam fsck` finds.
    pub fn faults(&self) -> Value {
        let actor = Actor::of(self.library(), &ADMIN).unwrap();
        damfs::ops::fsck::fsck(self.library(), &actor, false).unwrap()["faults"].clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(library) = self.library.as_ref().filter(|_| !std::thread::panicking()) {
            assert!(library.catalog.has_index(), "a change of an asset was not told to the feed");
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for there in std::fs::read_dir(from).unwrap() {
        let there = there.unwrap();
        let kind = there.file_type().unwrap();
        if kind.is_dir() {
            copy_all(&there.path(), &to.join(there.file_name()));
        } else if kind.is_file() {
            std::fs::copy(there.path(), to.join(there.file_name())).unwrap();
        }
    }
}

/// One who uses a mount. Paths are below `library/`, or from the root with a slash before them.
#[derive(Clone)]
pub struct User {
    pub mount: Arc<Mount>,
    pub caller: Caller,
}

/// An open file.
pub struct File<'u> {
    user: &'u User,
    pub fh: u64,
}

impl File<'_> {
    pub fn write(&self, offset: u64, data: &[u8]) -> FsResult<usize> {
        self.user.mount.write(&self.user.caller, self.fh, offset, data, false)
    }

    pub fn append(&self, data: &[u8]) -> FsResult<usize> {
        self.user.mount.write(&self.user.caller, self.fh, 0, data, true)
    }

    pub fn read(&self) -> FsResult<Vec<u8>> {
        self.user.mount.read(&self.user.caller, self.fh, 0, 1 << 20)
    }

    pub fn close(self) -> FsResult<()> {
        self.user.mount.flush(&self.user.caller, self.fh)?;
        if let Some(node) = self.user.mount.release(&self.user.caller, self.fh)? {
            self.user.mount.settle(node);
        }
        Ok(())
    }
}

impl User {
    /// The same one in another program.
    pub fn in_process(&self, process: u32) -> Self {
        Self { mount: self.mount.clone(), caller: Caller { process, ..self.caller } }
    }

    pub fn find(&self, path: &str) -> FsResult<u64> {
        let mut at = ROOT;
        let whole = if path.starts_with('/') { path.to_owned() } else { format!("library/{path}") };
        for part in whole.split('/').filter(|p| !p.is_empty()) {
            at = self.mount.lookup(&self.caller, at, OsStr::new(part))?.attr.ino;
        }
        Ok(at)
    }

    pub fn split<'a>(&self, path: &'a str) -> FsResult<(u64, &'a OsStr)> {
        match path.rsplit_once('/') {
            Some((parent, name)) => Ok((self.find(parent)?, OsStr::new(name))),
            None => Ok((self.find("")?, OsStr::new(path))),
        }
    }

    pub fn stat(&self, path: &str) -> FsResult<Attr> {
        Ok(self.mount.getattr(&self.caller, self.find(path)?)?.attr)
    }

    pub fn open(&self, path: &str, mode: OpenMode) -> FsResult<File<'_>> {
        let fh = self.mount.open(&self.caller, 0, self.find(path)?, mode)?.fh;
        Ok(File { user: self, fh })
    }

    pub fn create(&self, path: &str, mode: OpenMode) -> FsResult<File<'_>> {
        let (parent, name) = self.split(path)?;
        let mode = OpenMode { write: true, ..mode };
        let fh = self.mount.create(&self.caller, parent, name, 0o644, mode)?.1.fh;
        Ok(File { user: self, fh })
    }

    /// Opens for writing, makes the file when it is not there, cuts it when it is.
    pub fn begin(&self, path: &str) -> FsResult<File<'_>> {
        let mode = OpenMode { write: true, truncate: true, ..OpenMode::default() };
        match self.open(path, mode) {
            Err(FsError::NotFound) => self.create(path, mode),
            opened => opened,
        }
    }

    pub fn write(&self, path: &str, bytes: &[u8]) -> FsResult<()> {
        let file = self.begin(path)?;
        file.write(0, bytes)?;
        file.close()
    }

    pub fn read(&self, path: &str) -> FsResult<Vec<u8>> {
        let file = self.open(path, OpenMode { read: true, ..OpenMode::default() })?;
        let bytes = file.read();
        file.close()?;
        bytes
    }

    pub fn truncate(&self, path: &str, size: u64) -> FsResult<()> {
        let set = SetAttr { size: Some(size), ..SetAttr::default() };
        self.mount.setattr(&self.caller, self.find(path)?, set).map(drop)
    }

    pub fn rename(&self, from: &str, to: &str) -> FsResult<()> {
        let (parent, name) = self.split(from)?;
        let (new_parent, new_name) = self.split(to)?;
        self.mount.rename(&self.caller, parent, name, new_parent, new_name, false)
    }

    pub fn unlink(&self, path: &str) -> FsResult<()> {
        let (parent, name) = self.split(path)?;
        self.mount.unlink(&self.caller, parent, name)
    }

    pub fn mkdir(&self, path: &str) -> FsResult<()> {
        let (parent, name) = self.split(path)?;
        self.mount.mkdir(&self.caller, parent, name, 0o755).map(drop)
    }

    pub fn rmdir(&self, path: &str) -> FsResult<()> {
        let (parent, name) = self.split(path)?;
        self.mount.rmdir(&self.caller, parent, name)
    }

    /// The asset's id.
    pub fn id(&self, path: &str) -> String {
        let ino = self.find(path).unwrap();
        String::from_utf8(self.mount.getxattr(&self.caller, ino, b"user.dam.id").unwrap()).unwrap()
    }

    pub fn tag(&self, path: &str, tags: &str) {
        let ino = self.find(path).unwrap();
        let any = damfs::fs::XattrMode::Any;
        self.mount.setxattr(&self.caller, ino, b"user.xdg.tags", tags.as_bytes(), any).unwrap();
    }

    /// Every path below one, and whether it is a folder.
    pub fn list(&self, path: &str, into: &mut Vec<(String, bool)>) {
        for row in self.rows(path) {
            let name = String::from_utf8(row.name.clone()).unwrap();
            let below = if path.is_empty() { name } else { format!("{path}/{name}") };
            let is_dir = row.kind == FileKind::Dir;
            into.push((below.clone(), is_dir));
            if is_dir {
                self.list(&below, into);
            }
        }
    }

    /// The names in a folder, sorted.
    pub fn names(&self, path: &str) -> Vec<String> {
        let mut names: Vec<String> = self.rows(path).into_iter().map(|r| String::from_utf8(r.name).unwrap()).collect();
        names.sort();
        names
    }

    pub fn rows(&self, path: &str) -> Vec<Listed> {
        let ino = self.find(path).unwrap();
        let open = self.mount.opendir(&self.caller, ino).unwrap();
        let mut rows: Vec<Listed> = Vec::new();
        self.mount
            .readdir(&self.caller, open.fh, 0, false, &mut |row| {
                rows.push(row);
                true
            })
            .unwrap();
        self.mount.releasedir(&self.caller, open.fh).unwrap();
        rows.retain(|r| r.name != b"." && r.name != b"..");
        rows
    }
}
