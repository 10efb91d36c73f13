//! The library's keys. One hash key for its whole life names content; epoch keys wrap the key of each extent; the master key in the
//! key file, outside the library, wraps both. Layout in `blob/FORMAT.md`.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::CryptoError;
use super::seal::{NONCE, Sealer, TAG};
use crate::rng::Entropy;
use crate::types::{ContentId, ExtentId};

const FORMAT: u64 = 1;
const KEY_WORD: &str = "damfs-key-1";

/// The keyring file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u64,
    library: String,
    sealed: bool,
    /// Hexadecimal: nonce, 32 bytes, tag; or 32 plain bytes when the library is not sealed.
    hash_key: String,
    /// The newest last; its number is its place from 1 on.
    epochs: Vec<String>,
}

/// The keys of an open library.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Keyring {
    hash_key: [u8; 32],
    epochs: Vec<[u8; 32]>,
    #[zeroize(skip)]
    sealed: bool,
}

/// What [`Keyring::create`] made.
pub struct NewKeyring {
    pub keyring: Keyring,
    /// The key file's text; empty for an unencrypted library.
    pub key_file: Zeroizing<String>,
    /// The keyring file, to be stored in the library.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} epochs)", self.epochs.len())
    }
}

impl Keyring {
    /// The keys of a new, sealed library.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn create(library: &str, entropy: &dyn Entropy) -> Result<NewKeyring, CryptoError> {
        let mut master = Zeroizing::new([0u8; 32]);
        entropy.fill(&mut *master)?;
        let keyring = Self::fresh(true, entropy)?;
        let sealer = Sealer::new(&master, true)?;
        let stored = Stored {
            format: FORMAT,
            library: library.to_owned(),
            sealed: true,
            hash_key: wrap(&sealer, &aad(library, "hash key"), &keyring.hash_key, entropy)?,
            epochs: vec![wrap(&sealer, &aad(library, "epoch 1"), &keyring.epochs[0], entropy)?],
        };
        let key_file = Zeroizing::new(format!("{KEY_WORD} {library} {}\n", hex(&*master)));
        Ok(NewKeyring { keyring, key_file, sealed: to_bytes(&stored)? })
    }

    /// The keys of a new library that is not encrypted; content is still named by a keyed hash.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn plain(library: &str, entropy: &dyn Entropy) -> Result<NewKeyring, CryptoError> {
        let keyring = Self::fresh(false, entropy)?;
        let stored = Stored {
            format: FORMAT,
            library: library.to_owned(),
            sealed: false,
            hash_key: hex(&keyring.hash_key),
            epochs: vec![hex(&keyring.epochs[0])],
        };
        Ok(NewKeyring { keyring, key_file: Zeroizing::new(String::new()), sealed: to_bytes(&stored)? })
    }

    fn fresh(sealed: bool, entropy: &dyn Entropy) -> Result<Self, CryptoError> {
        let (mut hash_key, mut epoch) = ([0u8; 32], [0u8; 32]);
        entropy.fill(&mut hash_key)?;
        entropy.fill(&mut epoch)?;
        Ok(Self { hash_key, epochs: vec![epoch], sealed })
    }

    /// Opens the keyring of a sealed library.
    ///
    /// # Errors
    /// When the key is wrong or another library's, or the file is damaged.
    pub fn open(sealed: &[u8], key_file: &str) -> Result<Self, CryptoError> {
        let stored = parse(sealed)?;
        let mut words = key_file.split_whitespace();
        let (Some(KEY_WORD), Some(found), Some(key), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(CryptoError::NotAKeyFile);
        };
        if found != stored.library {
            return Err(CryptoError::OtherLibrary { found: found.to_owned(), wanted: stored.library });
        }
        let master = Zeroizing::new(unhex::<32>(key).ok_or(CryptoError::NotAKeyFile)?);
        let sealer = Sealer::new(&master, true)?;
        let hash_key = unwrap(&sealer, &aad(&stored.library, "hash key"), &stored.hash_key)?;
        let mut epochs = Vec::new();
        for (at, text) in stored.epochs.iter().enumerate() {
            epochs.push(unwrap(&sealer, &aad(&stored.library, &format!("epoch {}", at + 1)), text)?);
        }
        if epochs.is_empty() {
            return Err(CryptoError::Damaged("the keyring"));
        }
        Ok(Self { hash_key, epochs, sealed: true })
    }

    /// Opens the keyring of a library that is not encrypted.
    ///
    /// # Errors
    /// When the file is damaged, or the library is sealed.
    pub fn open_plain(sealed: &[u8]) -> Result<Self, CryptoError> {
        let stored = parse(sealed)?;
        if stored.sealed {
            return Err(CryptoError::WrongKey);
        }
        let key = |text: &str| unhex::<32>(text).ok_or(CryptoError::Damaged("the keyring"));
        let epochs = stored.epochs.iter().map(|e| key(e)).collect::<Result<Vec<_>, _>>()?;
        if epochs.is_empty() {
            return Err(CryptoError::Damaged("the keyring"));
        }
        Ok(Self { hash_key: key(&stored.hash_key)?, epochs, sealed: false })
    }

    /// Whether bytes are encrypted.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The name of an extent's plain bytes.
    #[must_use]
    pub fn extent_id(&self, plain: &[u8]) -> ExtentId {
        ExtentId(*blake3::keyed_hash(&self.hash_key, plain).as_bytes())
    }

    /// The name of a list of extents: the one extent's own, or the keyed hash of the list.
    #[must_use]
    pub fn content_id(&self, extents: &[(ExtentId, u32)]) -> ContentId {
        if let [(only, _)] = extents
            && *only != ExtentId::HOLE
        {
            return ContentId(only.0);
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.derive("damfs content list v1"));
        for (id, len) in extents {
            hasher.update(&id.0);
            hasher.update(&len.to_le_bytes());
        }
        ContentId(*hasher.finalize().as_bytes())
    }

    /// A key for one purpose, the same for the library's whole life.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.hash_key)
    }

    /// Wraps a fresh key under the newest epoch: the epoch's number and nonce, key, tag.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn wrap_key(&self, key: &[u8; 32], aad: &[u8], entropy: &dyn Entropy) -> Result<(u32, [u8; 60]), CryptoError> {
        let epoch = self.epochs.last().ok_or(CryptoError::Damaged("the keyring"))?;
        let sealer = Sealer::new(epoch, self.sealed)?;
        let mut out = [0u8; NONCE + 32 + TAG];
        let mut nonce = [0u8; NONCE];
        entropy.fill(&mut nonce)?;
        out[..NONCE].copy_from_slice(&nonce);
        out[NONCE..NONCE + 32].copy_from_slice(key);
        let tag = sealer.seal(nonce, aad, &mut out[NONCE..NONCE + 32])?;
        out[NONCE + 32..].copy_from_slice(&tag);
        Ok((u32::try_from(self.epochs.len()).unwrap_or(u32::MAX), out))
    }

    /// Unwraps what [`Keyring::wrap_key`] wrapped.
    ///
    /// # Errors
    /// When it is not what was wrapped, or the epoch is unknown.
    pub fn unwrap_key(&self, epoch: u32, wrapped: &[u8; 60], aad: &[u8]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let at = usize::try_from(epoch).ok().and_then(|e| e.checked_sub(1));
        let key = at.and_then(|at| self.epochs.get(at)).ok_or(CryptoError::Damaged("an epoch number"))?;
        let sealer = Sealer::new(key, self.sealed)?;
        let (mut nonce, mut out, mut tag) = ([0u8; NONCE], Zeroizing::new([0u8; 32]), [0u8; TAG]);
        nonce.copy_from_slice(&wrapped[..NONCE]);
        out.copy_from_slice(&wrapped[NONCE..NONCE + 32]);
        tag.copy_from_slice(&wrapped[NONCE + 32..]);
        sealer.open(nonce, aad, &mut out[..], &tag)?;
        Ok(out)
    }
}

fn parse(bytes: &[u8]) -> Result<Stored, CryptoError> {
    let stored: Stored = serde_json::from_slice(bytes).map_err(|_| CryptoError::Damaged("the keyring"))?;
    if stored.format > FORMAT { Err(CryptoError::NewerFormat(stored.format)) } else { Ok(stored) }
}

fn to_bytes(stored: &Stored) -> Result<Vec<u8>, CryptoError> {
    serde_json::to_vec_pretty(stored).map_err(|_| CryptoError::Damaged("the keyring"))
}

fn aad(library: &str, what: &str) -> Vec<u8> {
    format!("damfs keyring v1\n{library}\n{what}").into_bytes()
}

fn wrap(sealer: &Sealer, aad: &[u8], key: &[u8; 32], entropy: &dyn Entropy) -> Result<String, CryptoError> {
    let mut nonce = [0u8; NONCE];
    entropy.fill(&mut nonce)?;
    let mut sealed = *key;
    let tag = sealer.seal(nonce, aad, &mut sealed)?;
    Ok(format!("{}{}{}", hex(&nonce), hex(&sealed), hex(&tag)))
}

fn unwrap(sealer: &Sealer, aad: &[u8], text: &str) -> Result<[u8; 32], CryptoError> {
    let bytes = unhex::<60>(text).ok_or(CryptoError::Damaged("the keyring"))?;
    let (mut nonce, mut key, mut tag) = ([0u8; NONCE], [0u8; 32], [0u8; TAG]);
    nonce.copy_from_slice(&bytes[..NONCE]);
    key.copy_from_slice(&bytes[NONCE..NONCE + 32]);
    tag.copy_from_slice(&bytes[NONCE + 32..]);
    sealer.open(nonce, aad, &mut key, &tag).map_err(|_| CryptoError::WrongKey)?;
    Ok(key)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.is_ascii() {
        return None;
    }
    let mut out = [0u8; N];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}
