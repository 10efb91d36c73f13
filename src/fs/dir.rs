//! Directories as they are read: opening, giving out the rows of a snapshot, closing; and `access(2)`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::handles::Handle;
use super::inodes::Virtual;
use super::listing::{Moved, Row, Snapshot, What};
use super::mount::{Found, Mount, Object, Place};
use super::{Entry, FsError, FsResult, Invalidation, Listed, NamesKept, OpenedDir};
use crate::access::Who;
use crate::catalog::NodeKind;
use crate::catalog::NodeRow;
use crate::policy::Verb;
use crate::types::{Attr, Caller, FileKind, FileName};
use crate::view::tree::Dir;

/// Cookies of `.` and `..`; those of the rows come behind.
const DOTS: u64 = 2;

/// Rows that are noted at once as shown: about as many as a reply holds.
const NOTED: usize = 256;

/// An open directory.
pub(super) struct Listing {
    ino: u64,
    place: Place,
    /// Whether the kernel may keep what it is given.
    kept: bool,
    state: Mutex<Option<(Arc<Snapshot>, Moved)>>,
}

impl Listing {
    /// The folder that it is of.
    pub(super) fn folder(&self) -> Option<&NodeRow> {
        match &self.place {
            Place::Folder(row) => Some(row),
            Place::View(_) => None,
        }
    }
}

impl Mount {
    /// Opens a directory.
    ///
    /// # Errors
    /// [`FsError::NotDir`], or that the caller may not know it.
    pub fn opendir(&self, caller: &Caller, ino: u64) -> FsResult<OpenedDir> {
        let who = self.who(caller)?;
        let place = self.library.catalog.read(|tx| match self.place(tx, &who, ino)? {
            Place::View(dir) if !self.tree(tx, &who).finds_still(&dir)? => Err(FsError::Stale),
            place => Ok(place),
        })?;
        if let Place::View(Dir::Placement(platform, placement)) = &place {
            self.library.stills.look(platform, placement);
        }
        let (names, right) = self.names_kept(&who, ino, &place);
        // Whoever is given these by the kernel may have to go on here.
        let state = Mutex::new(right.map(|snapshot| (Arc::clone(&snapshot), Moved::since(&snapshot))));
        let kept = names != NamesKept::Never;
        let fh = self.handles.add(ino, Handle::Dir(Box::new(Listing { ino, place, kept, state })));
        Ok(OpenedDir { fh, names })
    }

    /// Lists from behind a cookie until `each` says that it is full. With `plus`, what a lookup would have said comes along.
    ///
    /// # Errors
    /// [`FsError::Stale`] for a place among names that are no more and that this handle was not given; or when the catalogue fails.
    pub fn readdir(
        &self,
        caller: &Caller,
        fh: u64,
        after: u64,
        plus: bool,
        each: &mut dyn FnMut(Listed) -> bool,
    ) -> FsResult<()> {
        let asked = self.library.gate.epoch();
        let who = self.who(caller)?;
        let handle = self.handles.get(fh)?;
        let Handle::Dir(listing) = handle.as_ref() else { return Err(FsError::NotDir) };
        let mut state = listing.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, moved) = match state.as_mut() {
            Some(taken) if after > 0 && taken.0.knows(after) => taken,
            _ => {
                let snapshot = self.snapshot(&who, &listing.place, asked)?;
                if !snapshot.knows(after) {
                    return Err(FsError::Stale);
                }
                let moved = Moved::since(&snapshot);
                state.insert((snapshot, moved))
            }
        };
        if after < DOTS && !self.dots(listing, after, each)? {
            return Ok(());
        }
        let (who, anew) = moved.recheck(self, caller, (who, asked), &listing.place, snapshot)?;
        let mixed = listing.kept && self.given.rows(listing.ino, snapshot, self.library.clock.now());
        let mut ends = after >= DOTS;
        let from = snapshot.rows.partition_point(|row| row.cookie <= after);
        let mut noted = from;
        for (at, row) in snapshot.rows.iter().enumerate().skip(from) {
            if plus && anew.is_none() && at >= noted && !self.ttl().is_zero() {
                // Before it is asked what has changed: whatever changes afterwards takes back what is noted.
                noted = at.saturating_add(NOTED).min(snapshot.rows.len());
                self.shown.note_rows(self.library.clock.now(), listing.ino, snapshot, at..noted);
            }
            let listed = match &anew {
                Some(place) => self.anew(&who, place, listing.ino, &row.name, plus),
                None if plus => self.introduced(&who, listing.ino, row, moved),
                None => self.named(&who, listing.ino, row),
            };
            let listed = match listed {
                Ok(listed) => listed,
                // Gone since the snapshot was taken, or hidden.
                Err(FsError::NotFound) => continue,
                Err(e) => return Err(e),
            };
            let (attr, entry, remember) = listed;
            // The kernel counts a lookup for each entry that it was given with attributes.
            let remembered = remember.map(|what| self.inodes.remember(attr.ino, what)).is_some();
            let name = row.name.as_bytes().to_vec();
            if !each(Listed { cookie: row.cookie, name, ino: attr.ino, kind: attr.kind, entry }) {
                if remembered {
                    self.inodes.forget(attr.ino, 1);
                }
                return Ok(());
            }
            ends = false;
        }
        // Whatever it was given the kernel has by now. What is right no more came, maybe, when the news of it had been told.
        if ends && listing.kept && (mixed || !snapshot.is_right(self)) {
            self.send(Invalidation::Inode { ino: listing.ino, bytes: true });
        }
        Ok(())
    }

    fn dots(&self, listing: &Listing, after: u64, each: &mut dyn FnMut(Listed) -> bool) -> FsResult<bool> {
        for (cookie, name) in [(1, b".".as_slice()), (DOTS, b"..".as_slice())] {
            if cookie > after {
                let ino = if cookie == DOTS { self.above(&listing.place)? } else { listing.ino };
                if !each(Listed { cookie, name: name.to_vec(), ino, kind: FileKind::Dir, entry: None }) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// A row's number and kind alone.
    fn named(&self, who: &Who, parent: u64, row: &Row) -> FsResult<(Attr, Option<Entry>, Option<Virtual>)> {
        let (attr, ..) = self.row_attr(who, parent, row)?;
        Ok((attr, None, None))
    }

    /// A row with what a lookup would have said; the kernel may not believe what has changed since.
    fn introduced(
        &self,
        who: &Who,
        parent: u64,
        row: &Row,
        moved: &mut Moved,
    ) -> FsResult<(Attr, Option<Entry>, Option<Virtual>)> {
        let (attr, ttl, remember) = self.row_attr(who, parent, row)?;
        let believed = self.believe_old(&attr, ttl);
        moved.follow(self)?;
        let ttl = if moved.touched(row) { Duration::ZERO } else { believed };
        Ok((attr, Some(Entry { attr, entry_ttl: ttl, attr_ttl: ttl }), remember))
    }

    /// What a name of before is by now, as a lookup says it; the kernel asks again.
    fn anew(
        &self,
        who: &Who,
        place: &Place,
        parent: u64,
        name: &FileName,
        plus: bool,
    ) -> FsResult<(Attr, Option<Entry>, Option<Virtual>)> {
        let found = self.library.catalog.read(|tx| match place {
            Place::Folder(folder) => self.in_folder(tx, who, folder, name),
            Place::View(dir) => self.in_view(tx, who, dir, name),
        })?;
        let (attr, _, remember) = self.describe(who, parent, name, found)?;
        if !plus {
            return Ok((attr, None, None));
        }
        Ok((attr, Some(Entry { attr, entry_ttl: Duration::ZERO, attr_ttl: Duration::ZERO }), remember))
    }

    fn row_attr(&self, who: &Who, parent: u64, row: &Row) -> FsResult<(Attr, Duration, Option<Virtual>)> {
        match &row.what {
            What::Node { stat, asset: Some(asset), proxy: Some(stand), .. } => {
                Ok(self.stand_attr(who, *asset, stat.id, stat.mtime, *stand))
            }
            What::Node { stat, .. } => Ok((self.dated(who, self.stat_attr(stat)), self.ttl(), None)),
            What::Item(item) => self.describe(who, parent, &row.name, Found::Item((**item).clone())),
        }
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
    /// [`FsError::Denied`], [`FsError::Held`] or [`FsError::ReadOnly`].
    pub fn access(&self, caller: &Caller, ino: u64, mask: i32) -> FsResult<()> {
        const WRITE: i32 = 2;
        let who = self.who(caller)?;
        self.library.catalog.read(|tx| match self.object(tx, &who, ino)? {
            _ if mask & WRITE == 0 => Ok(()),
            _ if who.read_only => Self::may_alter(&who),
            Object::Node(node, _) if node.kind == NodeKind::Dir => Self::may_work(&who),
            Object::Node(node, _) => self.may_change(tx, &who, Verb::Edit, &node),
            Object::Dir(dir) if crate::view::tree::is_writable(&dir) => Ok(()),
            Object::Dir(dir) => Err(super::writable::refuse_place(&dir)),
            _ => Err(FsError::ReadOnly("this is made by damfs".into())),
        })
    }
}
