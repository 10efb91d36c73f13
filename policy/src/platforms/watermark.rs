//! What is written into a corner of stills, by a row of the table or by a role.

use serde::{Deserialize, Serialize};

/// Most letters.
const MAX: usize = 48;
/// How a row says that none is ever written there.
const REFUSED: &str = "no";

/// What a row says of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Option<String>", into = "Option<String>")]
pub enum Watermark {
    /// Nothing: there is none, unless the reader's role has one.
    #[default]
    Unsaid,
    /// Never, whoever reads: the platform forbids it.
    Refused,
    /// This, for everybody whose role has none of its own.
    Text(String),
    /// A reader's own; no row says it.
    Mark(String),
}

impl Watermark {
    /// Of a cell.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(cell: &str) -> Result<Self, String> {
        match cell {
            "" => Ok(Self::Unsaid),
            no if no.eq_ignore_ascii_case(REFUSED) => Ok(Self::Refused),
            text => check(text).map(|()| Self::Text(text.to_owned())),
        }
    }

    /// What is written.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Mark(text) => Some(text),
            Self::Unsaid | Self::Refused => None,
        }
    }

    /// The same where whoever reads has a mark of his own.
    #[must_use]
    pub fn marked(&self, mark: &str) -> Self {
        if *self == Self::Refused { Self::Refused } else { Self::Mark(mark.to_owned()) }
    }
}

impl From<Option<String>> for Watermark {
    fn from(kept: Option<String>) -> Self {
        match kept {
            None => Self::Unsaid,
            Some(no) if no == REFUSED => Self::Refused,
            Some(text) => Self::Text(text),
        }
    }
}

impl From<Watermark> for Option<String> {
    fn from(watermark: Watermark) -> Self {
        match watermark {
            Watermark::Unsaid => None,
            Watermark::Refused => Some(REFUSED.to_owned()),
            Watermark::Text(text) | Watermark::Mark(text) => Some(text),
        }
    }
}

/// Whether a text can be written.
///
/// # Errors
/// Why not.
pub fn check(text: &str) -> Result<(), String> {
    if text.chars().any(|c| !writable(c)) {
        return Err(format!("`{text}` has letters that cannot be written; take those of ASCII"));
    }
    if text.len() > MAX {
        return Err(format!("write at most {MAX} letters"));
    }
    Ok(())
}

/// A role's text for a member, whose name stands where it says `{member}`: as much of it as can be written.
#[must_use]
pub fn of_member(text: &str, member: &str) -> String {
    let written = |c| if writable(c) { c } else { '?' };
    text.replace(MEMBER, member).chars().map(written).take(MAX).collect()
}

/// Stands for the member's name in a role's text.
const MEMBER: &str = "{member}";

fn writable(c: char) -> bool {
    (' '..='~').contains(&c)
}
