//! Extended attributes that are the record: what Dolphin's tag panel and `setfattr` write becomes facets, what facets say is what they read.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use super::{OpsError, conflicts, terms, value as values};
use crate::access::Who;
use crate::catalog::{Asset, CatalogError, ReadTx, WriteTx, Xattr};
use crate::policy::{Field, Glossary};
use crate::types::{AssetId, MemberId, NodeId};

/// Comma-separated tags (freedesktop; Dolphin, Baloo).
const TAGS: &[u8] = b"user.xdg.tags";
/// A caption (freedesktop).
const COMMENT: &[u8] = b"user.xdg.comment";
/// 0 to 10, two for each star (Dolphin, Baloo).
const STARS: &[u8] = b"user.baloo.rating";
/// Dublin Core (freedesktop). Its `subject` and `description` are the tags and the comment under other names.
const DUBLIN_CORE: &[u8] = b"user.dublincore.";
const SUBJECT: &[u8] = b"user.dublincore.subject";
const DESCRIPTION: &[u8] = b"user.dublincore.description";

/// What the field of stars is called.
const STARS_FIELD: &str = "stars";
/// Most properties of one record that attributes make.
const MAX_PROPERTIES: usize = 64;

/// The asset's id; readable, never listed, so that copies do not carry it.
pub const ID: &[u8] = b"user.dam.id";

/// What of the record an attribute is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Facet {
    Tags,
    Comment,
    Stars,
    /// A free text of that name.
    Property(String),
}

impl Facet {
    /// `None` of an attribute that is the file's rather than the record's.
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        match name {
            TAGS | SUBJECT => Some(Self::Tags),
            COMMENT | DESCRIPTION => Some(Self::Comment),
            STARS => Some(Self::Stars),
            _ => {
                let text = std::str::from_utf8(name.strip_prefix(DUBLIN_CORE)?).ok()?;
                (!text.is_empty() && !text.contains(char::is_control)).then(|| Self::Property(text.to_owned()))
            }
        }
    }

    /// What a conflict about it is called; of tags there is none, they are united.
    fn field(&self) -> Option<&str> {
        match self {
            Self::Tags => None,
            Self::Comment => Some(conflicts::NOTE),
            Self::Stars => Some(STARS_FIELD),
            Self::Property(name) => conflicts::of_property(name),
        }
    }

    /// The value that the record gives for it.
    #[must_use]
    pub fn get(&self, asset: &Asset) -> Option<Vec<u8>> {
        match self {
            Self::Tags if asset.tags.is_empty() => None,
            Self::Tags => {
                Some(asset.tags.iter().map(|t| t.replace(',', "%2C")).collect::<Vec<_>>().join(",").into_bytes())
            }
            Self::Comment => asset.notes.clone().filter(|n| !n.is_empty()).map(String::into_bytes),
            Self::Stars => asset.stars.map(|stars| stars.to_string().into_bytes()),
            Self::Property(name) => asset.properties.get(name).cloned().map(String::into_bytes),
        }
    }
}

/// Whether an attribute is the file's rather than its record's; an empty one marks by which of its names the record's was set.
#[must_use]
pub fn is_not_mapped(name: &[u8], value: &[u8]) -> bool {
    value.is_empty() || Facet::of(name).is_none()
}

/// The attributes of a file but for those that are its record, or are on their way there.
///
/// # Errors
/// When the catalogue fails.
pub fn not_mapped(tx: &dyn ReadTx, node: NodeId) -> Result<Vec<Xattr>, CatalogError> {
    Ok(tx.xattrs(node)?.into_iter().filter(|(name, value)| is_not_mapped(name, value)).collect())
}

/// The names under which an asset's file lists what the record has. One that has two is listed under the one that it was last set by,
/// so that a program which compares names with those that it set takes nothing away; `marks` are the names that the file keeps.
#[must_use]
pub fn list(asset: &Asset, marks: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let marked = |name: &[u8]| marks.iter().any(|mark| mark == name);
    let spelled = |plain, other| if marked(other) { other } else { plain };
    let named: [(Facet, &[u8]); 3] =
        [(Facet::Tags, spelled(TAGS, SUBJECT)), (Facet::Comment, spelled(COMMENT, DESCRIPTION)), (Facet::Stars, STARS)];
    let set = named.into_iter().filter(|(facet, _)| facet.get(asset).is_some()).map(|(_, name)| name.to_vec());
    set.chain(asset.properties.keys().map(|name| [DUBLIN_CORE, name.as_bytes()].concat())).collect()
}

/// Keeps with the file by which of its two names a value was set last.
///
/// # Errors
/// When the catalogue fails.
pub fn mark(tx: &mut dyn WriteTx, node: NodeId, name: &[u8]) -> Result<(), OpsError> {
    match name {
        SUBJECT | DESCRIPTION => tx.set_xattr(node, name, b"")?,
        TAGS => drop(tx.remove_xattr(node, SUBJECT)?),
        COMMENT => drop(tx.remove_xattr(node, DESCRIPTION)?),
        _ => {}
    }
    Ok(())
}

/// The values last served, by member and asset: what he changed is told from what he merely had not seen. A memory only.
#[derive(Default)]
pub struct Served(Mutex<HashMap<Seen, Vec<u8>>>);

/// Who saw which attribute of what.
type Seen = (MemberId, AssetId, Facet);

/// Values that are remembered; beyond, all are forgotten, and setting unites.
const SERVED: usize = 65_536;

impl Served {
    /// Remembers what a member was served, or what he set.
    pub fn note(&self, member: MemberId, asset: AssetId, facet: &Facet, value: &[u8]) {
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if served.len() >= SERVED {
            served.clear();
        }
        served.insert((member, asset, facet.clone()), value.to_vec());
    }

    /// What he was served last.
    #[must_use]
    pub fn base(&self, member: MemberId, asset: AssetId, facet: &Facet) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(member, asset, facet.clone())).cloned()
    }
}

/// How the tags of an attribute are read.
#[derive(Clone, Copy)]
pub enum Words<'a> {
    /// As a member may give them.
    Given(&'a dyn ReadTx, &'a Who),
    /// As they are, with terms in the place of aliases.
    Brought(&'a Glossary),
}

impl Words<'_> {
    fn canonical(&self, tag: &str) -> String {
        match self {
            Self::Given(_, who) => who.subject.glossary().canonical(&Field::Tag, tag),
            Self::Brought(glossary) => glossary.canonical(&Field::Tag, tag),
        }
    }

    fn check(&self, tag: &str) -> Result<(), OpsError> {
        values::check_tag(tag)?;
        match self {
            Self::Given(tx, who) => terms::admit(*tx, who, &Field::Tag, tag).map(drop),
            Self::Brought(_) => Ok(()),
        }
    }
}

/// Puts a value into the record, or with `None` takes it out, merged three ways: what others changed since the `base` stays. Without a
/// base tags are united, one value is replaced, and taking out takes all. Returns whether anything changed.
///
/// # Errors
/// [`OpsError::Usage`] for a value that `dam tag add` or `dam set` would refuse; what is in the record already is no new value.
pub fn merge(
    asset: &mut Asset,
    facet: &Facet,
    value: Option<&[u8]>,
    base: Option<&[u8]>,
    words: &Words<'_>,
) -> Result<bool, OpsError> {
    // A value set as it was read undoes nothing.
    let unchanged = value.is_some() && value == base;
    let changed = match facet {
        Facet::Tags => {
            let read = |value| -> Result<BTreeSet<String>, OpsError> {
                Ok(parse_tags(value)?.iter().map(|tag| words.canonical(tag)).collect())
            };
            let had: BTreeSet<String> = asset.tags.iter().map(|tag| words.canonical(tag)).collect();
            let wanted = value.map(read).transpose()?.unwrap_or_default();
            wanted.difference(&had).try_for_each(|tag| words.check(tag))?;
            let base = match (base, value) {
                (Some(base), _) => read(base)?,
                (None, Some(_)) => BTreeSet::new(),
                (None, None) => had.clone(),
            };
            let stays = |tag: &&String| {
                let tag = words.canonical(tag);
                wanted.contains(&tag) || !base.contains(&tag)
            };
            let comes = wanted.difference(&base).filter(|tag| !had.contains(*tag));
            let merged: BTreeSet<String> = asset.tags.iter().filter(stays).chain(comes).cloned().collect();
            let changed = merged != asset.tags;
            asset.tags = merged;
            changed
        }
        Facet::Comment => {
            let notes = value.map(plain).transpose()?.flatten();
            !unchanged && replace(&mut asset.notes, notes)
        }
        Facet::Stars => {
            let stars = value.map(parse_stars).transpose()?.flatten();
            !unchanged && replace(&mut asset.stars, stars)
        }
        Facet::Property(name) => {
            let text = value.map(plain).transpose()?.flatten();
            let mut slot = asset.properties.remove(name);
            let is_full = slot.is_none() && text.is_some() && asset.properties.len() >= MAX_PROPERTIES;
            let changed = !unchanged && !is_full && replace(&mut slot, text);
            asset.properties.extend(slot.map(|text| (name.clone(), text)));
            if is_full {
                return Err(OpsError::usage(
                    format!("the record has {MAX_PROPERTIES} properties already"),
                    "take one out first: setfattr -x user.dublincore.NAME FILE",
                ));
            }
            changed
        }
    };
    // Whoever sets a value has decided what both sides said of it.
    let decided = !unchanged && facet.field().is_some_and(|field| asset.conflicts.remove(field).is_some());
    Ok(changed || decided)
}

fn replace<T: PartialEq>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let changed = *slot != value;
    *slot = value;
    changed
}

/// Whether a value may be set on a file that is no asset yet, to be absorbed by its record.
///
/// # Errors
/// As [`merge`].
pub fn check(name: &[u8], value: &[u8], words: &Words<'_>) -> Result<(), OpsError> {
    match Facet::of(name) {
        Some(Facet::Tags) => parse_tags(value)?.iter().try_for_each(|tag| words.check(tag)),
        Some(Facet::Comment | Facet::Property(_)) => plain(value).map(drop),
        Some(Facet::Stars) => parse_stars(value).map(drop),
        None => Ok(()),
    }
}

/// Takes what was set on a file before it was an asset (rsync sets attributes on its temporary file) into the record:
/// tags are united, any other value fills an empty one.
///
/// # Errors
/// When the catalogue fails.
pub fn absorb(tx: &mut dyn WriteTx, asset: &mut Asset, node: NodeId, glossary: &Glossary) -> Result<(), OpsError> {
    for name in read_off(tx, asset, node, glossary)? {
        tx.remove_xattr(node, &name)?;
        mark(tx, node, &name)?;
    }
    Ok(())
}

/// What [`absorb`] makes of the record; the attributes that it takes.
///
/// # Errors
/// When the catalogue fails.
pub fn read_off(
    tx: &dyn ReadTx,
    asset: &mut Asset,
    node: NodeId,
    glossary: &Glossary,
) -> Result<Vec<Vec<u8>>, OpsError> {
    let mut taken = Vec::new();
    for (name, value) in tx.xattrs(node)? {
        let Some(facet) = Facet::of(&name) else { continue };
        let full = matches!(facet, Facet::Property(_)) && asset.properties.len() >= MAX_PROPERTIES;
        if !full && (facet == Facet::Tags || facet.get(asset).is_none()) {
            merge(asset, &facet, Some(&value), None, &Words::Brought(glossary))?;
        }
        taken.push(name);
    }
    Ok(taken)
}

fn text(value: &[u8]) -> Result<&str, OpsError> {
    std::str::from_utf8(value).map_err(|_| OpsError::usage("the value is no UTF-8", "write it as UTF-8"))
}

/// A free text; an empty one is none.
fn plain(value: &[u8]) -> Result<Option<String>, OpsError> {
    Ok(Some(text(value)?).filter(|text| !text.is_empty()).map(str::to_owned))
}

fn parse_stars(value: &[u8]) -> Result<Option<u8>, OpsError> {
    let Some(text) = plain(value)? else { return Ok(None) };
    let stars = values::check(&Field::Stars, &text)?;
    Ok(stars.parse().ok())
}

fn parse_tags(value: &[u8]) -> Result<BTreeSet<String>, OpsError> {
    let tags = text(value)?
        .split(',')
        .map(|t| t.trim().replace("%2C", ",").split('/').filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/"))
        .filter(|t| !t.is_empty())
        .collect();
    Ok(tags)
}
