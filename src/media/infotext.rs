//! A1111 and Forge infotext: prompt, negative prompt, and one line of parameters.
//!
//! Read with a scanner of its own: the pattern of the reference reader loses one-letter keys, keys with dots or brackets,
//! bare keys, and everything behind the first comma of an unquoted JSON value.

use std::collections::BTreeMap;

use crate::types::Generation;

const MAX_ITEMS: usize = 1024;
const MAX_KEY: usize = 200;
/// Longest quoted or bracketed value that is looked at: an unclosed quote must not cost a scan of everything per item.
const MAX_VALUE: usize = 256 * 1024;
const NEGATIVE: &str = "Negative prompt:";
/// `Lora hashes` of a file that could not be hashed: the SHA-256 of nothing.
const NO_HASH: &str = "e3b0c44298fc";

/// Reads an infotext. Text without parameters is a prompt alone.
pub(super) fn read(raw: &str) -> Generation {
    let text = raw.replace("\r\n", "\n");
    let text = text.trim().trim_matches('\0');
    let lines: Vec<&str> = text.split('\n').collect();
    let (prompt_lines, items) = split(&lines);
    let mut prompt = Vec::new();
    let mut negative: Option<Vec<&str>> = None;
    for line in prompt_lines {
        let line = line.trim();
        match (&mut negative, line.strip_prefix(NEGATIVE)) {
            (None, Some(rest)) => negative = Some(vec![rest.trim_start()]),
            (Some(n), _) => n.push(line),
            (None, None) => prompt.push(line),
        }
    }
    let filled = |s: String| Some(s.trim().to_owned()).filter(|s| !s.is_empty());
    let prompt = filled(prompt.join("\n"));
    let mut loras = prompt.as_deref().map(prompt_loras).unwrap_or_default();
    let fields: BTreeMap<String, String> = items.into_iter().collect();
    for (name, _) in fields.get("Lora hashes").map(|h| hashes(h)).unwrap_or_default() {
        if !loras.contains(&name) {
            loras.push(name);
        }
    }
    let field = |key: &str| fields.get(key).cloned().filter(|v| !v.is_empty());
    Generation {
        tool: "a1111".to_owned(),
        raw: raw.to_owned(),
        workflow: None,
        prompt,
        negative: negative.and_then(|n| filled(n.join("\n"))),
        model: field("Model"),
        sampler: field("Sampler"),
        seed: field("Seed").and_then(|s| s.parse().ok()),
        loras,
        fields,
        ..Generation::default()
    }
}

/// Whether a text from a place that holds any text (a comment) is infotext.
pub(super) fn is_infotext(raw: &str) -> bool {
    let text = raw.replace("\r\n", "\n");
    let lines: Vec<&str> = text.trim().split('\n').collect();
    !split(&lines).1.is_empty()
}

/// The lines of the prompts, and the items of the parameters behind them.
fn split<'a>(lines: &'a [&'a str]) -> (&'a [&'a str], Vec<(String, String)>) {
    // An extension that does not quote its values breaks the last line, so it is looked for by its start.
    let start = lines.iter().rposition(|l| {
        l.trim_start().strip_prefix("Steps:").is_some_and(|r| r.trim_start().starts_with(|c: char| c.is_ascii_digit()))
    });
    if let Some(at) = start {
        let found = items(&lines.get(at..).unwrap_or_default().join("\n"));
        if found.len() >= 2 {
            return (lines.get(..at).unwrap_or_default(), found);
        }
    }
    let Some((last, before)) = lines.split_last() else { return (&[], Vec::new()) };
    let found = items(last);
    let named = |k: &str| found.iter().any(|(key, value)| key == k && !value.is_empty());
    // Three pairs alone may be prose: "red: hat, blue: shoes, mood: calm".
    let pairs = found.iter().filter(|(k, v)| k != v).count();
    if pairs >= 3 && (named("Steps") || named("Seed") || named("Sampler")) {
        (before, found)
    } else {
        (lines, Vec::new())
    }
}

/// `key: value, key: value, bare key`.
fn items(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text;
    while out.len() < MAX_ITEMS {
        rest = rest.trim_start_matches([' ', ',', '\n', '\t']);
        if rest.is_empty() {
            break;
        }
        let end = rest.find([',', ':', '\n']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let key = key.trim();
        let Some(after) = after.strip_prefix(':') else {
            push(&mut out, key, key);
            rest = after;
            continue;
        };
        let (value, next) = value(after.trim_start_matches([' ', '\t']));
        push(&mut out, key, &value);
        rest = next;
    }
    out
}

fn push(out: &mut Vec<(String, String)>, key: &str, value: &str) {
    if !key.is_empty() && key.len() <= MAX_KEY {
        out.push((key.to_owned(), value.to_owned()));
    }
}

/// One value and what follows it.
fn value(text: &str) -> (String, &str) {
    let whole = match text.as_bytes().first() {
        Some(b'"') => quoted_end(text),
        Some(b'[' | b'{') => balanced_end(text),
        _ => None,
    };
    if let Some(end) = whole {
        let (value, next) = text.split_at(end);
        let ends = next.trim_start_matches([' ', '\t']);
        if ends.is_empty() || ends.starts_with([',', '\n']) {
            let plain = if value.starts_with('"') { serde_json::from_str(value).ok() } else { None };
            return (plain.unwrap_or_else(|| value.to_owned()), ends);
        }
    }
    let end = text.find(',').unwrap_or(text.len());
    let (value, next) = text.split_at(end);
    (value.trim().to_owned(), next)
}

/// Where a quoted string ends, its closing quote included.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.bytes().enumerate().take(MAX_VALUE).skip(1) {
        match c {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.checked_add(1),
            _ => {}
        }
    }
    None
}

/// Where a JSON array or object ends; brackets inside strings do not count.
fn balanced_end(text: &str) -> Option<usize> {
    let (mut depth, mut string, mut escaped) = (0usize, false, false);
    for (at, c) in text.bytes().enumerate().take(MAX_VALUE) {
        match c {
            _ if escaped => escaped = false,
            b'\\' if string => escaped = true,
            b'"' => string = !string,
            b'[' | b'{' if !string => depth = depth.saturating_add(1),
            b']' | b'}' if !string => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return at.checked_add(1);
                }
            }
            _ => {}
        }
    }
    None
}

/// `name: hash, name: hash`.
fn hashes(text: &str) -> Vec<(String, Option<String>)> {
    let pairs = text.split(',').filter_map(|p| p.split_once(':'));
    pairs
        .take(MAX_ITEMS)
        .map(|(name, hash)| {
            let hash = hash.trim();
            (name.trim().to_owned(), (!hash.is_empty() && hash != NO_HASH).then(|| hash.to_owned()))
        })
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

/// The names in `<lora:name:weight>`.
pub(super) fn prompt_loras(prompt: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (start, _) in prompt.match_indices('<').take(MAX_ITEMS) {
        let tag = prompt.get(start.saturating_add(1)..).unwrap_or_default();
        let Some(rest) = tag.strip_prefix("lora:").or_else(|| tag.strip_prefix("lyco:")) else { continue };
        let Some(end) = rest.find(['>', '<', '\n']).filter(|&e| rest.as_bytes().get(e) == Some(&b'>')) else {
            continue;
        };
        let name = rest.get(..end).and_then(|t| t.split(':').next()).unwrap_or_default().trim();
        if !name.is_empty() && !out.iter().any(|n| n == name) {
            out.push(name.to_owned());
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    const SHORT: &str = "a cat, <lora:add_detail:0.8>\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, Size: 512x768, Model hash: 45dee52b, Model: foo, Lora hashes: \"add_detail: 7c6bad76eb54, b: 0a1b2c3d4e5f\", Version: v1.10.1";

    #[test]
    fn the_usual_text_is_read() {
        let g = read(SHORT);
        assert_eq!(g.prompt.as_deref(), Some("a cat, <lora:add_detail:0.8>"));
        assert_eq!(g.negative.as_deref(), Some("blurry"));
        assert_eq!(
            (g.model.as_deref(), g.sampler.as_deref(), g.seed),
            (Some("foo"), Some("DPM++ 2M"), Some(965_400_086))
        );
        assert_eq!(g.loras, ["add_detail", "b"]);
        assert_eq!(g.fields["Size"], "512x768");
        assert_eq!(g.raw, SHORT);
        assert!(is_infotext(SHORT));
    }

    #[test]
    fn items_that_the_reference_pattern_loses_are_kept() {
        let table: &[(&str, &str, &str)] = &[
            ("K: 3", "K", "3"),
            ("Foo.bar: 3", "Foo.bar", "3"),
            ("Tiled (x): 4", "Tiled (x)", "4"),
            ("Tiling", "Tiling", "Tiling"),
            ("Empty: \"\"", "Empty", ""),
            ("Odd: a\"b", "Odd", "a\"b"),
            ("Lit: \"lit\"", "Lit", "lit"),
            ("Bad: \"a\\q\"", "Bad", "\"a\\q\""),
            ("Hires prompt: \"one, two: three\\nfour\"", "Hires prompt", "one, two: three\nfour"),
            (
                "Civitai resources: [{\"type\":\"checkpoint\",\"modelVersionId\":1}]",
                "Civitai resources",
                "[{\"type\":\"checkpoint\",\"modelVersionId\":1}]",
            ),
            ("Meta: {\"a\":\"]},\",\"b\":[1,2]}", "Meta", "{\"a\":\"]},\",\"b\":[1,2]}"),
            ("Time: 12:30", "Time", "12:30"),
            ("ADetailer: first\nsecond", "ADetailer", "first\nsecond"),
            ("Größe: 3", "Größe", "3"),
        ];
        for (item, key, value) in table {
            let g = read(&format!("p\nSteps: 20, Sampler: Euler a, {item}, Version: v1"));
            assert_eq!(g.fields.get(*key).map(String::as_str), Some(*value), "{item}");
            assert_eq!(g.fields.get("Version").map(String::as_str), Some("v1"), "{item}");
            assert_eq!(g.prompt.as_deref(), Some("p"), "{item}");
        }
    }

    #[test]
    fn prompts_are_not_taken_for_parameters() {
        let prose = "a scene\nred: hat, blue: shoes, mood: calm, light: soft";
        let g = read(prose);
        assert_eq!(g.prompt.as_deref(), Some(prose));
        assert!(g.fields.is_empty());
        assert!(!is_infotext(prose));
        let g = read("line one\n\nline three\nNegative prompt: bad\nhands\nSampler: Euler, Seed: 5, Steps: 3");
        assert_eq!(g.prompt.as_deref(), Some("line one\n\nline three"));
        assert_eq!(g.negative.as_deref(), Some("bad\nhands"));
        assert_eq!(g.seed, Some(5));
        let g = read("Steps: 20, Sampler: Euler");
        assert_eq!((g.prompt, g.fields.len()), (None, 2));
        assert_eq!(read("").prompt, None);
        assert_eq!(read("Negative prompt:").negative, None);
    }

    #[test]
    fn loras_are_named_once() {
        assert_eq!(
            prompt_loras("<lora:a:1> <lora:a:0.5:0.2> <lora:b c> <lora:> <lora:x\n> <lora:d <lora:e:1>"),
            ["a", "b c", "e"]
        );
    }
}
