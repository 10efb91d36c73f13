//! Assets: one row with the single-valued facets, child rows for the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use damfs_policy::expr::fold;
use damfs_policy::{Expr, Facts, Field};
use roaring::RoaringBitmap;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, ToSql, params, params_from_iter};

use super::convert::Num;
use super::nodes::{self, stat_columns};
use super::query::Filter;
use super::sql::{all, any, cursor, limit, one, run, update};
use crate::catalog::facts::family;
use crate::catalog::rules::{check_asset, refused, view_stem};
use crate::catalog::{Asset, AssetFacts, CatalogError as E, Conflict, NodeClass, Remark, Trashed, Verdict, ViewRow};
use crate::types::{AssetId, ContentId, MemberId, Timestamp};

const COLUMNS: [&str; 49] = [
    "ordinal",
    "id",
    "view_name",
    "view_stem",
    "marked_name",
    "marked_stem",
    "named",
    "node",
    "state",
    "head",
    "owner",
    "owner_name",
    "kind",
    "format",
    "width",
    "height",
    "orientation",
    "created",
    "imported",
    "expires",
    "client",
    "rating",
    "rights",
    "likeness",
    "model",
    "sampler",
    "seed",
    "stage",
    "prompt",
    "negative",
    "notes",
    "generator",
    "trashed_at",
    "trashed_parent",
    "trashed_name",
    "trashed_by",
    "changed",
    "stars",
    "trashed_with",
    "family",
    "duplicate",
    "reviewer",
    "due",
    "colours",
    "EXISTS (SELECT 1 FROM asset_value v WHERE v.asset = a.ordinal)",
    "EXISTS (SELECT 1 FROM asset_status s WHERE s.asset = a.ordinal)",
    "EXISTS (SELECT 1 FROM asset_property p WHERE p.asset = a.ordinal)",
    "EXISTS (SELECT 1 FROM asset_conflict c WHERE c.asset = a.ordinal)",
    "EXISTS (SELECT 1 FROM asset_remark r WHERE r.asset = a.ordinal)",
];
/// Numbers lie densely when there are at most so many for each that is asked for: passing over a row costs less than looking one up.
pub(super) const DENSE: u64 = 6;

/// So many of [`COLUMNS`] are the row's own.
const OWN: usize = 44;

static SELECT: LazyLock<String> = LazyLock::new(|| format!("SELECT {} FROM asset a", COLUMNS.join(", ")));

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (1..=OWN).map(|n| format!("?{n}")).collect();
    format!("INSERT INTO asset ({}) VALUES ({})", COLUMNS[..OWN].join(", "), places.join(", "))
});

/// An asset whose child rows are still to be read.
struct Bare {
    asset: Asset,
    has_values: bool,
    has_status: bool,
    has_properties: bool,
    has_conflicts: bool,
    has_remarks: bool,
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Bare> {
    let trashed = match (row.get(32)?, row.get(33)?, row.get(34)?) {
        (Some(at), Some(parent), Some(name)) => {
            Some(Trashed { at, parent, name, by: row.get(35)?, with: row.get(38)? })
        }
        _ => None,
    };
    let asset = Asset {
        ordinal: row.get::<_, Num>(0)?.0,
        id: row.get(1)?,
        view_name: row.get(2)?,
        marked_name: row.get(4)?,
        named: row.get::<_, Option<Num>>(6)?.map(|n| n.0),
        node: row.get(7)?,
        state: row.get(8)?,
        head: row.get(9)?,
        duplicate: row.get(40)?,
        colours: row.get(43)?,
        owner: row.get(10)?,
        owner_name: row.get(11)?,
        kind: row.get(12)?,
        format: row.get(13)?,
        width: row.get(14)?,
        height: row.get(15)?,
        orientation: row.get(16)?,
        created: row.get(17)?,
        imported: row.get(18)?,
        expires: row.get(19)?,
        client: row.get(20)?,
        rating: row.get(21)?,
        stars: row.get(37)?,
        rights: row.get(22)?,
        likeness: row.get(23)?,
        model: row.get(24)?,
        sampler: row.get(25)?,
        seed: row.get(26)?,
        stage: row.get(27)?,
        reviewer: row.get(41)?,
        due: row.get(42)?,
        personas: BTreeSet::new(),
        campaigns: BTreeSet::new(),
        tags: BTreeSet::new(),
        loras: BTreeSet::new(),
        prompt: row.get(28)?,
        negative: row.get(29)?,
        notes: row.get(30)?,
        properties: BTreeMap::new(),
        generator: row.get(31)?,
        status: BTreeMap::new(),
        remarks: Vec::new(),
        conflicts: BTreeMap::new(),
        trashed,
        changed: row.get(36)?,
    };
    Ok(Bare {
        asset,
        has_values: row.get(44)?,
        has_status: row.get(45)?,
        has_properties: row.get(46)?,
        has_conflicts: row.get(47)?,
        has_remarks: row.get(48)?,
    })
}

fn sets(asset: &mut Asset) -> [(&'static str, &mut BTreeSet<String>); 4] {
    [
        ("persona", &mut asset.personas),
        ("campaign", &mut asset.campaigns),
        ("tag", &mut asset.tags),
        ("lora", &mut asset.loras),
    ]
}

fn add_value(asset: &mut Asset, facet: &str, value: String) {
    if let Some((_, set)) = sets(asset).into_iter().find(|(name, _)| *name == facet) {
        set.insert(value);
    }
}

fn verdict(row: &Row<'_>) -> rusqlite::Result<(String, Verdict)> {
    let (value, version, by, at) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
    Ok((row.get(1)?, Verdict { value, version, by, at, reason: row.get(6)?, guideline: row.get(7)? }))
}

/// Reads the child rows. `rows` are in ordinal order.
fn complete(conn: &Connection, rows: Vec<Bare>) -> Result<Vec<Asset>, E> {
    let mut children = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut out = Vec::with_capacity(rows.len());
    for Bare { asset, has_values, has_status, has_properties, has_conflicts, has_remarks } in rows {
        if has_values {
            children.0.push(asset.ordinal);
        }
        if has_status {
            children.1.push(asset.ordinal);
        }
        if has_properties {
            children.2.push(asset.ordinal);
        }
        if has_conflicts {
            children.3.push(asset.ordinal);
        }
        if has_remarks {
            children.4.push(asset.ordinal);
        }
        out.push(asset);
    }
    let sql = "SELECT asset, facet, value FROM asset_value WHERE asset BETWEEN ? AND ? ORDER BY asset, facet, value";
    each_child(conn, sql, &children.0, &mut out, |asset, row| {
        add_value(asset, row.get_ref(1)?.as_str()?, row.get(2)?);
        Ok(())
    })?;
    let sql = "SELECT asset, platform, value, version, by_member, at, reason, guideline FROM asset_status
        WHERE asset BETWEEN ? AND ? ORDER BY asset, platform";
    each_child(conn, sql, &children.1, &mut out, |asset, row| {
        asset.status.extend([verdict(row)?]);
        Ok(())
    })?;
    let sql = "SELECT asset, name, value FROM asset_property WHERE asset BETWEEN ? AND ? ORDER BY asset, name";
    each_child(conn, sql, &children.2, &mut out, |asset, row| {
        asset.properties.insert(row.get(1)?, row.get(2)?);
        Ok(())
    })?;
    let sql = "SELECT asset, field, other, version, by_member, at FROM asset_conflict
        WHERE asset BETWEEN ? AND ? ORDER BY asset, field";
    each_child(conn, sql, &children.3, &mut out, |asset, row| {
        let (other, version) = (row.get(2)?, row.get(3)?);
        asset.conflicts.insert(row.get(1)?, Conflict { other, version, by: row.get(4)?, at: row.get(5)? });
        Ok(())
    })?;
    let sql = "SELECT asset, at, by_member, version, about, text FROM asset_remark
        WHERE asset BETWEEN ? AND ? ORDER BY asset, no";
    each_child(conn, sql, &children.4, &mut out, |asset, row| {
        let (at, by, version) = (row.get(1)?, row.get(2)?, row.get(3)?);
        asset.remarks.push(Remark { at, by, version, about: row.get(4)?, text: row.get(5)? });
        Ok(())
    })?;
    Ok(out)
}

/// Walks the child rows of `parents` (ascending, all of them among `assets`): in one range where they lie close, one
/// by one where they are far between.
fn each_child(
    conn: &Connection,
    sql: &str,
    parents: &[u64],
    assets: &mut [Asset],
    mut add: impl FnMut(&mut Asset, &Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), E> {
    let (Some(first), Some(last)) = (parents.first(), parents.last()) else { return Ok(()) };
    let dense = last - first < 4 * u64::try_from(parents.len()).unwrap_or(u64::MAX);
    let whole = [(*first, *last)];
    let single: Vec<(u64, u64)> = if dense { Vec::new() } else { parents.iter().map(|p| (*p, *p)).collect() };
    let mut statement = conn.prepare_cached(sql)?;
    let mut at = 0;
    for (from, to) in if dense { &whole[..] } else { &single[..] } {
        let mut rows = statement.query([Num(*from), Num(*to)])?;
        while let Some(row) = rows.next()? {
            let parent = row.get::<_, Num>(0)?.0;
            while assets.get(at).is_some_and(|a| a.ordinal < parent) {
                at += 1;
            }
            if let Some(asset) = assets.get_mut(at).filter(|a| a.ordinal == parent) {
                add(asset, row)?;
            }
        }
    }
    Ok(())
}

fn select(conn: &Connection, rest: &str, params: impl rusqlite::Params) -> Result<Vec<Asset>, E> {
    let sql = format!("{} {rest}", *SELECT);
    complete(conn, all(conn, &sql, params, from_row)?)
}

fn single(conn: &Connection, rest: &str, params: impl rusqlite::Params) -> Result<Option<Asset>, E> {
    Ok(select(conn, rest, params)?.pop())
}

pub(super) fn get(conn: &Connection, id: AssetId) -> Result<Option<Asset>, E> {
    single(conn, "WHERE a.id = ?1", [id])
}

pub(super) fn namesake(conn: &Connection, stem: &str, of: AssetId) -> Result<Option<Asset>, E> {
    let rest = "WHERE (a.view_stem = ?1 OR a.marked_stem = ?1) AND a.id <> ?2 LIMIT 1";
    single(conn, rest, params![stem, of])
}

pub(super) fn stem_holder(conn: &Connection, stem: &str, query: &Expr) -> Result<Option<AssetId>, E> {
    let filter = Filter::of_few(query);
    let marked = format!("SELECT a.id FROM asset a WHERE a.marked_stem = ? AND {}", filter.sql);
    let plain = format!(
        "SELECT a.id FROM asset a WHERE a.view_stem = ? AND {} ORDER BY a.named IS NULL, a.named, a.ordinal LIMIT 1",
        filter.sql
    );
    for sql in [marked, plain] {
        let params = [Value::from(stem.to_owned())].into_iter().chain(filter.params.iter().cloned());
        if let Some(id) = one(conn, &sql, params_from_iter(params), |row| row.get(0))? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

pub(super) fn trashed_with(conn: &Connection, asset: AssetId) -> Result<Vec<AssetId>, E> {
    all(conn, "SELECT a.id FROM asset a WHERE a.trashed_with = ?1 ORDER BY a.ordinal", [asset], |row| row.get(0))
}

pub(super) fn with_content(conn: &Connection, content: ContentId) -> Result<Vec<AssetId>, E> {
    let sql = "SELECT a.id FROM version v JOIN asset a ON a.head = v.id WHERE v.content = ?1 ORDER BY a.ordinal";
    all(conn, sql, [content], |row| row.get(0))
}

pub(super) fn trashed_before(conn: &Connection, time: Timestamp, rows: usize) -> Result<Vec<AssetId>, E> {
    let sql = "SELECT id FROM asset WHERE trashed_at < ?1 AND node IS NOT NULL ORDER BY trashed_at, ordinal LIMIT ?2";
    all(conn, sql, params![time, limit(rows)], |row| row.get(0))
}

pub(super) fn find(conn: &Connection, query: &Expr, after: u64, rows: usize) -> Result<Vec<Asset>, E> {
    let filter = Filter::published(query);
    let rest = format!("WHERE {} AND a.ordinal > ? ORDER BY a.ordinal LIMIT ?", filter.sql);
    let page = [Value::from(cursor(after)), Value::from(limit(rows))];
    select(conn, &rest, params_from_iter(filter.params.into_iter().chain(page)))
}

static VIEW_ROW: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT a.ordinal, a.id, a.view_name, a.marked_name, {} FROM asset a JOIN node n ON n.id = a.node",
        stat_columns!()
    )
});

pub(super) fn view_rows(conn: &Connection, query: &Expr, after: u64, rows: usize) -> Result<Vec<ViewRow>, E> {
    let filter = Filter::published(query);
    let sql = format!("{} WHERE {} AND a.ordinal > ? ORDER BY a.ordinal LIMIT ?", *VIEW_ROW, filter.sql);
    let page = [Value::from(cursor(after)), Value::from(limit(rows))];
    all(conn, &sql, params_from_iter(filter.params.into_iter().chain(page)), view_row)
}

fn view_row(row: &Row<'_>) -> rusqlite::Result<ViewRow> {
    Ok(ViewRow {
        ordinal: row.get::<_, Num>(0)?.0,
        asset: row.get(1)?,
        view_name: row.get(2)?,
        marked_name: row.get(3)?,
        node: nodes::stat_from_row(row, 4)?,
    })
}

static VIEW_ROWS_BETWEEN: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE a.ordinal BETWEEN ? AND ? ORDER BY a.ordinal", *VIEW_ROW));

/// Those of some assets whose bytes are there and whose numbers lie between two, both included.
pub(super) fn view_rows_between(conn: &Connection, low: u32, high: u32, of: &RoaringBitmap) -> Result<Vec<ViewRow>, E> {
    let mut statement = conn.prepare_cached(&VIEW_ROWS_BETWEEN)?;
    let mut rows = statement.query([low, high])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        if of.contains(row.get(0)?) {
            out.push(view_row(row)?);
        }
    }
    Ok(out)
}

/// The assets of these numbers, which are in order.
pub(super) fn numbered(conn: &Connection, numbers: &[u64]) -> Result<Vec<Asset>, E> {
    let (Some(&low), Some(&high)) = (numbers.first(), numbers.last()) else { return Ok(Vec::new()) };
    let between =
        |low, high| select(conn, "WHERE a.ordinal BETWEEN ? AND ? ORDER BY a.ordinal", [cursor(low), cursor(high)]);
    if (high - low) / DENSE < numbers.len() as u64 {
        let mut found = between(low, high)?;
        found.retain(|asset| numbers.binary_search(&asset.ordinal).is_ok());
        return Ok(found);
    }
    let each = numbers.iter().map(|number| between(*number, *number));
    Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The numbers of all that a query finds.
pub(super) fn numbers(conn: &Connection, query: &Expr) -> Result<Vec<u64>, E> {
    let filter = Filter::published(query);
    let sql = format!("SELECT a.ordinal FROM asset a WHERE {} ORDER BY a.ordinal", filter.sql);
    all(conn, &sql, params_from_iter(filter.params), |row| Ok(row.get::<_, Num>(0)?.0))
}

pub(super) fn owned(conn: &Connection, owner: MemberId) -> Result<Vec<u64>, E> {
    let sql = "SELECT ordinal FROM asset WHERE owner = ?1 ORDER BY ordinal";
    all(conn, sql, params![owner], |row| Ok(row.get::<_, Num>(0)?.0))
}

pub(super) fn count(conn: &Connection, query: &Expr) -> Result<u64, E> {
    let filter = Filter::published(query);
    let sql = format!("SELECT count(*) FROM asset a WHERE {}", filter.sql);
    let found = one(conn, &sql, params_from_iter(filter.params), |row| row.get::<_, Num>(0))?;
    Ok(found.map_or(0, |n| n.0))
}

/// `old` is what it was.
pub(super) fn put(conn: &Connection, old: Option<&Asset>, new: &Asset) -> Result<(), E> {
    check_asset(new, old)?;
    if old == Some(new) {
        return Ok(());
    }
    with_row(new, |is| match old {
        Some(old) => with_row(old, |was| update(conn, "asset", &COLUMNS[..OWN], was, is)),
        None => run(conn, &INSERT, is).map(drop),
    })?;
    put_values(conn, old, new)?;
    put_status(conn, old, new)?;
    put_properties(conn, old, new)?;
    put_conflicts(conn, old, new)?;
    put_remarks(conn, old, new)?;
    put_text(conn, old, new)
}

/// Gives the values of the row's own columns to `f`.
fn with_row<T>(asset: &Asset, f: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
    let trashed = asset.trashed.as_ref();
    f(params![
        Num(asset.ordinal),
        asset.id,
        asset.view_name,
        view_stem(&asset.view_name),
        asset.marked_name,
        asset.marked_name.as_deref().map(view_stem),
        asset.named.map(Num),
        asset.node,
        asset.state,
        asset.head,
        asset.owner,
        asset.owner_name,
        asset.kind,
        asset.format,
        asset.width,
        asset.height,
        asset.orientation,
        asset.created,
        asset.imported,
        asset.expires,
        asset.client,
        asset.rating,
        asset.rights,
        asset.likeness,
        asset.model,
        asset.sampler,
        asset.seed,
        asset.stage,
        asset.prompt,
        asset.negative,
        asset.notes,
        asset.generator,
        trashed.map(|t| t.at),
        trashed.map(|t| t.parent),
        trashed.map(|t| &t.name),
        trashed.and_then(|t| t.by),
        asset.changed,
        asset.stars,
        trashed.and_then(|t| t.with),
        family(asset),
        asset.duplicate,
        asset.reviewer,
        asset.due,
        asset.colours,
    ])
}

fn put_values(conn: &Connection, old: Option<&Asset>, new: &Asset) -> Result<(), E> {
    let none = BTreeSet::new();
    let pairs = [
        ("persona", old.map_or(&none, |a| &a.personas), &new.personas),
        ("campaign", old.map_or(&none, |a| &a.campaigns), &new.campaigns),
        ("tag", old.map_or(&none, |a| &a.tags), &new.tags),
        ("lora", old.map_or(&none, |a| &a.loras), &new.loras),
    ];
    for (facet, before, now) in pairs {
        for value in before.difference(now) {
            let sql = "DELETE FROM asset_value WHERE asset = ?1 AND facet = ?2 AND value = ?3";
            run(conn, sql, params![Num(new.ordinal), facet, value])?;
        }
        for value in now.difference(before) {
            let sql = "INSERT INTO asset_value (asset, facet, value) VALUES (?1, ?2, ?3)";
            run(conn, sql, params![Num(new.ordinal), facet, value])?;
        }
    }
    Ok(())
}

fn put_status(conn: &Connection, old: Option<&Asset>, new: &Asset) -> Result<(), E> {
    let none = BTreeMap::new();
    let before = old.map_or(&none, |a| &a.status);
    for platform in before.keys().filter(|p| !new.status.contains_key(*p)) {
        let sql = "DELETE FROM asset_status WHERE asset = ?1 AND platform = ?2";
        run(conn, sql, params![Num(new.ordinal), platform])?;
    }
    for (platform, v) in new.status.iter().filter(|(p, v)| before.get(*p) != Some(v)) {
        let sql = "INSERT INTO asset_status (asset, platform, value, version, by_member, at, reason, guideline)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (asset, platform) DO UPDATE SET
                value = excluded.value, version = excluded.version, by_member = excluded.by_member, at = excluded.at,
                reason = excluded.reason, guideline = excluded.guideline";
        let Verdict { value, version, by, at, reason, guideline } = v;
        run(conn, sql, params![Num(new.ordinal), platform, value, version, by, at, reason, guideline])?;
    }
    Ok(())
}

fn put_properties(conn: &Connection, old: Option<&Asset>, new: &Asset) -> Result<(), E> {
    let none = BTreeMap::new();
    let before = old.map_or(&none, |a| &a.properties);
    for name in before.keys().filter(|name| !new.properties.contains_key(*name)) {
        run(conn, "DELETE FROM asset_property WHERE asset = ?1 AND name = ?2", params![Num(new.ordinal), name])?;
    }
    for (name, value) in new.properties.iter().filter(|(name, value)| before.get(*name) != Some(value)) {
        let sql = "INSERT INTO asset_property (asset, name, value) VALUES (?1, ?2, ?3)
            ON CONFLICT (asset, name) DO UPDATE SET value = excluded.value";
        run(conn, sql, params![Num(new.ordinal), name, value])?;
    }
    Ok(())
}

fn put_conflicts(conn: &Connection, old: Option<&Asset>, new: &Asset) -> Result<(), E> {
    let none = BTreeMap::new();
    let before = old.map_or(&none, |a| &a.conflicts);
    for field in before.keys().filter(|field| !new.conflicts.contains_key(*field)) {
        run(conn, "DELETE FROM asset_conflict WHERE asset = ?1 AND field = ?2", params![Num(new.ordinal), field])?;
    }
    for (field, c) in new.conflicts.iter().filter(|(field, c)| before.get(*field) != Some(c)) {
        let sql = "INSERT INTO asset_conflict (asset, field, other, version, by_member, at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (asset, field) DO UPDATE SET
                other = excluded.other, version = excluded.version, by_member = excluded.by_member, at = excluded.at";
        run(conn, sql, params![Num(new.ordinal), field, c.other, c.version, c.by, c.at])?;
    }
    Ok(())
}

/// They are added at the end; whatever else happened to them is written anew.
fn put_remarks(conn: &Connection, old: Option<&Asset>, new: &Asset) -> Result<(), E> {
    let before = old.map_or(&[][..], |a| &a.remarks);
    let kept = if new.remarks.starts_with(before) { before.len() } else { 0 };
    if kept < before.len() {
        run(conn, "DELETE FROM asset_remark WHERE asset = ?1", params![Num(new.ordinal)])?;
    }
    for (no, r) in (0u64..).zip(&new.remarks).skip(kept) {
        let sql = "INSERT INTO asset_remark (asset, no, at, by_member, version, about, text)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        run(conn, sql, params![Num(new.ordinal), Num(no), r.at, r.by, r.version, r.about, r.text])?;
    }
    Ok(())
}

fn put_text(conn: &Connection, old: Option<&Asset>, new: &Asset) -> Result<(), E> {
    if old.is_some_and(|old| AssetFacts::same_words(old, new)) {
        return Ok(());
    }
    let texts = |a: &Asset| (fold(&AssetFacts(a).words(&Field::Text)), fold(&AssetFacts(a).words(&Field::Prompt)));
    let now = texts(new);
    if old.is_some_and(|old| texts(old) == now) {
        return Ok(());
    }
    let (words, prompt_words) = now;
    let sql = "INSERT INTO asset_text (asset, words, prompt_words) VALUES (?1, ?2, ?3)
        ON CONFLICT (asset) DO UPDATE SET words = excluded.words, prompt_words = excluded.prompt_words";
    run(conn, sql, params![Num(new.ordinal), words, prompt_words]).map(drop)
}

/// What refers to it is checked at the commit.
pub(super) fn rekey(conn: &Connection, from: AssetId, to: AssetId, n: u32) -> Result<(), E> {
    if any(conn, "SELECT 1 FROM asset WHERE id = ?1", [to])? {
        return refused(format!("there is an asset {to} already"));
    }
    let versions = one(conn, "SELECT count(*) FROM version WHERE asset = ?1", [from], |row| row.get::<_, Num>(0))?;
    if versions.map(|n| n.0) != Some(1) || n == 0 {
        return refused(format!("asset {from} has no version, or several"));
    }
    run(conn, "UPDATE version SET asset = ?2, n = ?3 WHERE asset = ?1", params![from, to, n])?;
    for sql in [
        "UPDATE asset SET id = ?2 WHERE id = ?1",
        "UPDATE node SET asset = ?2 WHERE asset = ?1",
        "UPDATE tunnel SET asset = ?2 WHERE asset = ?1",
        "UPDATE asset SET trashed_with = ?2 WHERE trashed_with = ?1",
        "UPDATE inbox SET asset = ?2 WHERE asset = ?1",
    ] {
        run(conn, sql, [from, to])?;
    }
    Ok(())
}

pub(super) fn remove(conn: &Connection, id: AssetId) -> Result<(), E> {
    if any(conn, "SELECT 1 FROM version WHERE asset = ?1", [id])? {
        return refused(format!("asset {id} has versions; put it in the trash instead"));
    }
    run(conn, "UPDATE node SET asset = NULL WHERE asset = ?1 AND class = ?2", params![id, NodeClass::Aside])?;
    match run(conn, "DELETE FROM asset WHERE id = ?1", [id])? {
        0 => refused(format!("there is no asset {id}")),
        _ => Ok(()),
    }
}
