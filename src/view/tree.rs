//! The virtual tree: what a name in a directory is, and what a directory lists, as one member sees them.
//!
//! Every answer is cut to what the member may list, so that names, values, listings and counts tell nothing of the rest. Cookies
//! are stable: fixed names, then names made of values (a hash of the name), then files (their asset's ordinal or entry's id).

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{Asset, AssetState, CatalogError, ReadTx, ViewRow};
use crate::media::SignerId;
use crate::policy::{Captions, Expr, Field, Glossary, Platforms, Subject, Verb};
use crate::types::{AssetId, FileName, MemberId, NodeId, Timestamp};

use super::bin::BinPart;
pub use super::path::{AND, Dir, Item, QueryDir, TextFile, WhyTarget, is_writable, new_word, path_of, takes_words};
pub use clips::{ClipState, clip_state, takes_clips};
pub use exports::{
    FOCUS, Lacks, Unsigned, circulates, export_extension, export_stem, exported, recipe_of, takes_adult, unrenderable,
};
pub use folders::folder_visible;
pub use known::UnknownValue;
pub use query::own_words;

pub mod board;
mod clips;
mod exports;
mod families;
mod folders;
mod known;
mod mirror;
mod names;
mod query;
pub mod saved;
mod similar;
#[cfg(test)]
mod tests;
mod too_small;

/// Where pictures that look alike are shown.
pub(super) const SIMILAR: &str = "by/similar";
/// Where the cookies of names made of values begin, and the last before them.
const VALUES: u64 = 1 << 10;
const LAST_FIXED: u64 = VALUES - 1;
/// Where the cookies of files begin.
const FILES: u64 = 1 << 61;
/// Assets or entries read at once while rows are picked out of them.
const PAGE: usize = 512;

/// One row of a listing: cookie, name, what it is.
pub type Row = (u64, FileName, Leaf);

/// What a listing says of a name: as much as a lookup, except of an asset's file.
#[derive(Debug, Clone)]
pub enum Leaf {
    Item(Box<Item>),
    /// The current file of an asset: a lookup tells its record too.
    File(ViewRow),
}

/// The tree as one member sees it, in one transaction.
pub struct Tree<'a> {
    tx: &'a dyn ReadTx,
    subject: &'a Subject,
    member: Option<MemberId>,
    /// When it is looked at; without it what ends some day is not there.
    now: Option<Timestamp>,
    /// What he may list.
    list: Expr,
    /// What the platforms accept.
    platforms: &'a Platforms,
    /// Whether clips are rendered here: else no placement for them is there.
    clips: bool,
    /// Formats that are not rendered here, and why.
    lacks: Lacks,
    /// Who signs exports, if anybody does.
    signer: Option<SignerId>,
    /// What stands beside exports; nothing without.
    captions: Option<Arc<Captions>>,
    /// Whose the stems are that were asked for.
    holders: RefCell<HashMap<String, Option<AssetId>>>,
}

impl<'a> Tree<'a> {
    /// The tree as this member sees it; `member` finds the folders that he made.
    #[must_use]
    pub fn new(tx: &'a dyn ReadTx, subject: &'a Subject, member: Option<MemberId>) -> Self {
        let list = subject.filter(Verb::List);
        let platforms = subject.platforms();
        Self {
            tx,
            subject,
            member,
            now: None,
            list,
            platforms,
            clips: false,
            lacks: Lacks::default(),
            signer: None,
            captions: None,
            holders: RefCell::default(),
        }
    }

    /// The tree as it is at that time.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// The tree where clips are rendered, or not.
    #[must_use]
    pub fn with_clips(self, clips: bool) -> Self {
        Self { clips, ..self }
    }

    /// The tree where this is not rendered.
    #[must_use]
    pub fn without(self, lacks: Lacks) -> Self {
        Self { lacks, ..self }
    }

    /// The tree where exports are signed by that one.
    #[must_use]
    pub fn signed_by(self, signer: Option<SignerId>) -> Self {
        Self { signer, ..self }
    }

    /// The tree with captions by these templates.
    #[must_use]
    pub fn with_captions(self, captions: Arc<Captions>) -> Self {
        Self { captions: Some(captions), ..self }
    }

    /// Whether a directory of a query is there, and not only remembered from before its last file went; any other is.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn has(&self, dir: &Dir) -> Result<bool, CatalogError> {
        Ok(!matches!(dir, Dir::Query(_)) || self.walk(&path_of(dir))?.is_some())
    }

    /// The directory that a canonical path leads to.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn walk(&self, path: &str) -> Result<Option<Dir>, CatalogError> {
        let mut at = Dir::Root;
        for part in path.split('/') {
            let Ok(name) = FileName::new(part) else { return Ok(None) };
            match self.child(&at, &name)? {
                Some(Item::Dir(below)) => at = below,
                _ => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// What a directory that was looked up before is by now: what is saved under a name may be another query, or nothing to the member, and
    /// other pictures may look like one.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn again(&self, dir: &Dir) -> Result<Option<Dir>, CatalogError> {
        match dir {
            Dir::Query(query) | Dir::Narrow(query) | Dir::NarrowField(query, _) if moves(&query.path) => {
                self.walk(&path_of(dir))
            }
            _ => Ok(Some(dir.clone())),
        }
    }

    /// Whether the member finds a directory that was looked up before, be it by somebody else or when he might know more. As its name is looked
    /// up, which who stands in it, or was handed it, does not do.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub fn finds_still(&self, dir: &Dir) -> Result<bool, CatalogError> {
        if self.sees_everything() {
            return Ok(true);
        }
        match dir {
            Dir::Query(_) | Dir::Narrow(_) | Dir::NarrowField(..) | Dir::Field(_) | Dir::Year(..) => {
                Ok(self.walk(&path_of(dir))?.is_some())
            }
            Dir::Platform(_) | Dir::Placement(..) | Dir::TrashDay(_) => Ok(self.walk(&path_of(dir))?.is_some()),
            Dir::VersionsTree(node) | Dir::RecordsTree(node) | Dir::WhyTree(node) => {
                folder_visible(self.tx, self.subject, self.member, *node)
            }
            Dir::VersionsOf(id) => match self.tx.asset(*id)? {
                Some(asset) => self.is_visible(&asset),
                None => Ok(false),
            },
            Dir::WhyExports(place) => self.finds_still(place),
            _ => Ok(true),
        }
    }

    /// What a name in a directory is; `None` also for what the member may not know.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn child(&self, dir: &Dir, name: &FileName) -> Result<Option<Item>, CatalogError> {
        let Ok(text) = std::str::from_utf8(name.as_bytes()) else {
            // Only mirrored folders hold names that are no text.
            return match dir {
                Dir::VersionsTree(_) | Dir::RecordsTree(_) | Dir::WhyTree(_) => self.mirror_child(dir, name),
                _ => Ok(None),
            };
        };
        if let Some((_, item)) = fixed(dir).into_iter().find(|(fixed, _)| *fixed == text) {
            return Ok(Some(item));
        }
        if text == mirror::LIBRARY && self.has_library_record(dir) {
            return Ok(Some(Item::Text(TextFile::Library)));
        }
        match dir {
            Dir::Root | Dir::Control => Ok(None),
            Dir::Why => Ok((text == "platforms").then(|| Item::Dir(Dir::WhyExports(Box::new(Dir::Platforms))))),
            Dir::WhyExports(place) => self.why_export_child(place, name, text),
            Dir::Similar => self.similar_child(text),
            Dir::By if text == too_small::TOO_SMALL => Ok(Some(Item::Dir(Dir::TooSmall))),
            Dir::TooSmall => Ok(self.too_small_child(text)),
            Dir::By => Ok(query::typed_facet(text).map(|field| Item::Dir(query::facet_dir(&field)))),
            Dir::Field(field) => self.value_child(dir, field, text),
            Dir::Years(field) => self.year_child(dir, field, text),
            Dir::Year(field, year) => self.month_child(field, *year, text),
            Dir::Query(query) => self.query_child(query, text),
            Dir::Narrow(query) => Ok(self.narrow_child(query, text)),
            Dir::NarrowField(query, field) => self.narrow_value_child(query, field, text),
            Dir::Find => match self.subject.parse(text) {
                Ok(expr) if self.unknown_value(&expr)?.is_none() => {
                    let expr = self.glossary().spelled(&expr);
                    Ok(Some(Item::Dir(Dir::Query(QueryDir::typed(format!("find/{text}"), expr)))))
                }
                _ => Ok(None),
            },
            Dir::Saved => self.saved_child(text),
            Dir::Review => Ok(self.board_child(text)),
            Dir::Platforms => Ok(self.exporting_platform(text).map(|p| Item::Dir(Dir::Platform(p)))),
            Dir::Platform(platform) => {
                let found = self.placement(platform, text);
                Ok(found.map(|p| Item::Dir(Dir::Placement(p.platform.clone(), p.placement.clone()))))
            }
            Dir::Placement(platform, placement) => self.export_child(platform, placement, text),
            Dir::VersionsTree(_) | Dir::RecordsTree(_) | Dir::WhyTree(_) => self.mirror_child(dir, name),
            Dir::VersionsOf(asset) => self.version_child(*asset, text),
            Dir::Trash => self.trash_day_child(text),
            Dir::TrashDay(day) => self.trashed_child(day, text),
            Dir::Bin(_) => Ok(None),
        }
    }

    /// Names with a cookie above `after`, in order of their cookies, at most `limit`.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn list(&self, dir: &Dir, after: u64, limit: usize) -> Result<Vec<Row>, CatalogError> {
        let mut page = Page { after, limit, rows: Vec::new() };
        for (at, (name, item)) in (1..).zip(fixed(dir)) {
            page.add(at, FileName::new(name).ok(), || item.clone());
        }
        if self.has_library_record(dir) {
            page.add(LAST_FIXED, FileName::new(mirror::LIBRARY).ok(), || Item::Text(TextFile::Library));
        }
        match dir {
            Dir::Root | Dir::Find | Dir::Control | Dir::Why | Dir::WhyExports(_) | Dir::Bin(_) => {}
            Dir::By => {
                self.list_too_small_itself(&mut page)?;
                self.list_conflicts(&mut page)?;
            }
            Dir::Similar => self.list_similar(&mut page)?,
            Dir::TooSmall => self.list_too_small(&mut page)?,
            Dir::Field(field) => self.list_values(dir, field, &mut page)?,
            Dir::Years(field) => self.list_years(dir, field, &mut page)?,
            Dir::Year(field, year) => self.list_months(field, *year, &mut page)?,
            Dir::Query(query) => self.list_query(query, &mut page)?,
            Dir::Narrow(query) => self.list_narrow(query, &mut page)?,
            Dir::NarrowField(query, field) => self.list_narrow_values(query, field, &mut page)?,
            Dir::Saved => self.list_saved(&mut page)?,
            Dir::Review => self.list_board(&mut page)?,
            Dir::Platforms => self.list_platforms(&mut page),
            Dir::Platform(platform) => self.list_placements(platform, &mut page),
            Dir::Placement(platform, placement) => self.list_exports(platform, placement, &mut page)?,
            Dir::VersionsTree(folder) | Dir::RecordsTree(folder) | Dir::WhyTree(folder) => {
                self.list_mirror(dir, *folder, &mut page)?;
            }
            Dir::VersionsOf(asset) => self.list_versions(*asset, &mut page)?,
            Dir::Trash => self.list_trash(&mut page)?,
            Dir::TrashDay(day) => self.list_trashed(day, &mut page)?,
        }
        Ok(page.rows)
    }

    /// A query cut to what the member may list, with what its words mean. The trash is shown only to queries that ask for a state themselves, whatever
    /// the member's own rule speaks of.
    #[must_use]
    pub fn visible(&self, expr: &Expr) -> Expr {
        let cut = self.glossary().widen(expr).and(self.list.clone());
        if self.list.mentions(&Field::State) && !expr.mentions(&Field::State) { cut.and(not_trashed()) } else { cut }
    }

    /// What the words of his queries mean.
    fn glossary(&self) -> &Glossary {
        self.subject.glossary()
    }

    /// Whether there is nothing that the member may not list.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        self.list.is_all()
    }

    fn has_library_record(&self, dir: &Dir) -> bool {
        *dir == Dir::RecordsTree(NodeId::LIBRARY) && self.sees_everything()
    }

    /// Whether the member sees this published asset outside the trash.
    fn is_visible(&self, asset: &Asset) -> Result<bool, CatalogError> {
        if is_trashed(asset) || asset.head.is_none() {
            return Ok(false);
        }
        Ok(self.sees_everything() || self.tx.finds(&self.visible(&Expr::all()), asset.id)?)
    }

    /// Whether any published asset that the member sees satisfies the query.
    fn any(&self, expr: &Expr) -> Result<bool, CatalogError> {
        Ok(!self.tx.find(&self.visible(expr), 0, 1)?.is_empty())
    }
}

/// Whether what a directory asks follows from more than its path.
fn moves(path: &str) -> bool {
    path.starts_with("saved/") || path.starts_with(SIMILAR) || board::moves(path)
}

/// Whether what a directory shows follows from the hour, too, which no change tells of. Of what is there by a certificate in date it does from its
/// end on: what is kept of it may go.
#[must_use]
pub fn follows_clock(dir: &Dir, lacks: impl FnOnce() -> Lacks) -> bool {
    match dir {
        // What is saved ends with its time.
        Dir::Saved => true,
        Dir::Query(query) | Dir::Narrow(query) | Dir::NarrowField(query, _) => board::follows_clock(&query.path),
        Dir::Placement(..) => lacks().signed.is_some(),
        _ => false,
    }
}

fn not_trashed() -> Expr {
    Expr::Not(Box::new(Expr::is(Field::State, "trashed")))
}

fn is_trashed(asset: &Asset) -> bool {
    asset.state == AssetState::Trashed || asset.trashed.is_some()
}

/// The names that a directory always has.
fn fixed(dir: &Dir) -> Vec<(&'static str, Item)> {
    let marker = || Item::Text(TextFile::Marker);
    let mut names = match dir {
        Dir::Root => {
            return vec![
                ("library", Item::Node(NodeId::LIBRARY)),
                ("by", Item::Dir(Dir::By)),
                ("find", Item::Dir(Dir::Find)),
                ("saved", Item::Dir(Dir::Saved)),
                ("platforms", Item::Dir(Dir::Platforms)),
                ("review", Item::Dir(Dir::Review)),
                ("inbox", Item::Node(NodeId::INBOX)),
                ("versions", Item::Dir(Dir::VersionsTree(NodeId::LIBRARY))),
                ("trash", Item::Dir(Dir::Trash)),
                ("records", Item::Dir(Dir::RecordsTree(NodeId::LIBRARY))),
                (".dam", Item::Dir(Dir::Control)),
            ];
        }
        Dir::Why => return vec![("library", Item::Dir(Dir::WhyTree(NodeId::LIBRARY)))],
        Dir::Bin(bin) if bin.part == BinPart::Top => {
            let part = |part| Item::Dir(Dir::Bin(bin.part(part)));
            return vec![
                ("files", part(BinPart::Files)),
                ("info", part(BinPart::Info)),
                ("expunged", part(BinPart::Expunged)),
            ];
        }
        Dir::By | Dir::Find | Dir::Saved | Dir::Review | Dir::Platforms | Dir::Trash | Dir::Control => {
            vec![(".trackerignore", marker()), (".nomedia", marker())]
        }
        Dir::VersionsTree(node) | Dir::RecordsTree(node) if *node == NodeId::LIBRARY => {
            vec![(".trackerignore", marker()), (".nomedia", marker())]
        }
        _ => return Vec::new(),
    };
    match dir {
        Dir::By => {
            names.extend(query::FACETS.iter().map(|(name, field)| (*name, Item::Dir(query::facet_dir(field)))));
            names.push(("similar", Item::Dir(Dir::Similar)));
        }
        Dir::Control => names.extend([
            ("status", Item::Text(TextFile::Status)),
            ("errors", Item::Text(TextFile::Errors)),
            ("README", Item::Text(TextFile::Readme)),
            ("why", Item::Dir(Dir::Why)),
        ]),
        _ => {}
    }
    names
}

/// A listing being gathered.
struct Page {
    after: u64,
    limit: usize,
    rows: Vec<Row>,
}

impl Page {
    fn is_full(&self) -> bool {
        self.rows.len() >= self.limit
    }

    /// How many rows are still wanted.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.rows.len())
    }

    /// Whether names made of values can still be wanted.
    fn wants_values(&self) -> bool {
        self.after < FILES && !self.is_full()
    }

    /// The ordinal or number behind which files are wanted.
    fn files_after(&self) -> u64 {
        self.after.saturating_sub(FILES)
    }

    /// Cookies must come in ascending order; a name that no file can have is left out.
    fn add(&mut self, cookie: u64, name: Option<FileName>, item: impl FnOnce() -> Item) {
        if let Some(name) = name.filter(|_| cookie > self.after && !self.is_full()) {
            self.rows.push((cookie, name, Leaf::Item(Box::new(item()))));
        }
    }

    fn add_file(&mut self, number: u64, name: Option<FileName>, item: impl FnOnce() -> Item) {
        self.add(FILES + number, name, item);
    }

    fn add_asset(&mut self, name: Option<FileName>, row: ViewRow) {
        let cookie = FILES + row.ordinal;
        if let Some(name) = name.filter(|_| cookie > self.after && !self.is_full()) {
            self.rows.push((cookie, name, Leaf::File(row)));
        }
    }

    /// Names made of values, in the order of their hashes: a value that comes or goes moves no other.
    fn add_values(&mut self, values: Vec<(FileName, Dir)>) {
        let mut rows: Vec<(u64, FileName, Dir)> =
            values.into_iter().map(|(name, dir)| (value_cookie(&name), name, dir)).collect();
        rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        for (cookie, name, dir) in rows {
            self.add(cookie, Some(name), || Item::Dir(dir));
        }
    }
}

fn value_cookie(name: &FileName) -> u64 {
    let hash = blake3::hash(name.as_bytes());
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    VALUES + u64::from_le_bytes(bytes) % (FILES - VALUES)
}
