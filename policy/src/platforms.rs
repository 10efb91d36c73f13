//! What each platform accepts: one placement per row of `templates/platforms.csv`.

use std::sync::LazyLock;

use serde::Deserialize;

pub use crate::frame_rates::FrameRates;

/// Still or moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlacementKind {
    /// A still placement; may be rendered on demand.
    Image,
    /// A moving placement.
    Video,
}

/// How a master of another shape is made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Cut to the placement's shape.
    Crop,
    /// Bars around the whole picture.
    Pad,
    /// Any shape; scaled down to fit within.
    Any,
}

/// Whether adult content may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adult {
    /// Not sourced; never read as allowed.
    #[default]
    #[serde(rename = "")]
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

/// One placement of one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What the platform accepts, best first; never empty for stills (an empty cell means JPEG).
    pub formats: Vec<String>,
    /// Largest accepted file.
    pub max_bytes: Option<u64>,
    /// Longest accepted clip.
    pub max_seconds: Option<u32>,
    /// Accepted frames per second of a clip.
    pub frame_rates: FrameRates,
    /// Whether adult content may stand there.
    pub adult_allowed: Adult,
}

/// A table that cannot be used; the message names the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("platform table, {0}")]
pub struct PlatformsError(String);

/// All placements, in the order of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platforms(Vec<Placement>);

#[derive(Deserialize)]
struct Row {
    platform: String,
    placement: String,
    kind: PlacementKind,
    width: Option<u32>,
    height: Option<u32>,
    fit: Fit,
    formats: String,
    max_bytes: Option<u64>,
    #[serde(default)]
    max_seconds: Option<u32>,
    #[serde(default)]
    fps: String,
    adult_allowed: Adult,
}

/// The table that ships.
#[must_use]
pub fn shipped() -> &'static Platforms {
    static SHIPPED: LazyLock<Platforms> = LazyLock::new(|| Platforms::parse(Platforms::TEMPLATE).unwrap_or_default());
    &SHIPPED
}

impl Platforms {
    /// The text of the table that ships.
    pub const TEMPLATE: &'static str = include_str!("../templates/platforms.csv");

    /// Reads a table: RFC 4180 with a header; columns that are not in [`Placement`] are for people.
    ///
    /// # Errors
    /// When a row is not a placement, or stands twice.
    pub fn parse(text: &str) -> Result<Self, PlatformsError> {
        let mut table = Self::default();
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            let row: Row = row.map_err(|e| PlatformsError(e.to_string()))?;
            if !is_id(&row.platform) || !is_id(&row.placement) {
                let message = format!("`{}/{}`: ids have a-z, 0-9, _ and - alone", row.platform, row.placement);
                return Err(PlatformsError(message));
            }
            if table.get(&row.platform, &row.placement).is_some() {
                return Err(PlatformsError(format!("`{}/{}` stands twice", row.platform, row.placement)));
            }
            let frame_rates =
                row.fps.parse().map_err(|e| PlatformsError(format!("`{}/{}`: {e}", row.platform, row.placement)))?;
            table.0.push(Placement {
                formats: formats(&row.formats, row.kind),
                platform: row.platform,
                placement: row.placement,
                kind: row.kind,
                width: row.width,
                height: row.height,
                fit: row.fit,
                max_bytes: row.max_bytes,
                max_seconds: row.max_seconds,
                frame_rates,
                adult_allowed: row.adult_allowed,
            });
        }
        Ok(table)
    }

    /// Every placement, moving ones too.
    pub fn all(&self) -> impl Iterator<Item = &Placement> {
        self.0.iter()
    }

    /// Ids of the platforms, each once.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        let first = |n: &usize| self.0[..*n].iter().all(|p| p.platform != self.0[*n].platform);
        (0..self.0.len()).filter(first).map(|n| self.0[n].platform.as_str())
    }

    /// The still placements of a platform.
    pub fn placements<'a>(&'a self, platform: &'a str) -> impl Iterator<Item = &'a Placement> {
        self.0.iter().filter(move |p| p.platform == platform && p.kind == PlacementKind::Image)
    }

    /// One placement, still or moving.
    #[must_use]
    pub fn get(&self, platform: &str, placement: &str) -> Option<&Placement> {
        self.0.iter().find(|p| p.platform == platform && p.placement == placement)
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

/// `a|b`, or prose with the names in parentheses: `any image/* (a,b)`.
fn formats(cell: &str, kind: PlacementKind) -> Vec<String> {
    let names = match cell.split_once('(') {
        Some((_, inside)) => inside.trim_end_matches(')'),
        None => cell,
    };
    let names: Vec<String> =
        names.split(['|', ',']).map(|f| f.trim().to_ascii_lowercase()).filter(|f| !f.is_empty()).collect();
    match kind {
        PlacementKind::Image if names.is_empty() => vec!["jpeg".to_owned()],
        _ => names,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_row_is_a_placement() {
        let table = Platforms::parse(Platforms::TEMPLATE).unwrap();
        assert_eq!(table.all().count(), 82);
        assert_eq!(table.all().filter(|p| p.kind == PlacementKind::Image).count(), 60);
        assert_eq!(table.platforms().count(), 22);
        assert_eq!(shipped(), &table);
        const KNOWN: &[&str] = &["jpeg", "png", "webp", "gif", "bmp", "tiff"];
        for p in table.all().filter(|p| p.kind == PlacementKind::Image) {
            assert!(!p.formats.is_empty() && p.formats.iter().all(|f| KNOWN.contains(&f.as_str())), "{p:?}");
            assert_eq!(p.width.is_some(), p.height.is_some(), "{p:?}");
        }
    }

    #[test]
    fn rows_are_typed() {
        let table = shipped();
        let square = table.get("instagram", "post_square").unwrap();
        assert_eq!((square.width, square.height, square.fit), (Some(1080), Some(1080), Fit::Crop));
        assert_eq!((square.max_bytes, square.adult_allowed), (Some(8_000_000), Adult::No));
        assert_eq!(table.get("bluesky", "post_image").unwrap().formats, ["jpeg", "png", "webp"]);
        assert_eq!(table.get("fanvue", "post_image").unwrap().formats, ["jpeg"]);
        assert_eq!(table.get("snapchat", "story_image").unwrap().adult_allowed, Adult::Unknown);
        assert_eq!(table.get("instagram", "reel").unwrap().kind, PlacementKind::Video);
        assert!(table.placements("instagram").all(|p| p.kind == PlacementKind::Image));
        assert_eq!(table.placements("instagram").count(), 7);
        assert!(table.get("instagram", "nothing").is_none());
        let reel = table.get("facebook", "reel").unwrap();
        assert_eq!((reel.max_seconds, reel.frame_rates), (Some(90), FrameRates { least: Some(24), most: Some(60) }));
    }

    #[test]
    fn a_bad_table_is_refused_with_its_line() {
        let head = "platform,placement,kind,width,height,fit,formats,max_bytes,adult_allowed\n";
        let error = |rows: &str| Platforms::parse(&format!("{head}{rows}")).unwrap_err().to_string();
        assert!(
            error("x,post,image,wide,1,crop,,,\n").contains("line: 2"),
            "{}",
            error("x,post,image,wide,1,crop,,,\n")
        );
        assert!(error("x,post,image,1,1,bend,,,\n").contains("bend"));
        assert!(error("x,post,image,1,1,crop,,,\nx,post,image,1,1,crop,,,\n").contains("twice"));
        let clips = format!("{},fps\n", head.trim_end());
        let error_of_clip =
            Platforms::parse(&format!("{clips}x,post,video,1,1,crop,,,,fast\n")).unwrap_err().to_string();
        assert!(error_of_clip.contains("`x/post`: `fast` is no frame rate"), "{error_of_clip}");
        assert!(error("../x,post,image,1,1,crop,,,\n").contains("ids"));
    }
}
