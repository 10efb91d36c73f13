//! What each platform accepts: one placement per row of `templates/platforms.csv`, or of a library's own table.

mod cells;
mod day;
mod sheet;
#[cfg(test)]
mod tests;
pub(crate) mod watermark;

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use crate::Vocabulary;
use crate::expr::{Expr, Facts};
use crate::glossary::Glossary;
use crate::guideline::{Clause, Guideline};
pub use day::Day;
pub use sheet::decode;
pub use watermark::Watermark;

pub use crate::frame_rates::FrameRates;

/// Still or moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlacementKind {
    /// A still placement; may be rendered on demand.
    Image,
    /// A moving placement.
    Video,
}

/// How a master of another shape is made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Cut to the placement's shape.
    Crop,
    /// Bars around the whole picture.
    Pad,
    /// Any shape; scaled down to fit within.
    Any,
}

/// What is around a picture that is padded, and under one that is transparent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Background {
    /// Nothing where the format has transparency, else white; of clips black.
    #[default]
    Plain,
    /// Red, green, blue.
    Colour([u8; 3]),
    /// The picture itself, filling the rest and out of focus.
    Blur,
}

/// What a file says of itself there, beside how it came to be, which it always says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metadata {
    /// Who has the rights, what it is for, and what it was made of.
    #[default]
    MarkOnly,
    /// Nothing.
    Bare,
    /// Also what generated it.
    AiFields,
    /// Also what generated it, by which prompt.
    AiPrompt,
}

/// Whether adult content may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adult {
    /// Not sourced; never read as allowed.
    #[default]
    Unknown,
    /// Not allowed.
    No,
    /// Allowed when marked.
    Labelled,
    /// Allowed within limits that a person must check.
    Restricted,
    /// Allowed.
    Yes,
}

/// Whether a platform wants it said that something was generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AiLabel {
    /// Not sourced.
    #[default]
    Unknown,
    No,
    /// It finds out and says so by itself.
    Auto,
    Recommended,
    /// Of what could be taken for a photograph.
    Conditional,
    Yes,
    ProhibitedIfDeceptive,
}

/// One placement of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Platform id, as in `status.<platform>`.
    pub platform: String,
    /// Placement id, unique within the platform.
    pub placement: String,
    /// Still or moving.
    pub kind: PlacementKind,
    /// Target width; `None` keeps the master's.
    pub width: Option<u32>,
    /// Target height; `None` keeps the master's.
    pub height: Option<u32>,
    /// How to get there.
    pub fit: Fit,
    /// A crop without a focus looks to where most is to be seen, not to the middle.
    #[serde(default)]
    pub attention: bool,
    /// What is around it.
    #[serde(default)]
    pub background: Background,
    /// Whether what is too small is enlarged; else it is not shown.
    #[serde(default)]
    pub upscale: bool,
    /// How much the edges of stills are brought out, of a hundred.
    #[serde(default)]
    pub sharpen: Option<u8>,
    /// What is written into a corner of stills.
    #[serde(default)]
    pub watermark: Watermark,
    /// What a file says of itself.
    #[serde(default)]
    pub metadata: Metadata,
    /// What the platform accepts, best first; never empty for stills (an empty cell means JPEG).
    pub formats: Vec<String>,
    /// Largest accepted file.
    pub max_bytes: Option<u64>,
    /// Longest accepted clip.
    #[serde(default)]
    pub max_seconds: Option<u32>,
    /// Accepted frames per second of a clip.
    #[serde(default)]
    pub frame_rates: FrameRates,
    /// Most characters of a caption, and most hashtags in it.
    #[serde(default)]
    pub caption_max: Option<u32>,
    #[serde(default)]
    pub hashtags_max: Option<u32>,
    /// Whether adult content may stand there.
    pub adult_allowed: Adult,
    /// Whether it has to be said that something was generated.
    #[serde(default)]
    pub ai_label: AiLabel,
    /// When somebody last looked whether the row is still true.
    #[serde(default)]
    pub verified: Option<Day>,
    /// Where it is written; for people.
    #[serde(default)]
    pub source: String,
    /// Since when the row makes what it makes, in nanoseconds; `None`: it does so as it ships.
    #[serde(default)]
    pub since: Option<i64>,
    /// What the library holds the platform's files to; not of the table.
    #[serde(skip)]
    guideline: Option<Arc<Guideline>>,
}

impl Placement {
    /// `platform/placement`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.platform, self.placement)
    }

    /// Why its platform's guideline keeps an asset out.
    #[must_use]
    pub fn refusal(&self, asset: &impl Facts) -> Option<String> {
        self.guideline.as_ref()?.fits(Clause::Refuse, asset)
    }

    /// What its platform's guideline lets in, as a query.
    #[must_use]
    pub fn admits(&self) -> Expr {
        self.guideline.as_ref().map_or_else(Expr::all, |guideline| guideline.admits())
    }

    /// Whether the row says the same, whenever it came to do so.
    fn says_as(&self, other: &Self) -> bool {
        *self == Self { since: self.since, guideline: self.guideline.clone(), ..other.clone() }
    }

    /// Whether it makes the same files of the same masters.
    fn makes_as(&self, other: &Self) -> bool {
        let Self { verified, source, adult_allowed, caption_max, hashtags_max, ai_label, watermark, .. } = self.clone();
        let writes_as = watermark.text() == other.watermark.text();
        let said =
            Self { verified, source, adult_allowed, caption_max, hashtags_max, ai_label, watermark, ..other.clone() };
        writes_as && self.says_as(&said)
    }
}

/// One thing that is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The row as a spreadsheet numbers it: the header is 1.
    pub row: usize,
    /// The column's name; empty when it is about the whole row or table.
    pub column: &'static str,
    /// What is wrong, and what to write instead.
    pub reason: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.column {
            "" => write!(f, "row {}: {}", self.row, self.reason),
            column => write!(f, "row {}, column {column}: {}", self.row, self.reason),
        }
    }
}

/// A table that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformsError(pub Vec<Fault>);

impl std::error::Error for PlatformsError {}

impl std::fmt::Display for PlatformsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, more) = (self.0.first(), self.0.len().saturating_sub(1));
        f.write_str("platforms.csv ")?;
        first.map_or(Ok(()), |fault| write!(f, "{fault}"))?;
        if more > 0 { write!(f, " (and {more} more)") } else { Ok(()) }
    }
}

/// All placements, in the order of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platforms(Vec<Arc<Placement>>);

/// The rows that came, went and changed, as `platform/placement`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

/// The table that ships.
#[must_use]
pub fn shipped() -> &'static Arc<Platforms> {
    static SHIPPED: LazyLock<Arc<Platforms>> =
        LazyLock::new(|| Arc::new(Platforms::parse(Platforms::TEMPLATE).unwrap_or_default()));
    &SHIPPED
}

impl Platforms {
    /// The text of the table that ships.
    pub const TEMPLATE: &'static str = include_str!("../../templates/platforms.csv");

    /// Reads a table as spreadsheets write them (`sheet`); columns that are not in [`Placement`] are for people.
    ///
    /// # Errors
    /// Each cell that is none, by its row and column.
    pub fn parse(text: &str) -> Result<Self, PlatformsError> {
        sheet::read(text).map(|rows| Self(rows.into_iter().map(Arc::new).collect()))
    }

    /// Every placement, moving ones too.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Placement>> {
        self.0.iter()
    }

    /// Ids of the platforms, each once.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        let first = |n: &usize| self.0[..*n].iter().all(|p| p.platform != self.0[*n].platform);
        (0..self.0.len()).filter(first).map(|n| self.0[n].platform.as_str())
    }

    /// The placements of a platform.
    pub fn placements<'a>(&'a self, platform: &'a str) -> impl Iterator<Item = &'a Arc<Placement>> {
        self.0.iter().filter(move |p| p.platform == platform)
    }

    /// One placement, still or moving.
    #[must_use]
    pub fn get(&self, platform: &str, placement: &str) -> Option<&Arc<Placement>> {
        self.0.iter().find(|p| p.platform == platform && p.placement == placement)
    }

    /// The same table, its platforms held to these guidelines.
    #[must_use]
    pub fn guided(&self, guidelines: &[Arc<Guideline>]) -> Self {
        let of = |platform: &str| guidelines.iter().find(|guideline| guideline.platform() == platform).cloned();
        let guided =
            |row: &Arc<Placement>| Arc::new(Placement { guideline: of(&row.platform), ..Placement::clone(row) });
        Self(self.0.iter().map(guided).collect())
    }

    /// The same table, its guidelines meaning what a glossary says.
    #[must_use]
    pub fn in_words_of(&self, glossary: &Glossary) -> Self {
        let meant: Vec<_> = self.guidelines().map(|guideline| Arc::new(guideline.in_words_of(glossary))).collect();
        self.guided(&meant)
    }

    /// The same table for a reader with a mark of his own, which stands in his stills wherever a row does not refuse any.
    #[must_use]
    pub fn marked(&self, mark: &str) -> Self {
        let marked = |row: &Arc<Placement>| match row.kind {
            PlacementKind::Video => Arc::clone(row),
            PlacementKind::Image => {
                Arc::new(Placement { watermark: row.watermark.marked(mark), ..Placement::clone(row) })
            }
        };
        Self(self.0.iter().map(marked).collect())
    }

    /// What a platform's files are held to.
    #[must_use]
    pub fn guideline(&self, platform: &str) -> Option<&Arc<Guideline>> {
        self.0.iter().filter(|row| row.platform == platform).find_map(|row| row.guideline.as_ref())
    }

    /// Every platform's guideline that there is.
    pub fn guidelines(&self) -> impl Iterator<Item = &Arc<Guideline>> {
        self.platforms().filter_map(|platform| self.guideline(platform))
    }

    /// The platforms that queries may name: a table without a shipped one still leaves its verdicts to be asked for.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        let mut platforms: Vec<String> = self.platforms().map(str::to_owned).collect();
        for id in shipped().platforms() {
            if !platforms.iter().any(|known| known == id) {
                platforms.push(id.to_owned());
            }
        }
        Vocabulary { platforms }
    }

    /// This table in the place of another, from that time on: a row that makes what it made keeps its time.
    #[must_use]
    pub fn instead_of(self, before: &Self, now: i64) -> Self {
        let dated = |row: Arc<Placement>| {
            let old = before.get(&row.platform, &row.placement).filter(|old| old.makes_as(&row));
            let since = old.map_or(Some(now), |old| old.since);
            Arc::new(Placement { since, ..Placement::clone(&row) })
        };
        Self(self.0.into_iter().map(dated).collect())
    }

    /// What differs from another table, whenever each came to say it.
    #[must_use]
    pub fn difference(&self, before: &Self) -> Difference {
        let lacks = |table: &Self, row: &Placement| table.get(&row.platform, &row.placement).is_none();
        let differs = |row: &Placement| before.get(&row.platform, &row.placement).is_some_and(|old| !old.says_as(row));
        Difference {
            added: self.all().filter(|row| lacks(before, row)).map(|row| row.path()).collect(),
            removed: before.all().filter(|row| lacks(self, row)).map(|row| row.path()).collect(),
            changed: self.all().filter(|row| differs(row)).map(|row| row.path()).collect(),
        }
    }
}

impl Difference {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
