//! `saved/`: queries that members keep under names. Each is shown to who made it and to the members of the roles that he shows it to, and
//! finds what the one who looks may list.
//!
//! Of namesakes one's own has the plain name, else the one that was shown first; the others have the name of who made them behind theirs,
//! by which every one of them resolves.

use super::{Dir, Item, Page, QueryDir, Tree};
use crate::catalog::{CatalogError, SavedRow};
use crate::policy::Expr;
use crate::types::FileName;

/// What stands between the name of a saved query and that of who made it.
pub const MARK: &str = " ~";

/// A saved query as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub row: SavedRow,
    /// What `saved/` calls it.
    pub shown: String,
    /// The name of who made it.
    pub owner: String,
}

impl Saved {
    /// The name that is never another's.
    #[must_use]
    pub fn marked(&self) -> String {
        format!("{}{MARK}{}", self.row.name, self.owner)
    }
}

/// Whether a name reads as a query. Such a saved query asks what its name says.
#[must_use]
pub fn reads_as_query(name: &str) -> bool {
    name.contains('=')
}

impl Tree<'_> {
    /// The saved queries that the member sees, in the order of their names.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn saved(&self) -> Result<Vec<Saved>, CatalogError> {
        let mut found = Vec::new();
        for rows in self.tx.saved()?.chunk_by(|a, b| a.name == b.name) {
            found.extend(self.shown_of(rows)?);
        }
        Ok(found)
    }

    /// The one that the member sees under a name.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn saved_as(&self, text: &str) -> Result<Option<Saved>, CatalogError> {
        let (name, owner) = text.rsplit_once(MARK).map_or((text, None), |(name, owner)| (name, Some(owner)));
        let mut found = self.shown_of(&self.tx.saved_as(name)?)?.into_iter();
        Ok(match owner {
            Some(owner) => found.find(|saved| saved.owner == owner),
            None => found.next(),
        })
    }

    /// Those of some namesakes that the member sees; the first one has the plain name.
    fn shown_of(&self, rows: &[SavedRow]) -> Result<Vec<Saved>, CatalogError> {
        let mut rows: Vec<&SavedRow> = rows.iter().filter(|row| self.shows(row)).collect();
        rows.sort_by_key(|row| (Some(row.owner) != self.member, row.since, row.owner));
        let mut found: Vec<Saved> = Vec::with_capacity(rows.len());
        for row in rows {
            let owner = self.tx.member(row.owner)?.map_or_else(|| row.owner.to_string(), |member| member.name);
            let mut saved = Saved { row: row.clone(), shown: row.name.clone(), owner };
            if !found.is_empty() {
                saved.shown = saved.marked();
            }
            found.push(saved);
        }
        Ok(found)
    }

    fn shows(&self, row: &SavedRow) -> bool {
        let is_his = Some(row.owner) == self.member || self.subject.roles().iter().any(|role| row.roles.contains(role));
        is_his && row.until.is_none_or(|until| self.now.is_some_and(|now| now <= until))
    }

    pub(super) fn saved_child(&self, text: &str) -> Result<Option<Item>, CatalogError> {
        let Some(saved) = self.saved_as(text)? else { return Ok(None) };
        Ok(Some(Item::Dir(Dir::Query(self.saved_dir(&saved)?))))
    }

    pub(super) fn list_saved(&self, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() {
            let mut rows = Vec::new();
            for saved in self.saved()? {
                if let Ok(name) = FileName::new(&saved.shown) {
                    rows.push((name, Dir::Query(self.saved_dir(&saved)?)));
                }
            }
            page.add_values(rows);
        }
        Ok(())
    }

    /// Without a query, or with one that names what is not there for the member, it shows nothing. One of plain values takes files all the
    /// same, which then have them.
    fn saved_dir(&self, saved: &Saved) -> Result<QueryDir, CatalogError> {
        let path = format!("saved/{}", saved.marked());
        let asked = saved.row.query.as_deref().and_then(|text| self.subject.parse(text).ok());
        let asked = asked.map(|expr| self.glossary().spelled(&expr));
        let dir = QueryDir::typed(path, asked.unwrap_or_else(Expr::nothing));
        if !dir.plain && self.unknown_value(&dir.expr)?.is_some() {
            return Ok(QueryDir::typed(dir.path, Expr::nothing()));
        }
        Ok(dir)
    }
}
