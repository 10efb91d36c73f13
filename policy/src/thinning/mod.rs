//! Which earlier versions of an asset are let go of. The rules of `versions.toml` say which stay.

mod book;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use book::ThinningError;

use crate::expr::civil;

const HOUR: i64 = 3_600_000_000_000;
const DAY: i64 = 24 * HOUR;

/// A version, as far as it matters here. Times are nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub n: u32,
    pub made_at: i64,
    pub size: u64,
}

/// Up to which age something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Nanoseconds; 0 is nothing.
    Age(i64),
    Forever,
}

impl Until {
    const fn covers(self, age: i64) -> bool {
        match self {
            Self::Age(limit) => age < limit,
            Self::Forever => true,
        }
    }
}

/// A stretch of the calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    Hour,
    Day,
    Week,
    Month,
}

impl Stretch {
    const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Which one a time lies in.
    fn of(self, time: i64) -> (i64, i64) {
        let day = time.div_euclid(DAY);
        match self {
            Self::Hour => (time.div_euclid(HOUR), 0),
            Self::Day => (day, 0),
            // The epoch was a Thursday; weeks begin on Mondays.
            Self::Week => ((day + 3).div_euclid(7), 0),
            Self::Month => {
                let (year, month, _) = civil(day);
                (year, month)
            }
        }
    }
}

/// Which versions stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThinningRules {
    /// At least so many of the newest.
    newest: u32,
    /// Every one up to this age.
    all: Until,
    /// The last one of each stretch up to this age, in the order of [`Stretch::ALL`].
    last_of: [Until; 4],
}

impl ThinningRules {
    /// An asset with no more versions than this loses none.
    #[must_use]
    pub fn least(&self) -> usize {
        // The first and the current one stay whatever the rules say.
        usize::try_from(self.newest).unwrap_or(usize::MAX).max(2)
    }

    /// Those of an asset's versions that are let go of at this moment, in order of `n`: never the first, the current (the one with the
    /// highest number), nor one that is `kept`. What goes depends on the moment and not on when it was thinned before.
    #[must_use]
    pub fn goes(&self, versions: &[Version], kept: &BTreeSet<u32>, now: i64) -> Vec<Version> {
        let mut ordered = versions.to_vec();
        ordered.sort_unstable_by_key(|version| version.n);
        let newest = ordered.len().saturating_sub(usize::try_from(self.newest).unwrap_or(usize::MAX).max(1));
        let last = self.last_ones(&ordered, now);
        let stays = |at: usize, version: &Version| {
            at == 0
                || at >= newest
                || kept.contains(&version.n)
                || self.all.covers(now.saturating_sub(version.made_at))
                || last.contains(&version.n)
        };
        ordered.iter().enumerate().filter(|(at, version)| !stays(*at, version)).map(|(_, version)| *version).collect()
    }

    /// The last one of each stretch whose rule covers its age. By time, not by number: clocks are set back.
    fn last_ones(&self, versions: &[Version], now: i64) -> BTreeSet<u32> {
        let mut by_time: Vec<&Version> = versions.iter().collect();
        by_time.sort_unstable_by_key(|version| (version.made_at, version.n));
        let mut last = BTreeSet::new();
        for (stretch, until) in Stretch::ALL.into_iter().zip(self.last_of) {
            for (at, version) in by_time.iter().enumerate() {
                let next = by_time.get(at + 1).map(|next| stretch.of(next.made_at));
                if next != Some(stretch.of(version.made_at)) && until.covers(now.saturating_sub(version.made_at)) {
                    last.insert(version.n);
                }
            }
        }
        last
    }
}
