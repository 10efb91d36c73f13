//! The reading half of the row store: each method is one statement family away.

use super::convert::int;

use super::Tx;
use super::{assets, feed, find, nodes};
use crate::catalog::CatalogError as E;
use crate::catalog::*;
use crate::policy::{Expr, Field};
use crate::types::*;

impl ReadTx for Tx<'_> {
    fn meta(&self, key: &str) -> Result<Option<String>, E> {
        feed::meta(self.conn, key)
    }

    fn node(&self, id: NodeId) -> Result<Option<NodeRow>, E> {
        nodes::node(self.conn, id)
    }

    fn staged_nodes(&self) -> Result<Vec<NodeId>, E> {
        nodes::staged(self.conn)
    }

    fn nodes_of_class(&self, class: NodeClass) -> Result<Vec<NodeRow>, E> {
        nodes::of_class(self.conn, class)
    }

    fn orphan_nodes(&self) -> Result<Vec<NodeId>, E> {
        nodes::orphans(self.conn)
    }

    fn entry(&self, parent: NodeId, name: &FileName) -> Result<Option<EntryRow>, E> {
        nodes::entry(self.conn, parent, name)
    }

    fn entries(&self, parent: NodeId, after: EntryId, limit: usize) -> Result<Vec<(EntryRow, NodeRow)>, E> {
        nodes::entries(self.conn, parent, after, limit)
    }

    fn has_entries(&self, parent: NodeId) -> Result<bool, E> {
        nodes::has_entries(self.conn, parent)
    }

    fn names_of(&self, node: NodeId) -> Result<Vec<EntryRow>, E> {
        nodes::names_of(self.conn, node)
    }

    fn xattr(&self, node: NodeId, name: &[u8]) -> Result<Option<Vec<u8>>, E> {
        nodes::xattr(self.conn, node, name)
    }

    fn xattrs(&self, node: NodeId) -> Result<Vec<Xattr>, E> {
        nodes::xattrs(self.conn, node)
    }

    fn asset(&self, id: AssetId) -> Result<Option<Asset>, E> {
        assets::by_id(self.conn, id)
    }

    fn asset_by_view_name(&self, name: &str) -> Result<Option<Asset>, E> {
        assets::one(self.conn, "view_name", &name)
    }

    fn asset_by_view_stem(&self, stem: &str) -> Result<Option<Asset>, E> {
        assets::one(self.conn, "view_stem", &stem)
    }

    fn find(&self, query: &Expr, after: u64, limit: usize) -> Result<Vec<Asset>, E> {
        find::page(self.conn, query, after, limit)
    }

    fn finds(&self, query: &Expr, asset: AssetId) -> Result<bool, E> {
        find::has(self.conn, query, asset)
    }

    fn count(&self, query: &Expr) -> Result<u64, E> {
        find::count(self.conn, query)
    }

    fn values(&self, field: &Field, within: &Expr) -> Result<Vec<(String, u64)>, E> {
        find::values(self.conn, field, within)
    }

    fn assets_with_content(&self, content: ContentId) -> Result<Vec<AssetId>, E> {
        assets::with_content(self.conn, content)
    }

    fn version(&self, id: VersionId) -> Result<Option<VersionRow>, E> {
        Ok(feed::versions(self.conn, "id", id.as_bytes())?.pop())
    }

    fn version_by_no(&self, no: VersionNo) -> Result<Option<VersionRow>, E> {
        Ok(feed::versions(self.conn, "no", &int(no.0)?)?.pop())
    }

    fn versions(&self, asset: AssetId) -> Result<Vec<VersionRow>, E> {
        feed::versions(self.conn, "asset", asset.as_bytes())
    }

    fn content(&self, id: ContentId) -> Result<Option<Content>, E> {
        feed::content(self.conn, id)
    }

    fn contents(&self) -> Result<Vec<Content>, E> {
        feed::contents(self.conn)
    }

    fn tunnel(&self, parent: NodeId, name: &FileName) -> Result<Option<TunnelRow>, E> {
        Ok(feed::tunnels(self.conn, "parent = ?1 AND name = ?2", &[&int(parent.0)?, &name.as_bytes()])?.pop())
    }

    fn tunnels_before(&self, time: Timestamp) -> Result<Vec<TunnelRow>, E> {
        feed::tunnels(self.conn, "at < ?1", &[&time.as_nanos()])
    }

    fn tunnels_of(&self, asset: AssetId) -> Result<Vec<TunnelRow>, E> {
        feed::tunnels(self.conn, "asset = ?1", &[asset.as_bytes()])
    }

    fn member(&self, id: MemberId) -> Result<Option<MemberRow>, E> {
        Ok(feed::members(self.conn, "id = ?1", &[id.as_bytes()])?.pop())
    }

    fn member_by_name(&self, name: &str) -> Result<Option<MemberRow>, E> {
        Ok(feed::members(self.conn, "name = ?1", &[&name])?.pop())
    }

    fn member_by_uid(&self, uid: u32) -> Result<Option<MemberRow>, E> {
        Ok(feed::members(self.conn, "uid = ?1", &[&uid])?.pop())
    }

    fn members(&self) -> Result<Vec<MemberRow>, E> {
        feed::members(self.conn, "1", &[])
    }

    fn folder_rules(&self, folder: NodeId) -> Result<Vec<FolderRule>, E> {
        feed::folder_rules(self.conn, folder)
    }

    fn vocabulary(&self, facet: &str) -> Result<Vec<String>, E> {
        feed::vocabulary(self.conn, facet)
    }

    fn rendition(&self, content: ContentId, recipe: &[u8; 32], renderer: u32) -> Result<Option<RenditionRow>, E> {
        feed::renditions(self.conn, "content = ?1 AND recipe = ?2 AND renderer = ?3", &[&content.0, recipe, &renderer])
    }

    fn rendition_by_no(&self, no: RenditionNo) -> Result<Option<RenditionRow>, E> {
        feed::renditions(self.conn, "no = ?1", &[&int(no.0)?])
    }

    fn inbox_report(&self, limit: usize) -> Result<Vec<InboxRow>, E> {
        feed::inbox(self.conn, limit)
    }

    fn changes_after(&self, seq: u64, limit: usize) -> Result<Vec<ChangeRow>, E> {
        feed::changes(self.conn, seq, limit)
    }

    fn last_change(&self) -> Result<u64, E> {
        feed::last_change(self.conn)
    }

    fn audit_head(&self, chain: &str) -> Result<Option<AuditRow>, E> {
        Ok(feed::audit(self.conn, "chain = ?1 ORDER BY seq DESC LIMIT 1", &[&chain])?.pop())
    }

    fn audit_after(&self, chain: &str, seq: u64, limit: usize) -> Result<Vec<AuditRow>, E> {
        feed::audit(
            self.conn,
            "chain = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            &[&chain, &int(seq)?, &i64::try_from(limit).unwrap_or(i64::MAX)],
        )
    }

    fn audit_chains(&self) -> Result<Vec<String>, E> {
        feed::audit_chains(self.conn)
    }
}
