//! How things are printed. A reader that goes away (`dam find x | head`) ends us in silence.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use super::{Failure, failed};

/// `dam: message` and the hint on the next line, to stderr.
pub fn failure(failure: &Failure) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "dam: {}", failure.message);
    if let Some(hint) = &failure.hint {
        for line in hint.lines() {
            let _ = writeln!(err, "  {line}");
        }
    }
}

/// A remark to stderr.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "dam: {text}");
}

/// Bytes to stdout.
pub fn out(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(failed(format!("cannot write to stdout: {e}"), "free some space, or choose another place"))
        }
        _ => Ok(()),
    }
}

/// One line to stdout.
pub fn line(text: &str) -> Result<(), Failure> {
    out(format!("{text}\n").as_bytes())
}

/// Data as JSON to stdout.
pub fn json(value: &Value) -> Result<(), Failure> {
    line(&serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string()))
}

/// Whether stdout is a terminal.
pub fn to_terminal() -> bool {
    io::stdout().is_terminal()
}

/// A table for people.
pub fn table(head: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    // A terminal that does not know its width would get one letter per line.
    if table.width().is_some_and(|columns| columns >= 40) {
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    }
    table.set_header(head.iter().map(|h| comfy_table::Cell::new(h).add_attribute(comfy_table::Attribute::Bold)));
    table
}

/// That the current version does not say how it was generated, and which one did last.
pub fn inherited(value: &Value) {
    if let Some(n) = value["inherited"].as_u64() {
        note(&format!("how it was generated is inherited: version {n} said so last, and the record keeps it"));
    }
}

/// A value as a word: lists with commas, named values each on a line, nothing for null. Control characters never reach the terminal.
pub fn word(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(word).collect::<Vec<_>>().join(", "),
        Value::Object(named) => named.iter().map(|(k, v)| format!("{k}: {}", word(v))).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    };
    safe(&text)
}

/// Text without control characters but line feeds.
pub fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect()
}

/// Width and height, when they are known.
pub fn dimensions(of: &Value) -> String {
    match (of["width"].as_u64(), of["height"].as_u64()) {
        (Some(width), Some(height)) => format!("{width}x{height}"),
        _ => String::new(),
    }
}

/// Bytes for people.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut whole = n;
    let mut tenths = 0;
    let mut unit = 0;
    while whole >= 1000 && unit + 1 < UNITS.len() {
        tenths = whole % 1000 / 100;
        whole /= 1000;
        unit += 1;
    }
    if unit == 0 || whole >= 100 {
        format!("{whole} {}", UNITS[unit])
    } else {
        format!("{whole}.{tenths} {}", UNITS[unit])
    }
}
