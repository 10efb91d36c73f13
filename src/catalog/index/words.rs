//! Which assets have a text in which a word occurs.
//!
//! A word that is searched for has no white space, so it occurs in a text when it occurs in one of the text's tokens, which are what lies
//! between white space. Each token is kept once, all of them in one long text: searching a million texts is searching their tokens.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use memchr::memmem;
use roaring::{MultiOps, RoaringBitmap};

use super::E;

/// The assets that have something: mostly one, and then without a bitmap's cost.
#[derive(Debug, Clone)]
pub(super) enum Assets {
    None,
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Assets {
    pub(super) fn add(&mut self, asset: u32) {
        match self {
            Self::None => *self = Self::One(asset),
            Self::One(one) if *one == asset => {}
            Self::One(one) => *self = Self::Many(Box::new([*one, asset].into_iter().collect())),
            Self::Many(many) => drop(many.insert(asset)),
        }
    }

    pub(super) fn take(&mut self, asset: u32) {
        match self {
            Self::One(one) if *one == asset => *self = Self::None,
            Self::Many(many) => {
                many.remove(asset);
                if many.is_empty() {
                    *self = Self::None;
                }
            }
            _ => {}
        }
    }

    /// How many of them are among others.
    pub(super) fn count_in(&self, within: &RoaringBitmap) -> u64 {
        match self {
            Self::None => 0,
            Self::One(one) => u64::from(within.contains(*one)),
            Self::Many(many) => many.intersection_len(within),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// All of them together.
pub(super) fn union<'a>(all: impl Iterator<Item = &'a Assets>) -> RoaringBitmap {
    let (mut ones, mut many) = (Vec::new(), Vec::new());
    for assets in all {
        match assets {
            Assets::None => {}
            Assets::One(one) => ones.push(*one),
            Assets::Many(bitmap) => many.push(&**bitmap),
        }
    }
    let mut found: RoaringBitmap = many.into_iter().union();
    found.extend(ones);
    found
}

#[derive(Debug, Clone)]
struct Token {
    /// Where it begins in the long text.
    begin: u32,
    assets: Assets,
}

/// The tokens of one field.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// Every token, each with a line break behind it.
    text: String,
    /// In the order of the text. One that no asset has any more stays: it is likely to be had again.
    tokens: Vec<Token>,
    /// Positions in `tokens`, by what they say.
    places: HashTable<usize>,
    hasher: DefaultHashBuilder,
    /// The assets with any text.
    some: RoaringBitmap,
}

impl Words {
    fn end_of(text: &str, token: &Token) -> usize {
        let begin = usize::try_from(token.begin).unwrap_or(usize::MAX);
        text.get(begin..).and_then(|rest| rest.find('\n')).map_or(begin, |len| begin + len)
    }

    fn said<'a>(text: &'a str, token: &Token) -> &'a str {
        let begin = usize::try_from(token.begin).unwrap_or(usize::MAX);
        text.get(begin..Self::end_of(text, token)).unwrap_or_default()
    }

    fn find(&self, said: &str) -> Option<usize> {
        let is_it = |place: &usize| self.tokens.get(*place).is_some_and(|t| Self::said(&self.text, t) == said);
        self.places.find(self.hasher.hash_one(said), is_it).copied()
    }

    fn place(&mut self, said: &str) -> Result<usize, E> {
        if let Some(place) = self.find(said) {
            return Ok(place);
        }
        let begin =
            u32::try_from(self.text.len()).map_err(|_| E::Engine("the texts are more than the index takes".into()))?;
        let place = self.tokens.len();
        self.text.push_str(said);
        self.text.push('\n');
        self.tokens.push(Token { begin, assets: Assets::None });
        let Self { text, tokens, places, hasher, .. } = self;
        let hash_of = |place: &usize| hasher.hash_one(tokens.get(*place).map_or("", |t| Self::said(text, t)));
        places.insert_unique(hasher.hash_one(said), place, hash_of);
        Ok(place)
    }

    /// An asset's text was this and is that, both folded.
    pub(super) fn apply(&mut self, was: &str, is: &str, asset: u32) -> Result<(), E> {
        if was == is {
            return Ok(());
        }
        let tokens = |text| str::split_whitespace(text).collect::<BTreeSet<&str>>();
        let (old, new) = (tokens(was), tokens(is));
        for gone in old.difference(&new) {
            if let Some(token) = self.find(gone).and_then(|place| self.tokens.get_mut(place)) {
                token.assets.take(asset);
            }
        }
        for more in new.difference(&old) {
            let place = self.place(more)?;
            if let Some(token) = self.tokens.get_mut(place) {
                token.assets.add(asset);
            }
        }
        if is.is_empty() {
            self.some.remove(asset);
        } else {
            self.some.insert(asset);
        }
        Ok(())
    }

    pub(super) const fn some(&self) -> &RoaringBitmap {
        &self.some
    }

    /// The assets in whose text a word occurs, which has no white space and is not empty.
    pub(super) fn having(&self, word: &str) -> RoaringBitmap {
        let (finder, text) = (memmem::Finder::new(word), self.text.as_bytes());
        let mut hits = Vec::new();
        let (mut from, mut place) = (0, 0);
        while let Some(at) = text.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at) {
            let begins_before = |token: &Token| usize::try_from(token.begin).is_ok_and(|begin| begin <= at);
            place += self.tokens.get(place..).map_or(0, |rest| rest.partition_point(begins_before));
            let Some(token) = place.checked_sub(1).and_then(|last| self.tokens.get(last)) else { break };
            hits.push(&token.assets);
            // Once in a token is enough.
            from = Self::end_of(&self.text, token);
        }
        union(hits.into_iter())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn found(words: &Words, word: &str) -> Vec<u32> {
        words.having(word).into_iter().collect()
    }

    #[test]
    fn a_word_is_found_wherever_it_occurs() {
        let mut words = Words::default();
        for (asset, text) in [(1, "red dress"), (2, "a dresser\nréd"), (70_000, "redress dress"), (4, "")] {
            words.apply("", text, asset).unwrap();
        }
        assert_eq!(found(&words, "dress"), [1, 2, 70_000]);
        assert_eq!(found(&words, "red"), [1, 70_000]);
        assert_eq!(found(&words, "é"), [2]);
        assert_eq!(found(&words, "er"), [2]);
        assert_eq!(found(&words, "blue"), [0; 0]);
        assert_eq!(words.some().iter().collect::<Vec<_>>(), [1, 2, 70_000]);
    }

    #[test]
    fn what_a_text_says_no_more_is_not_found() {
        let mut words = Words::default();
        words.apply("", "red dress dress", 1).unwrap();
        words.apply("", "dress", 2).unwrap();
        words.apply("red dress dress", "red hat", 1).unwrap();
        assert_eq!(found(&words, "dress"), [2]);
        words.apply("red hat", "", 1).unwrap();
        assert_eq!((found(&words, "red"), found(&words, "hat")), (vec![], vec![]));
        words.apply("", "red", 3).unwrap();
        assert_eq!(found(&words, "red"), [3]);
        assert_eq!(words.some().iter().collect::<Vec<_>>(), [2, 3]);
    }
}
