//! Keys, sealed frames, signatures, and the permutation behind inode numbers.

mod factor;
mod keyring;
mod permute;
mod seal;
mod sign;

pub use factor::{FactorSecret, SECRET, recovery_code, recovery_hash};
pub use keyring::{Keyring, NewKeyring};
pub use permute::Permutation;
pub use seal::{NONCE, Sealer, TAG};
pub use sign::{PublicKey, SIGNATURE, Signer};

/// What can go wrong with keys and sealed bytes.
#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    /// The key does not open what was sealed.
    #[error("the key does not open this library")]
    WrongKey,
    /// The file is no key file.
    #[error("the file is no damfs key file; it holds one line that begins with damfs-key-1")]
    NotAKeyFile,
    /// The key file is another library's.
    #[error("the key file belongs to library {found}, this is {wanted}")]
    OtherLibrary { found: String, wanted: String },
    /// The keyring or something sealed is not what was written.
    #[error("{0} is damaged")]
    Damaged(&'static str),
    /// Written by a newer damfs.
    #[error("the keyring has format {0}; install a newer damfs")]
    NewerFormat(u64),
    /// The system has no randomness.
    #[error("no randomness: {0}")]
    Random(#[from] std::io::Error),
}
