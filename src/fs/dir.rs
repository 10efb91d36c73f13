//! Listings. A virtual directory is listed from one snapshot taken when it is opened (or rewound); a folder is read page by page in the
//! order of its entries' ids. Cookies are ids, so entries that come and go never make others appear twice or not at all.

use std::sync::{Mutex, PoisonError};

use super::handles::Handle;
use super::mount::{Found, Mount, Object, Place, local_folder};
use super::{Entry, FsError, FsResult, Listed, Opened};
use crate::access::Who;
use crate::catalog::{NodeKind, ReadTx};
use crate::policy::Verb;
use crate::types::{Caller, EntryId, FileKind, FileName, NodeId};
use crate::view::tree::{Dir, Item, TextFile, Tree};

/// Names read from the catalogue at once.
const PAGE: usize = 1_000;
/// Cookies of `.` and `..`; everything else comes behind.
const DOTS: u64 = 2;
/// Where the cookies of a folder's entries and of a view's own begin.
const FIRST: u64 = 16;
/// Where the cookies of a view's local files begin: behind every asset.
const LOCAL: u64 = 1 << 62;

/// An open directory.
pub(super) struct Listing {
    ino: u64,
    what: What,
}

enum What {
    Folder(NodeId),
    View { dir: Dir, snapshot: Mutex<Option<Vec<Row>>> },
}

struct Row {
    cookie: u64,
    name: FileName,
    found: Found,
}

impl Mount {
    /// Opens a directory.
    ///
    /// # Errors
    /// [`FsError::NotDir`], or that the caller may not know it.
    pub fn opendir(&self, caller: &Caller, ino: u64) -> FsResult<Opened> {
        let who = self.who(caller)?;
        let what = match self.library.catalog.read(|tx| self.place(tx, &who, ino))? {
            Place::Folder(folder) => What::Folder(folder.id),
            Place::View(dir) => What::View { dir, snapshot: Mutex::new(None) },
        };
        let fh = self.handles.add(ino, Handle::Dir(Listing { ino, what }));
        Ok(Opened { fh, keep_cache: false, direct_io: false })
    }

    /// Lists from behind a cookie until `each` says that it is full. With `plus`, what a lookup would have said comes along.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn readdir(
        &self,
        caller: &Caller,
        fh: u64,
        after: u64,
        plus: bool,
        each: &mut dyn FnMut(Listed) -> bool,
    ) -> FsResult<()> {
        let who = self.who(caller)?;
        let handle = self.handles.get(fh)?;
        let Handle::Dir(listing) = handle.as_ref() else { return Err(FsError::NotDir) };
        if after < DOTS && !self.dots(listing, after, each) {
            return Ok(());
        }
        match &listing.what {
            What::Folder(folder) => self.list_folder(&who, listing.ino, *folder, after, plus, each),
            What::View { dir, snapshot } => {
                let mut rows = snapshot.lock().unwrap_or_else(PoisonError::into_inner);
                if rows.is_none() || after == 0 {
                    *rows = Some(self.snapshot(&who, dir)?);
                }
                let rows = rows.as_deref().unwrap_or_default();
                let from = rows.partition_point(|r| r.cookie <= after);
                self.give(&who, listing.ino, &rows[from..], plus, each)
            }
        }
    }

    fn dots(&self, listing: &Listing, after: u64, each: &mut dyn FnMut(Listed) -> bool) -> bool {
        for (cookie, name) in [(1, b".".as_slice()), (DOTS, b"..".as_slice())] {
            if cookie > after {
                let ino = if cookie == 1 { listing.ino } else { super::inodes::ROOT };
                if !each(Listed { cookie, name: name.to_vec(), ino, kind: FileKind::Dir, entry: None }) {
                    return false;
                }
            }
        }
        true
    }

    fn list_folder(
        &self,
        who: &Who,
        ino: u64,
        folder: NodeId,
        after: u64,
        plus: bool,
        each: &mut dyn FnMut(Listed) -> bool,
    ) -> FsResult<()> {
        let mut from = EntryId(after.saturating_sub(FIRST));
        if folder == NodeId::INBOX && after < FIRST {
            let report = Row {
                cookie: FIRST - 1,
                name: FileName::try_from(".report")?,
                found: Found::Item(Item::Text(TextFile::InboxReport)),
            };
            if after < FIRST - 1 && !self.give_all(who, ino, std::slice::from_ref(&report), plus, each)? {
                return Ok(());
            }
        }
        loop {
            let (rows, last) = self.library.catalog.read(|tx| -> FsResult<(Vec<Row>, Option<EntryId>)> {
                let page = tx.entries(folder, from, PAGE)?;
                let last = (page.len() == PAGE).then(|| page.last().map(|(e, _)| e.id)).flatten();
                let mut rows = Vec::with_capacity(page.len());
                for (entry, node) in page {
                    match self.known(tx, who, node) {
                        Ok((node, asset)) => rows.push(Row {
                            cookie: entry.id.0 + FIRST,
                            name: entry.name,
                            found: Found::Node(Box::new(node), asset),
                        }),
                        Err(FsError::NotFound) => {}
                        Err(e) => return Err(e),
                    }
                }
                Ok((rows, last))
            })?;
            if !self.give_all(who, ino, &rows, plus, each)? {
                return Ok(());
            }
            match last {
                Some(last) => from = last,
                None => return Ok(()),
            }
        }
    }

    /// Everything that a virtual directory shows this caller, at one moment.
    fn snapshot(&self, who: &Who, dir: &Dir) -> FsResult<Vec<Row>> {
        self.library.catalog.read(|tx| {
            let tree = Tree::new(tx, &who.subject, Some(who.id));
            let local = local_folder(tx, dir)?;
            let mut hidden = Vec::new();
            let mut locals = Vec::new();
            if let Some(local) = local {
                self.locals(tx, who, local, &mut locals)?;
                hidden = locals.iter().map(|r: &Row| r.name.clone()).collect();
            }
            let mut rows = Vec::new();
            let mut after = 0;
            loop {
                let page = tree.list(dir, after, PAGE)?;
                let full = page.len() >= PAGE;
                for (cookie, name, item) in page {
                    after = cookie;
                    if hidden.contains(&name) {
                        continue;
                    }
                    if let Some(local) = local
                        && tx.tunnel(local, &name)?.is_some()
                    {
                        continue;
                    }
                    let found = match item {
                        Item::Asset(asset) | Item::Trashed(asset) => {
                            match asset.node.map(|n| tx.node(n)).transpose()? {
                                Some(Some(node)) => Found::Node(Box::new(node), Some(Box::new(asset))),
                                _ => continue,
                            }
                        }
                        other => Found::Item(other),
                    };
                    rows.push(Row { cookie: cookie + FIRST, name, found });
                }
                if !full {
                    break;
                }
            }
            rows.extend(locals);
            Ok(rows)
        })
    }

    fn locals(&self, tx: &dyn ReadTx, who: &Who, local: NodeId, rows: &mut Vec<Row>) -> FsResult<()> {
        for (entry, node) in tx.entries(local, EntryId(0), usize::MAX)? {
            if let Ok((node, asset)) = self.known(tx, who, node) {
                let found = Found::Node(Box::new(node), asset);
                rows.push(Row { cookie: LOCAL + entry.id.0, name: entry.name, found });
            }
        }
        Ok(())
    }

    fn give(
        &self,
        who: &Who,
        parent: u64,
        rows: &[Row],
        plus: bool,
        each: &mut dyn FnMut(Listed) -> bool,
    ) -> FsResult<()> {
        self.give_all(who, parent, rows, plus, each).map(|_| ())
    }

    /// Gives rows until full; says whether all of them went.
    fn give_all(
        &self,
        who: &Who,
        parent: u64,
        rows: &[Row],
        plus: bool,
        each: &mut dyn FnMut(Listed) -> bool,
    ) -> FsResult<bool> {
        for row in rows {
            let described = match &row.found {
                Found::Node(node, asset) => {
                    if let Some(asset) = asset
                        && plus
                    {
                        self.note_shown(asset.id, parent, &row.name);
                    }
                    let proxy = asset.as_ref().and_then(|asset| self.proxy_attr(who, asset, node));
                    Ok(proxy.unwrap_or_else(|| (self.node_attr(node), self.ttl(), None)))
                }
                Found::Item(item) => self.describe(who, parent, &row.name, Found::Item(item.clone())),
            };
            let (attr, attr_ttl, remember) = match described {
                Ok(described) => described,
                // Gone since the snapshot was taken.
                Err(FsError::NotFound) => continue,
                Err(e) => return Err(e),
            };
            let entry = plus.then_some(Entry { attr, entry_ttl: self.ttl().min(attr_ttl), attr_ttl });
            let listed = Listed {
                cookie: row.cookie,
                name: row.name.as_bytes().to_vec(),
                ino: attr.ino,
                kind: attr.kind,
                entry,
            };
            // The kernel counts a lookup for each entry that it was given with attributes.
            if let Some(what) = remember.clone().filter(|_| plus) {
                self.inodes.remember(attr.ino, what);
            }
            if !each(listed) {
                if remember.is_some() && plus {
                    self.inodes.forget(attr.ino, 1);
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Closes a directory.
    ///
    /// # Errors
    /// [`FsError::BadHandle`] when it is not open.
    pub fn releasedir(&self, _caller: &Caller, fh: u64) -> FsResult<()> {
        self.handles.remove(fh).map(|_| ()).ok_or(FsError::BadHandle)
    }

    /// What `access(2)` asks: the gate's answer, and never a yes for writing to what is made by damfs.
    ///
    /// # Errors
    /// [`FsError::Denied`] or [`FsError::ReadOnly`].
    pub fn access(&self, caller: &Caller, ino: u64, mask: i32) -> FsResult<()> {
        const WRITE: i32 = 2;
        let who = self.who(caller)?;
        self.library.catalog.read(|tx| match self.object(tx, &who, ino)? {
            _ if mask & WRITE == 0 => Ok(()),
            Object::Node(node, _) if node.kind == NodeKind::Dir => Self::may_work(&who),
            Object::Node(node, _) => self.may_node(tx, &who, Verb::Edit, &node),
            Object::Dir(dir) if crate::view::tree::is_writable(&dir) => Ok(()),
            Object::Dir(dir) => Err(super::create::refuse_place(&dir)),
            _ => Err(FsError::ReadOnly("this is made by damfs".into())),
        })
    }
}
