//! Writes to a transaction's own copy.

use std::sync::Arc;

use super::Tx;
use super::state::{Owed, State};
use crate::catalog::journal::JournalRow;
use crate::catalog::rules::{before_first, check_asset, refused, view_stem};
use crate::catalog::{
    Asset, AuditRow, CatalogError as E, ChangeKind, ChangeRow, Counter, EntryRow, FactorRow, FolderRule, GroupRow,
    GroupSeat, InboxRow, LookRow, MemberRow, NodeClass, NodeRow, Outcome, ReadTx, RenditionRow, SavedRow, Trashed,
    TunnelRow, VersionRow, WriteTx,
};
use crate::types::{AssetId, Content, EntryId, FileName, Generation, MemberId, NodeId, Timestamp, VersionId};

impl WriteTx for Tx<'_> {
    fn set_meta(&mut self, key: &str, value: &str) -> Result<(), E> {
        Arc::make_mut(&mut self.state.meta).insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    fn next(&mut self, counter: Counter) -> Result<u64, E> {
        let Some(given) = self.given.as_deref_mut() else {
            return Err(E::Engine("a read asked for a new number".into()));
        };
        let last = given.entry(counter).or_insert(before_first(counter));
        *last += 1;
        Ok(*last)
    }

    fn pass_over(&mut self, counter: Counter, upto: u64) -> Result<(), E> {
        let Some(given) = self.given.as_deref_mut() else {
            return Err(E::Engine("a read passed over numbers".into()));
        };
        let last = given.entry(counter).or_insert(before_first(counter));
        *last = upto.max(*last);
        Ok(())
    }

    fn put_node(&mut self, node: &NodeRow) -> Result<(), E> {
        if node.mode > 0o7777 {
            return refused(format!("node {}: mode {:o} has more than the permission bits", node.id, node.mode));
        }
        Arc::make_mut(&mut self.state.nodes).insert(node.id, node.clone());
        self.owed.push(Owed::Node(node.id));
        Ok(())
    }

    fn remove_node(&mut self, id: NodeId) -> Result<(), E> {
        if !self.names_of(id)?.is_empty() || self.has_entries(id)? {
            return refused(format!("node {id} still has a name or names in it"));
        }
        if self.state.held.range((id, 0)..=(id, u64::MAX)).next().is_some() {
            return refused(format!("node {id} holds the bytes of an asset"));
        }
        Arc::make_mut(&mut self.state.nodes).remove(&id);
        Arc::make_mut(&mut self.state.xattrs).retain(|(of, _), _| *of != id);
        Arc::make_mut(&mut self.state.folder_rules).retain(|(of, _), _| *of != id);
        Ok(())
    }

    fn add_entry(&mut self, entry: &EntryRow) -> Result<(), E> {
        let name = (entry.parent, entry.name.clone());
        if self.state.names.contains_key(&name) || self.state.entries.contains_key(&entry.id) {
            return refused(format!(
                "there is an entry {} or a name `{}` in node {0} already",
                entry.parent, entry.name
            ));
        }
        Arc::make_mut(&mut self.state.names).insert(name, entry.id);
        Arc::make_mut(&mut self.state.listings).insert((entry.parent, entry.id));
        Arc::make_mut(&mut self.state.names_of).insert((entry.node, entry.id));
        Arc::make_mut(&mut self.state.entries).insert(entry.id, entry.clone());
        self.owed.push(Owed::Entry(entry.id));
        Ok(())
    }

    fn repoint_entry(&mut self, entry: EntryId, node: NodeId) -> Result<(), E> {
        let Some(row) = Arc::make_mut(&mut self.state.entries).get_mut(&entry) else {
            return refused(format!("there is no entry {entry}"));
        };
        let names_of = Arc::make_mut(&mut self.state.names_of);
        names_of.remove(&(row.node, entry));
        names_of.insert((node, entry));
        row.node = node;
        self.owed.push(Owed::Entry(entry));
        Ok(())
    }

    fn remove_entry(&mut self, entry: EntryId) -> Result<(), E> {
        let Some(row) = Arc::make_mut(&mut self.state.entries).remove(&entry) else {
            return refused(format!("there is no entry {entry}"));
        };
        Arc::make_mut(&mut self.state.listings).remove(&(row.parent, entry));
        Arc::make_mut(&mut self.state.names_of).remove(&(row.node, entry));
        Arc::make_mut(&mut self.state.names).remove(&(row.parent, row.name));
        Ok(())
    }

    fn set_xattr(&mut self, node: NodeId, name: &[u8], value: &[u8]) -> Result<(), E> {
        if name.is_empty() {
            return refused(format!("node {node}: an extended attribute without a name"));
        }
        Arc::make_mut(&mut self.state.xattrs).insert((node, name.to_vec()), value.to_vec());
        self.owed.push(Owed::Xattrs(node));
        Ok(())
    }

    fn remove_xattr(&mut self, node: NodeId, name: &[u8]) -> Result<bool, E> {
        Ok(Arc::make_mut(&mut self.state.xattrs).remove(&(node, name.to_vec())).is_some())
    }

    fn put_asset(&mut self, asset: &Asset) -> Result<(), E> {
        let before = self.state.asset(asset.id).cloned();
        check_asset(asset, before.as_deref())?;
        let other = |taken: Option<&u64>| taken.is_some_and(|ordinal| *ordinal != asset.ordinal);
        let marked = asset.marked_name.as_deref().map(view_stem);
        if before.is_none() && self.state.assets.contains_key(&asset.ordinal) {
            return refused(format!("there is an asset with ordinal {} already", asset.ordinal));
        }
        if marked.is_some_and(|stem| other(self.state.marked_stems.get(stem))) {
            return refused(format!("there is an asset with the marked stem of asset {} already", asset.id));
        }
        if let Some(before) = before {
            self.unlist(&before);
        }
        let State { ordinals, view_stems, marked_stems, held, assets, .. } = &mut self.state;
        Arc::make_mut(ordinals).insert(asset.id, asset.ordinal);
        Arc::make_mut(view_stems).insert((view_stem(&asset.view_name).to_owned(), asset.ordinal));
        Arc::make_mut(marked_stems).extend(marked.map(|stem| (stem.to_owned(), asset.ordinal)));
        Arc::make_mut(held).extend(asset.node.map(|node| (node, asset.ordinal)));
        Arc::make_mut(assets).insert(asset.ordinal, Arc::new(asset.clone()));
        self.owed.push(Owed::Asset(asset.ordinal));
        Ok(())
    }

    fn rekey_asset(&mut self, from: AssetId, to: AssetId, n: u32) -> Result<(), E> {
        if self.state.asset(to).is_some() {
            return refused(format!("there is an asset {to} already"));
        }
        let (versions, old) = (self.versions(from)?, self.state.asset(from).cloned());
        let ([version], Some(old)) = (&versions[..], old.filter(|_| n > 0)) else {
            return refused(format!("asset {from} has no version, or several"));
        };
        let State { ordinals, assets, generations, versions, versions_of, nodes, tunnels, inbox, .. } = &mut self.state;
        Arc::make_mut(versions).insert(version.id, VersionRow { asset: to, n, ..version.clone() });
        Arc::make_mut(versions_of).remove(&(from, version.n));
        Arc::make_mut(versions_of).insert((to, n), version.id);
        Arc::make_mut(ordinals).remove(&from);
        Arc::make_mut(ordinals).insert(to, old.ordinal);
        Arc::make_mut(assets).insert(old.ordinal, Arc::new(Asset { id: to, ..(*old).clone() }));
        if let Some(generation) = Arc::make_mut(generations).remove(&from) {
            Arc::make_mut(generations).insert(to, generation);
        }
        Arc::make_mut(nodes).values_mut().filter(|row| row.asset == Some(from)).for_each(|row| row.asset = Some(to));
        Arc::make_mut(tunnels).values_mut().filter(|row| row.asset == from).for_each(|row| row.asset = to);
        Arc::make_mut(inbox).values_mut().filter(|row| row.asset == Some(from)).for_each(|row| row.asset = Some(to));
        for asset in Arc::make_mut(assets).values_mut() {
            if asset.trashed.as_ref().is_some_and(|trashed| trashed.with == Some(from)) {
                let trashed = asset.trashed.clone().map(|trashed| Trashed { with: Some(to), ..trashed });
                *asset = Arc::new(Asset { trashed, ..(**asset).clone() });
            }
        }
        Ok(())
    }

    fn put_generation(&mut self, asset: AssetId, generation: &Generation) -> Result<(), E> {
        if self.state.asset(asset).is_none() {
            return refused(format!("there is no asset {asset}"));
        }
        Arc::make_mut(&mut self.state.generations).insert(asset, generation.clone());
        Ok(())
    }

    fn remove_asset(&mut self, id: AssetId) -> Result<(), E> {
        if !self.versions(id)?.is_empty() {
            return refused(format!("asset {id} has versions; put it in the trash instead"));
        }
        let Some(asset) = self.state.asset(id).cloned() else {
            return refused(format!("there is no asset {id}"));
        };
        self.unlist(&asset);
        Arc::make_mut(&mut self.state.ordinals).remove(&id);
        Arc::make_mut(&mut self.state.assets).remove(&asset.ordinal);
        Arc::make_mut(&mut self.state.generations).remove(&id);
        Arc::make_mut(&mut self.state.tunnels).retain(|_, t| t.asset != id);
        let backup = |n: &&mut NodeRow| n.asset == Some(id) && n.class == NodeClass::Aside;
        Arc::make_mut(&mut self.state.nodes).values_mut().filter(backup).for_each(|n| n.asset = None);
        self.owed.push(Owed::AssetGone(id));
        Ok(())
    }

    fn add_version(&mut self, version: &VersionRow) -> Result<(), E> {
        let of = (version.asset, version.n);
        let State { versions, version_nos, versions_of, .. } = &mut self.state;
        if versions.contains_key(&version.id)
            || version_nos.contains_key(&version.no)
            || versions_of.contains_key(&of)
            || version.n == 0
        {
            return refused(format!("version {} or its number is taken", version.id));
        }
        Arc::make_mut(versions).insert(version.id, version.clone());
        Arc::make_mut(version_nos).insert(version.no, version.id);
        Arc::make_mut(versions_of).insert(of, version.id);
        self.owed.push(Owed::Version(version.id));
        Ok(())
    }

    fn remove_version(&mut self, id: VersionId) -> Result<(), E> {
        let Some(version) = self.version(id)? else { return refused(format!("there is no version {id}")) };
        if self.versions(version.asset)?.last().is_some_and(|last| last.id == id) {
            return refused(format!("version {id} is the last one of its asset"));
        }
        let asset = self.state.asset(version.asset);
        let bound =
            |asset: &Asset| asset.head == Some(id) || asset.status.values().any(|verdict| verdict.version == Some(id));
        if asset.is_some_and(|asset| bound(asset)) {
            return refused(format!("version {id} is its asset's current one, or has a verdict"));
        }
        let State { versions, version_nos, versions_of, .. } = &mut self.state;
        Arc::make_mut(versions).remove(&id);
        Arc::make_mut(version_nos).remove(&version.no);
        Arc::make_mut(versions_of).remove(&(version.asset, version.n));
        Ok(())
    }

    fn put_content(&mut self, content: &Content) -> Result<(), E> {
        match self.state.contents.get(&content.id) {
            Some(old) if old == content => Ok(()),
            Some(_) => refused(format!("content {} is known with other extents", content.id)),
            None => {
                Arc::make_mut(&mut self.state.contents).insert(content.id, content.clone());
                Ok(())
            }
        }
    }

    fn put_tunnel(&mut self, tunnel: &TunnelRow) -> Result<(), E> {
        let key = (tunnel.parent, tunnel.name.clone());
        Arc::make_mut(&mut self.state.tunnels).insert(key, tunnel.clone());
        self.owed.push(Owed::Tunnel(tunnel.parent, tunnel.name.clone()));
        Ok(())
    }

    fn remove_tunnel(&mut self, parent: NodeId, name: &FileName) -> Result<(), E> {
        Arc::make_mut(&mut self.state.tunnels).remove(&(parent, name.clone()));
        Ok(())
    }

    fn put_member(&mut self, member: &MemberRow) -> Result<(), E> {
        let clash =
            |m: &&MemberRow| m.id != member.id && (m.name == member.name || (m.uid.is_some() && m.uid == member.uid));
        if member.name.is_empty() || self.state.members.values().any(|m| clash(&m)) {
            return refused(format!("there is a member named `{}` or with its user id already", member.name));
        }
        Arc::make_mut(&mut self.state.members).insert(member.id, member.clone().bare());
        Ok(())
    }

    fn put_factor(&mut self, factor: &FactorRow) -> Result<(), E> {
        if !self.state.members.contains_key(&factor.member) {
            return refused(format!("member {} has no row for a second factor", factor.member));
        }
        Arc::make_mut(&mut self.state.factors).insert(factor.member, factor.clone());
        Ok(())
    }

    fn remove_factor(&mut self, member: MemberId) -> Result<bool, E> {
        Ok(Arc::make_mut(&mut self.state.factors).remove(&member).is_some())
    }

    fn put_group(&mut self, group: &GroupRow) -> Result<(), E> {
        if group.name.is_empty() || group.role.is_empty() {
            return refused("a group without a name or a role".to_owned());
        }
        Arc::make_mut(&mut self.state.groups).insert(group.name.clone(), group.clone());
        Ok(())
    }

    fn remove_group(&mut self, name: &str) -> Result<bool, E> {
        Arc::make_mut(&mut self.state.seats).retain(|(_, group), _| group != name);
        Ok(Arc::make_mut(&mut self.state.groups).remove(name).is_some())
    }

    fn put_seat(&mut self, seat: &GroupSeat) -> Result<(), E> {
        if !self.state.members.contains_key(&seat.member) || !self.state.groups.contains_key(&seat.group) {
            return refused(format!("there is no member {} or no group `{}`", seat.member, seat.group));
        }
        Arc::make_mut(&mut self.state.seats).insert((seat.member, seat.group.clone()), seat.seen);
        Ok(())
    }

    fn remove_seat(&mut self, member: MemberId, group: &str) -> Result<bool, E> {
        Ok(Arc::make_mut(&mut self.state.seats).remove(&(member, group.to_owned())).is_some())
    }

    fn put_seen_login(&mut self, member: MemberId, login: &str) -> Result<(), E> {
        if login.is_empty() || !self.state.members.contains_key(&member) {
            return refused(format!("there is no member {member}, or no login"));
        }
        Arc::make_mut(&mut self.state.seen_logins).insert(member, login.to_owned());
        Ok(())
    }

    fn remove_seen_login(&mut self, member: MemberId) -> Result<bool, E> {
        Ok(Arc::make_mut(&mut self.state.seen_logins).remove(&member).is_some())
    }

    fn put_folder_rule(&mut self, rule: &FolderRule) -> Result<(), E> {
        if rule.facet.is_empty() || rule.value.is_empty() {
            return refused(format!("folder {}: a rule without a facet or a value", rule.folder));
        }
        Arc::make_mut(&mut self.state.folder_rules).insert((rule.folder, rule.facet.clone()), rule.clone());
        self.owed.push(Owed::FolderRule(rule.folder, rule.facet.clone()));
        Ok(())
    }

    fn remove_folder_rule(&mut self, folder: NodeId, facet: &str) -> Result<(), E> {
        Arc::make_mut(&mut self.state.folder_rules).remove(&(folder, facet.to_owned()));
        Ok(())
    }

    fn add_word(&mut self, facet: &str, value: &str) -> Result<(), E> {
        if facet.is_empty() || value.is_empty() {
            return refused("a vocabulary word without a facet or a value");
        }
        Arc::make_mut(&mut self.state.words).insert((facet.to_owned(), value.to_owned()));
        Ok(())
    }

    fn remove_word(&mut self, facet: &str, value: &str) -> Result<bool, E> {
        Ok(Arc::make_mut(&mut self.state.words).remove(&(facet.to_owned(), value.to_owned())))
    }

    fn put_saved(&mut self, saved: &SavedRow) -> Result<(), E> {
        if saved.name.is_empty() || saved.query.as_ref().is_some_and(String::is_empty) {
            return refused("a saved query without a name or a text");
        }
        let key = (saved.name.clone(), saved.owner);
        Arc::make_mut(&mut self.state.saved).insert(key, saved.clone());
        Ok(())
    }

    fn remove_saved(&mut self, name: &str, owner: MemberId) -> Result<bool, E> {
        Ok(Arc::make_mut(&mut self.state.saved).remove(&(name.to_owned(), owner)).is_some())
    }

    fn put_rendition(&mut self, rendition: &RenditionRow) -> Result<(), E> {
        let same = self.rendition(rendition.content, &rendition.recipe, rendition.renderer)?;
        let unsaid = match &rendition.outcome {
            Outcome::Failed(reason) => reason.is_empty(),
            Outcome::Made { quality, .. } => quality.is_some_and(|quality| !(1..=100).contains(&quality)),
        };
        if same.is_some_and(|r| r.no != rendition.no) || unsaid {
            return refused(format!(
                "rendition {} is known by another number, failed without a reason, or has a quality that is none",
                rendition.no
            ));
        }
        Arc::make_mut(&mut self.state.renditions).insert(rendition.no, rendition.clone());
        self.owed.push(Owed::Rendition(rendition.no));
        Ok(())
    }

    fn put_look(&mut self, look: &LookRow) -> Result<(), E> {
        if look.look.as_ref().is_err_and(String::is_empty) {
            return refused(format!("the picture {} has no look, and no reason", look.content));
        }
        Arc::make_mut(&mut self.state.looks).insert(look.content, look.clone());
        self.owed.push(Owed::Look(look.content));
        Ok(())
    }

    fn add_inbox(&mut self, row: &InboxRow) -> Result<(), E> {
        if self.state.inbox.contains_key(&row.no) {
            return refused(format!("there is an inbox row {} already", row.no));
        }
        Arc::make_mut(&mut self.state.inbox).insert(row.no, row.clone());
        Ok(())
    }

    fn change(&mut self, kind: ChangeKind, id: &str) -> Result<(), E> {
        let seq = self.last_change()? + 1;
        let row = ChangeRow { seq, kind, id: id.to_owned() };
        self.appended.push(row.clone());
        Arc::make_mut(&mut self.state.changes).insert(seq, row);
        Ok(())
    }

    fn appended(&self) -> &[ChangeRow] {
        &self.appended
    }

    fn add_audit(&mut self, row: &AuditRow) -> Result<(), E> {
        if self.audit_head(&row.chain)?.is_some_and(|head| head.seq >= row.seq) {
            return refused(format!("audit chain `{}` has row {} already", row.chain, row.seq));
        }
        Arc::make_mut(&mut self.state.audit).insert((row.chain.clone(), row.seq), row.clone());
        Ok(())
    }

    fn add_journal(&mut self, row: &JournalRow) -> Result<(), E> {
        if self.state.journal.contains_key(&row.seq) {
            return refused(format!("the journal has row {} already", row.seq));
        }
        Arc::make_mut(&mut self.state.journal).insert(row.seq, row.clone());
        Ok(())
    }

    fn drop_journal(&mut self, before: Timestamp) -> Result<u64, E> {
        let journal = Arc::make_mut(&mut self.state.journal);
        let all = journal.len();
        let kept = journal.iter().find(|(_, row)| row.at >= before).map_or(u64::MAX, |(seq, _)| *seq);
        journal.retain(|seq, _| *seq >= kept);
        Ok(u64::try_from(all - journal.len()).unwrap_or(u64::MAX))
    }
}

impl Tx<'_> {
    /// Takes an asset out of the indexes over what may change.
    fn unlist(&mut self, asset: &Asset) {
        Arc::make_mut(&mut self.state.view_stems).remove(&(view_stem(&asset.view_name).to_owned(), asset.ordinal));
        if let Some(marked) = &asset.marked_name {
            Arc::make_mut(&mut self.state.marked_stems).remove(view_stem(marked));
        }
        if let Some(node) = asset.node {
            Arc::make_mut(&mut self.state.held).remove(&(node, asset.ordinal));
        }
    }
}
