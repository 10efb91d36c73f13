//! One opened library: its store, its catalogue, its gate, and the lock that keeps a second opener out.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use super::alerts::{self, Watching};
use super::brake::Brake;
use super::captions::{self, CaptionsInForce};
use super::clips::Clips;
use super::converter::Converter;
use super::denials::Denials;
use super::door::Doorman;
use super::evict::KeptRenders;
use super::factors::Leases;
use super::glossary;
use super::guidelines;
use super::heads::Heads;
pub use super::info::{Bytes, LibraryInfo};
use super::live_table::LiveFiles;
use super::looks::Looking;
use super::mapped::Served;
use super::notices::Notices;
pub use super::open_error::OpenError;
use super::own_text::OwnText;
use super::parts::Parts;
use super::policy;
use super::reads::Reads;
use super::reserve::Reserve;
use super::retention::{Kept, RECOVERY_DAYS};
use super::screen::Screening;
use super::shifts::Shifts;
use super::signing::Signing;
use super::snapshots::Due;
use super::spec;
use super::stills::Stills;
use super::strays::ScratchSwept;
use super::thin::{self, Thinning};
use super::view_copy::ViewCopies;
use super::watermark::Watermark;
use super::workflow::Board;
use crate::access::{Gate, Terms};
use crate::audit;
use crate::blob::{StageDir, Vault};
use crate::catalog::sqlite::SqliteEngine;
use crate::catalog::{Catalog, CatalogError, ChangeKind, MemberRow, NodeClass, NodeKind, NodeRow, WriteTx};
use crate::clock::SharedClock;
use crate::crypto::{Keyring, Permutation};
use crate::media::Budget;
use crate::policy::{Alerts, Captions, Case, Glossary, Platforms, RoleBook, ThinningRules, platforms};
use crate::rng::SharedEntropy;
use crate::types::{AssetId, MemberId, NodeId, Timestamp};

/// The layout version of the library folder that this damfs writes and the newest it reads.
pub(super) const FORMAT: u32 = 1;
/// Changes read at once for the gate.
const FEED_PAGE: usize = 1_000;

/// Where the key of a new library goes.
#[derive(Debug, Clone, Copy)]
pub enum KeyChoice<'a> {
    /// Sealed; the key file is written here, mode 0600, and must not exist.
    File(&'a Path),
    /// Not encrypted.
    Plain,
}

pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> OpenError {
    let what = what.into();
    move |source| OpenError::Io { what, source }
}

/// What [`Library::create`] made.
#[derive(Debug)]
pub struct Created {
    pub id: String,
    pub admin: MemberId,
}

/// One opened library. Everything that acts on it holds an `Arc` of this.
pub struct Library {
    root: PathBuf,
    info: LibraryInfo,
    pub catalog: Catalog,
    pub vault: Arc<Vault>,
    pub stages: Arc<StageDir>,
    pub gate: Arc<Gate>,
    pub clock: SharedClock,
    pub entropy: SharedEntropy,
    /// Node, version and rendition numbers to inode numbers and back.
    pub permutation: Permutation,
    /// Keys the inode numbers of paths.
    pub path_key: [u8; 32],
    pub notices: Notices,
    /// Files that are open or hold staged bytes.
    pub live: LiveFiles,
    /// Files created in views that may turn out to be copies.
    /// Numbers that mounts have got.
    pub(super) mounts: AtomicU64,
    pub view_copies: ViewCopies,
    /// Record attributes as members saw them last.
    pub served: Served,
    /// Clips for the platforms.
    pub clips: Clips,
    /// What decodes AVIF and HEIC.
    pub converter: Converter,
    /// Stills for the platforms.
    pub stills: Stills,
    /// Openings of files, for the audit log.
    pub reads: Reads,
    /// What is kept of rendered exports.
    pub(super) kept_renders: KeptRenders,
    pub(super) denials: Denials,
    pub(super) door: Doorman,
    pub(super) scratch_swept: ScratchSwept,
    pub(super) emptied: Watermark,
    pub(super) owed: Watermark,
    pub(super) snapshot_due: Due,
    pub(super) heads_told: Heads,
    pub(super) head_key: [u8; 32],
    pub(super) keyring: Arc<Keyring>,
    pub(super) leases: Leases,
    pub(super) shifts: Shifts,
    /// Held by who makes a snapshot.
    pub(super) snapshotting: Mutex<()>,
    pub(super) kept: Kept,
    pub(super) thinning: Thinning,
    pub(super) looking: Looking,
    pub(super) roles_file: OwnText,
    pub(super) glossary_file: OwnText,
    pub(super) platforms_file: OwnText,
    pub(super) captions: CaptionsInForce,
    pub(super) board: Board,
    pub(super) alerts: Watching,
    pub(super) screening: Screening,
    pub(super) signing: Signing,
    /// Space for removals on a full disk.
    pub reserve: Reserve,
    /// Removals from views.
    pub brake: Brake,
    /// Memory for decoding pictures.
    pub decodes: Budget,
    /// What takes long is given up: it is done after the next start.
    pub(super) ending: AtomicBool,
    _lock: File,
}

impl Library {
    /// Makes a library in a new or empty folder; the caller becomes its first admin.
    ///
    /// # Errors
    /// When the folder is taken or cannot be written, or there is no randomness.
    pub fn create(
        root: &Path,
        key: KeyChoice<'_>,
        admin: (&str, u32),
        clock: &SharedClock,
        entropy: &SharedEntropy,
    ) -> Result<Created, OpenError> {
        if root.join(super::info::FILE).exists() {
            return Err(OpenError::Exists { path: root.into() });
        }
        if root.exists() && !root.is_dir() {
            return Err(OpenError::NotAFolder { path: root.into() });
        }
        let is_new = !root.exists();
        fs::create_dir_all(root).map_err(io("cannot make the library folder"))?;
        let root = root.canonicalize().map_err(io("cannot find the library folder"))?;
        if fs::read_dir(&root).map_err(io("cannot read the library folder"))?.next().is_some() {
            return Err(OpenError::NotEmpty { path: root });
        }
        // Members of a served library reach its socket by name; nothing else in here can be listed or read by them. A folder that was
        // there stays as open as its owner made it.
        if is_new {
            let mode = fs::Permissions::from_mode(0o711);
            fs::set_permissions(&root, mode).map_err(io("cannot close the library folder"))?;
        }
        let now = clock.now();
        let id = MemberId::make(now, entropy.as_ref()).map_err(io("no randomness"))?.to_string();
        let made = match key {
            KeyChoice::File(path) => {
                let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                fs::create_dir_all(parent).map_err(io("cannot make the key's folder"))?;
                let parent = parent.canonicalize().map_err(io("cannot find the key's folder"))?;
                if parent.starts_with(&root) {
                    let _ = fs::remove_dir(&root);
                    return Err(OpenError::KeyInside { path: path.into() });
                }
                let made = Keyring::create(&id, entropy.as_ref())?;
                // The library is worth nothing without it: it is on the disk, name and all, before the library is begun.
                write_new(path, made.key_file.as_bytes(), 0o600)
                    .and_then(|()| sync_folders(&parent))
                    .map_err(io(format!("cannot write the key file {}", path.display())))?;
                made
            }
            KeyChoice::Plain => Keyring::plain(&id, entropy.as_ref())?,
        };
        for folder in ["store", "stage"] {
            DirBuilder::new().mode(0o700).create(root.join(folder)).map_err(io("cannot make the library's folders"))?;
        }
        super::wire::run_directory(&root).map_err(io("cannot make the library's folders"))?;
        write_new(&root.join("keyring"), &made.sealed, 0o600).map_err(io("cannot write the keyring"))?;
        for (file, text, what) in [
            (policy::FILE, RoleBook::TEMPLATE, "the roles"),
            (policy::CASES, Case::TEMPLATE, "the cases of the roles"),
            (thin::FILE, ThinningRules::TEMPLATE, "the rules of versions"),
            (glossary::FILE, Glossary::TEMPLATE, "the glossary"),
            (spec::FILE, Platforms::TEMPLATE, "the table of platforms"),
            (captions::FILE, Captions::TEMPLATE, "the captions"),
            (alerts::FILE, Alerts::TEMPLATE, "the rules of alerts"),
            ("README.txt", README, "the readme"),
        ] {
            write_new(&root.join(file), text.as_bytes(), 0o600).map_err(io(format!("cannot write {what}")))?;
        }
        let engine = SqliteEngine::create(&root.join("catalog.db"))?;
        let catalog = Catalog::new(Arc::new(engine));
        let member = MemberId::make(now, entropy.as_ref()).map_err(io("no randomness"))?;
        catalog.write(|tx| -> Result<(), CatalogError> {
            seed(tx, member, admin, now)?;
            audit::append(tx, "main", now, "damfs", "library.create", &id, &serde_json::json!({ "admin": admin.0 }))
        })?;
        catalog.barrier()?;
        let info = LibraryInfo {
            format: FORMAT,
            id,
            sealed: made.keyring.is_sealed(),
            created: now.to_string(),
            recovery_days: RECOVERY_DAYS,
            renditions_max: Bytes::default(),
            audit_heads: None,
            audit_reads: true,
            screen: None,
            c2pa: None,
        };
        let text = toml::to_string(&info).map_err(|e| OpenError::Roles(e.to_string()))?;
        // Written last: a folder without it is no library yet, so a crash in between leaves nothing half-made in use.
        write_new(&root.join(super::info::FILE), text.as_bytes(), 0o644).map_err(io("cannot write damfs.toml"))?;
        sync_folders(&root).map_err(io("cannot sync the library folder"))?;
        Ok(Created { id: info.id, admin: member })
    }

    /// Opens a library, takes its lock, and recovers what a crash left staged.
    ///
    /// # Errors
    /// Says what is wrong and, by [`OpenError::hint`], what to do.
    pub fn open(
        root: &Path,
        key_file: Option<&Path>,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Arc<Self>, OpenError> {
        let Parts { root, info, keyring, vault, stages, lock } = Parts::open(root, key_file, &entropy)?;
        let signing = Signing::open(info.c2pa.as_ref(), &root)?;
        Self::remove_copy(&root);
        super::rebuild::remove(&root).map_err(io("cannot remove what an interrupted rebuild left"))?;
        let catalog = Catalog::new(Arc::new(SqliteEngine::open(&root.join("catalog.db"))?));
        let (platforms, captions, board, alerts) = catalog.read(|tx| {
            let platforms = guidelines::kept(tx, &*spec::kept(tx)?)?;
            let board = Board::kept(tx, &platforms.vocabulary())?;
            Ok::<_, CatalogError>((platforms, CaptionsInForce::kept(tx)?, board, Watching::kept(tx)?))
        })?;
        let roles = policy::open(&catalog, &root, &platforms.vocabulary(), clock.now())?;
        let (words, glossary_file) = glossary::read(&root).map_err(OpenError::Glossary)?;
        let gate =
            Arc::new(Gate::new(catalog.clone(), clock.clone(), roles, Terms { glossary: Arc::new(words), platforms }));
        let library = Arc::new(Self {
            reserve: Reserve::of(&root),
            decodes: Budget::default(),
            brake: Brake::default(),
            root,
            info,
            catalog,
            vault,
            stages,
            gate,
            clock,
            entropy,
            permutation: Permutation::new(keyring.derive("damfs inode permutation v1")),
            path_key: keyring.derive("damfs path inode v1"),
            notices: Notices::default(),
            live: LiveFiles::default(),
            mounts: AtomicU64::default(),
            view_copies: ViewCopies::default(),
            served: Served::default(),
            clips: Clips::default(),
            converter: Converter::default(),
            stills: Stills::default(),
            reads: Reads::default(),
            kept_renders: KeptRenders::default(),
            denials: Denials::default(),
            door: Doorman::default(),
            scratch_swept: ScratchSwept::default(),
            emptied: Watermark::default(),
            owed: Watermark::default(),
            snapshot_due: Due::default(),
            heads_told: Heads::default(),
            head_key: keyring.derive("damfs audit head v1"),
            keyring,
            leases: Leases::default(),
            shifts: Shifts::default(),
            snapshotting: Mutex::default(),
            kept: Kept::default(),
            thinning: Thinning::default(),
            looking: Looking::default(),
            roles_file: OwnText::unread(policy::FILE),
            glossary_file,
            platforms_file: OwnText::unread(spec::FILE),
            captions,
            board,
            alerts,
            screening: Screening::default(),
            signing,
            ending: AtomicBool::new(false),
            _lock: lock,
        });
        library.watch_access();
        let asked = Arc::downgrade(&library);
        library.gate.keep_door(Box::new(move |uid| asked.upgrade().map_or(Ok(()), |library| library.meet(uid))));
        library.recover()?;
        if let Err(e) = library.first_platforms() {
            tracing::warn!(error = %e, "the table of platforms could not be put in force; the one before it stays");
        }
        if let Err(e) = library.first_captions() {
            tracing::warn!(error = %e, "the captions could not be put in force; those before them stay");
        }
        if let Err(e) = library.first_alerts() {
            tracing::warn!(error = %e, "the rules of alerts could not be put in force; those before them stay");
        }
        Ok(library)
    }

    /// Moves the gate's epoch with every change that a decision may rest on.
    fn watch_access(self: &Arc<Self>) {
        let gate = Arc::downgrade(&self.gate);
        let library = Arc::downgrade(self);
        let seen = std::sync::atomic::AtomicU64::new(0);
        self.catalog.listen(Box::new(move |last| {
            let (Some(gate), Some(library)) = (gate.upgrade(), library.upgrade()) else { return };
            let from = seen.swap(last, std::sync::atomic::Ordering::SeqCst).min(last);
            match library.catalog.changes(from, last, FEED_PAGE) {
                Ok(rows) if rows.len() < FEED_PAGE => {
                    gate.hear(&rows);
                    library.live.hear(&rows);
                }
                // More than was read, or nothing could be: every decision is taken anew.
                _ => {
                    gate.changed();
                    library.live.all().iter().for_each(|file| file.wake());
                }
            }
        }));
    }

    /// The library's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `damfs.toml` said when the library was opened.
    #[must_use]
    pub(super) fn info(&self) -> &LibraryInfo {
        &self.info
    }

    /// The library's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.info.id
    }

    /// Whether its bytes are encrypted.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.info.sealed
    }

    /// A new asset id.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new_asset_id(&self) -> std::io::Result<AssetId> {
        AssetId::make(self.clock.now(), self.entropy.as_ref())
    }

    /// The name of a member.
    #[must_use]
    pub fn member_name(&self, id: MemberId) -> Option<String> {
        self.catalog.read(|tx| tx.member(id)).ok().flatten().map(|m| m.name)
    }

    /// The active member that a user id is.
    #[must_use]
    pub fn member_for(&self, uid: u32) -> Option<MemberId> {
        // Of who is a member already it does not matter that nobody can say.
        let _ = self.gate.knock(uid);
        self.catalog.read(|tx| tx.member_by_uid(uid)).ok().flatten().filter(|m| m.is_in(self.clock.now())).map(|m| m.id)
    }

    /// The active member of that name.
    #[must_use]
    pub fn member_named(&self, name: &str) -> Option<MemberId> {
        let found = self.catalog.read(|tx| tx.member_by_name(name)).ok().flatten();
        found.filter(|m| m.is_in(self.clock.now())).map(|m| m.id)
    }

    /// The member of that name, whoever lets him in.
    #[must_use]
    pub fn member_called(&self, name: &str) -> Option<MemberId> {
        self.catalog.read(|tx| tx.member_by_name(name)).ok().flatten().map(|m| m.id)
    }

    /// Whether a member is known to have been put out of service.
    #[must_use]
    pub fn is_shut_out(&self, member: MemberId) -> bool {
        self.catalog.read(|tx| tx.member(member)).is_ok_and(|row| row.is_some_and(|row| !row.active))
    }

    /// Whether a user id is an admin here.
    #[must_use]
    pub fn may_admin(&self, uid: u32) -> bool {
        self.gate
            .who(&crate::access::Identity::Uid(uid))
            .is_ok_and(|who| who.allows_everything(crate::policy::Verb::Admin))
    }

    /// What is wrong with the texts that people write for the library, and what follows.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let told = |fault: Option<String>, then: &str| fault.map(|fault| format!("{fault}; {then}"));
        let faults = [
            told(self.thinning_fault(), "until it is mended, no version is thinned out"),
            told(self.roles_fault(), "the policy in force stays until dam policy apply"),
            told(self.glossary_fault(), "until it is mended, the words before it stay in force"),
            told(self.platforms_fault(), "until it is mended, the table before it stays in force"),
            told(self.captions_fault(), "until it is mended, the captions before it stay in force"),
            told(self.alerts_fault(), "until it is mended, the rules before it stay in force"),
            told(super::stages::fault(self), "another rule that fits has them, or nobody, until dam workflow edit"),
            told(self.signing_fault(), "after its end no more exports that it signs are made"),
            told(self.screen_fault().map(|why| format!("the screen: {why}")), "what it has not looked at is no pass"),
            told(self.groups_fault(), super::door::SILENCE),
            told(self.heads_fault(), "the log's heads are told when it can be"),
        ];
        let table = self.gate.platforms();
        let unread = table.guidelines().filter_map(|guideline| {
            let (platform, why) = (guideline.platform(), guideline.fault()?);
            let then = format!("nothing circulates on {platform} until it is mended: dam guideline edit {platform}");
            Some(format!("the guideline of {platform} cannot be read: {why}; {then}"))
        });
        let untold = self.untold_faults().into_iter().map(|fault| format!("{fault}; the alert itself is in dam log"));
        faults.into_iter().flatten().chain(untold).chain(unread).collect()
    }

    /// Says that the end is near: who works on a long file stops.
    pub fn end(&self) {
        self.ending.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Makes versions of what is closed and commits, for a clean end. Long files wait for the next start: nobody waits for them here.
    pub fn close(self: &Arc<Self>) {
        self.end();
        if let Err(e) = self.settle_short(0) {
            tracing::error!(error = %e, "settling at the end failed; it is done at the next start");
        }
        if let Err(e) = self.pay_manifests() {
            tracing::error!(error = %e, "manifests could not be written; they are at the next start");
        }
        if let Err(e) = self.write_denials() {
            tracing::error!(error = %e, "refusals could not be recorded");
        }
        if let Err(e) = self.write_reads() {
            tracing::error!(error = %e, "openings of files could not be recorded");
        }
        if let Err(e) = self.catalog.barrier() {
            tracing::error!(error = %e, "the last commit could not be made durable");
        }
        self.tell_heads();
        if let Err(e) = self.snapshot_at_end() {
            tracing::warn!(error = %e, "the catalogue could not be copied into the store");
        }
        if let Err(e) = self.catalog.keep_index() {
            tracing::warn!(error = %e, "the index of queries could not be kept; the next start builds it again");
        }
        self.end_posts();
    }
}

/// What is in a catalogue from the beginning: three folders and the first admin.
pub(super) fn seed(
    tx: &mut dyn WriteTx,
    member: MemberId,
    (name, uid): (&str, u32),
    now: Timestamp,
) -> Result<(), CatalogError> {
    for node in [NodeId::LIBRARY, NodeId::INBOX, NodeId::LOCALS] {
        tx.put_node(&base_folder(node, uid, now))?;
    }
    tx.put_member(&MemberRow {
        id: member,
        name: name.to_owned(),
        uid: Some(uid),
        role: "admin".into(),
        scope: None,
        active: true,
        since: now,
        ends: None,
        read_only: false,
        groups: Vec::new(),
    })?;
    let (key, text) = spec::keep(platforms::shipped())?;
    tx.set_meta(key, &text)?;
    tx.change(ChangeKind::Access, &member.to_string())
}

/// A folder that is there from the beginning.
fn base_folder(id: NodeId, uid: u32, now: Timestamp) -> NodeRow {
    NodeRow {
        id,
        kind: NodeKind::Dir,
        class: NodeClass::Plain,
        mode: 0o755,
        uid,
        gid: uid,
        size: 0,
        atime: now,
        mtime: now,
        ctime: now,
        target: None,
        content: None,
        staged: false,
        asset: None,
        owner: None,
        made_by_process: 0,
        made_at: now,
        mtime_set: false,
    }
}

/// Writes a new file durably; refuses one that exists.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names in a folder durable, and its own; the folders above may be as new.
fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for above in folder.ancestors() {
        match File::open(above) {
            Ok(file) => file.sync_all()?,
            // Above what one may read, one has made nothing.
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => break,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

const README: &str = "This folder is a damfs library. Browse it with `dam mount THIS-FOLDER MOUNTPOINT`.
Do not change files in here by hand. Back up the whole folder, and its key file apart from it.
Unless it was made with --no-encryption, the bytes of files (all versions, staged writes, renditions, manifests) are
sealed and cannot be read without the key. The catalogue (names, tags, prompts, the audit log) is not encrypted.
";
