//! Which assets have a text in which a word occurs.
//!
//! Of an asset two texts are searched: its prompt, and all its texts, the prompt among them. What only the others say is kept beside what the
//! prompt says, so that a prompt's words are kept once.
//!
//! A word that is searched for has no white space, so it occurs in a text when it occurs in one of the text's tokens, which are what lies
//! between white space. Each token is kept once, all of them in one long text: searching a million texts is searching their tokens.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use memchr::memmem;
use roaring::{MultiOps, RoaringBitmap};

use super::E;

/// The texts of the assets.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    pub(super) prompts: Words,
    /// What is in no prompt of the same asset.
    pub(super) others: Words,
    /// The assets with any text.
    pub(super) some: RoaringBitmap,
    /// The assets with a prompt.
    pub(super) prompted: RoaringBitmap,
}

/// An asset's texts that are searched, folded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<'a> {
    /// All of them, the prompt too.
    pub all: &'a str,
    pub prompt: &'a str,
}

impl<'a> Said<'a> {
    /// The prompt's tokens, and those that only the other texts have.
    fn tokens(self) -> (Vec<&'a str>, Vec<&'a str>) {
        let prompts = sorted(self.prompt.split_whitespace());
        let others = sorted(self.all.split_whitespace().filter(|token| !has(&prompts, token)));
        (prompts, others)
    }
}

/// Tokens in order, each once.
fn sorted<'a>(tokens: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut tokens: Vec<&str> = tokens.collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

fn has(tokens: &[&str], token: &str) -> bool {
    tokens.binary_search(&token).is_ok()
}

impl Texts {
    /// An asset's texts were this and are that.
    ///
    /// # Errors
    /// When the texts of the library are more than an index takes.
    pub fn apply(&mut self, was: Said<'_>, is: Said<'_>, asset: u32) -> Result<(), E> {
        if was.all == is.all && was.prompt == is.prompt {
            return Ok(());
        }
        let ((old_prompt, old_others), (new_prompt, new_others)) = (was.tokens(), is.tokens());
        self.prompts.apply(&old_prompt, &new_prompt, asset)?;
        self.others.apply(&old_others, &new_others, asset)?;
        for (assets, said) in [(&mut self.some, is.all), (&mut self.prompted, is.prompt)] {
            if said.is_empty() {
                assets.remove(asset);
            } else {
                assets.insert(asset);
            }
        }
        Ok(())
    }

    /// The assets with any text.
    pub(super) const fn some(&self) -> &RoaringBitmap {
        &self.some
    }

    /// The assets with a prompt.
    pub(super) const fn prompted(&self) -> &RoaringBitmap {
        &self.prompted
    }

    /// The assets in any of whose texts a word occurs, which has no white space and is not empty.
    pub(super) fn saying(&self, word: &str) -> RoaringBitmap {
        self.prompts.having(word) | self.others.having(word)
    }

    /// The assets in whose prompt it occurs.
    pub(super) fn prompted_with(&self, word: &str) -> RoaringBitmap {
        self.prompts.having(word)
    }

    /// Gives back the memory that growing has taken ahead.
    pub(super) fn shrink(&mut self) {
        self.prompts.shrink();
        self.others.shrink();
    }
}

/// The assets that have something: mostly one, and then without a bitmap's cost.
#[derive(Debug, Clone)]
pub(super) enum Assets {
    None,
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Assets {
    fn add(&mut self, asset: u32) {
        match self {
            Self::None => *self = Self::One(asset),
            Self::One(one) if *one == asset => {}
            Self::One(one) => *self = Self::Many(Box::new([*one, asset].into_iter().collect())),
            Self::Many(many) => drop(many.insert(asset)),
        }
    }

    fn take(&mut self, asset: u32) {
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
}

/// All of them together.
fn union<'a>(all: impl Iterator<Item = &'a Assets>) -> RoaringBitmap {
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

/// Tokens, and who has them.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// Every token, each with a line break behind it.
    text: String,
    /// In the order of the text. One that no asset has any more stays: it is likely to be had again.
    tokens: Vec<Token>,
    /// Positions in `tokens`, by what they say.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// A position in a list.
fn at(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

impl Words {
    /// Of tokens, each once and each with a line break behind it, and who has them, in the same order; `None` when they are not as many.
    pub(super) fn of(text: String, assets: Vec<Assets>) -> Option<Self> {
        let hasher = DefaultHashBuilder::default();
        let mut tokens = Vec::with_capacity(assets.len());
        let mut places = HashTable::with_capacity(assets.len());
        let mut begin = 0;
        let mut assets = assets.into_iter();
        for said in text.split_terminator('\n') {
            let place = u32::try_from(tokens.len()).ok()?;
            tokens.push(Token { begin: u32::try_from(begin).ok()?, assets: assets.next()? });
            let hash_of = |place: &u32| {
                hasher.hash_one(tokens.get(at(*place)).map_or("", |token: &Token| Self::said(&text, token)))
            };
            places.insert_unique(hasher.hash_one(said), place, hash_of);
            begin += said.len() + 1;
        }
        (begin == text.len() && assets.next().is_none()).then_some(Self { text, tokens, places, hasher })
    }

    /// Every token, each with a line break behind it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Who has each token, in the order of the text.
    pub(super) fn assets(&self) -> impl ExactSizeIterator<Item = &Assets> {
        self.tokens.iter().map(|token| &token.assets)
    }

    fn end_of(text: &str, token: &Token) -> usize {
        let begin = at(token.begin);
        text.get(begin..).and_then(|rest| rest.find('\n')).map_or(begin, |len| begin + len)
    }

    fn said<'a>(text: &'a str, token: &Token) -> &'a str {
        let begin = at(token.begin);
        text.get(begin..Self::end_of(text, token)).unwrap_or_default()
    }

    fn find(&self, said: &str) -> Option<usize> {
        let is_it = |place: &u32| self.tokens.get(at(*place)).is_some_and(|t| Self::said(&self.text, t) == said);
        self.places.find(self.hasher.hash_one(said), is_it).copied().map(at)
    }

    fn place(&mut self, said: &str) -> Result<usize, E> {
        if let Some(place) = self.find(said) {
            return Ok(place);
        }
        let full = |_| E::Engine("the texts are more than the index takes".into());
        let begin = u32::try_from(self.text.len()).map_err(full)?;
        let place = u32::try_from(self.tokens.len()).map_err(full)?;
        self.text.push_str(said);
        self.text.push('\n');
        self.tokens.push(Token { begin, assets: Assets::None });
        let Self { text, tokens, places, hasher } = self;
        let hash_of = |place: &u32| hasher.hash_one(tokens.get(at(*place)).map_or("", |t| Self::said(text, t)));
        places.insert_unique(hasher.hash_one(said), place, hash_of);
        Ok(at(place))
    }

    /// An asset's tokens were these and are those.
    fn apply(&mut self, was: &[&str], is: &[&str], asset: u32) -> Result<(), E> {
        for gone in was.iter().filter(|token| !has(is, token)) {
            if let Some(token) = self.find(gone).and_then(|place| self.tokens.get_mut(place)) {
                token.assets.take(asset);
            }
        }
        for more in is.iter().filter(|token| !has(was, token)) {
            let place = self.place(more)?;
            if let Some(token) = self.tokens.get_mut(place) {
                token.assets.add(asset);
            }
        }
        Ok(())
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.tokens.shrink_to_fit();
        for token in &mut self.tokens {
            if let Assets::Many(many) = &mut token.assets {
                super::shrink(many);
            }
        }
    }

    /// The assets in whose text a word occurs, which has no white space and is not empty.
    fn having(&self, word: &str) -> RoaringBitmap {
        let (finder, text) = (memmem::Finder::new(word), self.text.as_bytes());
        let mut hits = Vec::new();
        let (mut from, mut place) = (0, 0);
        while let Some(at) = text.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at) {
            let begins_before = |token: &Token| self::at(token.begin) <= at;
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

    fn found(assets: &RoaringBitmap) -> Vec<u32> {
        assets.iter().collect()
    }

    fn all(all: &str) -> Said<'_> {
        Said { all, prompt: "" }
    }

    #[test]
    fn a_word_is_found_wherever_it_occurs() {
        let mut texts = Texts::default();
        for (asset, text) in [(1, "red dress"), (2, "a dresser\nréd"), (70_000, "redress dress"), (4, "")] {
            texts.apply(Said::default(), all(text), asset).unwrap();
        }
        texts.shrink();
        let saying = |word| found(&texts.saying(word));
        assert_eq!(saying("dress"), [1, 2, 70_000]);
        assert_eq!(saying("red"), [1, 70_000]);
        assert_eq!(saying("é"), [2]);
        assert_eq!(saying("er"), [2]);
        assert_eq!(saying("blue"), [0; 0]);
        assert_eq!(found(texts.some()), [1, 2, 70_000]);
        assert_eq!(found(texts.prompted()), [0; 0]);
    }

    #[test]
    fn what_a_text_says_no_more_is_not_found() {
        let mut texts = Texts::default();
        texts.apply(Said::default(), all("red dress dress"), 1).unwrap();
        texts.apply(Said::default(), all("dress"), 2).unwrap();
        texts.apply(all("red dress dress"), all("red hat"), 1).unwrap();
        assert_eq!(found(&texts.saying("dress")), [2]);
        texts.apply(all("red hat"), all(""), 1).unwrap();
        assert_eq!((found(&texts.saying("red")), found(&texts.saying("hat"))), (vec![], vec![]));
        texts.apply(all(""), all("red"), 3).unwrap();
        assert_eq!(found(&texts.saying("red")), [3]);
        assert_eq!(found(texts.some()), [2, 3]);
    }

    #[test]
    fn a_word_of_a_prompt_is_found_in_the_prompt_and_in_all() {
        let mut texts = Texts::default();
        let (was, is) =
            (Said { all: "luna\nred hat", prompt: "red hat" }, Said { all: "luna\nhat\nred", prompt: "hat" });
        texts.apply(Said::default(), was, 1).unwrap();
        assert_eq!((found(&texts.saying("red")), found(&texts.prompted_with("red"))), (vec![1], vec![1]));
        assert_eq!((found(&texts.saying("luna")), found(&texts.prompted_with("luna"))), (vec![1], vec![]));
        // The same word, which the prompt says no more and another text does.
        texts.apply(was, is, 1).unwrap();
        assert_eq!((found(&texts.saying("red")), found(&texts.prompted_with("red"))), (vec![1], vec![]));
        texts.apply(is, Said { all: "luna", prompt: "" }, 1).unwrap();
        assert_eq!((found(&texts.saying("red")), found(&texts.prompted_with("hat"))), (vec![], vec![]));
        assert_eq!((found(texts.some()), found(texts.prompted())), (vec![1], vec![]));
    }
}
