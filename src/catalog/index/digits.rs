//! Digits that tell what belongs together: nearly every asset has others, so there is no bitmap for each.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use crate::catalog::facts::{digits, number};

/// Sixteen hexadecimal digits as a number, then an asset; as bytes, for a million pairs are as many times twelve of them.
type Pair = [u8; 12];

/// The assets of each value.
#[derive(Debug, Clone, Default)]
pub struct Digits {
    pairs: BTreeSet<Pair>,
    /// Values that two or more have.
    shared: BTreeSet<u64>,
    some: RoaringBitmap,
}

fn pair(value: u64, asset: u32) -> Pair {
    let mut pair = [0; 12];
    pair[..8].copy_from_slice(&value.to_be_bytes());
    pair[8..].copy_from_slice(&asset.to_be_bytes());
    pair
}

fn value_of(pair: &Pair) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *pair;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn asset_of(pair: &Pair) -> u32 {
    let [.., a, b, c, d] = *pair;
    u32::from_be_bytes([a, b, c, d])
}

impl Digits {
    /// From all pairs.
    pub fn of(pairs: impl IntoIterator<Item = Pair>) -> Self {
        let mut all = Self { pairs: pairs.into_iter().collect(), ..Self::default() };
        let mut before = None;
        for pair in &all.pairs {
            let value = value_of(pair);
            if before.replace(value) == Some(value) {
                all.shared.insert(value);
            }
            all.some.insert(asset_of(pair));
        }
        all
    }

    /// Every value and asset, in order.
    pub const fn pairs(&self) -> &BTreeSet<Pair> {
        &self.pairs
    }

    /// One asset had that value and has this.
    pub fn change(&mut self, was: Option<&str>, is: Option<&str>, asset: u32) {
        let [was, is] = [was, is].map(|value| value.and_then(number));
        if was == is {
            return;
        }
        if let Some(was) = was {
            self.pairs.remove(&pair(was, asset));
            self.some.remove(asset);
            if self.assets(was).nth(1).is_none() {
                self.shared.remove(&was);
            }
        }
        if let Some(is) = is {
            self.pairs.insert(pair(is, asset));
            self.some.insert(asset);
            if self.assets(is).nth(1).is_some() {
                self.shared.insert(is);
            }
        }
    }

    fn assets(&self, value: u64) -> impl Iterator<Item = u32> {
        self.pairs.range(pair(value, 0)..=pair(value, u32::MAX)).map(asset_of)
    }

    /// The assets with a value.
    pub fn having(&self, value: &str) -> RoaringBitmap {
        number(value).map(|value| self.assets(value).collect()).unwrap_or_default()
    }

    /// The assets with any value.
    pub const fn some(&self) -> &RoaringBitmap {
        &self.some
    }

    /// The values that two or more assets have and some of these, and how many of these.
    pub fn shared(&self, within: &RoaringBitmap) -> impl Iterator<Item = (String, u64)> {
        self.shared.iter().filter_map(|value| {
            let count = self.assets(*value).filter(|asset| within.contains(*asset)).map(|_| 1u64).sum();
            (count > 0).then(|| (digits(*value), count))
        })
    }

    /// Gives back the memory that growing has taken ahead: filled in order a tree's nodes are half empty.
    pub fn shrink(&mut self) {
        self.pairs = std::mem::take(&mut self.pairs).into_iter().collect();
    }
}
