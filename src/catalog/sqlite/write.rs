//! The writing half of the row store: each method is one statement family away.

use super::Tx;
use super::{assets, feed, nodes};
use crate::catalog::CatalogError as E;
use crate::catalog::*;
use crate::types::*;

impl WriteTx for Tx<'_> {
    fn set_meta(&mut self, key: &str, value: &str) -> Result<(), E> {
        feed::set_meta(self.conn, key, value)
    }

    fn next(&mut self, counter: Counter) -> Result<u64, E> {
        feed::next(self.conn, counter)
    }

    fn put_node(&mut self, node: &NodeRow) -> Result<(), E> {
        nodes::put_node(self.conn, node)
    }

    fn remove_node(&mut self, id: NodeId) -> Result<(), E> {
        nodes::remove_node(self.conn, id)
    }

    fn add_entry(&mut self, entry: &EntryRow) -> Result<(), E> {
        nodes::add_entry(self.conn, entry)
    }

    fn repoint_entry(&mut self, entry: EntryId, node: NodeId) -> Result<(), E> {
        nodes::repoint(self.conn, entry, node)
    }

    fn remove_entry(&mut self, entry: EntryId) -> Result<(), E> {
        nodes::remove_entry(self.conn, entry)
    }

    fn set_xattr(&mut self, node: NodeId, name: &[u8], value: &[u8]) -> Result<(), E> {
        nodes::set_xattr(self.conn, node, name, value)
    }

    fn remove_xattr(&mut self, node: NodeId, name: &[u8]) -> Result<bool, E> {
        nodes::remove_xattr(self.conn, node, name)
    }

    fn put_asset(&mut self, asset: &Asset) -> Result<(), E> {
        assets::put(self.conn, asset)
    }

    fn remove_asset(&mut self, id: AssetId) -> Result<(), E> {
        assets::remove(self.conn, id)
    }

    fn add_version(&mut self, version: &VersionRow) -> Result<(), E> {
        feed::add_version(self.conn, version)
    }

    fn put_content(&mut self, content: &Content) -> Result<(), E> {
        feed::put_content(self.conn, content)
    }

    fn put_tunnel(&mut self, tunnel: &TunnelRow) -> Result<(), E> {
        feed::put_tunnel(self.conn, tunnel)
    }

    fn remove_tunnel(&mut self, parent: NodeId, name: &FileName) -> Result<(), E> {
        feed::remove_tunnel(self.conn, parent, name)
    }

    fn put_member(&mut self, member: &MemberRow) -> Result<(), E> {
        feed::put_member(self.conn, member)
    }

    fn put_folder_rule(&mut self, rule: &FolderRule) -> Result<(), E> {
        feed::put_folder_rule(self.conn, rule)
    }

    fn add_word(&mut self, facet: &str, value: &str) -> Result<(), E> {
        feed::add_word(self.conn, facet, value)
    }

    fn remove_word(&mut self, facet: &str, value: &str) -> Result<bool, E> {
        feed::remove_word(self.conn, facet, value)
    }

    fn put_rendition(&mut self, rendition: &RenditionRow) -> Result<(), E> {
        feed::put_rendition(self.conn, rendition)
    }

    fn add_inbox(&mut self, row: &InboxRow) -> Result<(), E> {
        feed::add_inbox(self.conn, row)
    }

    fn change(&mut self, kind: ChangeKind, id: &str) -> Result<(), E> {
        feed::add_change(self.conn, kind, id)
    }

    fn add_audit(&mut self, row: &AuditRow) -> Result<(), E> {
        feed::add_audit(self.conn, row)
    }
}
