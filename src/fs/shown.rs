//! The names that views showed, for as long as the kernel may believe them: those of an asset that has changed are taken back.
//!
//! A listing gives out hundreds of names in a reply, so it is remembered by the rows of its snapshot.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Invalidation;
use super::listing::{Row, Snapshot, What};
use crate::catalog::view_stem;
use crate::types::{AssetId, FileName, Timestamp};

/// How long a name is remembered: longer than the kernel believes it, counted from before it has it.
const KEPT_MS: i64 = 5_000;

/// The stem that an asset shares with others, who may have a part in its name.
pub(super) fn shared_stem(view_name: &str, marked_name: Option<&str>) -> Option<Box<str>> {
    marked_name.map(|_| view_stem(view_name).into())
}

/// What was shown in a directory.
struct Shown {
    at: Timestamp,
    parent: u64,
    names: Names,
}

enum Names {
    One { asset: AssetId, stem: Option<Box<str>>, name: FileName },
    Rows(Arc<Snapshot>, Range<usize>),
}

/// One of them.
struct Name<'s> {
    asset: AssetId,
    stem: Option<&'s str>,
    name: &'s FileName,
}

impl<'s> Name<'s> {
    fn of_row(row: &'s Row) -> Option<Self> {
        match &row.what {
            What::Node { asset: Some(asset), stem, .. } => {
                Some(Self { asset: *asset, stem: stem.as_deref(), name: &row.name })
            }
            _ => None,
        }
    }
}

impl Shown {
    fn names(&self) -> impl Iterator<Item = Name<'_>> {
        let (one, rows) = match &self.names {
            Names::One { asset, stem, name } => (Some(Name { asset: *asset, stem: stem.as_deref(), name }), &[][..]),
            Names::Rows(snapshot, range) => (None, snapshot.rows.get(range.clone()).unwrap_or_default()),
        };
        one.into_iter().chain(rows.iter().filter_map(Name::of_row))
    }
}

/// What takes names back, each once however often it was shown.
fn invalidations(shown: &VecDeque<Shown>, which: impl Fn(&Name<'_>) -> bool) -> Vec<Invalidation> {
    let mut told = HashSet::new();
    let mut all = Vec::new();
    for (parent, name) in shown.iter().flat_map(|shown| shown.names().map(|name| (shown.parent, name))) {
        if which(&name) && told.insert((parent, name.name)) {
            all.push(Invalidation::Name { parent, name: name.name.as_bytes().to_vec() });
        }
    }
    all
}

/// The names of one mount, oldest first.
#[derive(Default)]
pub(super) struct ShownNames(Mutex<VecDeque<Shown>>);

impl ShownNames {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Shown>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, at: Timestamp, parent: u64, names: Names) {
        self.forget_old(at);
        self.lock().push_back(Shown { at, parent, names });
    }

    /// A name is about to be shown.
    pub(super) fn note_one(
        &self,
        now: Timestamp,
        parent: u64,
        asset: AssetId,
        stem: Option<Box<str>>,
        name: &FileName,
    ) {
        self.note(now, parent, Names::One { asset, stem, name: name.clone() });
    }

    /// Rows of a listing are about to be shown.
    pub(super) fn note_rows(&self, now: Timestamp, parent: u64, snapshot: &Arc<Snapshot>, rows: Range<usize>) {
        self.note(now, parent, Names::Rows(Arc::clone(snapshot), rows));
    }

    /// What the kernel believes no longer need not be kept.
    pub(super) fn forget_old(&self, now: Timestamp) {
        let mut shown = self.lock();
        let old = shown.iter().take_while(|shown| now.ms_since(shown.at) > KEPT_MS).count();
        shown.drain(..old);
    }

    /// Whether some name depends on namesakes.
    pub(super) fn has_stems(&self) -> bool {
        self.lock().iter().any(|shown| shown.names().any(|name| name.stem.is_some()))
    }

    /// What takes back the names of these assets, and those in which others with these stems have a part.
    pub(super) fn of(&self, assets: &HashSet<AssetId>, stems: &HashSet<String>) -> Vec<Invalidation> {
        let is_one = |name: &Name<'_>| assets.contains(&name.asset) || name.stem.is_some_and(|s| stems.contains(s));
        invalidations(&self.lock(), is_one)
    }

    /// What takes back all of them.
    pub(super) fn drain(&self) -> Vec<Invalidation> {
        invalidations(&std::mem::take(&mut *self.lock()), |_| true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::catalog::{NodeKind, NodeStat};
    use crate::types::NodeId;

    fn asset(n: u8) -> AssetId {
        AssetId::from_bytes([n; 16])
    }

    fn name(n: u8) -> FileName {
        FileName::new(format!("{n}.png")).unwrap()
    }

    fn row(n: u8) -> Row {
        let stat = NodeStat {
            id: NodeId(n.into()),
            kind: NodeKind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 0,
            atime: Timestamp::EPOCH,
            mtime: Timestamp::EPOCH,
            ctime: Timestamp::EPOCH,
        };
        let stem = (n == 3).then(|| "shared".into());
        Row { cookie: n.into(), name: name(n), what: What::Node { stat, asset: Some(asset(n)), stem, proxy: None } }
    }

    fn told(parent: u64, n: u8) -> Invalidation {
        Invalidation::Name { parent, name: name(n).as_bytes().to_vec() }
    }

    fn of(shown: &ShownNames, assets: &[u8], stems: &[&str]) -> Vec<Invalidation> {
        shown.of(&assets.iter().map(|n| asset(*n)).collect(), &stems.iter().map(|s| (*s).to_owned()).collect())
    }

    #[test]
    fn names_of_what_has_changed_are_taken_back_wherever_they_were_shown() {
        let shown = ShownNames::default();
        let listed = Arc::new(Snapshot::of((1..=4).map(row).collect()));
        shown.note_one(Timestamp::EPOCH, 7, asset(1), None, &name(1));
        shown.note_rows(Timestamp::EPOCH, 8, &listed, 0..2);
        assert!(!shown.has_stems());
        shown.note_rows(Timestamp::EPOCH, 8, &listed, 2..4);
        assert!(shown.has_stems());
        assert_eq!(of(&shown, &[1], &[]), [told(7, 1), told(8, 1)]);
        assert_eq!(of(&shown, &[2, 4], &[]), [told(8, 2), told(8, 4)]);
        assert_eq!(of(&shown, &[9], &["shared"]), [told(8, 3)]);
        assert_eq!(of(&shown, &[9], &["other"]), []);
        shown.note_rows(Timestamp::EPOCH, 8, &listed, 0..4);
        assert_eq!(of(&shown, &[2], &[]), [told(8, 2)], "once");
    }

    #[test]
    fn what_the_kernel_believes_no_longer_is_forgotten() {
        let shown = ShownNames::default();
        let listed = Arc::new(Snapshot::of(vec![row(1)]));
        shown.note_rows(Timestamp::EPOCH, 8, &listed, 0..1);
        shown.note_one(Timestamp::EPOCH.plus_ms(1_000), 8, asset(2), None, &name(2));
        shown.forget_old(Timestamp::EPOCH.plus_ms(KEPT_MS + 1));
        assert_eq!(Arc::strong_count(&listed), 1, "a listing is not kept for its names");
        assert_eq!(shown.drain(), [told(8, 2)]);
        assert_eq!(shown.drain(), []);
    }
}
