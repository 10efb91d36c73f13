//! New files, folders, links and pipes.

use std::ffi::OsStr;
use std::sync::Arc;

use serde_json::json;

use super::bin::takes_notes;
use super::mount::{Found, Mount, Object, Place, local_name};
use super::writable::{refuse_place, refuse_word, saved_in, writable};
use super::{Entry, FsError, FsResult, OpenMode, Opened, Special};
use crate::access::Who;
use crate::catalog::journal::Cause;
use crate::catalog::{
    Asset, AssetFacts, ChangeKind, NodeClass, NodeKind, NodeRow, ReadTx, TunnelHow, TunnelRow, WriteTx,
};
use crate::ops::assets::{self, Next};
use crate::ops::folders::{self, Maker};
use crate::ops::record::Hand;
use crate::ops::trail::{self, Origin};
use crate::ops::view_copy::{ViewCopy, added};
use crate::ops::{Library, assign, inbox, record, terms, verdicts};
use crate::policy::{Field, Verb};
use crate::types::{Caller, FileName, NodeId};
use crate::view::class::{NameClass, classify, classify_in};
use crate::view::identity::{CreateMeaning, on_create};
use crate::view::tree::{self, Dir, QueryDir};

/// What a create has come to.
enum Made {
    There(u64),
    New(Box<(Place, NodeRow, Option<ViewCopy>)>),
}

impl Mount {
    pub(super) fn maker(&self, who: &Who, caller: &Caller) -> Maker {
        let Hand { by, cause, now } = self.hand(who, caller);
        Maker { uid: caller.uid, gid: caller.gid, member: by, cause, now }
    }

    /// Who changes what is there already.
    pub(super) fn hand(&self, who: &Who, caller: &Caller) -> Hand {
        Hand { by: Some(who.id), cause: Cause::process(caller.process), now: self.library.clock.now() }
    }

    /// Makes and opens a file.
    ///
    /// # Errors
    /// [`FsError::Exists`], [`FsError::Denied`], or that the place takes no new files.
    pub fn create(
        &self,
        caller: &Caller,
        parent: u64,
        name: &OsStr,
        mode: u32,
        open: OpenMode,
    ) -> FsResult<(Entry, Opened)> {
        let epoch = self.library.gate.epoch();
        let who = self.who(caller)?;
        let created = || self.create_as(&who, epoch, caller, parent, name, mode, open);
        let result = Self::may_alter(&who).and_then(|()| created());
        self.explain(&who, "create", result)
    }

    #[expect(clippy::too_many_arguments, reason = "all of them are who, where and what of one call")]
    fn create_as(
        &self,
        who: &Arc<Who>,
        epoch: u64,
        caller: &Caller,
        parent: u64,
        name: &OsStr,
        mode: u32,
        open: OpenMode,
    ) -> FsResult<(Entry, Opened)> {
        let name = FileName::try_from(name)?;
        let maker = self.maker(who, caller);
        let made = self.library.catalog.write(|tx| -> FsResult<Made> {
            let place = self.place(tx, who, parent)?;
            // The name may have been made by another mount since the kernel looked.
            if let Some(ino) = self.there(tx, who, &place, &name)? {
                return if open.exclusive { Err(FsError::Exists) } else { Ok(Made::There(ino)) };
            }
            let (node, copy) = match &place {
                Place::Folder(folder) => (self.new_file(tx, who, caller, &maker, folder.id, &name, mode)?, None),
                Place::View(dir @ Dir::Bin(bin)) if takes_notes(bin) => {
                    (self.new_note(tx, who, caller, &maker, dir, &name, mode)?, None)
                }
                Place::View(dir) => self.new_in_view(tx, who, caller, &maker, dir, &name, mode)?,
            };
            Ok(Made::New(Box::new((place, node, copy))))
        })?;
        let (place, node, copy) = match made {
            Made::New(new) => *new,
            Made::There(ino) => {
                let opened = self.open_for(who, epoch, caller, caller.process, ino, open)?;
                return Ok((self.lookup(caller, parent, name.as_os_str())?, opened));
            }
        };
        if let (Place::View(dir), Some(copy)) = (&place, copy) {
            self.library.view_copies.add(node.id, copy);
            if let Some(asset) = node.asset {
                self.remember_alias(dir, &name, asset);
            }
        }
        let attr = self.node_attr(&node);
        let opened = self.open_node(who, node, OpenMode { write: true, ..open }, epoch)?;
        let ttl = self.believe(&attr, self.ttl());
        Ok((Entry { attr, entry_ttl: ttl, attr_ttl: ttl }, opened))
    }

    /// The inode that has a name already, as far as the caller may list it.
    fn there(&self, tx: &dyn ReadTx, who: &Who, place: &Place, name: &FileName) -> FsResult<Option<u64>> {
        let found = match place {
            Place::Folder(folder) => self.in_folder(tx, who, folder, name),
            Place::View(dir) => self.in_view(tx, who, dir, name),
        };
        match found {
            Ok(Found::Node(node, _)) => Ok(Some(self.inodes.node(node.id))),
            Ok(Found::Item(tree::Item::Asset(asset))) => Ok(asset.node.map(|n| self.inodes.node(n))),
            Ok(Found::Item(_)) => Err(FsError::Exists),
            Err(FsError::NotFound) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A new asset comes with what it would add to the one that it may turn out to be a copy of.
    #[expect(clippy::too_many_arguments, reason = "all of them are who, where and what of one call")]
    fn new_in_view(
        &self,
        tx: &mut dyn WriteTx,
        who: &Who,
        caller: &Caller,
        maker: &Maker,
        dir: &Dir,
        name: &FileName,
        mode: u32,
    ) -> FsResult<(NodeRow, Option<ViewCopy>)> {
        let query = saved_in(dir)?;
        Self::may_work(who)?;
        let local = ensure_local(tx, dir, maker)?;
        if is_for_assets(classify(name)) {
            if let Some(tunnel) = self.comes_back_to(tx, who, caller, local, name)? {
                // The second half of "move the old file aside, write a new one": the asset's library name gets the new bytes.
                let mut asset = tx.asset(tunnel.asset)?.ok_or(FsError::NotFound)?;
                self.may(who, Verb::Edit, &asset)?;
                let mut node = self.fresh_file(tx, caller, maker, mode)?;
                let home = asset.node.map(|n| folders::entry_of(tx, n)).transpose()?.flatten();
                if let Some(entry) = home {
                    tx.put_node(&node)?;
                    tx.repoint_entry(entry.id, node.id)?;
                    tx.change(ChangeKind::Entry, &folders::entry_change_id(entry.parent, &entry.name))?;
                    assets::touch_folder(tx, entry.parent, maker.now)?;
                }
                tx.remove_tunnel(local, name)?;
                assets::rebind(tx, &self.library, &mut asset, &mut node, &maker.hand(), Next::Written)?;
                self.library.brake.came_back(who.id, caller.process);
                give_back(tx, &self.library, &tunnel, &mut asset, query, maker)?;
                return Ok((node, None));
            }
            let query = writable(dir)?;
            self.may_create(tx, who, maker, NodeId::LIBRARY, name, &query.sets)?;
            let folder = inbox::unsorted(tx, maker)?;
            let free = inbox::free_name(tx, folder, name)?;
            let mut node = self.fresh_file(tx, caller, maker, mode)?;
            let entry = folders::link(tx, folder, &free, node.id, maker.now)?;
            let origin = Origin { from: None, view: Some(&query.path) };
            let mut asset = assets::adopt(tx, &self.library, &mut node, &entry, maker, &origin)?;
            apply_sets(&self.library, who, tx, &mut asset, &query.sets, maker)?;
            let copy = ViewCopy { member: who.id, name: name.to_text(), sets: query.sets.clone() };
            return Ok((node, Some(copy)));
        }
        Ok((self.new_file(tx, who, caller, maker, local, name, mode)?, None))
    }

    pub(super) fn fresh_file(
        &self,
        tx: &mut dyn WriteTx,
        caller: &Caller,
        maker: &Maker,
        mode: u32,
    ) -> FsResult<NodeRow> {
        let mut node = folders::fresh_node(tx, NodeKind::File, maker)?;
        node.mode = mode & 0o7777;
        node.made_by_process = caller.process;
        Ok(node)
    }

    /// A new file in a folder of the tree (or in a view's folder of local files): what it is follows from its name and from what
    /// had that name a moment ago.
    #[expect(clippy::too_many_arguments, reason = "all of them are who, where and what of one call")]
    fn new_file(
        &self,
        tx: &mut dyn WriteTx,
        who: &Who,
        caller: &Caller,
        maker: &Maker,
        folder: NodeId,
        name: &FileName,
        mode: u32,
    ) -> FsResult<NodeRow> {
        // Also one that he may not list: who may create here meets it by its name.
        if tx.entry(folder, name)?.is_some() {
            return Err(FsError::Exists);
        }
        let parent = tx.node(folder)?.ok_or(FsError::NotFound)?;
        let mut node = self.fresh_file(tx, caller, &folders::maker_in(&parent, maker), mode)?;
        let tunnel = self.tunnel_for(tx, who, folder, name)?;
        let meaning = on_create(classify_in(folder_name(tx, folder)?.as_ref(), name), tunnel.as_ref(), maker.now);
        if in_inbox(tx, folder)? {
            Self::may_work(who)?;
            node.class = match meaning {
                CreateMeaning::Local => NodeClass::Local,
                CreateMeaning::Scratch => NodeClass::Scratch,
                CreateMeaning::Aside => NodeClass::Aside,
                CreateMeaning::NewAsset | CreateMeaning::ComesBack(_) => NodeClass::Inbox,
            };
            tx.put_node(&node)?;
            let entry = folders::link(tx, folder, name, node.id, maker.now)?;
            trail::at(tx, &maker.hand(), "create", (&node, &entry), json!({}))?;
            return Ok(node);
        }
        match meaning {
            CreateMeaning::ComesBack(id) => {
                let mut asset = tx.asset(id)?.ok_or(FsError::NotFound)?;
                tx.put_node(&node)?;
                folders::link(tx, folder, name, node.id, maker.now)?;
                assets::rebind(tx, &self.library, &mut asset, &mut node, &maker.hand(), Next::Written)?;
            }
            CreateMeaning::NewAsset => {
                self.may_create(tx, who, maker, folder, name, &[])?;
                let entry = folders::link(tx, folder, name, node.id, maker.now)?;
                assets::adopt(tx, &self.library, &mut node, &entry, maker, &Origin::default())?;
            }
            CreateMeaning::Local | CreateMeaning::Scratch | CreateMeaning::Aside => {
                Self::may_work(who)?;
                node.class = match meaning {
                    CreateMeaning::Local => NodeClass::Local,
                    CreateMeaning::Aside => NodeClass::Aside,
                    _ => NodeClass::Scratch,
                };
                tx.put_node(&node)?;
                let entry = folders::link(tx, folder, name, node.id, maker.now)?;
                trail::at(tx, &maker.hand(), "create", (&node, &entry), json!({}))?;
            }
        }
        Ok(node)
    }

    /// A folder, or a new word of an open vocabulary.
    ///
    /// # Errors
    /// [`FsError::Exists`], or that the place takes none.
    pub fn mkdir(&self, caller: &Caller, parent: u64, name: &OsStr, mode: u32) -> FsResult<Entry> {
        let who = self.who(caller)?;
        let made = || self.with_reserve(|| self.mkdir_as(&who, caller, parent, name, mode));
        let result = Self::may_alter(&who).and_then(|()| made());
        self.explain(&who, "mkdir", result)
    }

    fn mkdir_as(&self, who: &Who, caller: &Caller, parent: u64, name: &OsStr, mode: u32) -> FsResult<Entry> {
        let name = FileName::try_from(name)?;
        let maker = self.maker(who, caller);
        let place = self.library.catalog.read(|tx| self.place(tx, who, parent))?;
        match place {
            Place::Folder(folder) => {
                Self::may_work(who)?;
                let node = self.library.catalog.write(|tx| -> FsResult<NodeRow> {
                    if tx.entry(folder.id, &name)?.is_some() {
                        return Err(FsError::Exists);
                    }
                    let mut node = folders::fresh_node(tx, NodeKind::Dir, &folders::maker_in(&folder, &maker))?;
                    node.mode = folders::folder_mode(&folder, mode);
                    tx.put_node(&node)?;
                    let entry = folders::link(tx, folder.id, &name, node.id, maker.now)?;
                    trail::at(tx, &maker.hand(), "create", (&node, &entry), json!({}))?;
                    Ok(node)
                })?;
                self.introduce(who, parent, &name, Found::Node(Box::new(node), None))
            }
            Place::View(dir) if classify(&name) == NameClass::SaveDir && local_name(&dir)?.is_some() => {
                self.plain_as(who, caller, parent, name.as_os_str(), |tx, maker| {
                    let mut node = folders::fresh_node(tx, NodeKind::Dir, maker)?;
                    node.mode = mode & 0o7777;
                    Ok(node)
                })
            }
            Place::View(Dir::Saved) => {
                self.make_saved(who, caller, &name, None)?;
                self.lookup(caller, parent, name.as_os_str())
            }
            Place::View(dir) => {
                let (field, value) = tree::new_word(&dir, &name).ok_or_else(|| refuse_word(&dir, &name))?;
                Self::may_change_words(who, &field, &value)?;
                self.library.catalog.write(|tx| -> FsResult<()> {
                    if self.has_word(tx, who, (&dir, &name), &field, &value)? {
                        return Err(FsError::Exists);
                    }
                    let value = terms::admit(tx, who, &field, &value)?;
                    keep_word(tx, who, &field, &value)?;
                    Ok(trail::word(tx, &maker.hand(), "create", &field, &value)?)
                })?;
                self.lookup(caller, parent, name.as_os_str())
            }
        }
    }

    /// A symbolic link in a folder; in `saved/` one to a query keeps that under the name.
    ///
    /// # Errors
    /// As [`Mount::mkdir`].
    pub fn symlink(&self, caller: &Caller, parent: u64, name: &OsStr, target: &[u8]) -> FsResult<Entry> {
        if self.is_saved(parent) {
            let who = self.who(caller)?;
            let made = Self::may_alter(&who).and_then(|()| Ok(FileName::try_from(name)?));
            let made = made.and_then(|name| self.link_saved(&who, caller, parent, &name, target));
            return self.explain(&who, "symlink", made);
        }
        self.plain(caller, parent, name, "symlink", |tx, maker| {
            let mut node = folders::fresh_node(tx, NodeKind::Symlink, maker)?;
            node.mode = 0o777;
            node.target = Some(target.to_vec());
            node.size = target.len() as u64;
            Ok(node)
        })
    }

    /// A file, a pipe or a socket; devices never.
    ///
    /// # Errors
    /// As [`Mount::mkdir`].
    pub fn mknod(&self, caller: &Caller, parent: u64, name: &OsStr, what: Special, mode: u32) -> FsResult<Entry> {
        let kind = match what {
            Special::File => {
                let open = OpenMode { write: true, exclusive: true, ..OpenMode::default() };
                let (entry, opened) = self.create(caller, parent, name, mode, open)?;
                self.release(caller, opened.fh)?;
                return Ok(entry);
            }
            Special::Fifo => NodeKind::Fifo,
            Special::Socket => NodeKind::Socket,
            Special::Device => {
                let who = self.who(caller)?;
                return self.explain(&who, "mknod", Err(FsError::NotPermitted("a library holds no devices".into())));
            }
        };
        self.plain(caller, parent, name, "mknod", |tx, maker| {
            let mut node = folders::fresh_node(tx, kind, maker)?;
            node.mode = mode & 0o7777;
            Ok(node)
        })
    }

    /// A node that is no file: in a folder, or as a local node of a view.
    fn plain(
        &self,
        caller: &Caller,
        parent: u64,
        name: &OsStr,
        op: &str,
        make: impl Fn(&mut dyn WriteTx, &Maker) -> FsResult<NodeRow>,
    ) -> FsResult<Entry> {
        let who = self.who(caller)?;
        let result = Self::may_alter(&who).and_then(|()| self.plain_as(&who, caller, parent, name, make));
        self.explain(&who, op, result)
    }

    fn plain_as(
        &self,
        who: &Who,
        caller: &Caller,
        parent: u64,
        name: &OsStr,
        make: impl Fn(&mut dyn WriteTx, &Maker) -> FsResult<NodeRow>,
    ) -> FsResult<Entry> {
        let name = FileName::try_from(name)?;
        let maker = self.maker(who, caller);
        Self::may_work(who)?;
        let place = self.library.catalog.read(|tx| self.place(tx, who, parent))?;
        let node = self.library.catalog.write(|tx| -> FsResult<NodeRow> {
            let folder = match &place {
                Place::Folder(folder) => folder.id,
                Place::View(dir) => {
                    saved_in(dir)?;
                    if is_for_assets(classify(&name)) {
                        return Err(FsError::NotPermitted(
                            "links belong into library/; in a view only an editor's lock links are kept".into(),
                        ));
                    }
                    ensure_local(tx, dir, &maker)?
                }
            };
            if tx.entry(folder, &name)?.is_some() {
                return Err(FsError::Exists);
            }
            let parent = tx.node(folder)?.ok_or(FsError::NotFound)?;
            let node = make(tx, &folders::maker_in(&parent, &maker))?;
            tx.put_node(&node)?;
            let entry = folders::link(tx, folder, &name, node.id, maker.now)?;
            trail::at(tx, &maker.hand(), "create", (&node, &entry), json!({}))?;
            Ok(node)
        })?;
        self.introduce(who, parent, &name, Found::Node(Box::new(node), None))
    }

    /// Hard links are refused in folders; in a view, a link of an asset adds the view's value.
    ///
    /// # Errors
    /// [`FsError::NotPermitted`], or what tagging says.
    pub fn link(&self, caller: &Caller, ino: u64, parent: u64, name: &OsStr) -> FsResult<Entry> {
        let who = self.who(caller)?;
        let result = (|| {
            Self::may_alter(&who)?;
            let name = FileName::try_from(name)?;
            let place = self.library.catalog.read(|tx| self.place(tx, &who, parent))?;
            let Place::View(dir) = place else {
                return Err(FsError::NotPermitted(
                    "an asset has one place in library/; link it into a view to tag it".into(),
                ));
            };
            let query = writable(&dir)?;
            let node = match self.library.catalog.read(|tx| self.object(tx, &who, ino))? {
                Object::Node(node, _) | Object::Proxy { node: Some(node), .. } => node,
                _ => return Err(FsError::CrossDevice("only assets can be linked into a view")),
            };
            let id = node.asset.filter(|_| node.class == NodeClass::Asset).ok_or_else(|| {
                FsError::NotPermitted("this file is no asset; it cannot be linked into a view".into())
            })?;
            let there = self.library.catalog.read(|tx| tx.asset(id))?.ok_or(FsError::NotFound)?;
            if who.subject.glossary().widen(&query.expr).matches(&AssetFacts(&there)) {
                return Err(FsError::NotPermitted(
                    "the file is in this view already, and a file has one name in a view".into(),
                ));
            }
            self.retag(&who, caller, id, &[], &query.sets)?;
            self.remember_alias(&dir, &name, id);
            // Who is shown something in place of the file goes on with that.
            let attr = self.proxy_attr(&who, &there, &node).map_or_else(|| self.node_attr(&node), |(attr, ..)| attr);
            let ttl = self.believe(&attr, self.ttl());
            Ok(Entry { attr, entry_ttl: ttl, attr_ttl: ttl })
        })();
        self.explain(&who, "link", result)
    }
}

/// The hidden folder of a view's local files, made when it is first needed.
pub(super) fn ensure_local(tx: &mut dyn WriteTx, dir: &Dir, maker: &Maker) -> FsResult<NodeId> {
    let name = local_name(dir)?.ok_or_else(|| refuse_place(dir))?;
    if let Some(entry) = tx.entry(NodeId::LOCALS, &name)? {
        return Ok(entry.node);
    }
    let mut node = folders::fresh_node(tx, NodeKind::Dir, maker)?;
    node.target = Some(tree::path_of(dir).into_bytes());
    tx.put_node(&node)?;
    folders::link(tx, NodeId::LOCALS, &name, node.id, maker.now)?;
    Ok(node.id)
}

/// Whether a folder is the inbox or lies in it.
pub(super) fn in_inbox(tx: &dyn ReadTx, folder: NodeId) -> FsResult<bool> {
    Ok(folder == NodeId::INBOX || folders::ancestors(tx, folder)?.contains(&NodeId::INBOX))
}

/// Gives a new record a view's values.
pub(super) fn apply_sets(
    library: &Library,
    who: &Who,
    tx: &mut dyn WriteTx,
    asset: &mut Asset,
    sets: &[(Field, String)],
    maker: &Maker,
) -> FsResult<()> {
    let changes: Vec<_> = sets.iter().map(|(field, value)| (field.clone(), added(field, value))).collect();
    assign::put_values(library, who, tx, asset, &changes, &maker.hand())?;
    Ok(tx.put_asset(asset)?)
}

/// An asset that had lost a view's value by being unlinked there has it again.
pub(super) fn give_back(
    tx: &mut dyn WriteTx,
    library: &Library,
    tunnel: &TunnelRow,
    asset: &mut Asset,
    query: &QueryDir,
    maker: &Maker,
) -> FsResult<()> {
    let Some((field, _)) = query.sets.last().filter(|_| tunnel.how == TunnelHow::RemovedInView) else {
        return Ok(());
    };
    // A verdict or a stage was about the bytes before: whoever may give one gives it again.
    if matches!(field, Field::Status(_) | Field::Stage) {
        return Ok(());
    }
    let (hand, before) = (maker.hand(), asset.clone());
    let mut rows = Vec::new();
    for value in &tunnel.taken {
        if let Some(changed) = record::set(tx, asset, field, &added(field, value), &hand)? {
            rows.push(json!({ "facet": changed.field, "old": changed.old, "new": changed.new }));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    rows.extend(verdicts::doubted(library, &before, asset));
    tx.put_asset(asset)?;
    Ok(trail::asset(tx, &hand, "set", asset.id, &json!({ "changed": rows }))?)
}

/// A word of an open vocabulary is there without a use, for its maker also when its uses are hidden from him.
pub(super) fn keep_word(tx: &mut dyn WriteTx, who: &Who, field: &Field, value: &str) -> FsResult<()> {
    if !who.subject.allows_everything(Verb::List) {
        tx.add_word(&tree::own_words(field, who.id), value)?;
    }
    tx.add_word(&field.to_string(), value)?;
    Ok(tx.change(ChangeKind::Word, &field.to_string())?)
}

/// A word that its last file has left stays for who took that file away, as an emptied folder does. Others may never have seen it.
pub(super) fn keep_left(tx: &mut dyn WriteTx, who: &Who, field: &Field, value: &str) -> FsResult<()> {
    tx.add_word(&tree::own_words(field, who.id), value)?;
    Ok(tx.change(ChangeKind::Word, &field.to_string())?)
}

/// Whether files of such a name are people's own: assets, and the sidecars that belong to them.
pub(super) fn is_for_assets(class: NameClass) -> bool {
    matches!(class, NameClass::Ordinary | NameClass::Sidecar)
}

/// The name of a folder; what lies in a saver's own directory is scratch whatever it is called.
pub(super) fn folder_name(tx: &dyn ReadTx, folder: NodeId) -> FsResult<Option<FileName>> {
    Ok(tx.names_of(folder)?.into_iter().next().map(|entry| entry.name))
}
