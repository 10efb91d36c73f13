//! One mount: who asks, what an inode denotes, and whether he may know it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::clips::ClipRef;
use super::handles::Handles;
use super::inodes::{ExportRef, Inodes, Space, Virtual};
use super::proxies::Mask;
use super::shown::shared_stem;
use super::text::Text;
use super::{Audience, Entry, FsError, FsResult, Invalidation, Stat, attr};
use crate::access::{Identity, Who};
use crate::catalog::{Asset, AssetFacts, NodeClass, NodeKind, NodeRow, NodeStat, ReadTx, TunnelHow, VersionRow};
use crate::ops::{Library, folders};
use crate::policy::Verb;
use crate::types::{AssetId, Attr, Caller, ContentId, FileKind, FileName, NodeId, Timestamp, VersionId};
use crate::view::bin::{Bin, BinPart};
use crate::view::recipes::clip_recipe_for;
use crate::view::tree::{self, Dir, Item, TextFile, Tree};

/// How long the kernel may believe a name or attributes on a personal mount. The change feed takes them back earlier.
const PERSONAL_TTL: Duration = Duration::from_secs(1);

/// Whose the virtual directories are shown to be.
#[derive(Debug, Clone, Copy)]
pub struct Show {
    pub uid: u32,
    pub gid: u32,
}

/// What an inode denotes, for a caller who may know it.
pub(super) enum Object {
    Dir(Dir),
    Node(Box<NodeRow>, Option<Box<Asset>>),
    Version(Box<VersionRow>, Box<Asset>),
    Export(Box<ExportRef>),
    Clip(Box<ClipRef>),
    /// What stands in place of a file, or of a version.
    Proxy {
        asset: Box<Asset>,
        version: VersionId,
        mask: Mask,
        mtime: Timestamp,
        /// The file, when it stands in place of that.
        node: Option<Box<NodeRow>>,
    },
    /// What stands in place of a file that was set aside.
    Aside(Box<NodeRow>),
    Text(Text),
    /// What a symbolic link that saved a query leads to.
    Link(Box<[u8]>),
}

/// A view's path, and a name in it.
type Alias = (String, Vec<u8>);

/// One mount of one library for one audience. All methods may be called from any thread.
pub struct Mount {
    pub(super) library: Arc<Library>,
    /// Unlike every other mount's.
    pub(super) number: u64,
    pub(super) audience: Audience,
    pub(super) show: Show,
    pub(super) inodes: Inodes,
    pub(super) handles: Handles,
    pub(super) snapshots: super::listing::Snapshots,
    pub(super) given: super::given::Given,
    pub(super) shown: super::shown::ShownNames,
    /// Files just created in a view under a name that is not their view name.
    pub(super) aliases: Mutex<HashMap<Alias, (AssetId, Timestamp)>>,
    /// What all pages of a node in the page cache are of.
    pub(super) cached: Mutex<HashMap<NodeId, ContentId>>,
    pub(super) believed: super::believed::Believed,
    pub(super) feed: super::feed::Feed,
    /// When the library was made.
    pub(super) born: Timestamp,
}

impl Mount {
    /// Shows a library to an audience.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn new(library: Arc<Library>, audience: Audience, show: Show) -> FsResult<Arc<Self>> {
        let feed = super::feed::Feed::new(&library)?;
        let top = library.catalog.read(|tx| tx.node(NodeId::LIBRARY))?;
        let born = top.map_or_else(|| library.clock.now(), |top| top.made_at);
        let mount = Arc::new(Self {
            inodes: Inodes::new(library.permutation.clone(), library.path_key),
            handles: Handles::default(),
            snapshots: Default::default(),
            given: Default::default(),
            shown: Default::default(),
            aliases: Mutex::default(),
            cached: Mutex::default(),
            believed: Default::default(),
            born,
            number: library.new_mount(),
            library,
            audience,
            show,
            feed,
        });
        super::feed::start(&mount);
        Ok(mount)
    }

    /// What the kernel is to forget, for the adapter's one notifier thread.
    #[must_use]
    pub fn invalidations(&self) -> crossbeam_channel::Receiver<Invalidation> {
        self.feed.receiver()
    }

    /// The notifier thread has come to an [`Invalidation::Reached`].
    pub fn told(&self, seq: u64) {
        self.feed.told(seq);
    }

    /// Waits until the kernel has been told of every change so far; `false` when the time was too short. Never from a handler.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn wait_told(&self, within: Duration) -> FsResult<bool> {
        let seq = self.library.catalog.read(|tx| tx.last_change())?;
        Ok(self.feed.wait_told(seq, within))
    }

    /// What the virtual directories are to somebody, now.
    pub(super) fn tree<'a>(&self, tx: &'a dyn ReadTx, who: &'a Who) -> Tree<'a> {
        Tree::new(tx, &who.subject, Some(who.id))
            .at(self.library.clock.now())
            .with_clips(self.library.clips.are_rendered())
            .without(self.library.lacks())
            .signed_by(self.library.signer_id())
            .with_captions(self.library.captions())
    }

    /// How long a negative answer may be believed: never, another mount may make the name.
    #[must_use]
    pub fn negative_ttl(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether the kernel may believe anything that it is told for a while.
    #[must_use]
    pub fn is_believed(&self) -> bool {
        !self.ttl().is_zero()
    }

    pub(super) fn ttl(&self) -> Duration {
        match self.audience {
            Audience::Member(_) => PERSONAL_TTL,
            Audience::Everyone => Duration::ZERO,
        }
    }

    /// The member who asks; a stranger is refused before anything is looked at.
    pub(super) fn who(&self, caller: &Caller) -> FsResult<Arc<Who>> {
        let identity = match self.audience {
            Audience::Member(id) => Identity::Member(id),
            Audience::Everyone => Identity::Uid(caller.uid),
        };
        Ok(self.library.gate.who(&identity)?)
    }

    /// The last change, and the gate's epoch: read before it is asked who he is. While they are the same behind an answer, the kernel may believe
    /// that, and is told when it is right no more.
    pub(super) fn moment(&self) -> (u64, u64) {
        (self.library.catalog.committed(), self.library.gate.epoch())
    }

    /// Does what makes room, or is needed to make it, also on a full disk.
    pub(super) fn with_reserve<T>(&self, f: impl Fn() -> FsResult<T>) -> FsResult<T> {
        match f() {
            Err(FsError::NoSpace) if self.library.reserve.release() => f(),
            done => done,
        }
    }

    /// What an inode denotes. [`FsError::Stale`] when that is nothing, or nothing that he may know.
    pub(super) fn object(&self, tx: &dyn ReadTx, who: &Who, ino: u64) -> FsResult<Object> {
        match self.denoted(tx, who, ino).map_err(FsError::of_inode)? {
            Object::Dir(dir) if !self.tree(tx, who).finds_still(&dir)? => Err(FsError::Stale),
            Object::Text(text) if !self.has_text(tx, who, &text)? => Err(FsError::Stale),
            object => Ok(object),
        }
    }

    fn denoted(&self, tx: &dyn ReadTx, who: &Who, ino: u64) -> FsResult<Object> {
        match self.inodes.space(ino) {
            Space::Root => Ok(Object::Dir(Dir::Root)),
            Space::Node(id) => {
                let node = tx.node(id)?;
                // Its name is gone: it is there for who has it open, by the rights to what it was.
                if node.is_none() || self.library.live.get(id).is_some_and(|file| file.seen().nameless) {
                    let held = self.handles.orphan(id).ok_or(FsError::NotFound)?;
                    let asset = held.asset.map(|id| tx.asset(id)).transpose()?.flatten();
                    let gate = &self.library.gate;
                    let hides = |a: &Asset| !gate.allows(who, Verb::List, a) || self.mask(who, a).is_some();
                    if asset.as_ref().is_some_and(hides) {
                        return Err(FsError::NotFound);
                    }
                    return Ok(Object::Node(Box::new(node.unwrap_or(held)), asset.map(Box::new)));
                }
                let node = node.ok_or(FsError::NotFound)?;
                let (node, asset) = self.known(tx, who, node)?;
                // By its number alone, as one that others were told or that he might read before.
                if asset.as_ref().is_some_and(|asset| self.mask(who, asset).is_some()) {
                    return Err(FsError::NotFound);
                }
                Ok(Object::Node(Box::new(node), asset))
            }
            Space::Version(no) => {
                let version = tx.version_by_no(no)?.ok_or(FsError::NotFound)?;
                let asset = tx.asset(version.asset)?.ok_or(FsError::NotFound)?;
                if !self.library.gate.allows(who, Verb::List, &asset)
                    || self.version_mask(who, &asset, &version).is_some()
                {
                    return Err(FsError::NotFound);
                }
                Ok(Object::Version(Box::new(version), Box::new(asset)))
            }
            Space::Remembered => match self.inodes.get(ino).ok_or(FsError::NotFound)?.as_ref() {
                Virtual::Dir(dir) => self.again(tx, who, dir).map(Object::Dir),
                Virtual::Link(target) => Ok(Object::Link(target.clone())),
                Virtual::Text(text) => Ok(Object::Text(text.clone())),
                Virtual::Proxy(id, version) => self.proxied(tx, who, *id, *version),
                Virtual::Aside(node) => self.aside(tx, who, *node),
                Virtual::VersionProxy(id, version) => self.version_proxied(tx, who, *id, *version),
                Virtual::Export(export) => {
                    let ExportRef { asset, version, placement, .. } = &**export;
                    let asset = self.in_circulation(tx, who, asset.id, version, placement)?;
                    let lacks = self.library.lacks();
                    if tree::unrenderable(tx, &export.version, &export.recipe, &lacks)?.is_some() {
                        return Err(FsError::NotFound);
                    }
                    Ok(Object::Export(Box::new(ExportRef { asset, ..(**export).clone() })))
                }
                Virtual::Clip(clip) => {
                    let asset = self.in_circulation(tx, who, clip.asset.id, &clip.version, &clip.placement)?;
                    Ok(Object::Clip(Box::new(ClipRef { asset, ..(**clip).clone() })))
                }
            },
        }
    }

    /// What a directory of before is by now, to whoever asks.
    pub(super) fn again(&self, tx: &dyn ReadTx, who: &Who, dir: &Dir) -> FsResult<Dir> {
        match dir {
            Dir::Bin(bin) if bin.member != who.id => Err(FsError::NotFound),
            dir => self.tree(tx, who).again(dir)?.ok_or(FsError::NotFound),
        }
    }

    /// The folder, or the virtual directory, that an inode must be.
    pub(super) fn place(&self, tx: &dyn ReadTx, who: &Who, ino: u64) -> FsResult<Place> {
        // What is looked up in it is decided by itself, without the way there.
        match self.denoted(tx, who, ino).map_err(FsError::of_inode)? {
            Object::Dir(dir) => Ok(Place::View(dir)),
            // Reached by who stood in it when it was trashed.
            Object::Node(node, _) if node.kind == NodeKind::Dir && node.class == NodeClass::Local => {
                Ok(Place::View(Dir::Bin(Bin { member: who.id, uid: node.uid, part: BinPart::Folder(node.id) })))
            }
            Object::Node(node, _) if node.kind == NodeKind::Dir => Ok(Place::Folder(node)),
            _ => Err(FsError::NotDir),
        }
    }

    /// Looks a name up and tells the kernel what it found.
    ///
    /// # Errors
    /// [`FsError::NotFound`] also for what the caller may not list.
    pub fn lookup(&self, caller: &Caller, parent: u64, name: &OsStr) -> FsResult<Entry> {
        let seen = self.moment();
        let who = self.who(caller)?;
        let name = FileName::try_from(name)?;
        let found = self.library.catalog.read(|tx| -> FsResult<Found> {
            match self.place(tx, &who, parent)? {
                Place::Folder(folder) => self.in_folder(tx, &who, &folder, &name),
                Place::View(dir) => match Bin::named(&name, who.id, caller.uid).filter(|_| dir == Dir::Root) {
                    Some(bin) => Ok(Found::Item(Item::Dir(Dir::Bin(bin)))),
                    None => match self.in_view(tx, &who, &dir, &name) {
                        // The directory of a value that was renamed has another number, and the kernel, who moved the old one, is to look
                        // for it again.
                        Err(FsError::NotFound) if !self.tree(tx, &who).has(&dir)? => Err(FsError::Stale),
                        found => found,
                    },
                },
            }
        });
        match found {
            Ok(found) => {
                if self.is_saved(parent) {
                    self.explain_saved(&who, &name);
                }
                let mut entry = self.introduce(&who, parent, &name, found)?;
                // What changed meanwhile may have been taken back before the kernel hears of it from here.
                if self.moment() != seen {
                    (entry.entry_ttl, entry.attr_ttl) = (Duration::ZERO, Duration::ZERO);
                }
                Ok(entry)
            }
            Err(e) => {
                self.explain_find(&who, parent, &name);
                Err(e)
            }
        }
    }

    pub(super) fn in_folder(&self, tx: &dyn ReadTx, who: &Who, folder: &NodeRow, name: &FileName) -> FsResult<Found> {
        if folder.id == NodeId::INBOX && name.as_bytes() == b".report" {
            return Ok(Found::Item(Item::Text(TextFile::InboxReport)));
        }
        let entry = tx.entry(folder.id, name)?.ok_or(FsError::NotFound)?;
        let node = tx.node(entry.node)?.ok_or(FsError::NotFound)?;
        let (node, asset) = self.known(tx, who, node)?;
        Ok(Found::Node(Box::new(node), asset))
    }

    pub(super) fn in_view(&self, tx: &dyn ReadTx, who: &Who, dir: &Dir, name: &FileName) -> FsResult<Found> {
        if let Some(local) = local_folder(tx, dir)? {
            if let Some(entry) = tx.entry(local, name)? {
                let node = tx.node(entry.node)?.ok_or(FsError::NotFound)?;
                if let Some(item) = self.binned(tx, who, dir, &node)? {
                    return Ok(Found::Item(item));
                }
                let (node, asset) = self.known(tx, who, node)?;
                return Ok(Found::Node(Box::new(node), asset));
            }
            if tx.tunnel(local, name)?.is_some_and(|tunnel| tunnel.how == TunnelHow::AsideInView) {
                return Err(FsError::NotFound);
            }
        }
        match self.tree(tx, who).child(dir, name)? {
            Some(item) => Ok(Found::Item(item)),
            None => match self.alias(dir, name) {
                Some(id) => {
                    // Once it has lost the view's value the name leads nowhere.
                    let is_here = |asset: &Asset| {
                        let glossary = who.subject.glossary();
                        matches!(dir, Dir::Query(query) if glossary.widen(&query.expr).matches(&AssetFacts(asset)))
                    };
                    let asset = tx.asset(id)?.filter(|a| a.trashed.is_none() && is_here(a)).ok_or(FsError::NotFound)?;
                    if !self.library.gate.decide(who, Verb::List, &asset).allowed {
                        return Err(FsError::NotFound);
                    }
                    Ok(Found::Item(Item::Asset(asset)))
                }
                None => Err(FsError::NotFound),
            },
        }
    }

    /// A file that was just created here under another name than views give it.
    fn alias(&self, dir: &Dir, name: &FileName) -> Option<AssetId> {
        let aliases = self.aliases.lock().unwrap_or_else(PoisonError::into_inner);
        if aliases.is_empty() {
            return None;
        }
        let (id, at) = aliases.get(&(tree::path_of(dir), name.as_bytes().to_vec()))?;
        (self.library.clock.now().ms_since(*at) < ALIAS_MS).then_some(*id)
    }

    pub(super) fn remember_alias(&self, dir: &Dir, name: &FileName, asset: AssetId) {
        let now = self.library.clock.now();
        let mut aliases = self.aliases.lock().unwrap_or_else(PoisonError::into_inner);
        aliases.retain(|_, (_, at)| now.ms_since(*at) < ALIAS_MS);
        aliases.insert((tree::path_of(dir), name.as_bytes().to_vec()), (asset, now));
    }

    /// A file created in a view turned out to be a copy: its name there leads to the other now.
    pub(super) fn move_aliases(&self, copy: AssetId, twin: AssetId) {
        let mut aliases = self.aliases.lock().unwrap_or_else(PoisonError::into_inner);
        aliases.values_mut().filter(|(id, _)| *id == copy).for_each(|(id, _)| *id = twin);
    }

    /// Gives what was found a number and attributes, and remembers that the kernel knows it.
    pub(super) fn introduce(&self, who: &Who, parent: u64, name: &FileName, found: Found) -> FsResult<Entry> {
        // Moved out it is another inode: the kernel must ask.
        let closed = matches!(&found, Found::Item(Item::Dir(Dir::Bin(bin))) if matches!(bin.part, BinPart::Folder(_)));
        let (attr, attr_ttl, remember) = self.describe(who, parent, name, found)?;
        if let Some(what) = remember {
            self.inodes.remember(attr.ino, what);
        }
        let entry_ttl = if closed { Duration::ZERO } else { self.ttl() };
        Ok(Entry { attr, entry_ttl, attr_ttl: self.believe_old(&attr, attr_ttl) })
    }

    /// Number and attributes of what was found; what has to be remembered when the kernel is told.
    pub(super) fn describe(
        &self,
        who: &Who,
        parent: u64,
        name: &FileName,
        found: Found,
    ) -> FsResult<(Attr, Duration, Option<Virtual>)> {
        let (attr, ttl, remember) = self.described(who, parent, name, found)?;
        Ok((self.dated(who, attr), ttl, remember))
    }

    /// The times of a directory move with everything in it. Who may not list everything sees one time for them all, which tells nothing.
    pub(super) fn dated(&self, who: &Who, attr: Attr) -> Attr {
        if attr.kind != FileKind::Dir || who.subject.allows_everything(Verb::List) {
            return attr;
        }
        Attr { atime: self.born, mtime: self.born, ctime: self.born, ..attr }
    }

    fn described(
        &self,
        who: &Who,
        parent: u64,
        name: &FileName,
        found: Found,
    ) -> FsResult<(Attr, Duration, Option<Virtual>)> {
        let item = match found {
            Found::Node(node, asset) => {
                let proxy = asset.and_then(|asset| self.proxy_attr(who, &asset, &node));
                return Ok(proxy.unwrap_or_else(|| (self.node_attr(&node), self.node_ttl(node.id), None)));
            }
            Found::Item(item) => item,
        };
        match item {
            Item::Node(id) => {
                let node = self.library.catalog.read(|tx| tx.node(id))?.ok_or(FsError::NotFound)?;
                Ok((self.node_attr(&node), self.node_ttl(node.id), None))
            }
            Item::Asset(asset) | Item::Trashed(asset) => {
                let id = asset.node.ok_or(FsError::NotFound)?;
                let node = self.library.catalog.read(|tx| tx.node(id))?.ok_or(FsError::NotFound)?;
                self.note_shown(asset.id, shared_stem(&asset.view_name, asset.marked_name.as_deref()), parent, name);
                let proxy = self.proxy_attr(who, &asset, &node);
                Ok(proxy.unwrap_or_else(|| (self.node_attr(&node), self.node_ttl(node.id), None)))
            }
            Item::Version(asset, version) => {
                // It may be thinned out.
                self.note_shown(asset.id, None, parent, name);
                Ok(self.version_attr(who, &asset, &version))
            }
            Item::Dir(dir) => {
                let what = Virtual::Dir(dir);
                let ino = match &what {
                    Virtual::Dir(Dir::Root) => super::inodes::ROOT,
                    Virtual::Dir(dir) => self.inodes.path(&what, &tree::path_of(dir)),
                    _ => return Err(FsError::NotFound),
                };
                let Virtual::Dir(dir) = &what else { return Err(FsError::NotFound) };
                let attr = self.dir_attr(ino, dir);
                Ok((attr, self.ttl(), Some(what)))
            }
            Item::Export(asset, version, placement) => {
                self.note_shown(asset.id, shared_stem(&asset.view_name, asset.marked_name.as_deref()), parent, name);
                let signer = self.library.signer_id();
                let recipe =
                    self.library.catalog.read(|tx| tree::recipe_of(tx, &asset, &version, &placement, signer))?;
                let export = ExportRef { asset, version, placement, recipe };
                let (attr, known) = self.export_attr(&export)?;
                let ttl = if known { self.ttl() } else { Duration::ZERO };
                Ok((attr, ttl, Some(Virtual::Export(Box::new(export)))))
            }
            Item::Clip { asset, version, placement, size, hash, since } => {
                self.note_shown(asset.id, shared_stem(&asset.view_name, asset.marked_name.as_deref()), parent, name);
                let recipe = self.library.catalog.read(|tx| clip_recipe_for(tx, &asset, &version, &placement))?;
                let clip = ClipRef { asset, version, placement, recipe, size, hash, since };
                Ok((self.clip_attr(&clip), self.ttl(), Some(Virtual::Clip(Box::new(clip)))))
            }
            item @ (Item::Pending(..) | Item::Caption(..) | Item::Text(_) | Item::Record(_) | Item::Why(_)) => {
                if let Item::Pending(asset, _) = &item {
                    self.library.clips.want(asset.id);
                }
                if let Item::Pending(asset, _) | Item::Caption(asset, _) = &item {
                    let stem = shared_stem(&asset.view_name, asset.marked_name.as_deref());
                    self.note_shown(asset.id, stem, parent, name);
                }
                let text = Text::of(item)?;
                let path = format!("text {parent} {name}");
                let what = Virtual::Text(text.clone());
                let ino = self.inodes.path(&what, &path);
                let (bytes, mtime) = self.text(who, &text)?;
                let attr = attr::text(ino, bytes.len() as u64, self.show, mtime);
                Ok((attr, Duration::ZERO, Some(what)))
            }
        }
    }

    fn dir_attr(&self, ino: u64, dir: &Dir) -> Attr {
        let attr = attr::dir(ino, tree::is_writable(dir), self.show, self.changed());
        match dir {
            // Desktops use no other than one that is its user's alone.
            Dir::Bin(bin) => Attr { mode: 0o700, uid: bin.uid, ..attr },
            _ => attr,
        }
    }

    /// The time of the last change on record: what query directories show as theirs. The same after a remount.
    pub(super) fn changed(&self) -> Timestamp {
        self.feed.changed(&self.library).max(self.born)
    }

    fn note_shown(&self, asset: AssetId, stem: Option<Box<str>>, parent: u64, name: &FileName) {
        if !self.ttl().is_zero() {
            self.shown.note_one(self.library.clock.now(), parent, asset, stem, name);
        }
    }

    /// The kernel has forgotten an inode so many times.
    pub fn forget(&self, _caller: &Caller, ino: u64, times: u64) {
        if self.inodes.space(ino) == Space::Remembered {
            self.inodes.forget(ino, times);
        }
    }

    /// Attributes. An export is rendered by this, so that its size is exact.
    ///
    /// # Errors
    /// [`FsError::Stale`], or what rendering says.
    pub fn getattr(&self, caller: &Caller, ino: u64) -> FsResult<Stat> {
        let seen = self.moment();
        let who = self.who(caller)?;
        let object = self.library.catalog.read(|tx| self.object(tx, &who, ino))?;
        let mut stat = self.stat(&who, ino, object).map_err(FsError::of_inode)?;
        stat.ttl = self.believe_old(&stat.attr, stat.ttl);
        if self.moment() != seen {
            stat.ttl = Duration::ZERO;
        }
        Ok(stat)
    }

    pub(super) fn stat(&self, who: &Who, ino: u64, object: Object) -> FsResult<Stat> {
        let attr = match object {
            Object::Dir(dir) => self.dir_attr(ino, &dir),
            Object::Node(node, _) => {
                return Ok(Stat { attr: self.node_attr(&node), ttl: self.node_ttl(node.id) });
            }
            Object::Version(version, _) => attr::version(&self.inodes, &version, self.show),
            Object::Export(export) => self.explain(who, "stat", self.rendered_attr(&export))?,
            Object::Clip(clip) => self.clip_attr(&clip),
            Object::Aside(node) => self.proxy_stat(ino, Mask::Closed, node.mtime),
            Object::Proxy { mask, mtime, .. } => self.proxy_stat(ino, mask, mtime),
            Object::Link(target) => attr::link(ino, target.len() as u64, self.show, self.born),
            Object::Text(text) => {
                let (bytes, mtime) = self.text(who, &text)?;
                return Ok(Stat { attr: attr::text(ino, bytes.len() as u64, self.show, mtime), ttl: Duration::ZERO });
            }
        };
        Ok(Stat { attr: self.dated(who, attr), ttl: self.ttl() })
    }

    /// How long a node's attributes may be believed: not at all while somebody writes to it, who may be on another mount.
    pub(super) fn node_ttl(&self, node: NodeId) -> Duration {
        let written = self.library.live.get(node).is_some_and(|file| file.has_writers());
        if written { Duration::ZERO } else { self.ttl() }
    }

    /// A node's attributes, with what its open or staged bytes know better.
    pub(super) fn node_attr(&self, node: &NodeRow) -> Attr {
        self.stat_attr(&NodeStat::from(node))
    }

    pub(super) fn stat_attr(&self, node: &NodeStat) -> Attr {
        attr::node(self.inodes.node(node.id), node, self.library.live.get(node.id).map(|f| f.seen()))
    }
}

/// How long a name that was just given in a view resolves besides the view name.
const ALIAS_MS: i64 = 60_000;

/// Where an operation happens.
pub(super) enum Place {
    Folder(Box<NodeRow>),
    View(Dir),
}

/// What a name denotes.
#[expect(clippy::large_enum_variant, reason = "items are what listings are made of; a box for each would cost more")]
pub(super) enum Found {
    Node(Box<NodeRow>, Option<Box<Asset>>),
    Item(Item),
}

/// The hidden folder that holds a view's local files, if it has any.
pub(super) fn local_folder(tx: &dyn ReadTx, dir: &Dir) -> FsResult<Option<NodeId>> {
    let Some(name) = local_name(dir)? else { return Ok(None) };
    Ok(tx.entry(NodeId::LOCALS, &name)?.map(|e| e.node))
}

/// What that folder is called below [`NodeId::LOCALS`].
pub(super) fn local_name(dir: &Dir) -> FsResult<Option<FileName>> {
    match dir {
        Dir::Query(query) => Ok(Some(folders::local_name(&query.path)?)),
        Dir::Bin(_) => Ok(Some(folders::local_name(&tree::path_of(dir))?)),
        _ => Ok(None),
    }
}
