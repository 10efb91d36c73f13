//! A caption of as many characters as a platform takes: what gives way, and what does not.

use super::{Captions, Post};
use crate::platforms::Placement;

/// What stands where words were left out.
const MORE: char = '…';

/// The caption, or nothing when there is nothing to say. First words of the note give way, then words of the title, then hashtags.
pub(super) fn fit(book: &Captions, row: &Placement, post: &Post<'_>) -> Result<Option<String>, String> {
    let limit = |most: Option<u32>| most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let (most, most_tags) = (limit(row.caption_max), limit(row.hashtags_max));
    let (disclosure, hashtags) = (tidy(book.disclosure(row, post)), book.hashtags(row, post));
    let whole = |note: &str, title: &str, tags: usize| -> Result<String, String> {
        let said = hashtags.get(..tags).unwrap_or(&hashtags).join(" ");
        let text = tidy(&book.render(row, &Post { note, title, ..post.clone() }, &said)?);
        let lacks = !disclosure.is_empty() && !says(&text, &disclosure);
        Ok(if lacks { tidy(&format!("{text}\n{disclosure}")) } else { text })
    };
    // Those that the text itself has count, too.
    let (mut tags, mut text) = (hashtags.len(), whole(post.note, post.title, hashtags.len())?);
    while count_hashtags(&text) > most_tags {
        let Some(fewer) = tags.checked_sub(1) else {
            return Err(format!("it has {} hashtags of its own, and {most_tags} are taken", count_hashtags(&text)));
        };
        (tags, text) = (fewer, whole(post.note, post.title, fewer)?);
    }
    if length(&text) > most {
        let fits = |text: String| Ok((length(&text) <= most).then_some(text));
        let note = longest(post.note, |note| whole(note, post.title, tags).and_then(fits))?;
        let found = match note {
            Some(text) => Some(text),
            None => longest(post.title, |title| whole("", title, tags).and_then(fits))?,
        };
        let fewer = |found, tags: usize| match found {
            None => whole("", "", tags).and_then(fits),
            found => Ok(found),
        };
        let found = (0..tags).rev().try_fold(found, fewer)?;
        let without = || length(&whole("", "", 0).unwrap_or_default());
        text =
            found.ok_or_else(|| format!("it has {} characters without any words, and {most} are taken", without()))?;
    }
    Ok((!text.is_empty()).then(|| text + "\n"))
}

/// Whether a text has those words, and not as a part of longer ones: `#ai` is not in `#airbrush`.
fn says(text: &str, words: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(words).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let behind = text.get(at + words.len()..).and_then(|behind| behind.chars().next());
        let begins = !words.starts_with(is_word) || !before.is_some_and(is_word);
        begins && !(words.ends_with(is_word) && behind.is_some_and(is_word))
    })
}

/// What comes of as many words of a text as fit.
fn longest<T>(text: &str, fits: impl Fn(&str) -> Result<Option<T>, String>) -> Result<Option<T>, String> {
    let (mut low, mut high) = (0, text.chars().count());
    let mut best = fits("")?;
    while best.is_some() && low < high {
        let middle = (low + high).div_ceil(2);
        match fits(&shortened(text, middle))? {
            Some(found) => (best, low) = (Some(found), middle),
            None => high = middle - 1,
        }
    }
    Ok(best)
}

/// Whole words of a text, of so many characters at most; a first word that is longer is cut.
fn shortened(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let head = text.get(..end).unwrap_or_default();
    let cut = head.rfind(char::is_whitespace).filter(|at| !head.get(..*at).unwrap_or_default().trim().is_empty());
    let kept = match cut {
        Some(at) => head.get(..at).unwrap_or_default(),
        None => head.char_indices().next_back().map_or("", |(last, _)| head.get(..last).unwrap_or_default()),
    };
    let kept = kept.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-'));
    if kept.is_empty() { String::new() } else { format!("{kept}{MORE}") }
}

/// As platforms count: characters beyond the first plane are two.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn count_hashtags(text: &str) -> usize {
    let is_one = |word: &str| {
        word.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    text.split_whitespace().filter(|word| is_one(word)).count()
}

/// Without white space around lines, and without more than one empty line in a row.
fn tidy(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if !line.is_empty() || !(out.is_empty() || out.ends_with("\n\n")) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}
