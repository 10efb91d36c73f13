//! The terms of one field.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::{Entry, Refusal};

/// The terms of one field and how they hang together. Aliases hide no term, and neither aliases nor implications run in a circle
/// ([`super::book`] refuses what would), so every walk over them ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vocabulary {
    /// Whether a value may be a path of levels with `/` between them.
    pub tree: bool,
    /// Whether nothing but terms is taken.
    pub strict: bool,
    pub terms: BTreeMap<String, Entry>,
    /// Every alias and its term.
    pub aliases: BTreeMap<String, String>,
    /// Every term that others imply, and those.
    pub implied_by: BTreeMap<String, BTreeSet<String>>,
}

/// Whether a path is another or lies below it.
pub(super) fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Vocabulary {
    /// The value and, of a tree, the levels above it, the longest first; each with what is below it (`""`, `/rest`).
    pub fn heads<'v>(&self, value: &'v str) -> impl Iterator<Item = (&'v str, &'v str)> {
        let tree = self.tree;
        let above = value.rmatch_indices('/').filter(move |_| tree).map(move |(at, _)| value.split_at(at));
        std::iter::once((value, "")).chain(above)
    }

    /// What of a map is a value or, of a tree, lies below it.
    fn within<'m, T>(&self, map: &'m BTreeMap<String, T>, value: &str) -> impl Iterator<Item = (&'m String, &'m T)> {
        let below = format!("{value}/");
        let rest = map.range::<str, _>((Bound::Excluded(below.as_str()), Bound::Unbounded));
        let rest = rest.take_while(move |(key, _)| key.starts_with(&below));
        map.get_key_value(value).into_iter().chain(rest.take(if self.tree { usize::MAX } else { 0 }))
    }

    pub fn is_plain(&self) -> bool {
        self.aliases.is_empty() && self.implied_by.is_empty()
    }

    pub fn knows(&self, value: &str) -> bool {
        self.within(&self.terms, value).next().is_some()
    }

    pub fn has_alias_below(&self, value: &str) -> bool {
        self.within(&self.aliases, value).next().is_some()
    }

    pub fn words(&self) -> BTreeSet<String> {
        let live = self.terms.iter().filter(|(_, entry)| !entry.retired);
        live.flat_map(|(name, entry)| {
            let below = entry.values.iter().map(move |level| format!("{name}/{level}"));
            below.chain([name.clone()])
        })
        .collect()
    }

    /// The value that an alias stands for, in one step.
    fn unaliased(&self, value: &str) -> Option<String> {
        self.heads(value).find_map(|(head, rest)| Some(format!("{}{rest}", self.aliases.get(head)?)))
    }

    pub fn canonical(&self, value: &str) -> String {
        let mut value = value.to_owned();
        // No term lies within an alias, so each further step uses up a level of what is behind the term.
        while let Some(next) = self.unaliased(&value) {
            value = next;
        }
        value
    }

    pub fn told(&self, value: &str) -> BTreeSet<String> {
        let mut told = BTreeSet::new();
        let mut next = vec![value.to_owned()];
        while let Some(value) = next.pop() {
            if told.contains(&value) {
                continue;
            }
            for (head, rest) in self.heads(&value) {
                next.extend(self.aliases.get(head).map(|term| format!("{term}{rest}")));
                next.extend(self.terms.get(head).into_iter().flat_map(|entry| entry.implies.iter().cloned()));
            }
            told.insert(value);
        }
        told
    }

    /// The values that tell this one; of a tree each with all below it.
    pub fn sources(&self, value: &str) -> BTreeSet<String> {
        let mut sources: BTreeSet<String> = BTreeSet::new();
        let mut next = vec![self.canonical(value)];
        while let Some(value) = next.pop() {
            if self.heads(&value).any(|(head, _)| sources.contains(head)) {
                continue;
            }
            next.extend(self.within(&self.implied_by, &value).flat_map(|(_, by)| by.iter().cloned()));
            let at_or_below = self.within(&self.terms, &value).flat_map(|(_, entry)| entry.aliases.iter().cloned());
            next.extend(at_or_below);
            for (head, rest) in self.heads(&value).skip(1) {
                let aliases = self.terms.get(head).into_iter().flat_map(|entry| &entry.aliases);
                next.extend(aliases.map(|alias| format!("{alias}{rest}")));
            }
            sources.insert(value);
        }
        sources
    }

    pub fn admit(&self, value: &str) -> Result<String, Refusal> {
        let value = self.canonical(value);
        let mut listed = false;
        for (head, rest) in self.heads(&value) {
            let Some(entry) = self.terms.get(head) else { continue };
            if entry.retired {
                return Err(Refusal::Retired { term: head.to_owned(), instead: entry.replaced_by.clone() });
            }
            let level = rest.trim_start_matches('/').split('/').next().filter(|level| !level.is_empty());
            if let Some(level) = level.filter(|_| !entry.values.is_empty()) {
                if !entry.values.contains(level) {
                    let values = entry.values.iter().map(|level| format!("{head}/{level}")).collect();
                    return Err(Refusal::NotBelow { tag: head.to_owned(), values });
                }
                listed |= rest.len() == level.len() + 1;
            }
        }
        if self.strict && !listed && !self.terms.contains_key(&value) {
            return Err(Refusal::NoTerm);
        }
        Ok(value)
    }
}
