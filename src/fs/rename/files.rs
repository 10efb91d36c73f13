//! A file that is renamed in a folder, or moved into one out of a view.

use super::Mover;
use crate::catalog::{EntryRow, NodeClass, NodeKind, NodeRow, TunnelHow, WriteTx};
use crate::fs::create::{folder_name, in_inbox};
use crate::fs::mount::Mount;
use crate::fs::{FsError, FsResult};
use crate::ops::assets::{self, Next};
use crate::ops::folders;
use crate::ops::trail::{self, Origin};
use crate::policy::Verb;
use crate::types::FileName;
use crate::view::class::{NameClass, classify_in, is_aside_for};
use crate::view::identity::{DstFacts, RenameFacts, RenameMeaning, on_rename};

impl Mount {
    /// Between folders of the tree, and from a view into one.
    pub(super) fn within_tree(
        &self,
        tx: &mut dyn WriteTx,
        m: &Mover<'_>,
        entry: EntryRow,
        mut node: NodeRow,
        folder: &NodeRow,
        new_name: &FileName,
    ) -> FsResult<()> {
        let there = tx.entry(folder.id, new_name)?;
        if there.as_ref().is_some_and(|t| t.node == node.id) {
            return Ok(());
        }
        let dst_node = there.as_ref().map(|t| self.occupant(tx, m.who, t)).transpose()?;
        if there.is_some() && m.no_replace {
            return Err(FsError::Exists);
        }
        if node.kind == NodeKind::Dir {
            return self.move_folder(tx, m, &entry, &node, folder, there, new_name);
        }
        self.may_node(tx, m.who, Verb::Edit, &node)?;
        let to_inbox = in_inbox(tx, folder.id)?;
        if to_inbox && node.class == NodeClass::Asset {
            return Err(FsError::NotPermitted("assets stay in library/; the inbox takes what is new".into()));
        }
        let asset = Self::asset_for(tx, &node)?;
        if dst_node.as_ref().is_some_and(|d| d.kind == NodeKind::Dir) {
            return Err(FsError::IsDir);
        }
        if let Some(dst) = &dst_node {
            self.may_node(tx, m.who, Verb::Edit, dst)?;
        }
        let dst_asset = dst_node.as_ref().map(|d| Self::asset_for(tx, d)).transpose()?.flatten();
        let tunnel = self.tunnel_for(tx, m.who, folder.id, new_name)?;
        let facts = RenameFacts {
            src_class: node.class,
            src_has_asset: asset.is_some(),
            src_fresh: asset.as_ref().is_none_or(|asset| self.is_fresh(&node, asset, m.caller)),
            dst: dst_node.as_ref().map(|d| DstFacts { class: d.class, has_asset: dst_asset.is_some() }),
            dst_name: classify_in(folder_name(tx, folder.id)?.as_ref(), new_name),
            dst_is_aside: is_aside_for(new_name, &entry.name),
            dst_tunnel: tunnel.as_ref().map(|t| (t.how, m.maker.now.ms_since(t.at))),
        };
        match on_rename(&facts) {
            RenameMeaning::NextVersion => {
                let (Some(there), Some(mut dst)) = (there, dst_asset) else { return Err(FsError::NotFound) };
                self.next_version(tx, m, &entry, &mut node, &there, &mut dst)
            }
            RenameMeaning::ComesBack => {
                let Some(mut back) = tunnel.map(|t| tx.asset(t.asset)).transpose()?.flatten() else {
                    return Err(FsError::NotFound);
                };
                if let Some(there) = &there {
                    self.clear_name(tx, m, there)?;
                }
                assets::unlink_entry(tx, &entry, m.maker.now)?;
                folders::link(tx, folder.id, new_name, node.id, m.maker.now)?;
                Ok(assets::rebind(tx, &self.library, &mut back, &mut node, &m.maker.hand(), Next::Renamed(&entry))?)
            }
            RenameMeaning::MoveAside => {
                if let Some(there) = &there {
                    self.clear_name(tx, m, there)?;
                }
                self.tunnel(tx, m, &entry, &node, TunnelHow::Aside)?;
                self.move_only(tx, m, (&node, &entry), folder.id, new_name)
            }
            RenameMeaning::Move | RenameMeaning::Replace => {
                if let Some(there) = &there {
                    self.replace(tx, m, there)?;
                }
                if asset.is_some() {
                    self.tunnel(tx, m, &entry, &node, TunnelHow::Moved)?;
                }
                self.move_only(tx, m, (&node, &entry), folder.id, new_name)?;
                if let Some(mut asset) = asset {
                    let names = (&entry.name, new_name);
                    assets::renamed(tx, &self.library, &mut asset, names, &m.maker.hand())?;
                }
                Ok(())
            }
            RenameMeaning::LocalMove => {
                if let Some(there) = &there {
                    self.clear_name(tx, m, there)?;
                }
                let to = self.move_entry(tx, m, &entry, folder.id, new_name, node.id)?;
                let old = node.clone();
                node.ctime = m.maker.now;
                if asset.is_none() && node.kind == NodeKind::File {
                    node.class = local_class(facts.dst_name, node.class);
                    tx.put_node(&node)?;
                }
                Ok(trail::moved(tx, &m.maker.hand(), (&old, &entry), (&node, &to))?)
            }
            RenameMeaning::BecomesAsset => {
                if let Some(there) = &there {
                    self.clear_name(tx, m, there)?;
                }
                let to = self.move_entry(tx, m, &entry, folder.id, new_name, node.id)?;
                let old = node.clone();
                node.ctime = m.maker.now;
                if to_inbox {
                    node.class = NodeClass::Inbox;
                    tx.put_node(&node)?;
                    return Ok(trail::moved(tx, &m.maker.hand(), (&old, &entry), (&node, &to))?);
                }
                self.may_create(tx, m.who, &m.maker, folder.id, new_name, &[])?;
                let origin = Origin { from: Some(&entry), view: None };
                assets::adopt(tx, &self.library, &mut node, &to, &m.maker, &origin)?;
                Ok(())
            }
        }
    }
}

/// The class of a local file after it got a name of that class.
pub(super) fn local_class(name: NameClass, old: NodeClass) -> NodeClass {
    match name {
        NameClass::Scratch => NodeClass::Scratch,
        NameClass::Aside => NodeClass::Aside,
        NameClass::Lock | NameClass::Junk => NodeClass::Local,
        _ => old,
    }
}
