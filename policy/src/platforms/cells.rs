//! The cells of one row, each into its type or a sentence that says what to write.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{Adult, AiLabel, Background, Day, Fault, Fit, FrameRates, Metadata, Placement, PlacementKind, Watermark};
use crate::expr::unknown;

/// Longest side of a file that is ever made.
const MAX_SIDE: u32 = 65_500;
/// Most pixels of one.
const MAX_PIXELS: u64 = 200_000_000;
/// Longest text that is written into a picture.
/// What people note is not kept without bounds.
const MAX_SOURCE: usize = 2_000;

const KINDS: [(&str, PlacementKind); 2] = [("image", PlacementKind::Image), ("video", PlacementKind::Video)];
const FITS: [(&str, Fit); 3] = [("crop", Fit::Crop), ("pad", Fit::Pad), ("any", Fit::Any)];
const YES: [(&str, bool); 3] = [("", false), ("no", false), ("yes", true)];
const METADATA: [(&str, Metadata); 5] = [
    ("", Metadata::MarkOnly),
    ("mark-only", Metadata::MarkOnly),
    ("bare", Metadata::Bare),
    ("ai-fields", Metadata::AiFields),
    ("ai-prompt", Metadata::AiPrompt),
];
const FOCUSES: [(&str, bool); 3] = [("", false), ("centre", false), ("attention", true)];
const ADULT: [(&str, Adult); 5] = [
    ("", Adult::Unknown),
    ("no", Adult::No),
    ("labelled", Adult::Labelled),
    ("restricted", Adult::Restricted),
    ("yes", Adult::Yes),
];
const AI_LABEL: [(&str, AiLabel); 7] = [
    ("", AiLabel::Unknown),
    ("no", AiLabel::No),
    ("auto", AiLabel::Auto),
    ("recommended", AiLabel::Recommended),
    ("conditional", AiLabel::Conditional),
    ("yes", AiLabel::Yes),
    ("prohibited_if_deceptive", AiLabel::ProhibitedIfDeceptive),
];
const STILLS: [&str; 8] = ["jpeg", "png", "webp", "gif", "bmp", "tiff", "avif", "heic"];
const VIDEOS: [&str; 9] = ["mp4", "mov", "webm", "m4v", "mkv", "avi", "wmv", "flv", "3gp"];

/// One row, being read.
pub(super) struct Cells<'a> {
    row: usize,
    columns: &'a BTreeMap<&'static str, usize>,
    record: &'a csv::StringRecord,
    pub faults: Vec<Fault>,
}

impl<'a> Cells<'a> {
    pub fn new(row: usize, columns: &'a BTreeMap<&'static str, usize>, record: &'a csv::StringRecord) -> Self {
        Self { row, columns, record, faults: Vec::new() }
    }

    /// The row's placement, when every cell is one.
    pub fn placement(&mut self) -> Option<Placement> {
        let platform = self.id("platform");
        let placement = self.id("placement");
        let kind = self.word("kind", &KINDS);
        let width = self.number("width", 1, MAX_SIDE);
        let height = self.number("height", 1, MAX_SIDE);
        let fit = self.word("fit", &FITS);
        let attention = self.word("focus", &FOCUSES);
        let background = self.background("background");
        let upscale = self.word("upscale", &YES);
        let sharpen = self.number("sharpen", 1, 100);
        let watermark = self.watermark("watermark", kind);
        let metadata = self.word("metadata", &METADATA);
        let formats = kind.map(|kind| self.formats(kind));
        let max_bytes = self.number("max_bytes", 1, u64::MAX);
        let max_seconds = self.number("max_seconds", 1, u32::MAX);
        let frame_rates = self.frame_rates("fps");
        let caption_max = self.number("caption_max", 1, u32::MAX);
        let hashtags_max = self.number("hashtags_max", 0, u32::MAX);
        let adult_allowed = self.word("adult_allowed", &ADULT);
        let ai_label = self.word("ai_label_required", &AI_LABEL);
        let verified = self.day("verified");
        let source = self.cell("source").chars().take(MAX_SOURCE).collect();
        if let (Some(w), Some(h)) = (width, height)
            && u64::from(w) * u64::from(h) > MAX_PIXELS
        {
            let most = MAX_PIXELS / u64::from(w);
            self.fault("height", format!("{w}x{h} are more than {MAX_PIXELS} pixels; write at most {most}"));
        }
        if !self.faults.is_empty() {
            return None;
        }
        Some(Placement {
            platform: platform?,
            placement: placement?,
            kind: kind?,
            width,
            height,
            fit: fit?,
            attention: attention?,
            background,
            upscale: upscale?,
            sharpen,
            watermark,
            metadata: metadata?,
            formats: formats?,
            max_bytes,
            max_seconds,
            frame_rates,
            caption_max,
            hashtags_max,
            adult_allowed: adult_allowed?,
            ai_label: ai_label?,
            verified,
            source,
            since: None,
            guideline: None,
        })
    }

    fn cell(&self, column: &'static str) -> &'a str {
        self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default().trim()
    }

    fn fault(&mut self, column: &'static str, reason: String) {
        self.faults.push(Fault { row: self.row, column, reason });
    }

    fn id(&mut self, column: &'static str) -> Option<String> {
        let text = self.cell(column);
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if !text.is_empty() && text.len() <= 64 && text.bytes().all(fits) {
            return Some(text.to_owned());
        }
        let kept: String = text.to_lowercase().chars().map(|c| if c.is_whitespace() { '_' } else { c }).collect();
        let nearest: String = kept.chars().filter(|c| u8::try_from(*c).is_ok_and(fits)).take(64).collect();
        let instead = if nearest.is_empty() { "post_image" } else { &nearest };
        self.fault(column, format!("`{text}` is no id of a-z, 0-9, _ and -; write for example `{instead}`"));
        None
    }

    fn word<T: Copy>(&mut self, column: &'static str, known: &[(&str, T)]) -> Option<T> {
        let text = self.cell(column).to_ascii_lowercase();
        let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).filter(|word| !word.is_empty()).collect();
            let empty = if words.len() < known.len() { "; the cell may be empty" } else { "" };
            self.fault(column, format!("{}{empty}", unknown("value", &text, &words)));
        }
        found
    }

    fn number<T>(&mut self, column: &'static str, least: T, most: T) -> Option<T>
    where
        T: FromStr + PartialOrd + Copy + std::fmt::Display,
    {
        let text = self.cell(column);
        if text.is_empty() {
            return None;
        }
        let bad = match text.parse::<T>() {
            Ok(number) if number >= least && number <= most => return Some(number),
            Ok(number) if number < least => format!("{text} is too small; write {least} or more, or nothing"),
            Ok(_) => format!("{text} is too large; write {most} or less"),
            Err(_) => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                let nearest = digits.parse::<T>().ok().filter(|number| *number >= least && *number <= most);
                let instead =
                    nearest.map_or_else(|| "write digits alone, or nothing".to_owned(), |n| format!("write {n}"));
                format!("`{text}` is no whole number; {instead}")
            }
        };
        self.fault(column, bad);
        None
    }

    /// `a|b`, or prose with the names in parentheses: `any image/* (a,b)`.
    fn formats(&mut self, kind: PlacementKind) -> Vec<String> {
        let cell = self.cell("formats");
        let names = match cell.split_once('(') {
            Some((_, inside)) => inside.trim_end_matches(')'),
            None => cell,
        };
        let known: &[&str] = if kind == PlacementKind::Image { &STILLS } else { &VIDEOS };
        let mut formats: Vec<String> = Vec::new();
        for name in names.split(['|', ',', '+', ' ']).map(|f| f.trim().to_ascii_lowercase()).filter(|f| !f.is_empty()) {
            let name = match name.as_str() {
                "jpg" => "jpeg",
                "tif" => "tiff",
                other => other,
            };
            if !known.contains(&name) {
                self.fault("formats", unknown("format", name, known));
            } else if !formats.iter().any(|format| format == name) {
                formats.push(name.to_owned());
            }
        }
        if kind == PlacementKind::Image && formats.is_empty() {
            formats.push("jpeg".to_owned());
        }
        formats
    }

    /// `blur`, or a colour as `#ffeedd`.
    fn background(&mut self, column: &'static str) -> Background {
        let text = self.cell(column).to_ascii_lowercase();
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii());
        let part = |at: usize| u8::from_str_radix(digits?.get(at..at + 2)?, 16).ok();
        match (text.as_str(), part(0), part(2), part(4)) {
            ("", ..) => Background::Plain,
            ("blur", ..) => Background::Blur,
            (_, Some(r), Some(g), Some(b)) => Background::Colour([r, g, b]),
            _ => {
                self.fault(column, format!("`{text}` is no background; write a colour as #ffeedd, `blur`, or nothing"));
                Background::Plain
            }
        }
    }

    fn watermark(&mut self, column: &'static str, kind: Option<PlacementKind>) -> Watermark {
        let read = Watermark::read(self.cell(column)).and_then(|watermark| match watermark {
            Watermark::Text(_) if kind == Some(PlacementKind::Video) => {
                Err("clips carry none; write `no`, or nothing".to_owned())
            }
            read => Ok(read),
        });
        read.unwrap_or_else(|reason| {
            self.fault(column, reason);
            Watermark::default()
        })
    }

    fn frame_rates(&mut self, column: &'static str) -> FrameRates {
        self.cell(column).parse().unwrap_or_else(|reason| {
            self.fault(column, reason);
            FrameRates::default()
        })
    }

    fn day(&mut self, column: &'static str) -> Option<Day> {
        match self.cell(column) {
            "" => None,
            text => Day::parse(text).map_err(|reason| self.fault(column, reason)).ok(),
        }
    }
}
