//! Taking in files: recognise, read, hash into the store, file under `library/`. Bytes durable first, pointer second:
//! a batch of files is written to the store, one sync covers them, then each is committed in one transaction.
//! Safe to kill and to run again: what is in the library already is recognised by its bytes.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use damfs_policy::{Field, Verb};
use serde::{Deserialize, Serialize};

use super::filing::{self, Arrival, Filed, Numbers, Plan};
use super::proto::Assignment;
use super::value::{self, FacetChange};
use super::{Actor, Library, OpsError, folders, probe};
use crate::blob::BlobError;
use crate::media::{self, MediaError};
use crate::types::{ContentId, ReadAt, Timestamp};

/// A batch ends with this many files, bytes, or milliseconds, whichever comes first.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: u64 = 256 << 20;
const BATCH_MS: i64 = 2000;

const UNKNOWN: &str = "not a recognised image, video, audio or document";

const INTO: &str = "name a folder below library/, for example luna/2026";

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Imported {
    /// A new asset.
    Imported { path: String, id: String, size: u64 },
    /// The same bytes are in the library already.
    Known { path: String, id: String },
    /// Not taken, and why. `policy`: the role said no.
    Refused { reason: String, policy: bool },
}

/// One file's outcome, by the name it was given with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub given: String,
    pub result: Imported,
}

/// How files are taken in.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Folder below `library/`; without it `Unsorted/<yyyy>/<mm>`.
    pub into: Option<String>,
    pub changes: Vec<(Field, FacetChange)>,
    /// Also what is no recognised medium.
    pub any: bool,
    /// Also further copies of bytes that the library has: each file is an asset, as in the tree that a backup keeps.
    pub copies: bool,
}

impl ImportOptions {
    /// Checks what people typed.
    ///
    /// # Errors
    /// [`OpsError::Usage`] for a folder, facet or value that cannot be.
    pub fn parse(into: Option<&str>, set: &[Assignment], any: bool, copies: bool) -> Result<Self, OpsError> {
        if let Some(folder) = into {
            folders::parts(folder).map_err(|e| OpsError::usage(format!("--into {folder}: {e}"), INTO))?;
        }
        // A second `--set tag=b` adds; keywords that the file brings stay beside those given.
        let changes = value::changes(set)?
            .into_iter()
            .map(|(field, change)| match change {
                FacetChange::Replace(value) if field == Field::Tag => (field, FacetChange::Add(value)),
                other => (field, other),
            })
            .collect();
        Ok(Self { into: into.map(str::to_owned), changes, any, copies })
    }
}

/// An open file with the length it had when it was opened.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    len: u64,
    written: (i64, i64),
}

/// When a file's bytes last changed.
fn written(meta: &Metadata) -> (i64, i64) {
    (meta.mtime(), meta.mtime_nsec())
}

impl OpenFile {
    /// Looks at the file once.
    ///
    /// # Errors
    /// When it is no regular file.
    pub fn new(file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(Self { len: meta.len(), written: written(&meta), file })
    }

    /// Whether it is still as it was when it was opened.
    ///
    /// # Errors
    /// When it cannot be looked at any more.
    fn is_unchanged(&self) -> io::Result<bool> {
        let meta = self.file.metadata()?;
        Ok(meta.len() == self.len && written(&meta) == self.written)
    }
}

impl ReadAt for OpenFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match self.file.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }
}

/// Takes in files, batch by batch.
pub struct Importer<'a> {
    library: &'a Library,
    actor: &'a Actor,
    options: ImportOptions,
    pending: Vec<Plan>,
    bytes: u64,
    since: Timestamp,
    done: Vec<Outcome>,
}

impl<'a> Importer<'a> {
    /// Starts.
    #[must_use]
    pub fn new(library: &'a Library, actor: &'a Actor, options: ImportOptions) -> Self {
        let since = library.clock.now();
        Self { library, actor, options, pending: Vec::new(), bytes: 0, since, done: Vec::new() }
    }

    /// Takes one file. `given` is its name with folders below the folder that was given (`a/b/x.png`).
    /// Returns the outcomes that are final by now; a file that cannot be taken is one of them, not an error.
    ///
    /// # Errors
    /// When the store or the catalogue fails; then nothing more can be taken.
    pub fn take(&mut self, given: &str, mtime: Timestamp, bytes: &OpenFile) -> Result<Vec<Outcome>, OpsError> {
        match self.plan(given, mtime, bytes) {
            Ok(Some(plan)) => {
                self.bytes += plan.content.size;
                self.pending.push(plan);
            }
            Ok(None) => {}
            Err(e) => self.refuse(given, e)?,
        }
        let late = self.library.clock.now().ms_since(self.since) >= BATCH_MS;
        if self.pending.len() >= BATCH_FILES || self.bytes >= BATCH_BYTES || late {
            self.flush()?;
        }
        Ok(std::mem::take(&mut self.done))
    }

    /// Commits what is left and returns when it survives a power cut.
    ///
    /// # Errors
    /// As [`Importer::take`].
    pub fn finish(mut self) -> Result<Vec<Outcome>, OpsError> {
        self.flush()?;
        self.library.pay_manifests()?;
        self.library.catalog.barrier()?;
        Ok(self.done)
    }

    /// Reads and stores one file's bytes; `None` when its outcome is known already.
    fn plan(&mut self, given: &str, mtime: Timestamp, bytes: &OpenFile) -> Result<Option<Plan>, OpsError> {
        let (folder, name) = filing::split(given)?;
        if bytes.is_empty() {
            return Err(OpsError::usage("the file is empty", "generate or copy it again"));
        }
        let probe = match media::probe(bytes) {
            Ok(probe) if self.options.any => probe,
            Ok(probe) if !probe.complete => {
                return Err(OpsError::usage("the file ends before its picture does", "copy or generate it again"));
            }
            Ok(probe) if probe.kind == "other" => return Err(OpsError::usage(UNKNOWN, "take it as it is with --any")),
            Ok(probe) => probe,
            Err(MediaError::Io(e)) => return Err(e.into()),
            Err(_) if self.options.any => probe::nothing(),
            Err(e) => return Err(OpsError::usage(e.to_string(), "take it as it is with --any")),
        };
        let now = self.library.clock.now();
        let base = match &self.options.into {
            Some(into) => into.trim_matches('/').to_owned(),
            None => unsorted(now),
        };
        let folder = if folder.is_empty() { base } else { format!("{base}/{folder}") };
        let file = Arrival::new(self.library, given, folder, name, probe, mtime, now)?;
        self.library.catalog.read(|tx| file.allowed(self.library, self.actor, tx, &self.options.changes))?;
        let content = self.library.vault.add(bytes)?;
        if content.size != bytes.len() || !bytes.is_unchanged()? {
            return Err(OpsError::failed("still being written", "run the import again when it is complete"));
        }
        if self.pending.iter().any(|p| p.content.id == content.id) {
            self.flush()?;
        }
        let known = if self.options.copies { None } else { self.known(content.id)? };
        if let Some((path, id)) = known {
            self.done.push(Outcome { given: given.to_owned(), result: Imported::Known { path, id } });
            return Ok(None);
        }
        let numbers = self.library.catalog.write(|tx| Numbers::take(tx))?;
        Ok(Some(Plan { file, content, numbers }))
    }

    /// The asset that has these bytes and that the caller may list. What he may not list does not exist for him.
    fn known(&self, content: ContentId) -> Result<Option<(String, String)>, OpsError> {
        self.library.catalog.read(|tx| filing::known(self.library, self.actor, tx, content))
    }

    fn flush(&mut self) -> Result<(), OpsError> {
        self.since = self.library.clock.now();
        self.bytes = 0;
        if self.pending.is_empty() {
            return Ok(());
        }
        let library = self.library;
        for plan in &self.pending {
            // One that is refused by now is refused again by its transaction.
            match library.catalog.read(|tx| plan.manifest(library, self.actor, tx, &self.options.changes)) {
                Ok(manifest) => library.put_manifest(&manifest)?,
                Err(OpsError::Refused { .. } | OpsError::Barred { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        let contents: Vec<_> = self.pending.iter().map(|plan| &plan.content).collect();
        library.vault.sync(&contents)?;
        for plan in std::mem::take(&mut self.pending) {
            let filed = library.catalog.write(|tx| filing::file(library, self.actor, tx, &plan, &self.options.changes));
            if !matches!(filed, Ok(Filed::New { .. })) {
                library.drop_manifest(plan.file.asset, 1);
            }
            let result = match filed {
                Ok(Filed::New { path, id }) => Imported::Imported { path, id: id.to_string(), size: plan.content.size },
                Ok(Filed::Known { path, id }) => Imported::Known { path, id: id.to_string() },
                Err(e) => {
                    self.refuse(&plan.file.given, e)?;
                    continue;
                }
            };
            self.done.push(Outcome { given: plan.file.given, result });
        }
        Ok(())
    }

    /// One file's fault is its outcome; a fault of the library ends the import. Denials go to the audit log.
    fn refuse(&mut self, given: &str, why: OpsError) -> Result<(), OpsError> {
        let policy = match &why {
            OpsError::Usage { .. }
            | OpsError::NoTerm { .. }
            | OpsError::Failed { .. }
            | OpsError::Io(_)
            | OpsError::Blob(BlobError::Source(_))
            | OpsError::NotFound(_)
            | OpsError::Unknown { .. }
            | OpsError::Locked { .. }
            | OpsError::Several { .. } => false,
            OpsError::Barred { message, .. } => {
                super::serve::note_denial(self.library, &self.actor.member.name, Verb::Review, given, message)?;
                true
            }
            OpsError::Refused { verb, reason, .. } => {
                super::serve::note_denial(self.library, &self.actor.member.name, *verb, given, reason)?;
                true
            }
            OpsError::Catalog(_) | OpsError::Blob(_) | OpsError::Live(_) | OpsError::Access(_) => return Err(why),
        };
        let reason = why.to_string();
        self.done.push(Outcome { given: given.to_owned(), result: Imported::Refused { reason, policy } });
        Ok(())
    }
}

/// Where files go that nobody gave a folder: `Unsorted/<yyyy>/<mm>` of the day they come in.
#[must_use]
pub fn unsorted(now: Timestamp) -> String {
    let (year, month, _) = now.ymd();
    format!("Unsorted/{year:04}/{month:02}")
}

/// One file, at once: what the daemon does with a descriptor.
///
/// # Errors
/// When the store or the catalogue fails, or the options are wrong.
pub fn import_one(
    library: &Library,
    actor: &Actor,
    given: &str,
    options: ImportOptions,
    mtime: Timestamp,
    file: File,
) -> Result<Imported, OpsError> {
    value::known_platforms(&options.changes, actor.who().subject.platforms())?;
    let mut importer = Importer::new(library, actor, options);
    let bytes = match OpenFile::new(file) {
        Ok(bytes) => bytes,
        Err(e) => return Ok(Imported::Refused { reason: format!("cannot be read: {e}"), policy: false }),
    };
    let mut outcomes = importer.take(given, mtime, &bytes)?;
    outcomes.extend(importer.finish()?);
    let last = outcomes.pop().map(|o| o.result);
    last.ok_or_else(|| OpsError::failed("the import gave no answer", "run it again"))
}
