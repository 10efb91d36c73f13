//! What the gate says to each call of the filesystem: of an asset, of a local file, of a folder, of what is to be made.

use super::error::{Denial, LIBRARY};
use super::mount::Mount;
use super::{FsError, FsResult};
use crate::access::Who;
use crate::catalog::journal::Cause;
use crate::catalog::{Asset, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx, TunnelRow};
use crate::ops::folders::Maker;
use crate::ops::target::{Knows, knows};
use crate::ops::value::FacetChange;
use crate::ops::view_copy::added;
use crate::ops::{OpsError, assets, assign, rules};
use crate::policy::{Expr, Field, Verb};
use crate::types::{AssetId, Caller, EntryId, FileName, NodeId, VersionId};
use crate::view::identity::comes_back_in_view;

impl Mount {
    /// Whether he may do that with the asset. What he may not list is not there.
    pub(super) fn may(&self, who: &Who, verb: Verb, asset: &Asset) -> FsResult<()> {
        if !self.library.gate.allows(who, Verb::List, asset) {
            return Err(FsError::NotFound);
        }
        let decision = self.library.gate.decide(who, verb, asset);
        if decision.allowed {
            return Ok(());
        }
        Err(FsError::denied(verb, asset.id, decision.reason))
    }

    /// A node with what the caller may know of it; the asset is loaded only when the decision needs it.
    pub(super) fn known(&self, tx: &dyn ReadTx, who: &Who, node: NodeRow) -> FsResult<(NodeRow, Option<Box<Asset>>)> {
        match knows(&self.library.gate, tx, who, &node)? {
            Knows::Yes(None) if node.asset.is_some() && !who.subject.finds_files_themselves() => {
                let asset = node.asset.map(|id| tx.asset(id)).transpose()?.flatten().map(Box::new);
                Ok((node, asset))
            }
            Knows::Yes(asset) => Ok((node, asset)),
            Knows::No => Err(FsError::NotFound),
        }
    }

    /// The node that has a name which a caller wants for something else. A name that he may not know of is taken all the same, and is all
    /// that he learns: nothing hidden is ever replaced.
    pub(super) fn occupant(&self, tx: &dyn ReadTx, who: &Who, there: &EntryRow) -> FsResult<NodeRow> {
        let node = tx.node(there.node)?.ok_or(FsError::NotFound)?;
        match self.known(tx, who, node) {
            Ok((node, _)) => Ok(node),
            Err(FsError::NotFound) => Err(FsError::Exists),
            Err(e) => Err(e),
        }
    }

    /// The asset whose bytes a node holds, loaded when it was not yet. What was set aside holds nobody's any more, whatever name it has by now.
    pub(super) fn asset_of(
        tx: &dyn ReadTx,
        node: &NodeRow,
        loaded: Option<Box<Asset>>,
    ) -> FsResult<Option<Box<Asset>>> {
        match (loaded, node.asset) {
            _ if node.class != NodeClass::Asset => Ok(None),
            (Some(asset), _) => Ok(Some(asset)),
            (None, Some(id)) => Ok(tx.asset(id)?.map(Box::new)),
            (None, None) => Ok(None),
        }
    }

    /// Whether he may change anything at all.
    pub(super) fn may_work(who: &Who) -> FsResult<()> {
        if who.subject.filter(Verb::Edit) == Expr::nothing() {
            let reason = format!("role {} may not change anything", who.subject.role());
            return Err(FsError::denied(Verb::Edit, LIBRARY, reason));
        }
        Ok(())
    }

    /// Whether his mounts take changes, whatever the roles say.
    pub(super) fn may_alter(who: &Who) -> FsResult<()> {
        if who.read_only { Err(FsError::held(LIBRARY)) } else { Ok(()) }
    }

    /// Whether he may make, rename and remove words of a vocabulary.
    pub(super) fn may_change_words(who: &Who, field: &Field, value: &str) -> FsResult<()> {
        if who.subject.filter(Verb::Tag) == Expr::nothing() {
            let reason = format!("role {} may not change tags", who.subject.role());
            return Err(FsError::denied(Verb::Tag, format_args!("{field}={value}"), reason));
        }
        Ok(())
    }

    /// Whether he may do that with a file, link, pipe or socket that he knows of. What is or was an asset's, set aside for a backup too,
    /// follows that asset. A local file is its maker's; others may with it what they might if it were an asset of its maker in its folder.
    pub(super) fn may_node(&self, tx: &dyn ReadTx, who: &Who, verb: Verb, node: &NodeRow) -> FsResult<()> {
        self.judge_node(tx, who, verb, node).map(drop)
    }

    /// As [`Mount::may_node`]; gives the asset that decided.
    pub(super) fn judge_node(&self, tx: &dyn ReadTx, who: &Who, verb: Verb, node: &NodeRow) -> FsResult<Option<Asset>> {
        if let Some(asset) = node.asset.map(|id| tx.asset(id)).transpose()?.flatten() {
            return self.may(who, verb, &asset).map(|()| Some(asset));
        }
        if verb != Verb::Download {
            Self::may_work(who)?;
        }
        if node.owner == Some(who.id) || who.subject.allows_everything(verb) {
            return Ok(None);
        }
        let Some(entry) = tx.names_of(node.id)?.into_iter().next() else {
            let reason = "only who made this file may still use it: it has no name any more";
            return Err(FsError::denied(verb, node.id, reason));
        };
        let maker =
            Maker { uid: node.uid, gid: node.gid, member: node.owner, cause: Cause::Unknown, now: node.made_at };
        let asset = Self::imagined(tx, entry.parent, &entry.name, &maker)?;
        self.may(who, verb, &asset).map(|()| None).map_err(|e| match e {
            FsError::Denied(Denial { reason, .. }) => {
                FsError::denied(verb, node.id, format!("this local file is another member's, and {reason}"))
            }
            e => e,
        })
    }

    /// Whether he may change a file where it is.
    pub(super) fn may_change(&self, tx: &dyn ReadTx, who: &Who, verb: Verb, node: &NodeRow) -> FsResult<()> {
        let Some(asset) = node.asset.map(|id| tx.asset(id)).transpose()?.flatten() else {
            return self.may_node(tx, who, verb, node);
        };
        self.may(who, verb, &asset)?;
        self.is_no_trash(node, &asset)
    }

    /// What lies in the trash stays as it is, but for who has it open still.
    pub(super) fn is_no_trash(&self, node: &NodeRow, asset: &Asset) -> FsResult<()> {
        if asset.trashed.is_some() && asset.node == Some(node.id) && self.handles.orphan(node.id).is_none() {
            return Err(FsError::ReadOnly("what lies in the trash stays as it is; move it out to change it".into()));
        }
        Ok(())
    }

    /// Whether he may change a folder itself: its mode, owner, times, attributes.
    pub(super) fn may_own(who: &Who, folder: &NodeRow) -> FsResult<()> {
        if folder.owner == Some(who.id) || who.subject.is_admin() {
            return Ok(());
        }
        let reason = "only who made a folder, or an admin, may change its attributes";
        Err(FsError::denied(Verb::Edit, folder.id, reason))
    }

    /// Whether he may move a folder with everything in it: who made it and admins may, others only when all of it is theirs to edit.
    pub(super) fn may_move(&self, tx: &dyn ReadTx, who: &Who, folder: &NodeRow) -> FsResult<()> {
        Self::may_work(who)?;
        if Self::may_own(who, folder).is_ok() || who.subject.allows_everything(Verb::Edit) {
            return Ok(());
        }
        let refused = || {
            let reason = "you may move only a folder that you made, or in which you may edit everything";
            FsError::denied(Verb::Edit, folder.id, reason)
        };
        let mut folders = vec![folder.id];
        while let Some(folder) = folders.pop() {
            for (_, node) in tx.entries(folder, EntryId(0), usize::MAX)? {
                if node.kind == NodeKind::Dir {
                    folders.push(node.id);
                } else if self.known(tx, who, node.clone()).is_err() || !self.edits(tx, who, &node)? {
                    return Err(refused());
                }
            }
        }
        Ok(())
    }

    fn edits(&self, tx: &dyn ReadTx, who: &Who, node: &NodeRow) -> FsResult<bool> {
        match self.judge_node(tx, who, Verb::Edit, node) {
            Ok(_) => Ok(true),
            Err(FsError::Denied(_) | FsError::NotFound) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The asset that a file of that name in that folder would be. Judged as published: the maker's grace for provisional files must not
    /// carry it past his scope.
    fn imagined(tx: &dyn ReadTx, folder: NodeId, name: &FileName, maker: &Maker) -> FsResult<Asset> {
        let mut asset = assets::draft(tx, AssetId::from_bytes([0; 16]), 0, name, NodeId(0), maker)?;
        asset.head = Some(VersionId::from_bytes([0; 16]));
        rules::apply_rules(tx, &mut asset, folder, &maker.hand())?;
        Ok(asset)
    }

    /// Whether a new file here would be one that he may list and edit, and whether he may decide what the view's values decide.
    pub(super) fn may_create(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        maker: &Maker,
        folder: NodeId,
        name: &FileName,
        sets: &[(Field, String)],
    ) -> FsResult<()> {
        Self::may_work(who)?;
        if sets.is_empty() && who.subject.allows_everything(Verb::Edit) && who.subject.allows_everything(Verb::List) {
            return Ok(());
        }
        let mut asset = Self::imagined(tx, folder, name, maker)?;
        let changes: Vec<(Field, FacetChange)> = sets.iter().map(|(f, v)| (f.clone(), added(f, v))).collect();
        match assign::give(&self.library, who, tx, &mut asset, &changes, &maker.hand()) {
            Ok(()) => Ok(()),
            Err(OpsError::Refused { verb: verb @ (Verb::List | Verb::Edit), subject, reason }) => {
                let reason = format!(
                    "a new file here would be out of your reach ({reason}); make it in a folder or view of your own scope"
                );
                Err(FsError::Denied(Denial { verb, subject, reason }))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// The tunnel of a name, if its asset is one that he may save: others' assets do not come back by his files.
    pub(super) fn tunnel_for(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        folder: NodeId,
        name: &FileName,
    ) -> FsResult<Option<TunnelRow>> {
        let Some(tunnel) = tx.tunnel(folder, name)? else { return Ok(None) };
        let Some(asset) = tx.asset(tunnel.asset)? else { return Ok(None) };
        let his = [Verb::List, Verb::Edit].into_iter().all(|verb| self.library.gate.allows(who, verb, &asset));
        Ok(his.then_some(tunnel))
    }
    /// The tunnel of a name in a view, if a file that takes the name now is its asset's next version: not when that lies in the trash.
    pub(super) fn comes_back_to(
        &self,
        tx: &dyn ReadTx,
        who: &Who,
        caller: &Caller,
        local: NodeId,
        name: &FileName,
    ) -> FsResult<Option<TunnelRow>> {
        let now = self.library.clock.now();
        let Some(tunnel) = self.tunnel_for(tx, who, local, name)? else { return Ok(None) };
        let there = tx.asset(tunnel.asset)?.is_some_and(|asset| asset.trashed.is_none());
        Ok((there && comes_back_in_view(&tunnel, caller.process, now)).then_some(tunnel))
    }
}
