//! The tag algebra of views: which published assets have which value, as bitmaps over their ordinals.
//!
//! Derived from the catalogue. An engine keeps it beside its rows ([`Kept`]), tells it of every asset that a
//! commit changed, and asks it where it would else ask its tables. Times are in it by their day: the engine answers for terms that speak
//! of a part of one. It is held equal to the evaluator and to SQL by `tests/conformance`.

mod digits;
mod kept;
mod stored;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use damfs_policy::expr::{FieldKind, fold};
use damfs_policy::{Expr, Facts, Field, Term, Test};
use roaring::{MultiOps, RoaringBitmap};

use self::digits::Digits;
pub use self::kept::{Kept, Touched};
pub use self::words::{Said, Texts};
use super::rules::month;
use super::{Asset, AssetFacts, CatalogError as E};
use crate::types::Timestamp;

const DAY: i64 = 86_400_000_000_000;
const TRASHED: &str = "trashed";

/// Fields whose values are texts of which many assets have the same, but for the verdicts of single platforms.
fn texts() -> impl Iterator<Item = &'static Field> {
    let is_text = |field: &&Field| matches!(field.kind(), FieldKind::Open | FieldKind::Tree | FieldKind::Closed(_));
    Field::ALL.iter().filter(is_text).filter(|field| !field.is_digits())
}

/// Whether the values of a field are in the index: of families nearly every asset may have another, and few ask.
pub fn has(field: &Field) -> bool {
    *field != Field::Family
}

/// Numbers of which there are few, by themselves; times by their day.
fn numbers() -> impl Iterator<Item = &'static Field> {
    let is_number = |field: &&Field| matches!(field.kind(), FieldKind::Number | FieldKind::Date);
    Field::ALL.iter().filter(is_number).filter(|field| **field != Field::Seed)
}

/// What a number is kept under: a time under its day.
const fn key(kind: FieldKind, number: i64) -> i64 {
    if matches!(kind, FieldKind::Date) { number.div_euclid(DAY) } else { number }
}

/// The assets of one field, by value.
#[derive(Debug, Clone)]
struct ByValue<K: Ord> {
    values: BTreeMap<K, RoaringBitmap>,
    /// Those with any value.
    some: RoaringBitmap,
}

impl<K: Ord> Default for ByValue<K> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), some: RoaringBitmap::new() }
    }
}

impl<K: Ord> ByValue<K> {
    fn add<Q: ?Sized + Ord + ToOwned<Owned = K>>(&mut self, value: &Q, asset: u32)
    where
        K: std::borrow::Borrow<Q>,
    {
        match self.values.get_mut(value) {
            Some(assets) => assets.insert(asset),
            None => self.values.entry(value.to_owned()).or_default().insert(asset),
        };
        self.some.insert(asset);
    }

    /// One value less; whether the asset has others is for the caller to say.
    fn take<Q: ?Sized + Ord>(&mut self, value: &Q, asset: u32)
    where
        K: std::borrow::Borrow<Q>,
    {
        if let Some(assets) = self.values.get_mut(value) {
            assets.remove(asset);
            if assets.is_empty() {
                self.values.remove(value);
            }
        }
    }
}

/// Bitmaps of the published assets of one moment.
#[derive(Debug, Clone, Default)]
pub struct Index {
    published: RoaringBitmap,
    texts: BTreeMap<Field, ByValue<String>>,
    numbers: BTreeMap<Field, ByValue<i64>>,
    /// Nearly every asset has another.
    seeds: BTreeSet<(i64, u32)>,
    seeded: RoaringBitmap,
    duplicates: Digits,
    words: Texts,
}

/// The ordinal as bitmaps take it. There are no more than 2^32 - 1: the index of a library that has given more is not used.
fn small(ordinal: u64) -> Result<u32, E> {
    u32::try_from(ordinal).map_err(|_| E::Engine(format!("asset number {ordinal} is beyond what the index takes")))
}

fn texts_of(asset: &Asset) -> Vec<(Field, Vec<String>)> {
    let facts = AssetFacts(asset);
    let platforms = asset.status.keys().map(|platform| Field::Status(platform.clone()));
    let all = texts().cloned().chain(platforms).map(|field| {
        let mut values = Vec::new();
        facts.texts(&field, &mut |value| values.push(value.to_owned()));
        (field, values)
    });
    all.filter(|(_, values)| !values.is_empty()).collect()
}

impl Index {
    /// One asset was this and is that.
    ///
    /// # Errors
    /// When its number is too large for a bitmap.
    pub fn apply(&mut self, was: Option<&Asset>, is: Option<&Asset>) -> Result<(), E> {
        let (was, is) = (was.filter(|asset| asset.head.is_some()), is.filter(|asset| asset.head.is_some()));
        let Some(ordinal) = was.or(is).map(|asset| asset.ordinal) else { return Ok(()) };
        let ordinal = small(ordinal)?;
        let (old, new) = (was.map(texts_of).unwrap_or_default(), is.map(texts_of).unwrap_or_default());
        for (field, values) in &old {
            let kept = new.iter().find(|(f, _)| f == field).map_or(&[][..], |(_, values)| values);
            let Some(known) = self.texts.get_mut(field) else { continue };
            for value in values.iter().filter(|value| !kept.contains(value)) {
                known.take(value.as_str(), ordinal);
            }
            if kept.is_empty() {
                known.some.remove(ordinal);
            }
        }
        for (field, values) in &new {
            let had = old.iter().find(|(f, _)| f == field).map_or(&[][..], |(_, values)| values);
            for value in values.iter().filter(|value| !had.contains(value)) {
                self.add_text(field, value, ordinal);
            }
        }
        for field in numbers() {
            let number = |asset: Option<&Asset>| asset.and_then(|asset| AssetFacts(asset).number(field));
            let (was, is) = (number(was), number(is));
            if was == is {
                continue;
            }
            if let (Some(was), Some(known)) = (was, self.numbers.get_mut(field)) {
                known.take(&key(field.kind(), was), ordinal);
                known.some.remove(ordinal);
            }
            if let Some(is) = is {
                self.add_number(field, is, ordinal);
            }
        }
        let seed = |asset: Option<&Asset>| asset.and_then(|asset| asset.seed);
        self.seed(seed(was), seed(is), ordinal);
        let digits = |asset: Option<&'_ Asset>| asset.and_then(|asset| asset.duplicate.clone());
        self.duplicates.change(digits(was).as_deref(), digits(is).as_deref(), ordinal);
        if !was.zip(is).is_some_and(|(was, is)| AssetFacts::same_words(was, is)) {
            let folded =
                |asset: Option<&Asset>, field| asset.map(|a| fold(&AssetFacts(a).words(field))).unwrap_or_default();
            let [was_all, is_all] = [was, is].map(|asset| folded(asset, &Field::Text));
            let [was_prompt, is_prompt] = [was, is].map(|asset| folded(asset, &Field::Prompt));
            let (old, new) = (Said { all: &was_all, prompt: &was_prompt }, Said { all: &is_all, prompt: &is_prompt });
            self.words.apply(old, new, ordinal)?;
        }
        if is.is_some() {
            self.published.insert(ordinal);
        } else {
            self.published.remove(ordinal);
        }
        self.texts.retain(|_, known| !known.some.is_empty());
        self.numbers.retain(|_, known| !known.some.is_empty());
        Ok(())
    }

    /// An asset with a version.
    ///
    /// # Errors
    /// When its number is too large for a bitmap.
    pub fn publish(&mut self, ordinal: u64) -> Result<(), E> {
        self.published.insert(small(ordinal)?);
        Ok(())
    }

    /// A value of a published asset, as its facts tell it; of another it is passed over.
    pub fn put_text(&mut self, field: &Field, value: &str, ordinal: u64) {
        if let Ok(ordinal) = small(ordinal)
            && self.published.contains(ordinal)
            && !value.is_empty()
        {
            match field {
                Field::Duplicate => self.duplicates.change(None, Some(value), ordinal),
                _ => self.add_text(field, value, ordinal),
            }
        }
    }

    /// A value of assets, in the order of their numbers, as their facts tell it; of those that are not published it is passed over.
    pub fn put_texts(&mut self, field: &Field, value: &str, ordinals: &[u64]) {
        let mut assets: RoaringBitmap = ordinals.iter().filter_map(|ordinal| small(*ordinal).ok()).collect();
        assets &= &self.published;
        if value.is_empty() || assets.is_empty() {
            return;
        }
        let known = self.texts.entry(field.clone()).or_default();
        known.some |= &assets;
        *known.values.entry(value.to_owned()).or_default() |= assets;
    }

    /// A number of a published asset; of another it is passed over.
    pub fn put_number(&mut self, field: &Field, number: i64, ordinal: u64) {
        let Ok(ordinal) = small(ordinal) else { return };
        if !self.published.contains(ordinal) {
            return;
        }
        if *field == Field::Seed {
            self.seed(None, Some(number), ordinal);
        } else {
            self.add_number(field, number, ordinal);
        }
    }

    /// What all published assets say, and nothing of others.
    pub fn put_words(&mut self, texts: Texts) {
        self.words = texts;
    }

    /// Gives back the memory that growing has taken ahead.
    pub fn shrink(&mut self) {
        let texts = self.texts.values_mut().flat_map(|known| known.values.values_mut());
        let numbers = self.numbers.values_mut().flat_map(|known| known.values.values_mut());
        texts.chain(numbers).for_each(shrink);
        // Filled in order a tree's nodes are half empty.
        self.seeds = std::mem::take(&mut self.seeds).into_iter().collect();
        self.duplicates.shrink();
        self.words.shrink();
    }

    fn seed(&mut self, was: Option<i64>, is: Option<i64>, ordinal: u32) {
        if was == is {
            return;
        }
        if let Some(was) = was {
            self.seeds.remove(&(was, ordinal));
            self.seeded.remove(ordinal);
        }
        if let Some(is) = is {
            self.seeds.insert((is, ordinal));
            self.seeded.insert(ordinal);
        }
    }

    fn add_text(&mut self, field: &Field, value: &str, ordinal: u32) {
        if !self.texts.contains_key(field) {
            self.texts.insert(field.clone(), ByValue::default());
        }
        if let Some(known) = self.texts.get_mut(field) {
            known.add(value, ordinal);
        }
    }

    fn add_number(&mut self, field: &Field, number: i64, ordinal: u32) {
        self.numbers.entry(field.clone()).or_default().add(&key(field.kind(), number), ordinal);
    }

    /// The assets that `find` gives for a query. A term that the index cannot answer is put to `outside`.
    fn select(&self, query: &Expr, outside: &mut Outside<'_>) -> Result<RoaringBitmap, E> {
        let trashed = self.texts.get(&Field::State).and_then(|known| known.values.get(TRASHED));
        let base = match trashed.filter(|_| !query.mentions(&Field::State)) {
            Some(trashed) => &self.published - trashed,
            None => self.published.clone(),
        };
        self.within(query, base, outside)
    }

    /// Those of some assets that satisfy a query.
    fn within(&self, query: &Expr, base: RoaringBitmap, outside: &mut Outside<'_>) -> Result<RoaringBitmap, E> {
        if base.is_empty() {
            return Ok(base);
        }
        match query {
            Expr::And(parts) => {
                // What has to be asked for elsewhere is asked last, when it may not matter any more.
                let (known, other): (Vec<&Expr>, Vec<&Expr>) = parts.iter().partition(|part| is_known(part));
                known.into_iter().chain(other).try_fold(base, |base, part| self.within(part, base, outside))
            }
            Expr::Or(parts) => {
                let mut found = RoaringBitmap::new();
                for part in parts {
                    found |= self.within(part, base.clone(), outside)?;
                }
                Ok(found)
            }
            Expr::Not(inner) => {
                let without = self.within(inner, base.clone(), outside)?;
                Ok(base - without)
            }
            Expr::Term(term) if is_known(query) => Ok(self.term(term, base)),
            Expr::Term(term) => Ok(base & outside(term)?),
        }
    }

    fn term(&self, Term { field, test }: &Term, base: RoaringBitmap) -> RoaringBitmap {
        let texts = self.texts.get(field);
        let numbers = self.numbers.get(field);
        match (test, field.kind()) {
            (Test::Is(_), FieldKind::Number | FieldKind::Date | FieldKind::Words) => RoaringBitmap::new(),
            (Test::Is(value), _) if *field == Field::Duplicate => base & self.duplicates.having(value),
            (Test::Is(value), FieldKind::Tree) => texts.map(|known| base & below(known, value)).unwrap_or_default(),
            (Test::Is(value), _) => match texts.and_then(|known| known.values.get(value)) {
                Some(assets) => base & assets,
                None => RoaringBitmap::new(),
            },
            (Test::Empty, _) if *field == Field::Seed => base - &self.seeded,
            (Test::Empty, _) if *field == Field::Duplicate => base - self.duplicates.some(),
            (Test::Empty, FieldKind::Words) if *field == Field::Prompt => base - self.words.prompted(),
            (Test::Empty, FieldKind::Words) => base - self.words.some(),
            (Test::Empty, _) => {
                let some = texts.map(|known| &known.some).or(numbers.map(|known| &known.some));
                some.map_or_else(|| base.clone(), |some| &base - some)
            }
            (Test::Between(low, high), FieldKind::Closed(ranks)) if field.is_ranked() => {
                let lies = |n: i64| low.is_none_or(|low| low <= n) && high.is_none_or(|high| n <= high);
                let inside = (0i64..).zip(ranks).filter(|(n, _)| lies(*n));
                let assets = inside.filter_map(|(_, rank)| texts?.values.get(*rank));
                base & assets.union()
            }
            (Test::Between(low, high), _) if *field == Field::Seed => {
                let (low, high) = (low.unwrap_or(i64::MIN), high.unwrap_or(i64::MAX));
                if low > high {
                    return RoaringBitmap::new();
                }
                base & self.seeds.range((low, 0)..=(high, u32::MAX)).map(|(_, asset)| asset).collect::<RoaringBitmap>()
            }
            (Test::Between(low, high), FieldKind::Number | FieldKind::Date) => {
                let key = |bound: &Option<i64>| bound.map(|n| key(field.kind(), n));
                let (low, high) = (key(low).unwrap_or(i64::MIN), key(high).unwrap_or(i64::MAX));
                match numbers.filter(|_| low <= high) {
                    Some(known) => base & known.values.range(low..=high).map(|(_, assets)| assets).union(),
                    None => RoaringBitmap::new(),
                }
            }
            (Test::Words(words), FieldKind::Words) => {
                let having = |word: &str| match field {
                    Field::Prompt => self.words.prompted_with(word),
                    _ => self.words.saying(word),
                };
                words.iter().filter(|word| !word.is_empty()).fold(base, |base, word| base & having(word))
            }
            (Test::Between(..) | Test::Words(_), _) => RoaringBitmap::new(),
        }
    }

    /// Each value of a field that some of these assets have, and how many, in the order of the values; of digits those that are not one
    /// asset's alone.
    fn counts(&self, field: &Field, within: &RoaringBitmap) -> BTreeMap<String, u64> {
        let mut out = BTreeMap::new();
        if let Some(known) = self.texts.get(field) {
            for (value, assets) in &known.values {
                let count = assets.intersection_len(within);
                if count > 0 {
                    out.insert(value.clone(), count);
                }
            }
        }
        if let Some(known) = self.numbers.get(field) {
            for (key, assets) in &known.values {
                let count = assets.intersection_len(within);
                if count > 0 {
                    *out.entry(listed(field, *key)).or_insert(0) += count;
                }
            }
        }
        if *field == Field::Duplicate {
            out.extend(self.duplicates.shared(within));
        }
        if *field == Field::Seed {
            for (seed, _) in self.seeds.iter().filter(|(_, asset)| within.contains(*asset)) {
                *out.entry(seed.to_string()).or_insert(0) += 1;
            }
        }
        out
    }

    /// How many of these assets have a value that [`Self::counts`] leaves out.
    fn alone(&self, field: &Field, value: &str, within: &RoaringBitmap) -> u64 {
        if *field == Field::Duplicate { self.duplicates.having(value).intersection_len(within) } else { 0 }
    }
}

/// Answers a term that is not in the index, about all assets.
pub type Outside<'a> = dyn FnMut(&Term) -> Result<RoaringBitmap, E> + 'a;

/// A number as `values` lists it.
fn listed(field: &Field, key: i64) -> String {
    match field.kind() {
        FieldKind::Date => month(Timestamp::from_nanos(key.saturating_mul(DAY))),
        _ => key.to_string(),
    }
}

/// Gives back the memory that a bitmap's growing has taken ahead: a copy has what it needs.
fn shrink(assets: &mut RoaringBitmap) {
    *assets = assets.clone();
}

/// The assets with a tag or one below it.
fn below(known: &ByValue<String>, value: &str) -> RoaringBitmap {
    // `/` and `0` are neighbours: the range holds what begins with `value/`.
    let children = known.values.range(format!("{value}/")..format!("{value}0")).map(|(_, assets)| assets);
    known.values.get(value).into_iter().chain(children).union()
}

/// Whether the index answers all of a query: parts of days are not in it, nor is what reaches over white space.
fn is_known(query: &Expr) -> bool {
    match query {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().all(is_known),
        Expr::Not(inner) => is_known(inner),
        Expr::Term(Term { field, test }) => match (test, field.kind()) {
            (Test::Words(words), FieldKind::Words) => !words.iter().any(|word| word.contains(char::is_whitespace)),
            (Test::Between(low, high), FieldKind::Date) => {
                low.is_none_or(|n| n.rem_euclid(DAY) == 0) && high.is_none_or(|n| n.rem_euclid(DAY) == DAY - 1)
            }
            _ => has(field),
        },
    }
}
