//! Sealing one segment: AES-256-GCM, or in an unencrypted library a keyed BLAKE3 tag over plain bytes. Both have the same layout, so
//! that everything above is the same for both.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::CryptoError;

/// Bytes of a nonce.
pub const NONCE: usize = 12;
/// Bytes of a tag.
pub const TAG: usize = 16;

/// Seals and opens segments under one key.
pub enum Sealer {
    Aes(Box<LessSafeKey>),
    Plain([u8; 32]),
}

impl Sealer {
    /// A sealer under a 256-bit key.
    ///
    /// # Errors
    /// Never for 32 bytes; the library says so.
    pub fn new(key: &[u8; 32], sealed: bool) -> Result<Self, CryptoError> {
        if !sealed {
            return Ok(Self::Plain(*key));
        }
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| CryptoError::Damaged("the cipher"))?;
        Ok(Self::Aes(Box::new(LessSafeKey::new(key))))
    }

    /// Seals in place and gives the tag. A nonce must never be used twice with a key.
    ///
    /// # Errors
    /// When the segment is too long for the cipher.
    pub fn seal(&self, nonce: [u8; NONCE], aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG], CryptoError> {
        match self {
            Self::Aes(key) => {
                let tag = key
                    .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), data)
                    .map_err(|_| CryptoError::Damaged("the cipher"))?;
                tag.as_ref().try_into().map_err(|_| CryptoError::Damaged("the cipher"))
            }
            Self::Plain(key) => Ok(plain_tag(key, nonce, aad, data)),
        }
    }

    /// Opens in place; the bytes are worth nothing when it fails.
    ///
    /// # Errors
    /// When they are not what was sealed.
    pub fn open(&self, nonce: [u8; NONCE], aad: &[u8], data: &mut [u8], tag: &[u8; TAG]) -> Result<(), CryptoError> {
        match self {
            Self::Aes(key) => key
                .open_in_place_separate_tag(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(aad),
                    ring::aead::Tag::from(*tag),
                    data,
                    0..,
                )
                .map(|_| ())
                .map_err(|_| CryptoError::Damaged("a sealed segment")),
            Self::Plain(key) if plain_tag(key, nonce, aad, data) == *tag => Ok(()),
            Self::Plain(_) => Err(CryptoError::Damaged("a segment")),
        }
    }
}

fn plain_tag(key: &[u8; 32], nonce: [u8; NONCE], aad: &[u8], data: &[u8]) -> [u8; TAG] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&nonce);
    hasher.update(&(aad.len() as u64).to_le_bytes());
    hasher.update(aad);
    hasher.update(data);
    let mut tag = [0; TAG];
    hasher.finalize_xof().fill(&mut tag);
    tag
}
