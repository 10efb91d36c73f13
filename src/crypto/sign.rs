//! Signatures that people check who have no key of the library's: Ed25519.

use std::fmt;
use std::str::FromStr;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::CryptoError;

/// Bytes of a signature.
pub const SIGNATURE: usize = 64;
/// What stands before the key in its DER form (RFC 8410).
const DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Signs in a library's name.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// By a seed, which is the private key.
    ///
    /// # Errors
    /// Never for 32 bytes; the library says so.
    pub fn new(seed: &[u8; 32]) -> Result<Self, CryptoError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CryptoError::Damaged("the signing key"))?;
        Ok(Self(pair))
    }

    /// By a key that the owner has from elsewhere, in PKCS#8, with its public half or without.
    ///
    /// # Errors
    /// When it is none, or its halves do not belong together.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        let pair =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| CryptoError::Damaged("the signing key"))?;
        Ok(Self(pair))
    }

    /// The key that its signatures are checked with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        let bytes = self.0.public_key().as_ref();
        key.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        PublicKey(key)
    }

    /// The signature of a message; always the same one.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// A key that signatures are checked with; 64 hexadecimal digits as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// As it stands in a certificate.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether its owner has signed that.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }

    /// As a file that `openssl` reads.
    #[must_use]
    pub fn pem(&self) -> String {
        let mut text = String::new();
        // 44 bytes: 14 groups of three and one of two.
        for group in [&DER[..], &self.0].concat().chunks(3) {
            let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            for digit in 0..4 {
                let at = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
                text.push(if digit > group.len() { '=' } else { char::from(DIGITS[at]) });
            }
        }
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// Whether a text is this key: its digits, or its file.
    #[must_use]
    pub fn is_said_by(&self, text: &str) -> bool {
        let said: String = text.split_whitespace().collect();
        let pem: String = self.pem().split_whitespace().collect();
        said.eq_ignore_ascii_case(&self.to_string()) || said == pem
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for PublicKey {
    type Err = CryptoError;

    fn from_str(text: &str) -> Result<Self, CryptoError> {
        let read = blake3::Hash::from_hex(text).map_err(|_| CryptoError::Damaged("the public key"))?;
        Ok(Self(*read.as_bytes()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_rfc_8032_and_hold_for_one_message_and_key() {
        let seed: PublicKey = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60".parse().unwrap();
        let signer = Signer::new(&seed.0).unwrap();
        let public = signer.public();
        assert_eq!(public.to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let signature = signer.sign(b"");
        assert_eq!((signature.len(), &signature[..4]), (SIGNATURE, &[0xe5, 0x56, 0x43, 0x00][..]));
        assert!(public.has_signed(b"", &signature) && !public.has_signed(b"x", &signature));
        let mut other = signature.clone();
        other[7] ^= 1;
        assert!(!public.has_signed(b"", &other) && !public.has_signed(b"", &signature[..63]));
        assert!(!Signer::new(&[1; 32]).unwrap().public().has_signed(b"", &signature));
    }

    #[test]
    fn a_key_is_read_from_its_digits_and_known_by_its_file() {
        let key: PublicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".parse().unwrap();
        let pem = key.pem();
        assert!(pem.contains("\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"), "{pem}");
        assert!(key.is_said_by(&pem) && key.is_said_by(&pem.replace('\n', "\r\n")));
        assert!(key.is_said_by(&format!(" {key}\n")) && !key.is_said_by("") && !key.is_said_by(&pem[1..]));
        assert!("d7".parse::<PublicKey>().is_err());
    }
}
