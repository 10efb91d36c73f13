//! What somebody who may not have an asset's bytes finds in place of its file and of its versions: inodes of his own, whose size tells nothing
//! of the bytes. Never the file's own inode, whose size and pages others on the same mount rely on.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::handles::{Handle, Pass, Rights, Target};
use super::inodes::Virtual;
use super::mount::{Mount, Object};
use super::{FsError, FsResult, Opened, attr};
use crate::access::Who;
use crate::catalog::{Asset, NodeRow, ReadTx, VersionRow};
use crate::media;
use crate::media::video::FilledPreview;
use crate::ops::clips::Preview;
use crate::policy::{Expr, Field, Verb};
use crate::types::{AssetId, Attr, NodeId, Timestamp, VersionId};

/// So many are looked for one by one in a folder; of more each entry is decided by itself.
const FEW: usize = 1_000;

/// What stands in place of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mask {
    /// A marked picture, padded to one size.
    Picture,
    /// A marked clip of a low rate, padded to another.
    Clip,
    /// No bytes, and it does not open.
    Closed,
}

impl Mask {
    const fn size(self) -> u64 {
        match self {
            Self::Picture => media::PROXY_BYTES,
            Self::Clip => media::video::PREVIEW_BYTES,
            Self::Closed => 0,
        }
    }
}

/// What stands in place of a node: of its asset's current version, or of what was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    of: Option<VersionId>,
    mask: Mask,
}

impl Mount {
    /// What he is shown in place of an asset's file. Who may edit what he may not view writes to the file itself.
    pub(super) fn mask(&self, who: &Who, asset: &Asset) -> Option<Mask> {
        // Before its first version there is nothing to make a picture of, and its bytes are nobody's to count.
        let mask = self.mask_of(who, asset, asset.head.map(|_| (asset.kind.as_str(), asset.format.as_str())))?;
        (mask != Mask::Closed || !self.library.gate.allows(who, Verb::Edit, asset)).then_some(mask)
    }

    /// What he is shown in place of one of its versions.
    pub(super) fn version_mask(&self, who: &Who, asset: &Asset, version: &VersionRow) -> Option<Mask> {
        self.mask_of(who, asset, Some((&version.kind, &version.format)))
    }

    /// The same of bytes of a kind and a format.
    fn mask_of(&self, who: &Who, asset: &Asset, bytes: Option<(&str, &str)>) -> Option<Mask> {
        let may = |verb| self.library.gate.allows(who, verb, asset);
        if may(Verb::Download) {
            return None;
        }
        Some(match bytes.filter(|_| may(Verb::View)) {
            Some(("image", _)) => Mask::Picture,
            // Whether the programs are here that make one is nothing that a size may hang on: it outlives them.
            Some(("video", format)) if media::video::is_previewed(format) => Mask::Clip,
            _ => Mask::Closed,
        })
    }

    /// Those of which he is shown something in place of their files, by their ordinals. Rules that might hide bytes mostly hide none.
    pub(super) fn all_masked(&self, tx: &dyn ReadTx, who: &Who) -> FsResult<HashSet<u64>> {
        if who.subject.finds_files_themselves() {
            return Ok(HashSet::new());
        }
        let masked = who.subject.filter(Verb::List).and(who.subject.filter(Verb::Download).negate());
        // A query that speaks of no state finds nothing of the trash, which `find/state=trashed` lists.
        let trashed = Expr::is(Field::State, "trashed");
        let everywhere = Expr::Or(vec![trashed.clone(), trashed.negate()]);
        Ok(tx.numbers(&masked.and(everywhere))?.into_iter().collect())
    }

    /// The same by their ids, while they are so few that most of a folder is passed over.
    pub(super) fn few_masked(&self, tx: &dyn ReadTx, who: &Who) -> FsResult<Option<HashSet<AssetId>>> {
        let mut masked: Vec<u64> = self.all_masked(tx, who)?.into_iter().take(FEW + 1).collect();
        masked.sort_unstable();
        let few = (masked.len() <= FEW).then(|| tx.assets(&masked)).transpose()?;
        Ok(few.map(|few| few.into_iter().map(|asset| asset.id).collect()))
    }

    /// What he is shown in place of a node of the asset's. One that was set aside holds other bytes than the asset has.
    pub(super) fn masked(&self, who: &Who, asset: &Asset, node: NodeId) -> Option<Stand> {
        let mask = self.mask(who, asset)?;
        let is_its = asset.node == Some(node);
        Some(Stand { of: asset.head.filter(|_| is_its), mask: if is_its { mask } else { Mask::Closed } })
    }

    /// What he is shown in place of an asset's file, as a lookup tells it.
    pub(super) fn proxy_attr(
        &self,
        who: &Who,
        asset: &Asset,
        node: &NodeRow,
    ) -> Option<(Attr, Duration, Option<Virtual>)> {
        Some(self.stand_attr(who, asset.id, node.id, node.mtime, self.masked(who, asset, node.id)?))
    }

    /// The same, of a row of a listing.
    pub(super) fn stand_attr(
        &self,
        who: &Who,
        asset: AssetId,
        node: NodeId,
        mtime: Timestamp,
        stand: Stand,
    ) -> (Attr, Duration, Option<Virtual>) {
        let (ino, what) = match stand.of {
            Some(version) => (self.inodes.proxy(version, who.id), Virtual::Proxy(asset, version)),
            None => (self.inodes.aside(node, who.id), Virtual::Aside(node)),
        };
        (self.proxy_stat(ino, stand.mask, mtime), self.ttl(), Some(what))
    }

    /// A version as a lookup tells it.
    pub(super) fn version_attr(
        &self,
        who: &Who,
        asset: &Asset,
        version: &VersionRow,
    ) -> (Attr, Duration, Option<Virtual>) {
        match self.version_mask(who, asset, version) {
            Some(mask) => {
                let ino = self.inodes.version_proxy(version.id, who.id);
                let attr = self.proxy_stat(ino, mask, version.mtime);
                (attr, self.ttl(), Some(Virtual::VersionProxy(asset.id, version.id)))
            }
            None => (attr::version(&self.inodes, version, self.show), self.ttl(), None),
        }
    }

    /// What a remembered proxy is now: of a file it ends with the version that it was made of.
    pub(super) fn proxied(&self, tx: &dyn ReadTx, who: &Who, id: AssetId, version: VersionId) -> FsResult<Object> {
        let asset = tx.asset(id)?.filter(|asset| asset.head == Some(version)).ok_or(FsError::NotFound)?;
        let mask = self.mask(who, &asset).ok_or(FsError::NotFound)?;
        self.may(who, Verb::List, &asset)?;
        let node = asset.node.map(|node| tx.node(node)).transpose()?.flatten().ok_or(FsError::NotFound)?;
        Ok(Object::Proxy { asset: Box::new(asset), version, mask, mtime: node.mtime, node: Some(Box::new(node)) })
    }

    /// The same of a version's.
    pub(super) fn version_proxied(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        id: AssetId,
        version: VersionId,
    ) -> FsResult<Object> {
        let asset = tx.asset(id)?.ok_or(FsError::NotFound)?;
        let row = tx.version(version)?.filter(|row| row.asset == id).ok_or(FsError::NotFound)?;
        let mask = self.version_mask(who, &asset, &row).ok_or(FsError::NotFound)?;
        self.may(who, Verb::List, &asset)?;
        Ok(Object::Proxy { asset: Box::new(asset), version, mask, mtime: row.mtime, node: None })
    }

    /// The same of what was set aside.
    pub(super) fn aside(&self, tx: &dyn ReadTx, who: &Who, node: NodeId) -> FsResult<Object> {
        let (node, asset) = self.known(tx, who, tx.node(node)?.ok_or(FsError::NotFound)?)?;
        let stand = asset.and_then(|asset| self.masked(who, &asset, node.id)).filter(|stand| stand.of.is_none());
        stand.map(|_| Object::Aside(Box::new(node))).ok_or(FsError::NotFound)
    }

    /// What `stat` says of one.
    pub(super) fn proxy_stat(&self, ino: u64, mask: Mask, mtime: Timestamp) -> Attr {
        attr::file(ino, mask.size(), self.show, mtime)
    }

    /// Opens the preview of a version that is a clip. It is made when it is read: many programs open more than they look at.
    pub(super) fn open_preview(
        &self,
        who: &Arc<Who>,
        ino: u64,
        asset: &Asset,
        version: VersionId,
        epoch: u64,
    ) -> FsResult<Opened> {
        let version = self.library.catalog.read(|tx| tx.version(version))?.ok_or(FsError::NotFound)?;
        let preview = Preview {
            content: version.content,
            format: version.format,
            name: asset.view_name.to_string(),
            mark: who.subject.name.to_string(),
        };
        self.library.may_preview(&preview)?;
        // Reading ahead takes of what the kernel has under way for everybody on the mount, for as long as the preview is being made.
        let is_awaited = !self.library.is_preview_kept(&preview)?;
        let gate = Rights::new(Some(Pass::new(who.clone(), Verb::View, Target::Asset(asset.id), epoch)), None);
        let handle = Handle::Preview { preview: Box::new(preview), bytes: OnceLock::new(), gate };
        let fh = self.handles.add(ino, handle);
        Ok(Opened { fh, keep_cache: false, direct_io: is_awaited, forget_attr: false, flushes: false })
    }

    /// What is read of a preview.
    pub(super) fn previewed(
        &self,
        preview: &Preview,
        bytes: &OnceLock<Arc<FilledPreview>>,
        gate: &Rights,
    ) -> FsResult<Arc<FilledPreview>> {
        if let Some(made) = bytes.get() {
            return Ok(Arc::clone(made));
        }
        let made = self.library.preview(preview).map_err(FsError::from);
        let made = match gate.who() {
            Some(who) => self.explain(who, "read", made)?,
            None => made?,
        };
        Ok(Arc::clone(bytes.get_or_init(|| made)))
    }

    /// Opens the marked proxy of a version.
    pub(super) fn open_proxy(
        &self,
        who: &Arc<Who>,
        ino: u64,
        asset: &Asset,
        version: VersionId,
        epoch: u64,
    ) -> FsResult<Opened> {
        let version = self.library.catalog.read(|tx| tx.version(version))?.ok_or(FsError::NotFound)?;
        let content = self.content_of(&version)?;
        let reader = self.library.vault.open(&content);
        let bytes = self.library.decoding(content.id, &reader, |master| master.proxy(&who.subject.name))?;
        let gate = Rights::new(Some(Pass::new(who.clone(), Verb::View, Target::Asset(asset.id), epoch)), None);
        let fh = self.handles.add(ino, Handle::Proxy { bytes, gate });
        Ok(Opened { fh, keep_cache: false, direct_io: false, forget_attr: false, flushes: false })
    }
}
