//! Makes a library of very many assets for the benchmarks: one file, as often as is wished, each time with another name and other values.
//!
//!     crowd LIBRARY COUNT [200]
//!
//! With 200 there are that many tags, `t000` to `t199`, in the shares in which tag filesystems were measured with them: the first is on 55 % of
//! the assets, the last on 2 %. Otherwise two thousand, of which few are very common.
//!
//! LIBRARY has one asset at least, and nobody has it open. The rows are those that an import makes, so what is measured afterwards is what
//! a library of that size does; only the bytes are all one file's, and the audit log says nothing of them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for benchmarks")]

#[path = "../roster/seeds.rs"]
#[allow(dead_code, reason = "the roster uses all of it")]
mod seeds;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use damfs::catalog::sqlite::SqliteEngine;
use damfs::catalog::{
    Asset, Catalog, CatalogError, ChangeKind, Counter, EntryRow, NodeClass, NodeKind, NodeRow, Verdict, VersionRow,
    WriteTx,
};
use damfs::policy::Expr;
use damfs::rng::SystemEntropy;
use damfs::types::{AssetId, EntryId, FileName, NodeId, Timestamp, VersionId, VersionNo};
use seeds::Seeds;

/// Assets in one transaction, and in one folder.
const BATCH: usize = 1_000;
const TAGS_EACH: usize = 10;

/// Draws the tags of one asset.
type Tags = Rc<dyn Fn(&mut Seeds) -> BTreeSet<String>>;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (library, count, tags): (_, _, Tags) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [library, count] => (library, count, Rc::new(skewed)),
        [library, count, "200"] => (library, count, two_hundred()),
        _ => {
            eprintln!("usage: crowd LIBRARY COUNT [200]");
            std::process::exit(2);
        }
    };
    let count: usize = count.parse()?;
    let catalog = Catalog::new(Arc::new(SqliteEngine::open(&Path::new(library).join("catalog.db"))?));
    let pattern = Pattern::of(&catalog, &tags)?;
    let mut seeds = Seeds::new(7);
    for first in (0..count).step_by(BATCH) {
        catalog.write(|tx| pattern.batch(tx, first, BATCH.min(count - first), &mut seeds))?;
    }
    catalog.barrier()?;
    println!("{count} assets");
    Ok(())
}

/// The one that all are copies of.
struct Pattern {
    asset: Asset,
    node: NodeRow,
    version: VersionRow,
    now: Timestamp,
    tags: Tags,
}

impl Pattern {
    fn of(catalog: &Catalog, tags: &Tags) -> Result<Self, CatalogError> {
        catalog.read(|tx| {
            let missing = || CatalogError::Constraint("the library has no asset to copy: import one".into());
            let asset = tx.find(&Expr::all(), 0, 1)?.pop().ok_or_else(missing)?;
            let node = asset.node.map(|node| tx.node(node)).transpose()?.flatten().ok_or_else(missing)?;
            let version = asset.head.map(|head| tx.version(head)).transpose()?.flatten().ok_or_else(missing)?;
            let now = asset.changed;
            Ok(Self { asset, node, version, now, tags: Rc::clone(tags) })
        })
    }

    fn batch(&self, tx: &mut dyn WriteTx, first: usize, count: usize, seeds: &mut Seeds) -> Result<(), CatalogError> {
        let folder = NodeId(tx.next(Counter::Node)?);
        tx.put_node(&NodeRow {
            id: folder,
            kind: NodeKind::Dir,
            class: NodeClass::Plain,
            mode: 0o755,
            asset: None,
            content: None,
            size: 0,
            ..self.node.clone()
        })?;
        self.name(tx, NodeId::LIBRARY, &format!("crowd{:05}", first / BATCH), folder)?;
        for n in first..first + count {
            self.one(tx, folder, n, seeds)?;
        }
        tx.change(ChangeKind::Node, &folder.to_string())
    }

    fn name(&self, tx: &mut dyn WriteTx, parent: NodeId, name: &str, node: NodeId) -> Result<(), CatalogError> {
        let name = FileName::new(name).map_err(|e| CatalogError::Constraint(e.to_string()))?;
        let id = EntryId(tx.next(Counter::Entry)?);
        tx.add_entry(&EntryRow { id, parent, name, node })
    }

    fn one(&self, tx: &mut dyn WriteTx, folder: NodeId, n: usize, seeds: &mut Seeds) -> Result<(), CatalogError> {
        let lost = |e: std::io::Error| CatalogError::Engine(e.to_string());
        let entropy = SystemEntropy::new();
        // Ids ascend as those do that an import gives.
        let now = self.now.plus_ms(i64::try_from(n).unwrap_or(i64::MAX));
        let id = AssetId::make(now, &entropy).map_err(lost)?;
        let head = VersionId::make(now, &entropy).map_err(lost)?;
        let node = NodeId(tx.next(Counter::Node)?);
        let ordinal = tx.next(Counter::Asset)?;
        let view_name = format!("crowd{n:07}.{}", self.asset.format);
        // Two years of work.
        let made = Timestamp::from_secs(1_700_000_000 + i64::try_from(seeds.below(63_000_000)).unwrap_or(0));
        let status = |seeds: &mut Seeds, platform: &str| {
            let value = seeds.pick(&["approved", "approved", "needs-review", "rejected"]);
            (platform.to_owned(), Verdict::new(value, Some(head), None, made))
        };
        let row = NodeRow { id: node, asset: Some(id), mtime: made, ..self.node.clone() };
        let asset = Asset {
            id,
            ordinal,
            view_name: view_name.clone(),
            marked_name: None,
            named: Some(ordinal),
            node: Some(node),
            head: Some(head),
            // As if each had its own bytes, and one in a hundred those of the one before.
            duplicate: Some(format!("{:016x}", (n - usize::from(n % 100 == 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            created: made,
            rating: Some(seeds.pick(&["safe", "safe", "safe", "suggestive", "adult"]).into()),
            model: Some(format!("model{}", seeds.below(12))),
            sampler: Some(format!("sampler{}", seeds.below(8))),
            seed: i64::try_from(seeds.next() >> 32).ok(),
            width: Some(seeds.pick(&[832, 1024, 1216])),
            height: Some(seeds.pick(&[832, 1024, 1216])),
            personas: [format!("persona{:02}", seeds.below(40))].into(),
            campaigns: if n.is_multiple_of(3) {
                [format!("campaign{:03}", seeds.below(100))].into()
            } else {
                [].into()
            },
            tags: (self.tags)(seeds),
            prompt: Some(prompt(seeds)),
            status: if n.is_multiple_of(10) {
                [status(seeds, "instagram"), status(seeds, "tiktok")].into()
            } else {
                [].into()
            },
            ..self.asset.clone()
        };
        // They speak of one another: each first without, or the tables are searched for what waits for it.
        tx.put_node(&NodeRow { asset: None, class: NodeClass::Plain, ..row.clone() })?;
        tx.put_asset(&Asset { head: None, duplicate: None, ..asset.clone() })?;
        let no = VersionNo(tx.next(Counter::Version)?);
        tx.add_version(&VersionRow { id: head, no, asset: id, n: 1, ..self.version.clone() })?;
        tx.put_asset(&asset)?;
        tx.put_node(&row)?;
        self.name(tx, folder, &view_name, node)?;
        tx.change(ChangeKind::Asset, &id.to_string())
    }
}

/// A few that nearly half, a third or an eighth have, many that some have, most that hardly any has.
fn skewed(seeds: &mut Seeds) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    for (tag, share) in [("t0000", 0.45), ("t0001", 0.30), ("t0002", 0.133)] {
        if seeds.unit() < share {
            tags.insert(tag.to_owned());
        }
    }
    while tags.len() < TAGS_EACH {
        let (a, b) = (seeds.unit(), seeds.unit());
        // Of two draws the product: small ones are likely.
        let tag = 3.0 + a * a * b * 1_997.0;
        tags.insert(format!("t{tag:04.0}"));
    }
    tags
}

/// Of two hundred, by Zipf's law with exponent 0.7.
fn two_hundred() -> Tags {
    let sum = |below: f32, n: u16| below + f32::from(n).powf(-0.7);
    let up_to: Vec<f32> = (1..=200u16)
        .scan(0.0, |below, n| {
            *below = sum(*below, n);
            Some(*below)
        })
        .collect();
    let all = up_to.last().copied().unwrap_or(1.0);
    Rc::new(move |seeds| {
        let mut tags = BTreeSet::new();
        while tags.len() < TAGS_EACH {
            let at = seeds.unit() * all;
            tags.insert(format!("t{:03}", up_to.partition_point(|end| *end <= at)));
        }
        tags
    })
}

/// Twenty words of four thousand.
fn prompt(seeds: &mut Seeds) -> String {
    let word = |seeds: &mut Seeds| {
        let n = seeds.below(64) * seeds.below(64);
        let syllables = ["ra", "lu", "mi", "so", "ta", "ne", "vo", "ki"];
        [n / 512, n / 64 % 8, n / 8 % 8, n % 8].map(|at| syllables[at % 8]).concat()
    };
    (0..20).map(|_| word(seeds)).collect::<Vec<_>>().join(" ")
}
