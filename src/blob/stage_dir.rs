//! The folder of staging files: begins them, brings back what a crash left, and keeps aside what is damaged.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::stage::{HEADER, MAGIC, Stage, read_full};
use super::stage_files::{Files, OpenFiles, StageFiles};
use super::stage_log::{Entry, RECORD, Record};
use super::stage_spare::Spares;
use super::stage_state::State;
use super::{BlobError, Reader};
use crate::crypto::{Keyring, Sealer};
use crate::rng::SharedEntropy;
use crate::types::{ContentId, NodeId, ReadAt, Timestamp};

/// Where damaged staging files are kept.
const ASIDE: &str = "damaged";

/// The folder of staging files: `<node>.idx` and `<node>.dat` each. A removal first calls the index `<node>.gone`: a data file that
/// stands without either has lost its index.
pub struct StageDir {
    root: PathBuf,
    keyring: Arc<Keyring>,
    entropy: SharedEntropy,
    open: Arc<OpenFiles>,
    spares: Spares,
}

impl StageDir {
    /// Opens the folder.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(root: &Path, keyring: Arc<Keyring>, entropy: SharedEntropy) -> Result<Self, BlobError> {
        fs::create_dir_all(root)?;
        for entry in fs::read_dir(root)? {
            let path = entry?.path();
            match path.extension().and_then(|e| e.to_str()) {
                Some("new") => fs::remove_file(path)?,
                Some("gone") => {
                    absent_is_fine(fs::remove_file(path.with_extension("dat")))?;
                    fs::remove_file(path)?;
                }
                _ if Spares::is_one(&path) => fs::remove_file(path)?,
                _ => {}
            }
        }
        Ok(Self { root: root.into(), keyring, entropy, open: Arc::default(), spares: Spares::default() })
    }

    fn paths(&self, node: NodeId) -> (PathBuf, PathBuf) {
        (self.root.join(format!("{node}.idx")), self.root.join(format!("{node}.dat")))
    }

    /// The nodes that have a staging file, or a part of one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<NodeId>, BlobError> {
        let mut out = BTreeSet::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|n| n.strip_suffix(".idx").or_else(|| n.strip_suffix(".dat")));
            out.extend(stem.and_then(|n| n.parse().ok()).map(NodeId));
        }
        Ok(out.into_iter().collect())
    }

    /// Puts a damaged staging file aside, for whoever may still get something out of it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn put_aside(&self, node: NodeId) -> Result<(), BlobError> {
        let aside = self.root.join(ASIDE);
        fs::create_dir_all(&aside)?;
        // A node's staging file may be damaged more than once.
        let free = (1u32..)
            .map(|n| aside.join(format!("{node}-{n}")))
            .find(|stem| !stem.with_extension("idx").exists() && !stem.with_extension("dat").exists());
        let Some(stem) = free else { return Ok(()) };
        let (index, data) = self.paths(node);
        absent_is_fine(fs::rename(data, stem.with_extension("dat")))?;
        absent_is_fine(fs::rename(index, stem.with_extension("idx")))?;
        Ok(())
    }

    /// The nodes whose damaged staging files are kept aside.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn aside(&self) -> Result<BTreeSet<NodeId>, BlobError> {
        let entries = match fs::read_dir(self.root.join(ASIDE)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(e) => return Err(e.into()),
        };
        let mut out = BTreeSet::new();
        for entry in entries {
            let name = entry?.file_name();
            let node = name.to_str().and_then(|n| n.split_once('-')).and_then(|(node, _)| node.parse().ok());
            out.extend(node.map(NodeId));
        }
        Ok(out)
    }

    /// Begins a staging file that shows the base's bytes.
    ///
    /// # Errors
    /// When the disk is full, or there is no randomness.
    pub fn create(&self, node: NodeId, base: Option<(ContentId, Reader)>, now: Timestamp) -> Result<Stage, BlobError> {
        let (index_path, data_path) = self.paths(node);
        let mut key = Zeroizing::new([0u8; 32]);
        self.entropy.fill(&mut *key)?;
        let base_len = base.as_ref().map_or(0, |(_, r)| r.len());
        let mut header = [0u8; HEADER];
        header[..8].copy_from_slice(MAGIC);
        if let Some((id, _)) = &base {
            header[72] = 1;
            header[73..105].copy_from_slice(&id.0);
        }
        header[105..].copy_from_slice(&base_len.to_le_bytes());
        let (epoch, wrapped) = self.keyring.wrap_key(&key, &aad(node, &header), self.entropy.as_ref())?;
        header[8..12].copy_from_slice(&epoch.to_le_bytes());
        header[12..72].copy_from_slice(&wrapped);
        let open =
            |path: &Path| OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path);
        // Without one these are made.
        self.spares.give(&self.root, &data_path, &index_path);
        let files = Files { data: open(&data_path)?, index: open(&index_path)? };
        let log_key = blake3::derive_key("damfs stage index v1", &*key);
        let mut stage = Stage {
            node,
            files: StageFiles::new(index_path, data_path, files, self.open.clone()),
            index_len: HEADER as u64,
            last_number: 0,
            torn: false,
            header,
            log_key,
            sealer: Sealer::new(&key, self.keyring.is_sealed())?,
            entropy: self.entropy.clone(),
            base,
            state: State::new(base_len, now),
            fresh: BTreeSet::new(),
            released: Vec::new(),
            free: BTreeSet::new(),
            slots: 0,
            unsynced: false,
            suspect: false,
            named: false,
            nonce: 0,
            nonce_salt: [0; 4],
        };
        stage.fresh_nonces()?;
        let first = Record { entry: Entry::Length { base: base_len }, len: base_len, mtime: now };
        stage.files.get()?.index.write_all_at(&header, 0)?;
        stage.append(&[first])?;
        Ok(stage)
    }

    /// Opens a staging file that was left; `None` when there is none or it was never begun. `open_base` opens what it was made over.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn recover(
        &self,
        node: NodeId,
        open_base: &mut dyn FnMut(ContentId) -> Result<Reader, BlobError>,
    ) -> Result<Option<Stage>, BlobError> {
        let (index_path, data_path) = self.paths(node);
        let damaged = |why: &str| BlobError::Damaged { what: format!("staging file {node}"), why: why.into() };
        let open = |path: &Path| match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        };
        let files = match (open(&index_path)?, open(&data_path)?) {
            (Some(index), Some(data)) => Files { data, index },
            (None, Some(data)) if data.metadata()?.len() > 0 => return Err(damaged("its index is gone")),
            (Some(index), None) if index.metadata()?.len() > (HEADER + RECORD) as u64 => {
                return Err(damaged("its data is gone"));
            }
            _ => return Ok(None),
        };
        let log = read_all(&files.index)?;
        // Nothing is acknowledged before the first record, whose bytes a power cut may leave as zeros. The data comes after it.
        if log.len() < HEADER + RECORD || log.iter().all(|b| *b == 0) {
            return if files.data.metadata()?.len() > 0 { Err(damaged("its index is cut off")) } else { Ok(None) };
        }
        let mut header = [0u8; HEADER];
        header.copy_from_slice(&log[..HEADER]);
        if header[..7] != MAGIC[..7] || header[7] == 0 {
            return Err(damaged("it does not begin as it should"));
        }
        if header[7] > MAGIC[7] {
            return Err(BlobError::NewerFormat(format!("staging file {node}")));
        }
        let (mut epoch, mut wrapped, mut id, mut base_len) = ([0; 4], [0; 60], [0; 32], [0; 8]);
        epoch.copy_from_slice(&header[8..12]);
        wrapped.copy_from_slice(&header[12..72]);
        id.copy_from_slice(&header[73..105]);
        base_len.copy_from_slice(&header[105..]);
        let key = self
            .keyring
            .unwrap_key(u32::from_le_bytes(epoch), &wrapped, &aad(node, &header))
            .map_err(|e| damaged(&e.to_string()))?;
        let base = if header[72] == 1 { Some((ContentId(id), open_base(ContentId(id))?)) } else { None };
        let base_len = u64::from_le_bytes(base_len);
        let mut stage = Stage {
            node,
            files: StageFiles::new(index_path, data_path, files, self.open.clone()),
            index_len: HEADER as u64,
            last_number: 0,
            torn: false,
            header,
            log_key: blake3::derive_key("damfs stage index v1", &*key),
            sealer: Sealer::new(&key, self.keyring.is_sealed())?,
            entropy: self.entropy.clone(),
            base,
            state: State::new(base_len, Timestamp::EPOCH),
            fresh: BTreeSet::new(),
            released: Vec::new(),
            free: BTreeSet::new(),
            slots: 0,
            unsynced: false,
            suspect: false,
            named: false,
            nonce: 0,
            nonce_salt: [0; 4],
        };
        stage.fresh_nonces()?;
        Ok(if stage.take_up(&log[HEADER..])? { Some(stage) } else { None })
    }

    /// Removes a node's staging file; none is fine.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(&self, node: NodeId) -> Result<(), BlobError> {
        let (index, data) = self.paths(node);
        let gone = index.with_extension("gone");
        absent_is_fine(fs::rename(index, &gone))?;
        if self.spares.keep(&self.root, &data, &gone).is_ok() {
            return Ok(());
        }
        absent_is_fine(fs::remove_file(data))?;
        Ok(absent_is_fine(fs::remove_file(gone))?)
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Binds the file's key to its node and to what it was made over.
fn aad(node: NodeId, header: &[u8; HEADER]) -> Vec<u8> {
    let mut aad = format!("damfs stage v1\n{node}\n").into_bytes();
    aad.extend_from_slice(&header[72..]);
    aad
}

fn read_all(file: &File) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut out = vec![0; len];
    let got = read_full(file, &mut out, 0)?;
    out.truncate(got);
    Ok(out)
}
