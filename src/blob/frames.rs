//! The layout of a sealed extent or object: a header with its wrapped key, then segments of 64 KiB, each with its tag.

use zeroize::Zeroizing;

use super::BlobError;
use crate::crypto::{Keyring, NONCE, Sealer, TAG};
use crate::rng::Entropy;

/// Plain bytes per segment.
pub(super) const SEGMENT: usize = 64 * 1024;
/// Bytes of the header.
pub(super) const HEADER: usize = 8 + 4 + 8 + WRAPPED;
const WRAPPED: usize = 60;
const MAGIC: &[u8; 8] = b"damfsX\x00\x01";

/// An opened header: how long the plain bytes are, and the key of the segments.
pub(super) struct Frame {
    pub(super) len: u64,
    sealer: Sealer,
    subject: Vec<u8>,
}

/// The stored form of some bytes. `subject` (what it is, by name) is bound to every part of it.
pub(super) fn seal(
    keyring: &Keyring,
    subject: &[u8],
    plain: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, BlobError> {
    let mut key = Zeroizing::new([0u8; 32]);
    entropy.fill(&mut *key)?;
    let len = plain.len() as u64;
    let (epoch, wrapped) = keyring.wrap_key(&key, &header_aad(subject, len), entropy)?;
    let frame = Frame { len, sealer: Sealer::new(&key, keyring.is_sealed())?, subject: subject.to_vec() };
    let segments = plain.len().div_ceil(SEGMENT).max(1);
    let mut out = Vec::with_capacity(HEADER + plain.len() + segments * TAG);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&epoch.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&wrapped);
    for at in 0..segments {
        let part = &plain[at * SEGMENT..plain.len().min((at + 1) * SEGMENT)];
        let from = out.len();
        out.extend_from_slice(part);
        let (nonce, aad) = frame.names(at as u64);
        let tag = frame.sealer.seal(nonce, &aad, &mut out[from..])?;
        out.extend_from_slice(&tag);
    }
    Ok(out)
}

fn header_aad(subject: &[u8], len: u64) -> Vec<u8> {
    let mut aad = b"damfs frame v1\n".to_vec();
    aad.extend_from_slice(&len.to_le_bytes());
    aad.extend_from_slice(subject);
    aad
}

impl Frame {
    /// Opens a header.
    pub(super) fn open(keyring: &Keyring, subject: &[u8], header: &[u8]) -> Result<Self, BlobError> {
        let damaged = |why: &str| BlobError::Damaged { what: what(subject), why: why.into() };
        if header.len() < HEADER {
            return Err(damaged("its header is cut off"));
        }
        if header[..7] != MAGIC[..7] || header[7] == 0 {
            return Err(damaged("it does not begin as it should"));
        }
        if header[7] > MAGIC[7] {
            return Err(BlobError::NewerFormat(what(subject)));
        }
        let (mut epoch, mut len, mut wrapped) = ([0; 4], [0; 8], [0; WRAPPED]);
        epoch.copy_from_slice(&header[8..12]);
        len.copy_from_slice(&header[12..20]);
        wrapped.copy_from_slice(&header[20..HEADER]);
        let len = u64::from_le_bytes(len);
        let key = keyring
            .unwrap_key(u32::from_le_bytes(epoch), &wrapped, &header_aad(subject, len))
            .map_err(|e| damaged(&e.to_string()))?;
        Ok(Self { len, sealer: Sealer::new(&key, keyring.is_sealed())?, subject: subject.to_vec() })
    }

    fn names(&self, segment: u64) -> ([u8; NONCE], Vec<u8>) {
        let mut nonce = [0; NONCE];
        nonce[..8].copy_from_slice(&segment.to_le_bytes());
        let mut aad = segment.to_le_bytes().to_vec();
        aad.push(u8::from((segment + 1) * SEGMENT as u64 >= self.len));
        (nonce, aad)
    }

    /// Where a segment lies in the stored form, and how many bytes it takes with its tag.
    pub(super) fn stored(&self, segment: u64) -> (u64, usize) {
        let at = (HEADER as u64).saturating_add(segment.saturating_mul((SEGMENT + TAG) as u64));
        let rest = self.len.saturating_sub(segment * SEGMENT as u64);
        let len = usize::try_from(rest).unwrap_or(SEGMENT).min(SEGMENT);
        (at, len + TAG)
    }

    /// Bytes of the whole stored form.
    pub(super) fn stored_len(&self) -> u64 {
        let (at, len) = self.stored(self.len.div_ceil(SEGMENT as u64).max(1) - 1);
        at.saturating_add(len as u64)
    }

    /// Opens one stored segment in place; gives the length of its plain bytes.
    pub(super) fn open_segment(&self, segment: u64, stored: &mut [u8]) -> Result<usize, BlobError> {
        let (_, want) = self.stored(segment);
        let damaged = |why: &str| BlobError::Damaged { what: what(&self.subject), why: why.into() };
        if stored.len() != want {
            return Err(damaged("it is cut off"));
        }
        let len = want - TAG;
        let (data, tag_bytes) = stored.split_at_mut(len);
        let mut tag = [0; TAG];
        tag.copy_from_slice(tag_bytes);
        let (nonce, aad) = self.names(segment);
        self.sealer.open(nonce, &aad, data, &tag).map_err(|_| damaged("its bytes are not those that were stored"))?;
        Ok(len)
    }

    /// Opens everything.
    pub(super) fn open_all(keyring: &Keyring, subject: &[u8], stored: &[u8]) -> Result<Vec<u8>, BlobError> {
        let frame = Self::open(keyring, subject, stored)?;
        let mut out = Vec::with_capacity(usize::try_from(frame.len).unwrap_or(0).min(stored.len()));
        let segments = frame.len.div_ceil(SEGMENT as u64).max(1);
        for segment in 0..segments {
            let (at, len) = frame.stored(segment);
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let part = stored
                .get(at..at.saturating_add(len))
                .ok_or_else(|| BlobError::Damaged { what: what(subject), why: "it is cut off".into() })?;
            let mut part = part.to_vec();
            let n = frame.open_segment(segment, &mut part)?;
            out.extend_from_slice(&part[..n]);
        }
        Ok(out)
    }
}

fn what(subject: &[u8]) -> String {
    String::from_utf8_lossy(subject).into_owned()
}
