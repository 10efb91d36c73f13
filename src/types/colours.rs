//! The colours that stand out in a picture, by the names that people look for.

use crate::policy::COLOURS;

/// Some of [`COLOURS`], a bit for each in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Colours(u16);

impl Colours {
    /// None: not a picture, or nobody looked at it.
    pub const NONE: Self = Self(0);
    const ALL: u16 = (1 << COLOURS.len()) - 1;

    /// Of such bits; `None` when one of them has no name.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits & !Self::ALL == 0 { Some(Self(bits)) } else { None }
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// These and one more, by its name; a name that is none adds nothing.
    #[must_use]
    pub fn with(self, name: &str) -> Self {
        Self(self.0 | bit(name).unwrap_or(0))
    }

    /// Their names, in the order of [`COLOURS`].
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        COLOURS.iter().enumerate().filter(move |(n, _)| self.0 >> n & 1 == 1).map(|(_, name)| *name)
    }
}

/// The bit of a name.
#[must_use]
pub fn bit(name: &str) -> Option<u16> {
    COLOURS.iter().position(|known| *known == name).map(|n| 1 << n)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_bits_and_back() {
        let all = COLOURS.iter().fold(Colours::NONE, |all, name| all.with(name));
        assert!(all.names().eq(COLOURS.iter().copied()));
        assert_eq!(Colours::from_bits(all.bits()), Some(all));
        assert_eq!(Colours::from_bits(all.bits() + 1), None, "a bit without a name");
        assert_eq!(Colours::NONE.with("mauve"), Colours::NONE);
        assert_eq!(Colours::NONE.with("teal").with("red").names().collect::<Vec<_>>(), ["red", "teal"]);
    }
}
