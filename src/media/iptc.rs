//! IPTC-IIM: keywords, caption, title, and who made it and has the rights.

use super::bytes::{be16, be32, utf8_or_latin1};

const MAX_RECORDS: usize = 10_000;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Iptc {
    pub keywords: Vec<String>,
    pub caption: Option<String>,
    pub title: Option<String>,
    pub creator: Option<String>,
    pub rights: Option<String>,
}

/// The IIM block among Photoshop image resources.
pub(super) fn find(mut b: &[u8]) -> Option<&[u8]> {
    for _ in 0..MAX_RECORDS {
        if !b.starts_with(b"8BIM") {
            return None;
        }
        let id = be16(b, 4)?;
        let name = usize::from(*b.get(6)?).checked_add(1)?;
        let at = name.checked_add(name & 1)?.checked_add(6)?;
        let len = usize::try_from(be32(b, at)?).ok()?;
        let data = at.checked_add(4)?;
        if id == 0x0404 {
            return b.get(data..data.checked_add(len)?.min(b.len()));
        }
        b = b.get(data.checked_add(len)?.checked_add(len & 1)?..)?;
    }
    None
}

pub(super) fn read(mut b: &[u8]) -> Iptc {
    let mut out = Iptc::default();
    for _ in 0..MAX_RECORDS {
        let Some((record, set, data, rest)) = next(b) else { break };
        b = rest;
        if record != 2 {
            continue;
        }
        let text = utf8_or_latin1(data).trim_matches(['\0', ' ', '\r', '\n']).to_owned();
        if text.is_empty() {
            continue;
        }
        match set {
            5 => out.title = Some(text),
            25 => out.keywords.push(text),
            80 => out.creator = Some(out.creator.take().map_or_else(|| text.clone(), |one| format!("{one}; {text}"))),
            116 => out.rights = Some(text),
            120 => out.caption = Some(text),
            _ => {}
        }
    }
    out
}

fn next(b: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let [0x1c, record, set, ..] = *b else { return None };
    let short = be16(b, 3)?;
    let (at, len) = if short & 0x8000 == 0 {
        (5usize, usize::from(short))
    } else {
        let bytes = usize::from(short & 0x7fff);
        if bytes > 4 {
            return None;
        }
        let long = b.get(5..5usize.checked_add(bytes)?)?;
        (5usize.checked_add(bytes)?, long.iter().fold(0usize, |n, &c| (n << 8) | usize::from(c)))
    };
    let end = at.checked_add(len)?;
    Some((record, set, b.get(at..end)?, b.get(end..)?))
}
