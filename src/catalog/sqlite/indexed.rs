//! Queries of a read, answered by the index of bitmaps: what a query finds comes from there, its rows from the tables.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use damfs_policy::{Expr, Field, Term};
use roaring::RoaringBitmap;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};

use super::assets::DENSE;
use super::convert::Num;
use super::query::{Filter, ORIENTATION, column, facet};
use super::{assets, feed};
use crate::catalog::index::{self, Index, Kept, Said, Texts};
use crate::catalog::{Asset, CatalogError as E, ViewRow};
use crate::types::Colours;

/// Rows that are fetched in one go.
const PAGE: usize = 4_096;

/// The index as one read sees it.
pub(super) struct Indexed<'c> {
    kept: &'c Kept,
    seq: OnceCell<u64>,
    /// What was selected last: a listing asks for the same again, page by page.
    selected: RefCell<Option<(Expr, Rc<RoaringBitmap>)>>,
    /// A read waits once for an index that is being built.
    waited: Cell<bool>,
}

impl<'c> Indexed<'c> {
    pub(super) fn new(kept: &'c Kept) -> Self {
        Self { kept, seq: OnceCell::new(), selected: RefCell::new(None), waited: Cell::new(false) }
    }

    /// The change that the read sees as the last one.
    fn seq(&self, conn: &Connection) -> Result<u64, E> {
        if let Some(seq) = self.seq.get() {
            return Ok(*seq);
        }
        let seq = feed::last(conn)?;
        Ok(*self.seq.get_or_init(|| seq))
    }

    /// The ordinals of what `find` gives; `None` when the tables have to be asked.
    pub(super) fn select(&self, conn: &Connection, query: &Expr) -> Result<Option<Rc<RoaringBitmap>>, E> {
        if let Some((known, found)) = &*self.selected.borrow()
            && known == query
        {
            return Ok(Some(Rc::clone(found)));
        }
        if !(if self.waited.replace(true) { self.kept.is_ready() } else { self.kept.is_ready_soon() }) {
            return Ok(None);
        }
        let seq = self.seq(conn)?;
        let found = self.kept.at(seq, |moment| moment.select(query, &mut |term| outside(conn, term)))?.map(Rc::new);
        if let Some(found) = &found {
            *self.selected.borrow_mut() = Some((query.clone(), Rc::clone(found)));
        }
        Ok(found)
    }

    /// The first of what a query finds that has these digits of bytes, if any; `None` when the tables have to be asked.
    pub(super) fn first_duplicate(
        &self,
        conn: &Connection,
        within: &Expr,
        digits: &str,
    ) -> Result<Option<Option<u64>>, E> {
        let Some(within) = self.select(conn, within)? else { return Ok(None) };
        self.kept.at(self.seq(conn)?, |moment| Ok(moment.first_duplicate(digits, &within).map(u64::from)))
    }

    /// The values of a field and their counts; `None` when the tables have to be asked.
    pub(super) fn values(
        &self,
        conn: &Connection,
        field: &Field,
        within: &Expr,
    ) -> Result<Option<Vec<(String, u64)>>, E> {
        if !index::has(field) {
            return Ok(None);
        }
        let Some(within) = self.select(conn, within)? else { return Ok(None) };
        self.kept.at(self.seq(conn)?, |moment| Ok(moment.counts(field, &within)))
    }
}

/// All assets, published or not, for which a term holds that the index does not know.
fn outside(conn: &Connection, term: &Term) -> Result<RoaringBitmap, E> {
    let filter = Filter::of_all(&Expr::Term(term.clone()));
    let sql = format!("SELECT a.ordinal FROM asset a WHERE {} ORDER BY a.ordinal", filter.sql);
    let mut found = RoaringBitmap::new();
    each(conn, &sql, filter.params, |row| {
        found.insert(row.get(0)?);
        Ok(())
    })?;
    Ok(found)
}

fn each(
    conn: &Connection,
    sql: &str,
    params: impl IntoIterator<Item = Value>,
    mut f: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), E> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        f(row)?;
    }
    Ok(())
}

/// The rows of these assets with a number above `after`, at most `limit`.
pub(super) fn view_rows(
    conn: &Connection,
    selected: &RoaringBitmap,
    after: u64,
    limit: usize,
) -> Result<Vec<ViewRow>, E> {
    let mut out = Vec::new();
    let Some(first) = after.checked_add(1).and_then(|first| u32::try_from(first).ok()) else { return Ok(out) };
    let mut numbers = selected.range(first..);
    while out.len() < limit {
        let page: Vec<u32> = numbers.by_ref().take(PAGE.min(limit - out.len())).collect();
        let (Some(&low), Some(&high)) = (page.first(), page.last()) else { break };
        if u64::from(high - low) / DENSE < page.len() as u64 {
            out.extend(assets::view_rows_between(conn, low, high, selected)?);
        } else {
            for number in page {
                out.extend(assets::view_rows_between(conn, number, number, selected)?);
            }
        }
    }
    Ok(out)
}

pub(super) fn find(conn: &Connection, selected: &RoaringBitmap, after: u64, limit: usize) -> Result<Vec<Asset>, E> {
    let Some(first) = after.checked_add(1).and_then(|first| u32::try_from(first).ok()) else { return Ok(Vec::new()) };
    let numbers: Vec<u64> = selected.range(first..).take(limit).map(u64::from).collect();
    let pages = numbers.chunks(PAGE).map(|page| assets::numbered(conn, page));
    Ok(pages.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The index of the moment that a read sees, but for its words.
pub(super) fn build(conn: &Connection) -> Result<Index, E> {
    let mut index = Index::default();
    rows_of_assets(conn, &mut index)?;
    for (field, facet) in Field::ALL.iter().filter_map(|field| Some((field, facet(field)?))) {
        let sql = format!("SELECT asset, value FROM asset_value WHERE facet = '{facet}' ORDER BY value, asset");
        runs(conn, &sql, |value, assets| index.put_texts(field, value, assets))?;
    }
    let sql = "SELECT asset, field FROM asset_conflict ORDER BY field, asset";
    runs(conn, sql, |value, assets| index.put_texts(&Field::Conflict, value, assets))?;
    statuses(conn, &mut index)?;
    each(conn, "SELECT ordinal, colours FROM asset WHERE colours <> 0", [], |row| {
        let (ordinal, colours) = (row.get::<_, Num>(0)?.0, row.get::<_, Colours>(1)?);
        colours.names().for_each(|name| index.put_text(&Field::Colour, name, ordinal));
        Ok(())
    })?;
    Ok(index)
}

/// What the assets' own rows say: in one walk, for they are long.
fn rows_of_assets(conn: &Connection, index: &mut Index) -> Result<(), E> {
    let own = |field: &Field| match field {
        Field::Orientation => Some(ORIENTATION),
        _ => column(field),
    };
    let fields: Vec<(&Field, &str)> =
        Field::ALL.iter().filter(|field| index::has(field)).filter_map(|field| Some((field, own(field)?))).collect();
    let columns: Vec<&str> = fields.iter().map(|(_, column)| *column).collect();
    let sql =
        format!("SELECT a.ordinal, {} FROM asset a WHERE a.head IS NOT NULL ORDER BY a.ordinal", columns.join(", "));
    let mut number = Ok(());
    each(conn, &sql, [], |row| {
        let ordinal = row.get::<_, Num>(0)?.0;
        if number.is_ok() {
            number = index.publish(ordinal);
        }
        for (at, (field, _)) in (1..).zip(&fields) {
            match row.get_ref(at)? {
                ValueRef::Null => {}
                ValueRef::Integer(value) => index.put_number(field, value, ordinal),
                value => index.put_text(field, value.as_str()?, ordinal),
            }
        }
        Ok(())
    })?;
    number
}

/// Rows of an asset and a value, in the order of the values: each value with all that have it.
fn runs(conn: &Connection, sql: &str, mut each_run: impl FnMut(&str, &[u64])) -> Result<(), E> {
    let (mut value, mut assets) = (String::new(), Vec::new());
    each(conn, sql, [], |row| {
        let next = row.get_ref(1)?.as_str()?;
        if next != value {
            each_run(&value, &assets);
            assets.clear();
            next.clone_into(&mut value);
        }
        assets.push(row.get::<_, Num>(0)?.0);
        Ok(())
    })?;
    each_run(&value, &assets);
    Ok(())
}

fn statuses(conn: &Connection, index: &mut Index) -> Result<(), E> {
    each(conn, "SELECT asset, platform, value FROM asset_status ORDER BY platform, value, asset", [], |row| {
        let (ordinal, platform) = (row.get::<_, Num>(0)?.0, row.get(1)?);
        let value = row.get_ref(2)?.as_str()?;
        index.put_text(&Field::Status(platform), value, ordinal);
        index.put_text(&Field::AnyStatus, value, ordinal);
        Ok(())
    })
}

/// What published assets say.
pub(super) fn words(conn: &Connection) -> Result<Texts, E> {
    let mut published = RoaringBitmap::new();
    each(conn, "SELECT ordinal FROM asset WHERE head IS NOT NULL", [], |row| {
        published.insert(row.get(0)?);
        Ok(())
    })?;
    let mut texts = Texts::default();
    let mut fits = Ok(());
    each(conn, "SELECT asset, words, prompt_words FROM asset_text ORDER BY asset", [], |row| {
        let (asset, all, prompt) = (row.get(0)?, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
        if fits.is_ok() && published.contains(asset) {
            fits = texts.apply(Said::default(), Said { all, prompt }, asset);
        }
        Ok(())
    })?;
    fits.map(|()| texts)
}
