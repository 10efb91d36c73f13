//! What a turn did, in words.

use std::collections::{BTreeMap, BTreeSet};

use super::facets::facet;
use crate::catalog::journal::{Change, Spot, Step, Thing};
use crate::catalog::{NodeKind, ReadTx};
use crate::ops::{OpsError, folders};
use crate::types::NodeId;

/// What was done to a thing, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Removed,
    Added,
    Moved,
    Saved,
    Set,
    Attributes,
    Rules,
    Words,
    Members,
    Queries,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    files: usize,
    folders: usize,
    others: usize,
}

/// A turn in words.
#[derive(Debug, Default)]
pub(super) struct Words {
    deeds: BTreeMap<Deed, Count>,
    facets: BTreeSet<String>,
    /// Of everything that has a place.
    paths: BTreeSet<String>,
}

impl Words {
    pub(super) fn of(tx: &dyn ReadTx, steps: &[Step]) -> Result<Self, OpsError> {
        let mut all: BTreeMap<&Thing, Vec<&Change>> = BTreeMap::new();
        for step in steps {
            all.entry(&step.thing).or_default().push(&step.change);
        }
        let mut paths = Paths::of(steps);
        let mut words = Self::default();
        for (thing, changes) in all {
            words.add(tx, &mut paths, thing, &changes)?;
        }
        Ok(words)
    }

    fn add(&mut self, tx: &dyn ReadTx, paths: &mut Paths, thing: &Thing, changes: &[&Change]) -> Result<(), OpsError> {
        let mut deeds = BTreeSet::new();
        let mut at = None;
        for change in changes {
            match change {
                Change::Place(place) => {
                    deeds.insert(match (&place.was, &place.is) {
                        (Some(_), None) => Deed::Removed,
                        (None, _) => Deed::Added,
                        (Some(_), Some(_)) => Deed::Moved,
                    });
                    at = place.is.clone().or_else(|| place.was.clone());
                }
                Change::Head(_) => {
                    deeds.insert(Deed::Saved);
                }
                Change::Record(fields) => {
                    let into_trash = |field: &str| {
                        field == "state"
                            && [&fields.was, &fields.is].iter().any(|side| side.get(field) == Some(&"trashed".into()))
                    };
                    let facets = fields.was.keys().chain(fields.is.keys()).filter(|field| !into_trash(field));
                    let facets: BTreeSet<String> = facets.map(|field| facet(field).to_owned()).collect();
                    if !facets.is_empty() {
                        self.facets.extend(facets);
                        deeds.insert(Deed::Set);
                    }
                }
                Change::Attrs(_) | Change::Xattr(..) => {
                    deeds.insert(Deed::Attributes);
                }
                Change::Rules(_) => {
                    deeds.insert(Deed::Rules);
                }
                Change::Word(_) => {
                    deeds.insert(Deed::Words);
                }
                Change::Member(_) => {
                    deeds.insert(Deed::Members);
                }
                Change::Saved(_) => {
                    deeds.insert(Deed::Queries);
                }
                Change::Node(_) | Change::Dropped => {}
            }
        }
        // Who adds or removes something does all else with it.
        if let Some(whole) = [Deed::Added, Deed::Removed].into_iter().find(|deed| deeds.contains(deed)) {
            deeds = BTreeSet::from([whole]);
        }
        let at = match (at, thing) {
            (Some(spot), _) => paths.path(tx, &spot)?,
            (None, Thing::Asset(id)) => {
                tx.asset(*id)?.map(|asset| folders::path_of_asset(tx, &asset)).transpose()?.flatten()
            }
            (None, Thing::Node(id)) => folders::path_of(tx, *id)?,
            (None, _) => None,
        };
        self.paths.extend(at);
        for deed in deeds {
            let count = self.deeds.entry(deed).or_default();
            match kind(tx, thing, changes)? {
                Some(NodeKind::Dir) => count.folders += 1,
                Some(NodeKind::File) => count.files += 1,
                _ => count.others += 1,
            }
        }
        Ok(())
    }

    /// `removed 214 files and 12 folders below library/luna`.
    pub(super) fn sentence(&self) -> String {
        self.told(|deed| match deed {
            Deed::Removed => "removed",
            Deed::Added => "added",
            Deed::Moved => "moved",
            Deed::Saved => "saved",
            Deed::Set => "set",
            Deed::Attributes => "changed attributes of",
            Deed::Rules => "changed the rules of",
            Deed::Words | Deed::Members | Deed::Queries => "changed",
        })
    }

    /// The same, of who takes it back.
    pub(super) fn taken_back(&self) -> String {
        self.told(|deed| match deed {
            Deed::Removed => "brought back",
            Deed::Added => "took away",
            Deed::Moved => "moved back",
            Deed::Saved => "put back the bytes of",
            Deed::Set => "put back",
            Deed::Attributes => "put back attributes of",
            Deed::Rules => "put back the rules of",
            Deed::Words | Deed::Members | Deed::Queries => "put back",
        })
    }

    fn told(&self, verb: impl Fn(Deed) -> &'static str) -> String {
        let one = self.deeds.len() == 1 && self.paths.len() == 1;
        let mut parts = Vec::new();
        for (deed, count) in &self.deeds {
            let what = match deed {
                Deed::Words => plural(count.others, "word"),
                Deed::Members => plural(count.others, "member"),
                Deed::Queries => plural(count.others, "saved view"),
                _ if one && count.files + count.folders + count.others == 1 => String::new(),
                _ => count.told(),
            };
            let facets: Vec<&str> = self.facets.iter().map(String::as_str).collect();
            let facets = if *deed == Deed::Set { format!(" {} of", facets.join(", ")) } else { String::new() };
            parts.push(format!("{}{facets} {what}", verb(*deed)).trim_end().to_owned());
        }
        let place = match common(&self.paths) {
            None => String::new(),
            Some(path) if one => format!(" {path}"),
            Some(path) => format!(" below {path}"),
        };
        if parts.is_empty() { "nothing".to_owned() } else { format!("{}{place}", parts.join(", ")) }
    }
}

impl Count {
    fn told(self) -> String {
        let all = [(self.files, "file"), (self.folders, "folder"), (self.others, "link")];
        let parts: Vec<String> = all.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| plural(n, word)).collect();
        match parts.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            Some((last, _)) => last.clone(),
            None => String::new(),
        }
    }
}

fn plural(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// What a thing is.
fn kind(tx: &dyn ReadTx, thing: &Thing, changes: &[&Change]) -> Result<Option<NodeKind>, OpsError> {
    let relic = changes.iter().find_map(|change| match change {
        Change::Node(node) => node.was.as_ref().or(node.is.as_ref()).map(|relic| relic.kind),
        _ => None,
    });
    Ok(match thing {
        Thing::Asset(_) => Some(NodeKind::File),
        Thing::Node(id) => relic.or(tx.node(*id)?.map(|node| node.kind)),
        _ => None,
    })
}

/// The folder that all of them lie in; of one path that path.
fn common(paths: &BTreeSet<String>) -> Option<String> {
    let (first, last) = (paths.first()?, paths.last()?);
    if first == last {
        return Some(first.clone());
    }
    // In order, so what the ends have in common all have.
    let (mut parts, mut others) = (first.split('/'), last.split('/'));
    let mut out = Vec::new();
    while let (Some(a), Some(b)) = (parts.next(), others.next()) {
        if a != b {
            break;
        }
        out.push(a);
    }
    (!out.is_empty()).then(|| out.join("/"))
}

/// Paths also in folders that are gone: the turn itself says where those were.
struct Paths {
    spots: BTreeMap<NodeId, Spot>,
}

impl Paths {
    fn of(steps: &[Step]) -> Self {
        let spot = |step: &Step| match (&step.thing, &step.change) {
            (Thing::Node(id), Change::Place(place)) => place.is.clone().or(place.was.clone()).map(|spot| (*id, spot)),
            _ => None,
        };
        Self { spots: steps.iter().filter_map(spot).collect() }
    }

    fn path(&mut self, tx: &dyn ReadTx, spot: &Spot) -> Result<Option<String>, OpsError> {
        let mut names = vec![String::from_utf8_lossy(&spot.name).into_owned()];
        let mut at = spot.parent;
        // A loop of the journal's would be damage, and is no reason to hang.
        for _ in 0..=self.spots.len() {
            let there = match at {
                NodeId::INBOX => Some("inbox".to_owned()),
                _ => folders::path_of(tx, at)?,
            };
            if let Some(path) = there {
                names.push(path);
                names.reverse();
                return Ok(Some(names.join("/")));
            }
            let Some(above) = self.spots.get(&at) else { return Ok(None) };
            names.push(String::from_utf8_lossy(&above.name).into_owned());
            at = above.parent;
        }
        Ok(None)
    }
}

/// The facet that a word is of; a member's own words are kept beside everybody's.
pub(super) fn own_word(facet: &str) -> &str {
    facet.split_once(" of ").map_or(facet, |(facet, _)| facet)
}

/// What people call the thing of a step.
pub(super) fn name(tx: &dyn ReadTx, step: &Step) -> Result<String, OpsError> {
    let path = match &step.change {
        Change::Place(place) => match place.was.as_ref().or(place.is.as_ref()) {
            Some(spot) => Paths::of(&[]).path(tx, spot)?,
            None => None,
        },
        _ => None,
    };
    let known = match (&step.thing, path) {
        (_, Some(path)) => Some(path),
        (Thing::Asset(id), None) => match tx.asset(*id)? {
            Some(asset) => Some(folders::path_of_asset(tx, &asset)?.unwrap_or(asset.view_name)),
            None => None,
        },
        (Thing::Node(id), None) => folders::path_of(tx, *id)?,
        (Thing::Word(facet, word), None) => Some(format!("{}={word}", own_word(facet))),
        (Thing::Member(id), None) => tx.member(*id)?.map(|member| member.name),
        (Thing::Saved(_, name), None) => Some(format!("saved/{name}")),
    };
    Ok(known.unwrap_or_else(|| match &step.change {
        Change::Place(place) => place
            .was
            .as_ref()
            .or(place.is.as_ref())
            .map_or_else(String::new, |spot| String::from_utf8_lossy(&spot.name).into_owned()),
        _ => "something".to_owned(),
    }))
}
