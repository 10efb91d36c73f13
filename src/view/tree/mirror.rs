//! `versions/`, `records/` and `.dam/why/`, which mirror the folders of the library, and `trash/`.

use std::collections::BTreeSet;

use super::super::naming::split;
use super::super::path::encode;
use super::folders::{folder_visible, holds_listable};
use super::{Dir, Item, PAGE, Page, Tree, WhyTarget, fixed, is_trashed};
use crate::catalog::{Asset, CatalogError, EntryRow, NodeClass, NodeKind, NodeRow, VersionRow};
use crate::policy::{Expr, Field};
use crate::types::{AssetId, EntryId, FileName, NodeId};

/// What a record adds to its file's name.
const RECORD: &str = ".json";
/// What records do not say: beside them, for who lists everything.
pub(super) const LIBRARY: &str = ".library.json";

impl Tree<'_> {
    /// The asset of a node, when the member sees it.
    fn asset_at(&self, node: &NodeRow) -> Result<Option<Asset>, CatalogError> {
        let Some(id) = node.asset.filter(|_| node.class == NodeClass::Asset) else { return Ok(None) };
        match self.tx.asset(id)? {
            Some(asset) if self.is_visible(&asset)? => Ok(Some(asset)),
            _ => Ok(None),
        }
    }

    fn node_at(&self, folder: NodeId, name: &FileName) -> Result<Option<NodeRow>, CatalogError> {
        match self.tx.entry(folder, name)? {
            Some(entry) => self.tx.node(entry.node),
            None => Ok(None),
        }
    }

    /// `.dam/why/` shows every folder that `library/` shows; the others those that hold something.
    fn mirrored_folder(&self, dir: &Dir, node: &NodeRow) -> Result<Option<Item>, CatalogError> {
        if node.kind != NodeKind::Dir {
            return Ok(None);
        }
        Ok(match dir {
            Dir::WhyTree(_) => {
                folder_visible(self.tx, self.subject, self.member, node.id)?.then_some(Dir::WhyTree(node.id))
            }
            Dir::VersionsTree(_) => {
                holds_listable(self.tx, self.subject, node.id)?.then_some(Dir::VersionsTree(node.id))
            }
            Dir::RecordsTree(_) => holds_listable(self.tx, self.subject, node.id)?.then_some(Dir::RecordsTree(node.id)),
            _ => None,
        }
        .map(Item::Dir))
    }

    fn mirrored_file(&self, dir: &Dir, node: &NodeRow) -> Result<Option<Item>, CatalogError> {
        let Some(asset) = self.asset_at(node)? else { return Ok(None) };
        Ok(match dir {
            Dir::VersionsTree(_) => Some(Item::Dir(Dir::VersionsOf(asset.id))),
            Dir::RecordsTree(_) => Some(Item::Record(asset)),
            Dir::WhyTree(_) => Some(Item::Why(WhyTarget::Asset(asset.id))),
            _ => None,
        })
    }

    /// A folder wins over the record of a file whose record would have the folder's name.
    pub(super) fn mirror_child(&self, dir: &Dir, name: &FileName) -> Result<Option<Item>, CatalogError> {
        let (Dir::VersionsTree(folder) | Dir::RecordsTree(folder) | Dir::WhyTree(folder)) = dir else {
            return Ok(None);
        };
        let node = self.node_at(*folder, name)?;
        if let Some(node) = &node
            && let Some(found) = self.mirrored_folder(dir, node)?
        {
            return Ok(Some(found));
        }
        if matches!(dir, Dir::RecordsTree(_)) {
            return self.record_child(*folder, name);
        }
        node.map_or(Ok(None), |node| self.mirrored_file(dir, &node))
    }

    fn record_child(&self, folder: NodeId, name: &FileName) -> Result<Option<Item>, CatalogError> {
        let Some(file) = name.as_bytes().strip_suffix(RECORD.as_bytes()) else { return Ok(None) };
        if let Ok(file) = FileName::new(file)
            && let Some(node) = self.node_at(folder, &file)?
        {
            return self.mirrored_file(&Dir::RecordsTree(folder), &node);
        }
        let id = std::str::from_utf8(file).ok().and_then(|file| file.rsplit_once('~')?.1.parse().ok());
        let Some(asset) = id.map(|id| self.versioned(id)).transpose()?.flatten() else { return Ok(None) };
        let entries = asset.node.map(|node| self.tx.names_of(node)).transpose()?.unwrap_or_default();
        for entry in entries.iter().filter(|entry| entry.parent == folder) {
            if self.record_name(folder, &entry.name, asset.id)? == *name {
                return Ok(Some(Item::Record(asset)));
            }
        }
        Ok(None)
    }

    /// What the record of a file in a folder is called: as the file, or cut and with its asset's id, where that is too long for a name or
    /// a folder has it.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn record_name(&self, folder: NodeId, file: &FileName, asset: AssetId) -> Result<FileName, CatalogError> {
        if let Ok(name) = FileName::new([file.as_bytes(), RECORD.as_bytes()].concat()) {
            let twin = self.node_at(folder, &name)?;
            let taken = twin.map(|twin| self.mirrored_folder(&Dir::RecordsTree(folder), &twin)).transpose()?.flatten();
            if taken.is_none() {
                return Ok(name);
            }
        }
        Ok(file.with_tail(&format!("~{asset}{RECORD}")))
    }

    pub(super) fn list_mirror(&self, dir: &Dir, folder: NodeId, page: &mut Page) -> Result<(), CatalogError> {
        let mut after = EntryId(page.files_after());
        while !page.is_full() {
            let entries = self.tx.entries(folder, after, PAGE)?;
            let ended = entries.len() < PAGE;
            for (entry, node) in entries {
                after = entry.id;
                if page.is_full() {
                    break;
                }
                if let Some((name, item)) = self.mirrored(dir, &entry, &node)? {
                    page.add_file(entry.id.0, Some(name), || item);
                }
            }
            if ended {
                break;
            }
        }
        Ok(())
    }

    fn mirrored(&self, dir: &Dir, entry: &EntryRow, node: &NodeRow) -> Result<Option<(FileName, Item)>, CatalogError> {
        let taken = |name: &FileName| fixed(dir).iter().any(|(fixed, _)| fixed.as_bytes() == name.as_bytes());
        if let Some(item) = self.mirrored_folder(dir, node)? {
            return Ok(Some((entry.name.clone(), item)).filter(|(name, _)| !taken(name)));
        }
        let Some(item) = self.mirrored_file(dir, node)? else { return Ok(None) };
        let name = match (dir, &item) {
            (Dir::RecordsTree(folder), Item::Record(asset)) => self.record_name(*folder, &entry.name, asset.id)?,
            _ => entry.name.clone(),
        };
        Ok(Some((name, item)).filter(|(name, _)| !taken(name)))
    }

    fn versioned(&self, id: AssetId) -> Result<Option<Asset>, CatalogError> {
        match self.tx.asset(id)? {
            Some(asset) if self.is_visible(&asset)? => Ok(Some(asset)),
            _ => Ok(None),
        }
    }

    pub(super) fn version_child(&self, id: AssetId, text: &str) -> Result<Option<Item>, CatalogError> {
        let Some(asset) = self.versioned(id)? else { return Ok(None) };
        let found = self.tx.versions(id)?.into_iter().find(|version| version_name(&asset, version) == text);
        Ok(found.map(|version| Item::Version(asset, version)))
    }

    pub(super) fn list_versions(&self, id: AssetId, page: &mut Page) -> Result<(), CatalogError> {
        let Some(asset) = self.versioned(id)? else { return Ok(()) };
        for version in self.tx.versions(id)? {
            let name = FileName::new(version_name(&asset, &version)).ok();
            page.add_file(u64::from(version.n), name, || Item::Version(asset.clone(), version));
        }
        Ok(())
    }

    /// The trashed assets that the member may list, in ordinal order, as long as `each` wants more.
    fn trashed(
        &self,
        after: u64,
        each: &mut dyn FnMut(Asset) -> Result<bool, CatalogError>,
    ) -> Result<(), CatalogError> {
        let expr = self.visible(&Expr::is(Field::State, "trashed"));
        let mut after = after;
        loop {
            let assets = self.tx.find(&expr, after, PAGE)?;
            let ended = assets.len() < PAGE;
            for asset in assets {
                after = asset.ordinal;
                // Purged ones have a record and nothing to restore.
                if asset.node.is_some() && !each(asset)? {
                    return Ok(());
                }
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn trash_days(&self) -> Result<BTreeSet<String>, CatalogError> {
        let mut days = BTreeSet::new();
        self.trashed(0, &mut |asset| {
            days.extend(trash_day(&asset));
            Ok(true)
        })?;
        Ok(days)
    }

    pub(super) fn trash_day_child(&self, text: &str) -> Result<Option<Item>, CatalogError> {
        let mut found = false;
        self.trashed(0, &mut |asset| {
            found = trash_day(&asset).as_deref() == Some(text);
            Ok(!found)
        })?;
        Ok(found.then(|| Item::Dir(Dir::TrashDay(text.to_owned()))))
    }

    pub(super) fn list_trash(&self, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() {
            let days = self.trash_days()?;
            page.add_values(days.into_iter().filter_map(|day| Some((encode(&day)?, Dir::TrashDay(day)))).collect());
        }
        Ok(())
    }

    pub(super) fn trashed_child(&self, day: &str, text: &str) -> Result<Option<Item>, CatalogError> {
        let Some(asset) = self.named(text)? else { return Ok(None) };
        let there = is_trashed(&asset) && asset.node.is_some() && trash_day(&asset).as_deref() == Some(day);
        if !there || !self.tx.finds(&self.visible(&Expr::is(Field::State, "trashed")), asset.id)? {
            return Ok(None);
        }
        Ok(Some(Item::Trashed(asset)))
    }

    pub(super) fn list_trashed(&self, day: &str, page: &mut Page) -> Result<(), CatalogError> {
        self.trashed(page.files_after(), &mut |asset| {
            if trash_day(&asset).as_deref() == Some(day) {
                let name = FileName::new(self.name_of(&asset)?).ok();
                page.add_file(asset.ordinal, name, || Item::Trashed(asset));
            }
            Ok(!page.is_full())
        })
    }
}

/// `3.png`: the version's number with the asset's extension.
fn version_name(asset: &Asset, version: &VersionRow) -> String {
    match split(&asset.view_name).1 {
        Some(ext) => format!("{}.{ext}", version.n),
        None => version.n.to_string(),
    }
}

fn trash_day(asset: &Asset) -> Option<String> {
    let (year, month, day) = asset.trashed.as_ref()?.at.ymd();
    Some(format!("{year:04}-{month:02}-{day:02}"))
}
