//! Rows to begin with.

use std::collections::{BTreeMap, BTreeSet};

use damfs::catalog::{
    Asset, AssetState, AuditRow, CatalogError, Conflict, Engine, EntryRow, NodeClass, NodeKind, NodeRow, ReadTx,
    TunnelHow, TunnelRow, VersionRow, WriteTx,
};
use damfs::types::{
    AssetId, Colours, Content, ContentId, EntryId, ExtentId, FileName, MemberId, NodeId, Timestamp, VersionId,
    VersionNo,
};

pub fn name(text: &str) -> FileName {
    FileName::try_from(text).unwrap()
}

pub fn id16(n: u64) -> [u8; 16] {
    (u128::from(n) << 64 | 7).to_be_bytes()
}

pub fn asset_id(n: u64) -> AssetId {
    AssetId::from_bytes(id16(n))
}

pub fn version_id(n: u64) -> VersionId {
    VersionId::from_bytes(id16(n))
}

pub fn member_id(n: u64) -> MemberId {
    MemberId::from_bytes(id16(n))
}

pub fn node(id: u64, kind: NodeKind) -> NodeRow {
    NodeRow {
        id: NodeId(id),
        kind,
        class: NodeClass::Plain,
        mode: 0o644,
        uid: 1000,
        gid: u32::MAX,
        size: 5,
        atime: Timestamp::from_nanos(-1),
        mtime: Timestamp::from_nanos(i64::MAX),
        ctime: Timestamp::from_secs(3),
        target: None,
        content: None,
        staged: false,
        asset: None,
        owner: None,
        made_by_process: 0,
        made_at: Timestamp::EPOCH,
        mtime_set: false,
    }
}

pub fn entry(id: u64, parent: NodeId, text: &str, node: u64) -> EntryRow {
    EntryRow { id: EntryId(id), parent, name: name(text), node: NodeId(node) }
}

pub fn content(n: u8) -> Content {
    Content {
        id: ContentId([n; 32]),
        size: 7,
        extents: vec![(ExtentId([n; 32]), 3), (ExtentId([n, 1].repeat(16).try_into().unwrap()), 4)],
    }
}

/// A published asset without any facet; its version and content go with it.
pub fn asset(n: u64) -> Asset {
    Asset {
        id: asset_id(n),
        ordinal: n,
        view_name: format!("img_{n}.png"),
        marked_name: None,
        named: Some(n),
        node: None,
        state: AssetState::Active,
        head: Some(version_id(n)),
        duplicate: None,
        colours: Colours::NONE,
        owner: None,
        owner_name: String::new(),
        kind: "image".into(),
        format: "png".into(),
        width: None,
        height: None,
        orientation: 1,
        created: Timestamp::from_secs(1_777_593_600),
        imported: Timestamp::from_secs(1_777_593_601),
        expires: None,
        client: None,
        rating: None,
        stars: None,
        rights: None,
        likeness: None,
        model: None,
        sampler: None,
        seed: None,
        stage: None,
        reviewer: None,
        due: None,
        personas: BTreeSet::new(),
        campaigns: BTreeSet::new(),
        tags: BTreeSet::new(),
        loras: BTreeSet::new(),
        prompt: None,
        negative: None,
        notes: None,
        properties: BTreeMap::new(),
        generator: None,
        status: BTreeMap::new(),
        remarks: Vec::new(),
        conflicts: BTreeMap::new(),
        trashed: None,
        changed: Timestamp::EPOCH,
    }
}

pub fn version(n: u64, of: AssetId, bytes: u8) -> VersionRow {
    VersionRow {
        id: version_id(n),
        no: VersionNo(n),
        asset: of,
        n: 1,
        content: ContentId([bytes; 32]),
        size: 7,
        mtime: Timestamp::from_secs(9),
        made_at: Timestamp::from_secs(10),
        made_by: Some(member_id(1)),
        format: "png".into(),
        kind: "image".into(),
        width: Some(u32::MAX),
        height: None,
        orientation: 6,
    }
}

pub fn conflict(other: Option<&str>, version: u32) -> Conflict {
    Conflict { other: other.map(str::to_owned), version, by: Some(member_id(1)), at: Timestamp::from_secs(4) }
}

pub fn tunnel(text: &str, asset: AssetId, secs: i64) -> TunnelRow {
    TunnelRow {
        parent: NodeId::LIBRARY,
        name: name(text),
        asset,
        node: NodeId(77),
        process: 42,
        member: Some(member_id(1)),
        at: Timestamp::from_secs(secs),
        how: TunnelHow::RemovedWithoutDelete,
        taken: vec!["sea/beach".into(), "a\nb".into()],
    }
}

pub fn audit(chain: &str, seq: u64) -> AuditRow {
    AuditRow {
        chain: chain.into(),
        seq,
        at: Timestamp::from_secs(1),
        actor: "ann".into(),
        action: "asset.set".into(),
        subject: "x".into(),
        detail: "{}".into(),
        prev: [1; 32],
        hash: [2; 32],
    }
}

/// The asset with a version and content 1 of its own.
pub fn publish(tx: &mut dyn WriteTx, asset: &Asset) -> Result<(), CatalogError> {
    tx.put_content(&content(1))?;
    tx.put_asset(asset)?;
    tx.add_version(&version(asset.ordinal, asset.id, 1))
}

/// The library's root.
pub fn root(engine: &dyn Engine) {
    write(engine, |tx| tx.put_node(&NodeRow { mode: 0o755, ..node(1, NodeKind::Dir) })).unwrap();
}

pub fn write<T>(
    engine: &dyn Engine,
    mut f: impl FnMut(&mut dyn WriteTx) -> Result<T, CatalogError>,
) -> Result<T, CatalogError> {
    let mut out = None;
    engine.write(&mut |tx| {
        out = Some(f(tx)?);
        Ok(())
    })?;
    Ok(out.unwrap())
}

pub fn read<T>(engine: &dyn Engine, mut f: impl FnMut(&dyn ReadTx) -> Result<T, CatalogError>) -> T {
    let mut out = None;
    engine
        .read(&mut |tx| {
            out = Some(f(tx)?);
            Ok(())
        })
        .unwrap();
    out.unwrap()
}

/// The write was refused as against the rules.
pub fn refused<T: std::fmt::Debug>(result: Result<T, CatalogError>) {
    assert!(matches!(result, Err(CatalogError::Constraint(_))), "{result:?}");
}
