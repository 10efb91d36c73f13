//! The second factor's codes: those of an authenticator app (RFC 6238, six digits, 30 seconds, SHA-1, as all of them do), and recovery codes.

use totp_rs::{Algorithm, Secret, TOTP};
use zeroize::Zeroizing;

use super::CryptoError;
use crate::rng::Entropy;
use crate::types::Timestamp;

/// Seconds of one code.
const STEP: u64 = 30;
/// Bytes of a secret: as long as a SHA-1, as RFC 4226 wants it.
pub const SECRET: usize = 20;
/// Bytes of a recovery code: 80 bits, which nobody tries through.
const RECOVERY: usize = 10;

/// The secret that an authenticator app and the library share.
pub struct FactorSecret(Zeroizing<[u8; SECRET]>);

impl std::fmt::Debug for FactorSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FactorSecret")
    }
}

impl FactorSecret {
    /// A new one.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn make(entropy: &dyn Entropy) -> Result<Self, CryptoError> {
        let mut bytes = Zeroizing::new([0; SECRET]);
        entropy.fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// The one of those bytes.
    #[must_use]
    pub fn of(bytes: [u8; SECRET]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads what [`FactorSecret::text`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(Secret::Encoded(text.to_owned()).to_bytes().ok()?);
        Some(Self::of((*bytes).as_slice().try_into().ok()?))
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; SECRET] {
        &self.0
    }

    /// In base 32, as apps take it by hand.
    #[must_use]
    pub fn text(&self) -> String {
        Secret::Raw(self.0.to_vec()).to_encoded().to_string()
    }

    /// As an address that apps read, with whose it is.
    ///
    /// # Errors
    /// When no address can be made of the name.
    pub fn uri(&self, member: &str) -> Result<String, CryptoError> {
        Ok(self.totp(member)?.get_url())
    }

    /// The time step that a code is of: this one, the one before or the one behind, and a later one than `after`.
    ///
    /// # Errors
    /// When no codes can be made at all.
    pub fn step_of(&self, code: &str, now: Timestamp, after: u64) -> Result<Option<u64>, CryptoError> {
        let totp = self.totp("me")?;
        let step = u64::try_from(now.as_nanos() / 1_000_000_000).unwrap_or(0) / STEP;
        let steps = step.saturating_sub(1)..=step.saturating_add(1);
        Ok(steps.filter(|step| *step > after).find(|step| totp.check(code, step.saturating_mul(STEP))))
    }

    fn totp(&self, member: &str) -> Result<TOTP, CryptoError> {
        let (secret, issuer) = (self.0.to_vec(), Some("damfs".to_owned()));
        TOTP::new(Algorithm::SHA1, 6, 0, STEP, secret, issuer, member.to_owned())
            .map_err(|_| CryptoError::Damaged("a second factor"))
    }
}

/// A new recovery code, and the hash it is known by.
///
/// # Errors
/// When there is no randomness.
pub fn recovery_code(entropy: &dyn Entropy) -> Result<(String, [u8; 32]), CryptoError> {
    let mut bytes = [0; RECOVERY];
    entropy.fill(&mut bytes)?;
    let text = Secret::Raw(bytes.to_vec()).to_encoded().to_string();
    let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let code = groups.join("-");
    let hash = recovery_hash(&code);
    Ok((code, hash))
}

/// The hash that a recovery code is known by, however it is spaced and cased.
#[must_use]
pub fn recovery_hash(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    blake3::derive_key("damfs recovery code v1", plain.as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use crate::rng::SystemEntropy;

    /// The secret of RFC 6238's appendix B; its codes have eight digits, of which ours are the last six.
    fn rfc() -> FactorSecret {
        FactorSecret::of(*b"12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            let now = Timestamp::from_secs(seconds);
            assert_eq!(rfc().step_of(code, now, 0).unwrap(), Some(u64::try_from(seconds).unwrap() / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_half_a_minute_early_or_late_and_once() {
        let code = "081804";
        let step = 1_111_111_109 / 30;
        let at = |steps: i64| Timestamp::from_secs(1_111_111_109 + steps * 30);
        for (steps, taken) in [(-2, None), (-1, Some(step)), (0, Some(step)), (1, Some(step)), (2, None)] {
            assert_eq!(rfc().step_of(code, at(steps), 0).unwrap(), taken, "{steps}");
        }
        assert_eq!(rfc().step_of(code, at(0), step - 1).unwrap(), Some(step));
        assert_eq!(rfc().step_of(code, at(0), step).unwrap(), None, "a code is taken once");
        assert_eq!(rfc().step_of(code, at(0), step + 1).unwrap(), None, "and none from before it");
        for wrong in ["", "081803", "81804", "0818044", "08180a", "०८१८०४"] {
            assert_eq!(rfc().step_of(wrong, at(0), 0).unwrap(), None, "{wrong}");
        }
        assert_eq!(rfc().step_of(code, Timestamp::from_secs(-1), 0).unwrap(), None);
    }

    #[test]
    fn a_secret_is_told_and_read_again() {
        let secret = FactorSecret::make(&SystemEntropy::new()).unwrap();
        assert_eq!(FactorSecret::parse(&secret.text()).unwrap().bytes(), secret.bytes());
        let uri = secret.uri("ann@studio").unwrap();
        assert!(uri.starts_with("otpauth://totp/damfs:ann%40studio?secret=") && uri.contains(&secret.text()), "{uri}");
        for wrong in ["", "ABC", "not base 32!", "GEZDGNBVGY3TQOJQ"] {
            assert!(FactorSecret::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{secret:?}"), "FactorSecret");
    }

    #[test]
    fn a_recovery_code_is_known_however_it_is_written() {
        let (code, hash) = recovery_code(&SystemEntropy::new()).unwrap();
        assert_eq!((code.len(), code.matches('-').count()), (19, 3));
        assert_eq!(recovery_hash(&code.to_lowercase().replace('-', " ")), hash);
        assert_ne!(recovery_hash(&recovery_code(&SystemEntropy::new()).unwrap().0), hash);
    }
}
