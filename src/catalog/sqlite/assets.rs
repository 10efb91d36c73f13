//! Assets: one row with the single-valued facets, child rows for the others. A page of assets takes three statements, whatever its length.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use damfs_policy::expr::fold;
use rusqlite::{Connection, Row, ToSql, params};

use super::convert::*;
use crate::catalog::{Asset, CatalogError, Trashed, Verdict};
use crate::types::{AssetId, ContentId, NodeId};

pub(super) const ASSET: &str = "a.id, a.ordinal, a.view_name, a.node, a.state, a.head, a.owner, a.owner_name, a.kind, a.format,
    a.width, a.height, a.orientation, a.created, a.imported, a.expires, a.client, a.rating, a.rights, a.likeness, a.model,
    a.sampler, a.seed, a.stage, a.prompt, a.negative, a.notes, a.generation, a.trashed_at, a.trashed_parent, a.trashed_name,
    a.trashed_by, a.changed";

fn asset_of(row: &Row<'_>) -> R<Asset> {
    let generation: Option<String> = row.get(27)?;
    let orientation = get_u32(row, 12)?;
    let trashed = match get_opt_time(row, 28)? {
        Some(at) => {
            Some(Trashed { at, parent: NodeId(get_u64(row, 29)?), name: row.get(30)?, by: get_opt_member(row, 31)? })
        }
        None => None,
    };
    Ok(Asset {
        id: get_asset(row, 0)?,
        ordinal: get_u64(row, 1)?,
        view_name: row.get(2)?,
        node: row.get::<_, Option<i64>>(3)?.map(uint).transpose()?.map(NodeId),
        state: state_of(&row.get::<_, String>(4)?)?,
        head: get_opt_version(row, 5)?,
        owner: get_opt_member(row, 6)?,
        owner_name: row.get(7)?,
        kind: row.get(8)?,
        format: row.get(9)?,
        width: get_opt_u32(row, 10)?,
        height: get_opt_u32(row, 11)?,
        orientation: u8::try_from(orientation).unwrap_or(1),
        created: get_time(row, 13)?,
        imported: get_time(row, 14)?,
        expires: get_opt_time(row, 15)?,
        client: row.get(16)?,
        rating: row.get(17)?,
        rights: row.get(18)?,
        likeness: row.get(19)?,
        model: row.get(20)?,
        sampler: row.get(21)?,
        seed: row.get(22)?,
        stage: row.get(23)?,
        personas: BTreeSet::new(),
        campaigns: BTreeSet::new(),
        tags: BTreeSet::new(),
        loras: BTreeSet::new(),
        prompt: row.get(24)?,
        negative: row.get(25)?,
        notes: row.get(26)?,
        generation: generation
            .map(|g| serde_json::from_str(&g).map_err(|e| CatalogError::Damaged(format!("generation metadata: {e}"))))
            .transpose()?,
        status: BTreeMap::new(),
        trashed,
        changed: get_time(row, 32)?,
    })
}

/// Runs a query whose columns are [`ASSET`] and fills in the child rows of all its assets.
pub(super) fn load(conn: &Connection, sql: &str, args: &[&dyn ToSql]) -> R<Vec<Asset>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(args)?;
    let mut assets = Vec::new();
    while let Some(row) = rows.next()? {
        assets.push(asset_of(row)?);
    }
    drop(rows);
    fill(conn, &mut assets)?;
    Ok(assets)
}

fn fill(conn: &Connection, assets: &mut [Asset]) -> R<()> {
    if let [one] = assets {
        let places = HashMap::from([(one.id, 0)]);
        let id = *one.id.as_bytes();
        let values = "SELECT asset, facet, value FROM asset_value WHERE asset = ?1";
        let status = "SELECT asset, platform, value, version, by_member, at FROM asset_status WHERE asset = ?1";
        return fill_from(conn, assets, &places, values, status, &[&id]);
    }
    let (Some(first), Some(last)) = (assets.first(), assets.last()) else { return Ok(()) };
    let range: [&dyn ToSql; 2] = [&int(first.ordinal)?, &int(last.ordinal)?];
    let places: HashMap<AssetId, usize> = assets.iter().enumerate().map(|(at, a)| (a.id, at)).collect();
    // A page spans a range of ordinals; rows of assets between that are not on the page are passed over.
    fill_from(
        conn,
        assets,
        &places,
        "SELECT v.asset, v.facet, v.value FROM asset a JOIN asset_value v ON v.asset = a.id
         WHERE a.ordinal BETWEEN ?1 AND ?2",
        "SELECT s.asset, s.platform, s.value, s.version, s.by_member, s.at FROM asset a JOIN asset_status s ON s.asset = a.id
         WHERE a.ordinal BETWEEN ?1 AND ?2",
        &range,
    )
}

fn fill_from(
    conn: &Connection,
    assets: &mut [Asset],
    places: &HashMap<AssetId, usize>,
    values: &str,
    status: &str,
    args: &[&dyn ToSql],
) -> R<()> {
    let mut statement = conn.prepare_cached(values)?;
    let mut rows = statement.query(args)?;
    while let Some(row) = rows.next()? {
        let Some(asset) = places.get(&get_asset(row, 0)?).and_then(|at| assets.get_mut(*at)) else { continue };
        let facet: String = row.get(1)?;
        set_of(asset, &facet)?.insert(row.get(2)?);
    }
    let mut statement = conn.prepare_cached(status)?;
    let mut rows = statement.query(args)?;
    while let Some(row) = rows.next()? {
        let Some(asset) = places.get(&get_asset(row, 0)?).and_then(|at| assets.get_mut(*at)) else { continue };
        let verdict = Verdict {
            value: row.get(2)?,
            version: get_opt_version(row, 3)?,
            by: get_opt_member(row, 4)?,
            at: get_time(row, 5)?,
        };
        asset.status.insert(row.get(1)?, verdict);
    }
    Ok(())
}

fn set_of<'a>(asset: &'a mut Asset, facet: &str) -> R<&'a mut BTreeSet<String>> {
    Ok(match facet {
        "persona" => &mut asset.personas,
        "campaign" => &mut asset.campaigns,
        "tag" => &mut asset.tags,
        "lora" => &mut asset.loras,
        other => return Err(CatalogError::Damaged(format!("facet `{other}`"))),
    })
}

pub(super) fn one(conn: &Connection, by: &str, arg: &dyn ToSql) -> R<Option<Asset>> {
    let sql = format!("SELECT {ASSET} FROM asset a WHERE a.{by} = ?1 ORDER BY a.ordinal LIMIT 1");
    Ok(load(conn, &sql, &[arg])?.pop())
}

pub(super) fn by_id(conn: &Connection, id: AssetId) -> R<Option<Asset>> {
    one(conn, "id", id.as_bytes())
}

pub(super) fn with_content(conn: &Connection, content: ContentId) -> R<Vec<AssetId>> {
    let mut statement = conn.prepare_cached(
        "SELECT a.id FROM version v JOIN asset a ON a.head = v.id WHERE v.content = ?1 ORDER BY a.ordinal",
    )?;
    let mut rows = statement.query([content.0])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(get_asset(row, 0)?);
    }
    Ok(out)
}

/// The name without its last extension, as exports use it.
pub(super) fn stem(name: &str) -> &str {
    match name.rfind('.') {
        Some(at) if at > 0 && at + 1 < name.len() => &name[..at],
        _ => name,
    }
}

pub(super) fn put(conn: &Connection, a: &Asset) -> R<()> {
    let generation = a
        .generation
        .as_ref()
        .map(|g| serde_json::to_string(g).map_err(|e| CatalogError::Constraint(e.to_string())))
        .transpose()?;
    conn.prepare_cached(
        "INSERT INTO asset (id, ordinal, view_name, view_stem, node, state, head, owner, owner_name, kind, format, width, height,
             orientation, created, imported, expires, client, rating, rights, likeness, model, sampler, seed, stage, prompt, negative,
             notes, generation, trashed_at, trashed_parent, trashed_name, trashed_by, changed, words, prompt_words)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25,
             ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36)
         ON CONFLICT (id) DO UPDATE SET ordinal = ?2, view_name = ?3, view_stem = ?4, node = ?5, state = ?6, head = ?7, owner = ?8,
             owner_name = ?9, kind = ?10, format = ?11, width = ?12, height = ?13, orientation = ?14, created = ?15, imported = ?16,
             expires = ?17, client = ?18, rating = ?19, rights = ?20, likeness = ?21, model = ?22, sampler = ?23, seed = ?24,
             stage = ?25, prompt = ?26, negative = ?27, notes = ?28, generation = ?29, trashed_at = ?30, trashed_parent = ?31,
             trashed_name = ?32, trashed_by = ?33, changed = ?34, words = ?35, prompt_words = ?36",
    )?
    .execute(params![
        a.id.as_bytes(),
        int(a.ordinal)?,
        a.view_name,
        stem(&a.view_name),
        a.node.map(|n| int(n.0)).transpose()?,
        state_text(a.state),
        a.head.map(|v| *v.as_bytes()),
        a.owner.map(|m| *m.as_bytes()),
        a.owner_name,
        a.kind,
        a.format,
        a.width,
        a.height,
        a.orientation,
        a.created.as_nanos(),
        a.imported.as_nanos(),
        a.expires.map(crate::types::Timestamp::as_nanos),
        a.client,
        a.rating,
        a.rights,
        a.likeness,
        a.model,
        a.sampler,
        a.seed,
        a.stage,
        a.prompt,
        a.negative,
        a.notes,
        generation,
        a.trashed.as_ref().map(|t| t.at.as_nanos()),
        a.trashed.as_ref().map(|t| int(t.parent.0)).transpose()?,
        a.trashed.as_ref().map(|t| t.name.clone()),
        a.trashed.as_ref().and_then(|t| t.by).map(|m| *m.as_bytes()),
        a.changed.as_nanos(),
        fold(&crate::catalog::facts::words(a)),
        fold(a.prompt.as_deref().unwrap_or_default()),
    ])?;
    let sets = [("persona", &a.personas), ("campaign", &a.campaigns), ("tag", &a.tags), ("lora", &a.loras)];
    let mut stored: BTreeSet<(String, String)> = BTreeSet::new();
    {
        let mut statement = conn.prepare_cached("SELECT facet, value FROM asset_value WHERE asset = ?1")?;
        let mut rows = statement.query([a.id.as_bytes()])?;
        while let Some(row) = rows.next()? {
            stored.insert((row.get(0)?, row.get(1)?));
        }
    }
    for (facet, values) in sets {
        for value in values {
            if !stored.remove(&(facet.to_owned(), value.clone())) {
                conn.prepare_cached("INSERT INTO asset_value (facet, value, asset) VALUES (?1, ?2, ?3)")?
                    .execute(params![facet, value, a.id.as_bytes()])?;
            }
        }
    }
    for (facet, value) in stored {
        conn.prepare_cached("DELETE FROM asset_value WHERE facet = ?1 AND value = ?2 AND asset = ?3")?
            .execute(params![facet, value, a.id.as_bytes()])?;
    }
    conn.prepare_cached("DELETE FROM asset_status WHERE asset = ?1")?.execute([a.id.as_bytes()])?;
    for (platform, v) in &a.status {
        conn.prepare_cached(
            "INSERT INTO asset_status (asset, platform, value, version, by_member, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            a.id.as_bytes(),
            platform,
            v.value,
            v.version.map(|x| *x.as_bytes()),
            v.by.map(|m| *m.as_bytes()),
            v.at.as_nanos()
        ])?;
    }
    Ok(())
}

pub(super) fn remove(conn: &Connection, id: AssetId) -> R<()> {
    let has: bool = conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM version WHERE asset = ?1)")?
        .query_row([id.as_bytes()], |r| r.get(0))?;
    if has {
        return Err(CatalogError::Constraint(format!("asset {id} has versions and stays")));
    }
    conn.prepare_cached("DELETE FROM asset_value WHERE asset = ?1")?.execute([id.as_bytes()])?;
    conn.prepare_cached("DELETE FROM asset_status WHERE asset = ?1")?.execute([id.as_bytes()])?;
    conn.prepare_cached("DELETE FROM asset WHERE id = ?1")?.execute([id.as_bytes()])?;
    Ok(())
}
