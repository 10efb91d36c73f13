//! What tags and views are by the page alone: files have values, views show who has theirs, and each operation says which values come and go.

use std::collections::{BTreeMap, BTreeSet};

use self::Facet::{Persona, Rating, Tag};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facet {
    Tag,
    Persona,
    Rating,
}

impl Facet {
    pub const ALL: [Self; 3] = [Tag, Persona, Rating];

    pub fn name(self) -> &'static str {
        match self {
            Tag => "tag",
            Persona => "persona",
            Rating => "rating",
        }
    }

    /// Whether its values are words that people make.
    fn is_open(self) -> bool {
        self != Rating
    }
}

const RATINGS: [&str; 3] = ["safe", "suggestive", "adult"];

pub type Term = (Facet, &'static str);
type Taken = Vec<(Facet, String)>;

/// A directory that shows what satisfies its query.
#[derive(Debug)]
pub struct View {
    pub path: &'static str,
    /// As `dam find` is asked for it.
    pub query: &'static str,
    pub shows: Shows,
}

#[derive(Debug)]
pub enum Shows {
    /// Plain values: what a file put there gets, the last of them being what it loses when it is removed there.
    All(&'static [Term]),
    Not(Term),
    Either(Term, Term),
    None(Facet),
    /// Ratings up to one.
    UpTo(&'static str),
    /// What follows from the bytes, and is true of all files here.
    Everything,
}

pub static VIEWS: [View; 21] = [
    View { path: "/by/tag/sea", query: "tag=sea", shows: Shows::All(&[(Tag, "sea")]) },
    View { path: "/by/tag/sea/beach", query: "tag=sea.beach", shows: Shows::All(&[(Tag, "sea/beach")]) },
    View { path: "/by/tag/sun", query: "tag=sun", shows: Shows::All(&[(Tag, "sun")]) },
    View { path: "/by/tag/sun/sea", query: "tag=sun.sea", shows: Shows::All(&[(Tag, "sun/sea")]) },
    View { path: "/by/persona/luna", query: "persona=luna", shows: Shows::All(&[(Persona, "luna")]) },
    View { path: "/by/persona/mira", query: "persona=mira", shows: Shows::All(&[(Persona, "mira")]) },
    View { path: "/by/rating/safe", query: "rating=safe", shows: Shows::All(&[(Rating, "safe")]) },
    View { path: "/by/rating/adult", query: "rating=adult", shows: Shows::All(&[(Rating, "adult")]) },
    View {
        path: "/by/persona/luna/+and/tag/sun",
        query: "persona=luna,tag=sun",
        shows: Shows::All(&[(Persona, "luna"), (Tag, "sun")]),
    },
    View {
        path: "/by/tag/sun/+and/rating/safe",
        query: "tag=sun,rating=safe",
        shows: Shows::All(&[(Tag, "sun"), (Rating, "safe")]),
    },
    View {
        path: "/by/tag/sun/+and/tag/sea.beach",
        query: "tag=sun,tag=sea.beach",
        shows: Shows::All(&[(Tag, "sun"), (Tag, "sea/beach")]),
    },
    View { path: "/find/tag=sea", query: "tag=sea", shows: Shows::All(&[(Tag, "sea")]) },
    View {
        path: "/find/tag=sea,persona=mira",
        query: "tag=sea,persona=mira",
        shows: Shows::All(&[(Tag, "sea"), (Persona, "mira")]),
    },
    View {
        path: "/find/rating=adult,tag=sun",
        query: "rating=adult,tag=sun",
        shows: Shows::All(&[(Rating, "adult"), (Tag, "sun")]),
    },
    View { path: "/find/not.tag=sea", query: "not.tag=sea", shows: Shows::Not((Tag, "sea")) },
    View { path: "/find/tag=sea+sun", query: "tag=sea+sun", shows: Shows::Either((Tag, "sea"), (Tag, "sun")) },
    View { path: "/by/tag/none", query: "tag=none", shows: Shows::None(Tag) },
    View { path: "/by/rating/none", query: "rating=none", shows: Shows::None(Rating) },
    View { path: "/find/persona=none", query: "persona=none", shows: Shows::None(Persona) },
    View { path: "/find/rating=min..suggestive", query: "rating=min..suggestive", shows: Shows::UpTo("suggestive") },
    View { path: "/by/kind/other", query: "kind=other", shows: Shows::Everything },
];

impl View {
    /// The values that a file put here gets; none when the view cannot say.
    pub fn sets(&self) -> Option<&'static [Term]> {
        match self.shows {
            Shows::All(sets) => Some(sets),
            _ => None,
        }
    }

    /// The facet of which its files have no value: who gets one is moved out.
    fn lacks(&self) -> Option<Facet> {
        match self.shows {
            Shows::None(facet) => Some(facet),
            _ => None,
        }
    }

    fn names(&self) -> Vec<Term> {
        match self.shows {
            Shows::All(terms) => terms.to_vec(),
            Shows::Not(term) => vec![term],
            Shows::Either(a, b) => vec![a, b],
            Shows::None(_) | Shows::UpTo(_) | Shows::Everything => Vec::new(),
        }
    }
}

/// What a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum No {
    NotFound,
    NotPermitted,
    Exists,
    NotEmpty,
    Invalid,
}

#[derive(Debug)]
pub struct Asset {
    /// Its folder in `library/`, with a slash behind it.
    pub folder: String,
    values: BTreeSet<(Facet, String)>,
}

impl Asset {
    pub fn lying_in(folder: &str) -> Self {
        Self { folder: folder.to_owned(), values: BTreeSet::new() }
    }

    pub fn of(&self, facet: Facet) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(f, _)| *f == facet).map(|(_, value)| value.as_str())
    }

    fn has(&self, (facet, value): (Facet, &str)) -> bool {
        self.of(facet).any(|own| is_within(facet, own, value))
    }

    pub fn give(&mut self, (facet, value): (Facet, &str)) {
        if facet == Rating {
            self.values.retain(|(f, _)| *f != Rating);
        }
        self.values.insert((facet, value.to_owned()));
    }

    /// Takes a value and, of tags, those below it. What was taken.
    fn take(&mut self, (facet, value): (Facet, &str)) -> Taken {
        let taken: Taken =
            self.values.iter().filter(|(f, own)| *f == facet && is_within(facet, own, value)).cloned().collect();
        self.values.retain(|one| !taken.contains(one));
        taken
    }

    pub fn take_exactly(&mut self, (facet, value): (Facet, &str)) {
        self.values.remove(&(facet, value.to_owned()));
    }
}

fn is_within(facet: Facet, own: &str, value: &str) -> bool {
    own == value || facet == Tag && own.strip_prefix(value).is_some_and(|rest| rest.starts_with('/'))
}

/// Milliseconds for which a name that was removed from a view leads back to what was taken there.
const TUNNEL_MS: i64 = 15_000;

#[derive(Debug, Default)]
pub struct Tags {
    /// By their names, which no two share.
    pub assets: BTreeMap<String, Asset>,
    /// Words that stay without a use.
    words: BTreeSet<(Facet, String)>,
    /// By view and name: when it was removed there, and what that took.
    removed: BTreeMap<(&'static str, String), (i64, Taken)>,
}

impl Tags {
    /// Every value that something has and every word, with the tags above.
    pub fn listed(&self, facet: Facet) -> BTreeSet<String> {
        let used = self.assets.values().flat_map(|asset| asset.of(facet));
        let words = self.words.iter().filter(|(f, _)| *f == facet).map(|(_, word)| word.as_str());
        let with_above = used.chain(words).flat_map(|value| {
            let ends = value.match_indices('/').map(|(at, _)| at).chain([value.len()]);
            ends.map(|end| value[..end].to_owned())
        });
        with_above.collect()
    }

    pub fn exists(&self, (facet, value): (Facet, &str)) -> bool {
        if facet == Rating { RATINGS.contains(&value) } else { self.listed(facet).contains(value) }
    }

    /// Whether the directory is there.
    pub fn resolves(&self, view: &View) -> bool {
        view.names().into_iter().all(|term| self.exists(term))
            && (!matches!(view.shows, Shows::Everything) || !self.assets.is_empty())
    }

    fn satisfies(asset: &Asset, view: &View) -> bool {
        match view.shows {
            Shows::All(terms) => terms.iter().all(|term| asset.has(*term)),
            Shows::Not(term) => !asset.has(term),
            Shows::Either(a, b) => asset.has(a) || asset.has(b),
            Shows::None(facet) => asset.of(facet).next().is_none(),
            Shows::UpTo(most) => {
                let place = |rating: &str| RATINGS.iter().position(|known| *known == rating);
                asset.of(Rating).any(|own| place(own) <= place(most))
            }
            Shows::Everything => true,
        }
    }

    pub fn shows(&self, view: &View, name: &str) -> bool {
        self.assets.get(name).is_some_and(|asset| Self::satisfies(asset, view))
    }

    pub fn files(&self, view: &View) -> BTreeSet<String> {
        self.assets.iter().filter(|(_, asset)| Self::satisfies(asset, view)).map(|(name, _)| name.clone()).collect()
    }

    /// Whether something has no value of a facet.
    pub fn any_without(&self, facet: Facet) -> bool {
        self.assets.values().any(|asset| asset.of(facet).next().is_none())
    }

    pub fn with(&self, term: (Facet, &str)) -> BTreeSet<String> {
        self.assets.iter().filter(|(_, asset)| asset.has(term)).map(|(name, _)| name.clone()).collect()
    }

    fn shown(&mut self, view: &View, name: &str) -> Result<&mut Asset, No> {
        if !self.resolves(view) || !self.shows(view, name) {
            return Err(No::NotFound);
        }
        self.assets.get_mut(name).ok_or(No::NotFound)
    }

    /// A new file with a name that nothing has.
    pub fn create(&mut self, view: &View, name: &str, folder: &str) -> Result<(), No> {
        if !self.resolves(view) {
            return Err(No::NotFound);
        }
        let mut asset = Asset::lying_in(folder);
        view.sets().ok_or(No::NotPermitted)?.iter().for_each(|term| asset.give(*term));
        self.assets.insert(name.to_owned(), asset);
        Ok(())
    }

    /// A copy of the same bytes under the same name, or with `link` another link to it. What was removed there a moment ago has back what
    /// that took.
    pub fn copy(&mut self, name: &str, view: &View, now: i64, link: bool) -> Result<(), No> {
        if !self.resolves(view) {
            return Err(No::NotFound);
        }
        if self.shows(view, name) {
            return if link { Err(No::Exists) } else { Ok(()) };
        }
        let back = (!link).then(|| self.removed.remove(&(view.path, name.to_owned()))).flatten();
        let back = back.filter(|(at, _)| now - at < TUNNEL_MS).map(|(_, taken)| taken);
        let sets = view.sets().ok_or(No::NotPermitted)?;
        let asset = self.assets.get_mut(name).ok_or(No::NotFound)?;
        for (facet, value) in back.unwrap_or_default() {
            asset.give((facet, &value));
        }
        for term in sets {
            if !asset.has(*term) {
                asset.give(*term);
            }
        }
        Ok(())
    }

    pub fn remove(&mut self, view: &View, name: &str, now: i64) -> Result<(), No> {
        let asset = self.shown(view, name)?;
        let (facet, value) = *view.sets().and_then(|sets| sets.last()).ok_or(No::NotPermitted)?;
        let taken = asset.take((facet, value));
        self.keep(facet, value);
        self.removed.insert((view.path, name.to_owned()), (now, taken));
        Ok(())
    }

    fn keep(&mut self, facet: Facet, value: &str) {
        if facet.is_open() {
            self.words.insert((facet, value.to_owned()));
        }
    }

    /// From one view to another. Two names of one file: nothing happens.
    pub fn move_between(&mut self, from: &View, to: &View, name: &str) -> Result<(), No> {
        if !self.resolves(to) {
            return Err(No::NotFound);
        }
        let is_there = self.shows(to, name);
        let asset = self.shown(from, name)?;
        if is_there {
            return Ok(());
        }
        let to = to.sets().ok_or(No::NotPermitted)?;
        let is_given = |lacks| to.iter().any(|(facet, _)| *facet == lacks);
        let from = match from.lacks().filter(|lacks| is_given(*lacks)) {
            Some(_) => &[],
            None => from.sets().ok_or(No::NotPermitted)?,
        };
        let left = |(facet, _): &Term| *facet != Rating || to.iter().any(|(other, _)| other == facet);
        let left: Vec<Term> = from.iter().filter(|term| !to.contains(term) && left(term)).copied().collect();
        left.iter().for_each(|term| drop(asset.take(*term)));
        to.iter().filter(|term| !from.contains(term)).for_each(|term| asset.give(*term));
        left.into_iter().for_each(|(facet, value)| self.keep(facet, value));
        Ok(())
    }

    /// From its folder into a view.
    pub fn move_in(&mut self, name: &str, to: &View) -> Result<(), No> {
        if !self.resolves(to) {
            return Err(No::NotFound);
        }
        if self.shows(to, name) {
            return Ok(());
        }
        let sets = to.sets().ok_or(No::NotPermitted)?;
        let asset = self.assets.get_mut(name).ok_or(No::NotFound)?;
        sets.iter().for_each(|term| asset.give(*term));
        Ok(())
    }

    /// From a view into a folder: the asset moves, its values stay.
    pub fn move_out(&mut self, from: &View, name: &str, folder: &str) -> Result<(), No> {
        folder.clone_into(&mut self.shown(from, name)?.folder);
        Ok(())
    }

    fn above_exists(&self, facet: Facet, value: &str) -> bool {
        value.rsplit_once('/').is_none_or(|(above, _)| self.exists((facet, above)))
    }

    pub fn make_word(&mut self, facet: Facet, value: &str) -> Result<(), No> {
        if !self.above_exists(facet, value) {
            return Err(No::NotFound);
        }
        if self.exists((facet, value)) {
            return Err(No::Exists);
        }
        if !facet.is_open() {
            return Err(No::NotPermitted);
        }
        self.keep(facet, value);
        Ok(())
    }

    pub fn remove_word(&mut self, facet: Facet, value: &str) -> Result<(), No> {
        if !self.exists((facet, value)) {
            return Err(No::NotFound);
        }
        if !facet.is_open() {
            return Err(No::NotPermitted);
        }
        let is_used = !self.with((facet, value)).is_empty();
        let has_below =
            self.words.iter().any(|(f, word)| *f == facet && word != value && is_within(facet, word, value));
        if is_used || has_below {
            return Err(No::NotEmpty);
        }
        self.words.remove(&(facet, value.to_owned()));
        Ok(())
    }

    pub fn rename_value(&mut self, (facet, from): (Facet, &str), (other, to): (Facet, &str)) -> Result<(), No> {
        if !self.above_exists(facet, from) || !self.above_exists(other, to) || !self.exists((facet, from)) {
            return Err(No::NotFound);
        }
        if (facet, from) == (other, to) {
            return Ok(());
        }
        if !facet.is_open() || facet != other {
            return Err(No::NotPermitted);
        }
        if self.exists((facet, to)) {
            return Err(No::Exists);
        }
        if is_within(facet, to, from) {
            return Err(No::Invalid);
        }
        let rename = |values: &BTreeSet<(Facet, String)>| {
            let one = |(f, value): &(Facet, String)| match value.strip_prefix(from) {
                Some(rest) if *f == facet && is_within(facet, value, from) => (*f, format!("{to}{rest}")),
                _ => (*f, value.clone()),
            };
            values.iter().map(one).collect()
        };
        self.words = rename(&self.words);
        self.assets.values_mut().for_each(|asset| asset.values = rename(&asset.values));
        Ok(())
    }
}
