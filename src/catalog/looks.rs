//! Which pictures look alike: the look of every content, and which looks lie near one another.
//!
//! It follows from bytes alone and knows nothing of assets: who asks says which contents there are for him, and of each what tells it from
//! pictures that are meant to differ.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::CatalogError as E;
use super::facts::digits;
use super::rows::Alike;

/// So many bits may differ of two pictures that look alike. Copies in another format, size or quality, brighter, more saturated, or with one or two
/// hundredths cut off differ in up to six; of different pictures of one scene one pair in ten thousand does.
pub const NEAR: u32 = 6;
/// Of so many parts of a look one differs in at most one bit when the whole does in no more than [`NEAR`].
const BANDS: u32 = 4;
const BAND: u32 = 64 / BANDS;
const _: () = assert!(NEAR < 2 * BANDS);
/// A look that is near so many others is tied to no more of them that have as many: they hang together all the same.
const TIES: usize = 64;
/// Pictures of one look that are compared with each other, in the order of their digits.
const REACH: usize = 8;

/// The looks of all contents.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    /// Look and digits of each content, in order.
    rows: Vec<(u64, u64)>,
    /// Of each look the others that are near.
    near: HashMap<u64, Vec<u64>>,
}

/// A content that is there for who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The first of its assets.
    pub ordinal: u64,
    /// What has the same family and another seed is another picture on purpose.
    pub alternate: Option<(String, i64)>,
}

/// Says whether a content is there, by its digits.
pub type See<'a> = dyn FnMut(u64) -> Result<Option<Seen>, E> + 'a;

struct Node {
    look: u64,
    digits: u64,
    seen: Seen,
}

impl Looks {
    /// Of all contents with a look: (look, digits).
    pub fn of(mut rows: Vec<(u64, u64)>) -> Self {
        rows.sort_unstable();
        rows.dedup();
        let mut looks: Vec<u64> = rows.iter().map(|(look, _)| *look).collect();
        looks.dedup();
        let mut all = Self { rows, near: HashMap::new() };
        (0..BANDS).for_each(|band| all.tie_band(&looks, band));
        all
    }

    /// One more content.
    pub fn add(&mut self, look: u64, digits: u64) {
        let Err(at) = self.rows.binary_search(&(look, digits)) else { return };
        if self.with_look(look).is_empty() {
            let near = |other: &u64| (other ^ look).count_ones() <= NEAR;
            let mut found: Vec<u64> = self.rows.iter().map(|(other, _)| *other).filter(near).collect();
            found.dedup();
            found.into_iter().for_each(|other| self.tie(look, other));
        }
        self.rows.insert(at, (look, digits));
    }

    /// The contents within so many bits of a look: their digits as they are shown and how far they are, the nearest first.
    pub fn around(&self, look: u64, most: u32) -> Vec<(String, u32)> {
        let far = self.rows.iter().map(|(other, number)| (*number, (other ^ look).count_ones()));
        let mut found: Vec<(u64, u32)> = far.filter(|(_, far)| *far <= most).collect();
        found.sort_unstable_by_key(|(number, far)| (*far, *number));
        found.into_iter().map(|(number, far)| (digits(number), far)).collect()
    }

    /// Groups of what looks alike, or the one that a content is in; each of two contents or more, in the order of their first assets.
    ///
    /// # Errors
    /// What `see` says.
    pub fn groups(&self, of: Option<u64>, see: &mut See<'_>) -> Result<Vec<Vec<Alike>>, E> {
        let nodes = match of {
            None => {
                let runs = self.rows.chunk_by(|a, b| a.0 == b.0);
                let mut nodes = Vec::new();
                for run in runs.filter(|run| run.len() > 1 || run.first().is_some_and(|(look, _)| self.has_near(*look)))
                {
                    nodes.extend(seen(run, see)?);
                }
                nodes
            }
            Some(digits) => self.reached_from(digits, see)?,
        };
        let mut groups = self.split(nodes);
        groups.retain(|group| of.is_none_or(|digits| group.iter().any(|alike| alike.digits == digits)));
        groups.sort_by_key(|group| group.first().map(|alike| alike.ordinal));
        Ok(groups)
    }

    /// Everything that hangs together with a content through what is there.
    fn reached_from(&self, digits: u64, see: &mut See<'_>) -> Result<Vec<Node>, E> {
        let Some((first, _)) = self.rows.iter().find(|(_, other)| *other == digits) else { return Ok(Vec::new()) };
        let (mut ahead, mut known, mut nodes) = (vec![*first], HashSet::from([*first]), Vec::new());
        while let Some(look) = ahead.pop() {
            let there = seen(self.with_look(look), see)?;
            if !there.is_empty() {
                ahead.extend(self.near.get(&look).into_iter().flatten().filter(|near| known.insert(**near)));
            }
            nodes.extend(there);
        }
        nodes.sort_by_key(|node| (node.look, node.digits));
        Ok(nodes)
    }

    /// Puts the nearest together first, and never two that are meant to differ.
    fn split(&self, nodes: Vec<Node>) -> Vec<Vec<Alike>> {
        let mut ties: Vec<(u32, usize, usize)> = Vec::new();
        let mut starts: BTreeMap<u64, usize> = BTreeMap::new();
        for (n, node) in nodes.iter().enumerate() {
            let first = *starts.entry(node.look).or_insert(n);
            ties.extend((first.max(n.saturating_sub(REACH))..n).map(|other| (0, other, n)));
        }
        let run = |look: u64| {
            let first = starts.get(&look).copied();
            first
                .into_iter()
                .flat_map(|first| first..first + REACH)
                .take_while(|n| nodes.get(*n).is_some_and(|node| node.look == look))
                .collect::<Vec<_>>()
        };
        for look in starts.keys() {
            for other in self.near.get(look).into_iter().flatten().filter(|other| *other > look) {
                let far = (look ^ other).count_ones();
                let (here, there) = (run(*look), run(*other));
                ties.extend(here.iter().flat_map(|a| there.iter().map(move |b| (far, *a, *b))));
            }
        }
        ties.sort_unstable();
        let mut sets = Sets::of(&nodes);
        ties.into_iter().for_each(|(_, a, b)| sets.join(a, b));
        let mut groups: BTreeMap<usize, Vec<Alike>> = BTreeMap::new();
        for (n, node) in nodes.iter().enumerate() {
            groups.entry(sets.root(n)).or_default().push(Alike { digits: node.digits, ordinal: node.seen.ordinal });
        }
        let mut groups: Vec<Vec<Alike>> = groups.into_values().filter(|group| group.len() > 1).collect();
        groups.iter_mut().for_each(|group| group.sort_unstable_by_key(|alike| (alike.ordinal, alike.digits)));
        groups
    }

    fn with_look(&self, look: u64) -> &[(u64, u64)] {
        let first = self.rows.partition_point(|(other, _)| *other < look);
        let end = self.rows.partition_point(|(other, _)| *other <= look);
        self.rows.get(first..end).unwrap_or_default()
    }

    fn has_near(&self, look: u64) -> bool {
        self.near.contains_key(&look)
    }

    fn tie(&mut self, a: u64, b: u64) {
        let full = |look| self.near.get(&look).is_some_and(|near| near.len() >= TIES);
        if !(full(a) && full(b)) {
            self.near.entry(a).or_default().push(b);
            self.near.entry(b).or_default().push(a);
        }
    }

    /// Ties those of different looks that are near and of which this is the first part to differ in at most one bit.
    fn tie_band(&mut self, looks: &[u64], band: u32) {
        let mut buckets: Vec<(u64, u64)> = looks.iter().map(|look| (part(*look, band), *look)).collect();
        buckets.sort_unstable();
        let of = |key: u64| {
            let first = buckets.partition_point(|(other, _)| *other < key);
            let end = first + buckets.get(first..).unwrap_or_default().partition_point(|(other, _)| *other == key);
            buckets.get(first..end).unwrap_or_default()
        };
        let mut found = Vec::new();
        let mut compare = |a: u64, b: u64| {
            let met = |earlier| (part(a, earlier) ^ part(b, earlier)).count_ones() <= 1;
            if (a ^ b).count_ones() <= NEAR && !(0..band).any(met) {
                found.push((a, b));
            }
        };
        for bucket in buckets.chunk_by(|a, b| a.0 == b.0) {
            let Some((key, _)) = bucket.first() else { continue };
            for (n, (_, a)) in bucket.iter().enumerate() {
                bucket.iter().skip(n + 1).for_each(|(_, b)| compare(*a, *b));
            }
            for other in (0..BAND).map(|bit| key ^ (1 << bit)).filter(|other| other > key) {
                let there = of(other);
                bucket.iter().for_each(|(_, a)| there.iter().for_each(|(_, b)| compare(*a, *b)));
            }
        }
        found.into_iter().for_each(|(a, b)| self.tie(a, b));
    }
}

/// Every fourth bit of a look, beginning with this one: neighbouring frequencies say similar things, and one part is not to have all of them.
fn part(look: u64, band: u32) -> u64 {
    (0..BAND).fold(0, |part, bit| part | ((look >> (bit * BANDS + band)) & 1) << bit)
}

fn seen(rows: &[(u64, u64)], see: &mut See<'_>) -> Result<Vec<Node>, E> {
    let mut nodes = Vec::new();
    for (look, digits) in rows {
        nodes.extend(see(*digits)?.map(|seen| Node { look: *look, digits: *digits, seen }));
    }
    Ok(nodes)
}

/// Disjoint sets, each with the seed of every family in it.
struct Sets(Vec<Set>);

struct Set {
    parent: usize,
    size: usize,
    seeds: BTreeMap<String, i64>,
}

impl Sets {
    fn of(nodes: &[Node]) -> Self {
        let set = |(parent, node): (usize, &Node)| Set {
            parent,
            size: 1,
            seeds: node.seen.alternate.iter().cloned().collect(),
        };
        Self(nodes.iter().enumerate().map(set).collect())
    }

    fn root(&self, mut n: usize) -> usize {
        while let Some(set) = self.0.get(n).filter(|set| set.parent != n) {
            n = set.parent;
        }
        n
    }

    /// Unless two of one family with other seeds would come together.
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let Ok([one, other]) = self.0.get_disjoint_mut([a, b]) else { return };
        // The smaller one joins: no way to a root is long.
        let (into, from, root) = if one.size >= other.size { (one, other, a) } else { (other, one, b) };
        if from.seeds.iter().any(|(family, seed)| into.seeds.get(family).is_some_and(|there| there != seed)) {
            return;
        }
        from.parent = root;
        into.size += from.size;
        into.seeds.append(&mut from.seeds);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Looks of a few scenes, each with some bits turned.
    fn arb_looks() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let scene = prop_oneof![Just(0u64), Just(u64::MAX), Just(0x0f0f_1234_5678_9abc), any::<u64>()];
        let turned = vec(0u32..64, 0..9);
        let look = (scene, turned).prop_map(|(scene, turned)| turned.iter().fold(scene, |look, bit| look ^ (1 << bit)));
        vec((look, 0u64..60), 0..60)
    }

    fn ties(looks: &Looks) -> BTreeSet<(u64, u64)> {
        looks.near.iter().flat_map(|(look, near)| near.iter().map(move |other| (*look, *other))).collect()
    }

    proptest! {
        #[test]
        fn all_that_are_near_are_tied_however_they_come(rows in arb_looks()) {
            let looks: BTreeSet<u64> = rows.iter().map(|(look, _)| *look).collect();
            let near = |a: &u64, b: &u64| a != b && (a ^ b).count_ones() <= NEAR;
            let wanted: BTreeSet<(u64, u64)> =
                looks.iter().flat_map(|a| looks.iter().filter(|b| near(a, b)).map(|b| (*a, *b))).collect();
            let at_once = Looks::of(rows.clone());
            let mut one_by_one = Looks::default();
            rows.iter().for_each(|(look, digits)| one_by_one.add(*look, *digits));
            prop_assert_eq!(&at_once.rows, &one_by_one.rows);
            prop_assert_eq!(&ties(&at_once), &wanted);
            prop_assert_eq!(&ties(&one_by_one), &wanted);
        }

        #[test]
        fn the_group_of_one_is_the_one_that_all_groups_have_it_in(rows in arb_looks(), families in vec(0i64..4, 60)) {
            let by_digits: BTreeMap<u64, u64> = rows.iter().map(|(look, digits)| (*digits, *look)).collect();
            let looks = Looks::of(by_digits.into_iter().map(|(digits, look)| (look, digits)).collect());
            let mut see = |digits: u64| {
                let family = families[usize::try_from(digits).unwrap()];
                let alternate = (family > 0).then(|| (family.to_string(), i64::try_from(digits % 3).unwrap()));
                Ok((!digits.is_multiple_of(7)).then_some(Seen { ordinal: 100 - digits, alternate }))
            };
            let all = looks.groups(None, &mut see).unwrap();
            for (_, digits) in &looks.rows {
                let wanted: Vec<_> = all.iter().filter(|group| group.iter().any(|a| a.digits == *digits)).cloned().collect();
                prop_assert!(wanted.len() < 2);
                prop_assert_eq!(looks.groups(Some(*digits), &mut see).unwrap(), wanted);
            }
        }
    }

    #[test]
    fn seeds_of_one_prompt_are_apart_and_each_has_its_own_copies() {
        let alternate = |seed| Some(("beach".to_owned(), seed));
        let known = BTreeMap::from([(1, alternate(7)), (2, alternate(8)), (3, None), (4, alternate(7)), (5, None)]);
        // 3 is a copy of 1 without metadata, nearer to it than to 2; 4 is the same seed; 5 is far from all.
        let looks = Looks::of(vec![(0, 1), (0b111, 2), (0b1, 3), (0b10_0000, 4), (u64::MAX, 5)]);
        let mut see =
            |digits| Ok(known.get(&digits).map(|alternate| Seen { ordinal: digits, alternate: alternate.clone() }));
        let groups = looks.groups(None, &mut see).unwrap();
        let groups: Vec<Vec<u64>> =
            groups.iter().map(|group| group.iter().map(|alike| alike.digits).collect()).collect();
        assert_eq!(groups, [[1, 3, 4]]);
    }

    #[test]
    fn very_many_of_one_look_and_of_near_ones_hang_together() {
        let near = (0..2_000u64).map(|n| ((n % 500) & 0b11_1111, n));
        let looks = Looks::of(near.collect());
        let groups = looks.groups(None, &mut |digits| Ok(Some(Seen { ordinal: digits, alternate: None }))).unwrap();
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [2_000]);
    }
}
