//! PNG chunks: size, texts, EXIF, XMP, and whether the end is there.

use std::io::{self, Read};

use flate2::read::ZlibDecoder;

use super::bytes::{MAX_BLOCK, Window, be32, utf8_or_latin1};
use super::found::{Found, strip_exif_prefix};
use crate::types::ReadAt;

const MAX_CHUNKS: usize = 200_000;
/// Most bytes that the packed texts of one file may give.
const MAX_UNPACKED: usize = 2 * MAX_BLOCK;

pub(super) fn walk(source: &dyn ReadAt) -> io::Result<Found> {
    let mut found = Found::default();
    let mut w = Window::new(source);
    let mut at = 8u64;
    for _ in 0..MAX_CHUNKS {
        let Some(head) = w.array::<8>(at)? else { break };
        let len = u64::from(be32(&head, 0).unwrap_or(0));
        let body = at.saturating_add(8);
        let next = body.saturating_add(len).saturating_add(4);
        let kind: [u8; 4] = [head[4], head[5], head[6], head[7]];
        match &kind {
            b"IHDR" => {
                let head = w.get(body, 13)?;
                (found.width, found.height) = (be32(head, 0), be32(head, 4));
                found.deep = head.get(8) == Some(&16);
                found.colour.chunk(&kind, head);
            }
            b"cICP" | b"iCCP" | b"sRGB" | b"gAMA" | b"cHRM" => {
                let most = usize::try_from(len.min(32)).unwrap_or(0);
                found.colour.chunk(&kind, w.get(body, most)?);
                if found.colour.is_hdr() {
                    found.unsupported = Some("an HDR picture");
                }
            }
            b"caBX" => found.is_signed = true,
            b"IEND" => {
                found.complete = next <= w.len();
                break;
            }
            b"tEXt" | b"iTXt" | b"zTXt" | b"eXIf" | b"comf" if next <= w.len() => match w.block(body, len)? {
                Some(data) => keep(&mut found, &kind, data),
                None => found.warn("a text chunk is larger than 16 MiB and was left out"),
            },
            _ => {}
        }
        if next > w.len() {
            break;
        }
        at = next;
    }
    Ok(found)
}

fn keep(found: &mut Found, kind: &[u8; 4], data: Vec<u8>) {
    if kind == b"eXIf" {
        found.exif = Some(strip_exif_prefix(data));
        return;
    }
    let Some((key, rest)) = split_nul(&data) else { return };
    let key = utf8_or_latin1(key);
    let value = match kind {
        b"zTXt" => rest.split_first().and_then(|(_, z)| inflate(found, z)).map(|t| utf8_or_latin1(&t)),
        b"iTXt" => international(found, rest),
        // Latin-1 by the standard, UTF-8 as many programs write it.
        _ => Some(utf8_or_latin1(rest)),
    };
    match value {
        Some(v) if key == "XML:com.adobe.xmp" => found.xmp = Some(v.into_bytes()),
        Some(v) => found.text(key, v),
        None => found.warn("a text chunk could not be unpacked"),
    }
}

fn international(found: &mut Found, rest: &[u8]) -> Option<String> {
    let (flag, rest) = rest.split_first()?;
    let (_method, rest) = rest.split_first()?;
    let (_language, rest) = split_nul(rest)?;
    let (_translated, text) = split_nul(rest)?;
    if *flag == 0 { Some(utf8_or_latin1(text)) } else { inflate(found, text).map(|t| utf8_or_latin1(&t)) }
}

fn inflate(found: &mut Found, packed: &[u8]) -> Option<Vec<u8>> {
    if found.unpacked > MAX_UNPACKED {
        return None;
    }
    let mut out = Vec::new();
    let limit = (MAX_BLOCK as u64).saturating_add(1);
    let read = ZlibDecoder::new(packed).take(limit).read_to_end(&mut out);
    found.unpacked = found.unpacked.saturating_add(out.len()).saturating_add(packed.len());
    read.ok()?;
    if out.len() > MAX_BLOCK {
        found.warn("a packed text unpacks to more than 16 MiB and was left out");
        return None;
    }
    Some(out)
}

fn split_nul(b: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = b.iter().position(|&c| c == 0)?;
    Some((b.get(..at)?, b.get(at.checked_add(1)?..)?))
}
