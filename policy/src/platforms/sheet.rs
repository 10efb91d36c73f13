//! Tables as spreadsheets write them: with or without a mark of the encoding, between commas, semicolons or tabs, with columns and rows
//! in any order, and with rows that are empty.

use std::collections::BTreeMap;

use super::cells::Cells;
use super::{Fault, Placement, PlatformsError};

/// Columns that are read; of the others nobody but people knows.
pub(super) const COLUMNS: [&str; 22] = [
    "platform",
    "placement",
    "kind",
    "width",
    "height",
    "fit",
    "focus",
    "background",
    "upscale",
    "sharpen",
    "watermark",
    "metadata",
    "formats",
    "max_bytes",
    "max_seconds",
    "fps",
    "caption_max",
    "hashtags_max",
    "adult_allowed",
    "ai_label_required",
    "verified",
    "source",
];
/// Without them a table says nothing. An absent column of the others is one of empty cells.
const NEEDED: [&str; 4] = ["platform", "placement", "kind", "fit"];
/// More than any table of placements has.
const MAX_ROWS: usize = 10_000;

/// The text of a file, whatever encoding a spreadsheet gave it. What is read of it is ASCII; other bytes are people's notes.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

pub(super) fn read(text: &str) -> Result<Vec<Placement>, PlatformsError> {
    let text = text.trim_start_matches('\u{feff}');
    // Excel's own first line, which only says what stands between the cells.
    let (text, said, above) = match text.split_once('\n') {
        Some((line, rest)) if line.trim_end().len() == 5 && line.starts_with("sep=") => {
            (rest, line.as_bytes().get(4).copied(), 1)
        }
        _ => (text, None, 0),
    };
    let separator = said.unwrap_or_else(|| separator(text));
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut columns = None;
    let (mut placements, mut faults) = (Vec::new(), Vec::new());
    let mut standing: BTreeMap<(String, String), usize> = BTreeMap::new();
    // Line breaks within cells are lines of the file and no rows of the sheet.
    let (mut at, mut row) = (0, 1 + above);
    let mut inner = 0;
    for record in reader.records() {
        let record = record.map_err(|e| whole(row, e.to_string()))?;
        let begin = record.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(usize::MAX));
        let rest = text.get(begin..).unwrap_or_default();
        let begin = begin + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        row += text.get(at..begin).unwrap_or_default().matches('\n').count() - inner;
        at = begin;
        inner = record.iter().map(|cell| cell.matches('\n').count()).sum::<usize>();
        if row > MAX_ROWS {
            return Err(whole(row, format!("a table has {MAX_ROWS} rows at most")));
        }
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let Some(columns) = &columns else {
            columns = Some(header(&record, row)?);
            continue;
        };
        let mut cells = Cells::new(row, columns, &record);
        let placement = cells.placement();
        faults.append(&mut cells.faults);
        let Some(placement) = placement else { continue };
        match standing.insert((placement.platform.clone(), placement.placement.clone()), row) {
            Some(first) => {
                let reason = format!("`{}` stands in row {first} already; remove one of both", placement.path());
                faults.push(Fault { row, column: "placement", reason });
            }
            None => placements.push(placement),
        }
    }
    if columns.is_none() {
        return Err(whole(1, "the table is empty; `dam spec edit` begins with the shipped one".to_owned()));
    }
    if faults.is_empty() { Ok(placements) } else { Err(PlatformsError(faults)) }
}

fn whole(row: usize, reason: String) -> PlatformsError {
    PlatformsError(vec![Fault { row, column: "", reason }])
}

/// Where each column stands.
fn header(record: &csv::StringRecord, row: usize) -> Result<BTreeMap<&'static str, usize>, PlatformsError> {
    let mut columns = BTreeMap::new();
    for (at, cell) in record.iter().enumerate() {
        let name = cell.trim().to_ascii_lowercase();
        let Some(column) = COLUMNS.iter().find(|known| **known == name) else { continue };
        if columns.insert(*column, at).is_some() {
            return Err(PlatformsError(vec![Fault { row, column, reason: "the column stands twice".to_owned() }]));
        }
    }
    let missing = NEEDED.iter().filter(|column| !columns.contains_key(*column));
    let faults: Vec<Fault> =
        missing.map(|column| Fault { row, column, reason: "there is no such column".to_owned() }).collect();
    if faults.is_empty() { Ok(columns) } else { Err(PlatformsError(faults)) }
}

/// What stands between the cells of the first line.
fn separator(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in text.trim_start().bytes().take_while(|byte| *byte != b'\n') {
        quoted ^= byte == b'"';
        for (_, count) in counts.iter_mut().filter(|(separator, _)| *separator == byte && !quoted) {
            *count += 1;
        }
    }
    // Of equals the first one.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}
