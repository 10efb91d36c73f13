//! Reads of one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use damfs_policy::expr::FieldKind;
use damfs_policy::{Expr, Facts, Field};

use super::Tx;
use crate::catalog::facts::{digits, duplicate_number, family};
use crate::catalog::journal::{JournalRow, TurnRow};
use crate::catalog::looks::{Looks, Seen};
use crate::catalog::rules::{is_found, month};
use crate::catalog::{
    Alike, Asset, AssetFacts, AuditRow, CatalogError as E, ChangeRow, EntryRow, FactorRow, FolderRow, FolderRule,
    GroupRow, GroupSeat, InboxRow, Key, KeyValue, LookRow, MemberRow, NodeClass, NodeKind, NodeRow, NodeStat, Outcome,
    ReadTx, RenditionRow, SavedRow, TunnelRow, VersionRow, ViewRow, Xattr,
};
use crate::media::LOOK;
use crate::types::{
    AssetId, Content, ContentId, EntryId, FileName, Generation, MemberId, NodeId, RenditionNo, Timestamp, VersionId,
    VersionNo,
};

impl Tx<'_> {
    fn found<'t>(&'t self, query: &'t Expr, after: u64) -> impl Iterator<Item = &'t Arc<Asset>> {
        let assets = self.state.assets.range((Excluded(after), Unbounded));
        assets.map(|(_, asset)| asset).filter(|asset| is_found(query, asset))
    }

    fn value_of(&self, asset: &Asset, key: Key) -> Option<KeyValue> {
        let text = |text: &str| Some(KeyValue::Text(text.to_owned()));
        let whole = |number: u64| i64::try_from(number).ok();
        let number = match key {
            Key::Name => return text(&asset.view_name),
            Key::Kind => return text(&asset.kind),
            Key::Format => return text(&asset.format),
            Key::Rating => return text(asset.rating.as_deref()?),
            Key::Node => whole(asset.node?.0),
            Key::Size => whole(self.state.nodes.get(&asset.node?)?.size),
            Key::Width => asset.width.map(i64::from),
            Key::Height => asset.height.map(i64::from),
            Key::Stars => asset.stars.map(i64::from),
            Key::Created => Some(asset.created.as_nanos()),
            Key::Imported => Some(asset.imported.as_nanos()),
            Key::Changed => Some(asset.changed.as_nanos()),
            Key::Expires => asset.expires.map(|time| time.as_nanos()),
        };
        number.map(KeyValue::Number)
    }

    fn entry_rows<'t>(&'t self, ids: impl Iterator<Item = &'t EntryId>) -> impl Iterator<Item = &'t EntryRow> {
        ids.filter_map(|id| self.state.entries.get(id))
    }

    fn all_looks(&self) -> Looks {
        let rows = self.state.looks.values().filter(|row| row.way == LOOK);
        Looks::of(rows.filter_map(|row| Some((*row.look.as_ref().ok()?, duplicate_number(row.content)))).collect())
    }

    /// A member with what groups give him.
    fn seated(&self, member: &MemberRow) -> MemberRow {
        let seats = self.state.seats.keys().filter(|(id, _)| *id == member.id);
        let groups = seats.filter_map(|(_, group)| self.state.groups.get(group)).cloned().collect();
        MemberRow { groups, ..member.clone() }
    }

    fn tunnel_rows(&self, wanted: impl Fn(&TunnelRow) -> bool) -> Vec<TunnelRow> {
        let mut out: Vec<TunnelRow> = self.state.tunnels.values().filter(|t| wanted(t)).cloned().collect();
        out.sort_by(|a, b| (a.at, a.parent, &a.name).cmp(&(b.at, b.parent, &b.name)));
        out
    }
}

/// Every value that `values` lists for one asset.
fn listed(field: &Field, asset: &Asset, each: &mut dyn FnMut(&str)) {
    let facts = AssetFacts(asset);
    match field.kind() {
        FieldKind::Words => {}
        FieldKind::Number => facts.number(field).into_iter().for_each(|n| each(&n.to_string())),
        FieldKind::Date => facts.number(field).into_iter().for_each(|n| each(&month(Timestamp::from_nanos(n)))),
        FieldKind::Open | FieldKind::Tree | FieldKind::Closed(_) => facts.texts(field, each),
    }
}

impl ReadTx for Tx<'_> {
    fn meta(&self, key: &str) -> Result<Option<String>, E> {
        Ok(self.state.meta.get(key).cloned())
    }

    fn metas(&self, beginning: &str) -> Result<Vec<(String, String)>, E> {
        let all = self.state.meta.iter().filter(|(key, _)| key.starts_with(beginning));
        Ok(all.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn node(&self, id: NodeId) -> Result<Option<NodeRow>, E> {
        Ok(self.state.nodes.get(&id).cloned())
    }

    fn staged_nodes(&self) -> Result<Vec<NodeId>, E> {
        Ok(self.state.nodes.values().filter(|n| n.staged).map(|n| n.id).collect())
    }

    fn unwritten_nodes(&self) -> Result<Vec<NodeRow>, E> {
        let published = |id| self.state.asset(id).is_some_and(|asset| asset.head.is_some());
        let unwritten = |n: &&NodeRow| {
            n.class == NodeClass::Asset && n.content.is_none() && !n.staged && n.asset.is_some_and(published)
        };
        Ok(self.state.nodes.values().filter(unwritten).cloned().collect())
    }

    fn nodes_of_class(&self, class: NodeClass) -> Result<Vec<NodeRow>, E> {
        Ok(self.state.nodes.values().filter(|n| n.class == class).cloned().collect())
    }

    fn orphan_nodes(&self) -> Result<Vec<NodeId>, E> {
        let named = |id| self.state.names_of.range((id, EntryId(0))..=(id, EntryId(u64::MAX))).next().is_some();
        let held = |id| self.state.held.range((id, 0)..=(id, u64::MAX)).next().is_some();
        let nodes = self.state.nodes.values().filter(|n| n.kind != NodeKind::Dir);
        Ok(nodes.map(|n| n.id).filter(|id| !named(*id) && !held(*id)).collect())
    }

    fn entry_by_id(&self, id: EntryId) -> Result<Option<EntryRow>, E> {
        Ok(self.state.entries.get(&id).cloned())
    }

    fn entry(&self, parent: NodeId, name: &FileName) -> Result<Option<EntryRow>, E> {
        let id = self.state.names.get(&(parent, name.clone()));
        Ok(id.and_then(|id| self.state.entries.get(id)).cloned())
    }

    fn entries(&self, parent: NodeId, after: EntryId, limit: usize) -> Result<Vec<(EntryRow, NodeRow)>, E> {
        let range = (Excluded((parent, after)), Included((parent, EntryId(u64::MAX))));
        if after.0 == u64::MAX {
            return Ok(Vec::new());
        }
        let rows = self.entry_rows(self.state.listings.range(range).map(|(_, id)| id));
        let pairs = rows.filter_map(|e| Some((e.clone(), self.state.nodes.get(&e.node)?.clone())));
        Ok(pairs.take(limit).collect())
    }

    fn entries_named(&self, parent: NodeId, beginning: &[u8]) -> Result<Vec<EntryRow>, E> {
        let names =
            self.state.names.iter().filter(|((of, name), _)| *of == parent && name.as_bytes().starts_with(beginning));
        Ok(self.entry_rows(names.map(|(_, id)| id)).cloned().collect())
    }

    fn folder_rows(&self, parent: NodeId, after: EntryId, limit: usize) -> Result<Vec<FolderRow>, E> {
        let row = |(e, n): (EntryRow, NodeRow)| FolderRow { entry: e.id, name: e.name, node: NodeStat::from(&n) };
        Ok(self.entries(parent, after, limit)?.into_iter().map(row).collect())
    }

    fn has_entries(&self, parent: NodeId) -> Result<bool, E> {
        Ok(self.state.listings.range((parent, EntryId(0))..=(parent, EntryId(u64::MAX))).next().is_some())
    }

    fn holds(&self, folder: NodeId, query: &Expr, made_by: Option<MemberId>) -> Result<bool, E> {
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for (_, node) in self.entries(folder, EntryId(0), usize::MAX)? {
                let asset = node.asset.filter(|_| node.class == NodeClass::Asset);
                match node.kind {
                    NodeKind::Dir if made_by.is_some() && node.owner == made_by => return Ok(true),
                    NodeKind::Dir => folders.push(node.id),
                    _ if asset.is_some_and(|id| self.state.asset(id).is_some_and(|a| is_found(query, a))) => {
                        return Ok(true);
                    }
                    _ => {}
                }
            }
        }
        Ok(false)
    }

    fn names_of(&self, node: NodeId) -> Result<Vec<EntryRow>, E> {
        let ids = self.state.names_of.range((node, EntryId(0))..=(node, EntryId(u64::MAX)));
        Ok(self.entry_rows(ids.map(|(_, id)| id)).cloned().collect())
    }

    fn xattr(&self, node: NodeId, name: &[u8]) -> Result<Option<Vec<u8>>, E> {
        Ok(self.state.xattrs.get(&(node, name.to_vec())).cloned())
    }

    fn xattrs(&self, node: NodeId) -> Result<Vec<Xattr>, E> {
        let rows = self.state.xattrs.range((node, Vec::new())..).take_while(|((of, _), _)| *of == node);
        Ok(rows.map(|((_, name), value)| (name.clone(), value.clone())).collect())
    }

    fn asset(&self, id: AssetId) -> Result<Option<Asset>, E> {
        Ok(self.state.asset(id).map(|a| Asset::clone(a)))
    }

    fn generation(&self, asset: AssetId) -> Result<Option<Generation>, E> {
        Ok(self.state.generations.get(&asset).cloned())
    }

    fn namesake(&self, stem: &str, of: AssetId) -> Result<Option<Asset>, E> {
        let mut named = self.state.with_view_stem(stem).chain(self.state.with_marked_stem(stem));
        Ok(named.find(|a| a.id != of).map(|a| Asset::clone(a)))
    }

    fn stem_holder(&self, stem: &str, query: &Expr) -> Result<Option<AssetId>, E> {
        let asked = |a: &&Arc<Asset>| query.matches(&AssetFacts(a));
        let first = |a: &&Arc<Asset>| (a.named.is_none(), a.named, a.ordinal);
        let marked = self.state.with_marked_stem(stem).find(asked);
        let holder = marked.or_else(|| self.state.with_view_stem(stem).filter(asked).min_by_key(first));
        Ok(holder.map(|a| a.id))
    }

    fn find(&self, query: &Expr, after: u64, limit: usize) -> Result<Vec<Asset>, E> {
        Ok(self.found(query, after).take(limit).map(|a| Asset::clone(a)).collect())
    }

    fn numbers(&self, query: &Expr) -> Result<Vec<u64>, E> {
        Ok(self.found(query, 0).map(|a| a.ordinal).collect())
    }

    fn keys(&self, query: &Expr, key: Key) -> Result<Vec<(u64, Option<KeyValue>)>, E> {
        Ok(self.found(query, 0).map(|asset| (asset.ordinal, self.value_of(asset, key))).collect())
    }

    fn owned(&self, owner: MemberId) -> Result<Vec<u64>, E> {
        Ok(self.state.assets.values().filter(|asset| asset.owner == Some(owner)).map(|asset| asset.ordinal).collect())
    }

    fn assets(&self, ordinals: &[u64]) -> Result<Vec<Asset>, E> {
        Ok(ordinals.iter().filter_map(|ordinal| self.state.assets.get(ordinal)).map(|a| Asset::clone(a)).collect())
    }

    fn view_rows(&self, query: &Expr, after: u64, limit: usize) -> Result<Vec<ViewRow>, E> {
        let rows = self.found(query, after).filter_map(|a| {
            let node = self.state.nodes.get(&a.node?)?;
            Some(ViewRow {
                ordinal: a.ordinal,
                asset: a.id,
                view_name: a.view_name.clone(),
                marked_name: a.marked_name.clone(),
                node: NodeStat::from(node),
            })
        });
        Ok(rows.take(limit).collect())
    }

    fn finds(&self, query: &Expr, asset: AssetId) -> Result<bool, E> {
        Ok(self.state.asset(asset).is_some_and(|asset| is_found(query, asset)))
    }

    fn count(&self, query: &Expr) -> Result<u64, E> {
        Ok(u64::try_from(self.found(query, 0).count()).unwrap_or(u64::MAX))
    }

    fn values(&self, field: &Field, within: &Expr) -> Result<Vec<(String, u64)>, E> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for asset in self.found(within, 0) {
            listed(field, asset, &mut |value| *counts.entry(value.to_owned()).or_default() += 1);
        }
        let least = if field.is_digits() { 2 } else { 1 };
        Ok(counts.into_iter().filter(|(_, count)| *count >= least).collect())
    }

    fn assets_with_content(&self, content: ContentId) -> Result<Vec<AssetId>, E> {
        let current = |a: &&Arc<Asset>| {
            let head = a.head.and_then(|head| self.state.versions.get(&head));
            head.is_some_and(|v| v.content == content)
        };
        Ok(self.state.assets.values().filter(current).map(|a| a.id).collect())
    }

    fn trashed_with(&self, asset: AssetId) -> Result<Vec<AssetId>, E> {
        let along = |a: &&Arc<Asset>| a.trashed.as_ref().is_some_and(|trashed| trashed.with == Some(asset));
        Ok(self.state.assets.values().filter(along).map(|a| a.id).collect())
    }

    fn trashed_before(&self, time: Timestamp, limit: usize) -> Result<Vec<AssetId>, E> {
        let kept = self.state.assets.values().filter(|asset| asset.node.is_some());
        let mut old: Vec<(Timestamp, u64, AssetId)> = kept
            .filter_map(|asset| asset.trashed.as_ref().map(|trashed| (trashed.at, asset.ordinal, asset.id)))
            .filter(|(at, ..)| *at < time)
            .collect();
        old.sort_unstable();
        Ok(old.into_iter().take(limit).map(|(.., id)| id).collect())
    }

    fn version(&self, id: VersionId) -> Result<Option<VersionRow>, E> {
        Ok(self.state.versions.get(&id).cloned())
    }

    fn version_by_no(&self, no: VersionNo) -> Result<Option<VersionRow>, E> {
        let id = self.state.version_nos.get(&no);
        Ok(id.and_then(|id| self.state.versions.get(id)).cloned())
    }

    fn versions(&self, asset: AssetId) -> Result<Vec<VersionRow>, E> {
        let ids = self.state.versions_of.range((asset, 0)..=(asset, u32::MAX));
        Ok(ids.filter_map(|(_, id)| self.state.versions.get(id)).cloned().collect())
    }

    fn assets_with_versions(&self, most: usize, after: Option<AssetId>, limit: usize) -> Result<Vec<AssetId>, E> {
        let mut counts: BTreeMap<AssetId, usize> = BTreeMap::new();
        for (asset, _) in self.state.versions_of.keys().filter(|(asset, _)| Some(*asset) > after) {
            *counts.entry(*asset).or_default() += 1;
        }
        Ok(counts.into_iter().filter(|(_, count)| *count > most).map(|(asset, _)| asset).take(limit).collect())
    }

    fn content(&self, id: ContentId) -> Result<Option<Content>, E> {
        Ok(self.state.contents.get(&id).cloned())
    }

    fn contents(&self) -> Result<Vec<Content>, E> {
        Ok(self.state.contents.values().cloned().collect())
    }

    fn tunnel(&self, parent: NodeId, name: &FileName) -> Result<Option<TunnelRow>, E> {
        Ok(self.state.tunnels.get(&(parent, name.clone())).cloned())
    }

    fn tunnels_before(&self, time: Timestamp) -> Result<Vec<TunnelRow>, E> {
        Ok(self.tunnel_rows(|t| t.at < time))
    }

    fn tunnels_in(&self, parent: NodeId) -> Result<Vec<TunnelRow>, E> {
        Ok(self.state.tunnels.values().filter(|t| t.parent == parent).cloned().collect())
    }

    fn tunnels_of(&self, asset: AssetId) -> Result<Vec<TunnelRow>, E> {
        Ok(self.tunnel_rows(|t| t.asset == asset))
    }

    fn member(&self, id: MemberId) -> Result<Option<MemberRow>, E> {
        Ok(self.state.members.get(&id).map(|m| self.seated(m)))
    }

    fn member_by_name(&self, name: &str) -> Result<Option<MemberRow>, E> {
        Ok(self.state.members.values().find(|m| m.name == name).map(|m| self.seated(m)))
    }

    fn member_by_uid(&self, uid: u32) -> Result<Option<MemberRow>, E> {
        Ok(self.state.members.values().find(|m| m.uid == Some(uid)).map(|m| self.seated(m)))
    }

    fn members(&self) -> Result<Vec<MemberRow>, E> {
        let mut out: Vec<MemberRow> = self.state.members.values().map(|m| self.seated(m)).collect();
        out.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(out)
    }

    fn factor(&self, member: MemberId) -> Result<Option<FactorRow>, E> {
        Ok(self.state.factors.get(&member).cloned())
    }

    fn factors(&self) -> Result<Vec<FactorRow>, E> {
        Ok(self.state.factors.values().cloned().collect())
    }

    fn groups(&self) -> Result<Vec<GroupRow>, E> {
        Ok(self.state.groups.values().cloned().collect())
    }

    fn seats_of(&self, member: MemberId) -> Result<Vec<GroupSeat>, E> {
        let seat = |((member, group), seen): (&(MemberId, String), &Timestamp)| GroupSeat {
            member: *member,
            group: group.clone(),
            seen: *seen,
        };
        let beginning = (member, String::new());
        Ok(self.state.seats.range(beginning..).take_while(|((of, _), _)| *of == member).map(seat).collect())
    }

    fn seen_login(&self, member: MemberId) -> Result<Option<String>, E> {
        Ok(self.state.seen_logins.get(&member).cloned())
    }

    fn folder_rules(&self, folder: NodeId) -> Result<Vec<FolderRule>, E> {
        let rows = self.state.folder_rules.range((folder, String::new())..).take_while(|((of, _), _)| *of == folder);
        Ok(rows.map(|(_, rule)| rule.clone()).collect())
    }

    fn vocabulary(&self, facet: &str) -> Result<Vec<String>, E> {
        let rows = self.state.words.range((facet.to_owned(), String::new())..).take_while(|(of, _)| of == facet);
        Ok(rows.map(|(_, value)| value.clone()).collect())
    }

    fn saved(&self) -> Result<Vec<SavedRow>, E> {
        Ok(self.state.saved.values().cloned().collect())
    }

    fn saved_as(&self, name: &str) -> Result<Vec<SavedRow>, E> {
        let first = (name.to_owned(), MemberId::from_bytes([0; 16]));
        let rows = self.state.saved.range(first..).take_while(|((of, _), _)| of == name);
        Ok(rows.map(|(_, row)| row.clone()).collect())
    }

    fn rendition(&self, content: ContentId, recipe: &[u8; 32], renderer: u32) -> Result<Option<RenditionRow>, E> {
        let wanted = |r: &&RenditionRow| r.content == content && r.recipe == *recipe && r.renderer == renderer;
        Ok(self.state.renditions.values().find(wanted).cloned())
    }

    fn rendition_by_no(&self, no: RenditionNo) -> Result<Option<RenditionRow>, E> {
        Ok(self.state.renditions.get(&no).cloned())
    }

    fn renditions_with_hash(&self, hash: &[u8; 32]) -> Result<Vec<RenditionRow>, E> {
        let has = |r: &&RenditionRow| matches!(r.outcome, Outcome::Made { hash: made, .. } if made == *hash);
        Ok(self.state.renditions.values().filter(has).cloned().collect())
    }

    fn rendered_contents(&self) -> Result<Vec<ContentId>, E> {
        let contents: BTreeSet<ContentId> = self.state.renditions.values().map(|r| r.content).collect();
        Ok(contents.into_iter().collect())
    }

    fn versions_with_content(&self, content: ContentId) -> Result<Vec<VersionRow>, E> {
        let has = |version: &&VersionRow| version.content == content;
        let mut found: Vec<VersionRow> = self.state.versions.values().filter(has).cloned().collect();
        found.sort_by_key(|version| version.no);
        Ok(found)
    }

    fn look(&self, content: ContentId) -> Result<Option<LookRow>, E> {
        Ok(self.state.looks.get(&content).cloned())
    }

    fn unlooked(&self, way: u32, after: u64, limit: usize) -> Result<Vec<(u64, ContentId)>, E> {
        let images = self.state.assets.range((Excluded(after), Unbounded)).filter(|(_, asset)| asset.kind == "image");
        let current = images.filter_map(|(n, asset)| Some((*n, self.state.versions.get(&asset.head?)?.content)));
        let looked = |content: &ContentId| self.state.looks.get(content).is_some_and(|look| look.way == way);
        Ok(current.filter(|(_, content)| !looked(content)).take(limit).collect())
    }

    fn alike(&self, within: &Expr, of: Option<ContentId>) -> Result<Vec<Vec<Alike>>, E> {
        let mut see = |number: u64| {
            let number = digits(number);
            let first = self.found(within, 0).find(|asset| asset.duplicate.as_ref() == Some(&number));
            Ok(first.map(|asset| Seen { ordinal: asset.ordinal, alternate: family(asset).zip(asset.seed) }))
        };
        self.all_looks().groups(of.map(duplicate_number), &mut see)
    }

    fn around(&self, look: u64, most: u32) -> Result<Vec<(String, u32)>, E> {
        Ok(self.all_looks().around(look, most))
    }

    fn inbox_report(&self, limit: usize) -> Result<Vec<InboxRow>, E> {
        Ok(self.state.inbox.values().rev().take(limit).cloned().collect())
    }

    fn changes_after(&self, seq: u64, limit: usize) -> Result<Vec<ChangeRow>, E> {
        let rows = self.state.changes.range((Excluded(seq), Unbounded));
        Ok(rows.take(limit).map(|(_, row)| row.clone()).collect())
    }

    fn last_change(&self) -> Result<u64, E> {
        Ok(self.state.changes.last_key_value().map_or(0, |(seq, _)| *seq))
    }

    fn audit_head(&self, chain: &str) -> Result<Option<AuditRow>, E> {
        let rows = self.state.audit.range((chain.to_owned(), 0)..=(chain.to_owned(), u64::MAX));
        Ok(rows.last().map(|(_, row)| row.clone()))
    }

    fn audit_after(&self, chain: &str, seq: u64, limit: usize) -> Result<Vec<AuditRow>, E> {
        let range = (chain.to_owned(), seq)..=(chain.to_owned(), u64::MAX);
        let rows = self.state.audit.range(range).filter(|((_, at), _)| *at > seq);
        Ok(rows.take(limit).map(|(_, row)| row.clone()).collect())
    }

    fn audit_chains(&self) -> Result<Vec<String>, E> {
        let mut out: Vec<String> = self.state.audit.keys().map(|(chain, _)| chain.clone()).collect();
        out.dedup();
        Ok(out)
    }

    fn turns(&self, of: Option<MemberId>, before: u64, limit: usize) -> Result<Vec<TurnRow>, E> {
        let mut turns: BTreeMap<(u64, Option<MemberId>), TurnRow> = BTreeMap::new();
        for row in self.state.journal.values().filter(|r| r.turn < before && (of.is_none() || r.member == of)) {
            let first = TurnRow { no: row.turn, member: row.member, began: row.at, undoes: row.undoes };
            let turn = turns.entry((row.turn, row.member)).or_insert(first);
            turn.began = turn.began.min(row.at);
        }
        Ok(turns.into_values().rev().take(limit).collect())
    }

    fn turn(&self, no: u64) -> Result<Vec<JournalRow>, E> {
        Ok(self.state.journal.values().filter(|row| row.turn == no).cloned().collect())
    }

    fn journal_after(&self, seq: u64, limit: usize) -> Result<Vec<JournalRow>, E> {
        let rows = self.state.journal.range((Excluded(seq), Unbounded));
        Ok(rows.take(limit).map(|(_, row)| row.clone()).collect())
    }
}
