//! Heads of chains, told to somewhere else: a chain that is cut off at its end, or written anew as a whole, is whole by itself and lacks what
//! was told.

use std::fmt;
use std::str::FromStr;

use crate::catalog::AuditRow;
use crate::types::Timestamp;

const WORD: &str = "damfs-audit-head-1";

/// The last row that a chain had at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The library's id.
    pub library: String,
    /// A chain's name, which has no white space.
    pub chain: String,
    /// The row's number and hash.
    pub seq: u64,
    pub hash: [u8; 32],
    /// When it was told.
    pub at: Timestamp,
    /// BLAKE3 of all that, keyed with a key of the library's.
    pub seal: [u8; 32],
}

/// A line that is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no head of an audit chain, which begins with {WORD}")]
pub struct NoHead(pub String);

impl Head {
    /// The head that a row is.
    #[must_use]
    pub fn of(library: &str, row: &AuditRow, at: Timestamp, key: &[u8; 32]) -> Self {
        let head = Self {
            library: library.to_owned(),
            chain: row.chain.clone(),
            seq: row.seq,
            hash: row.hash,
            at,
            seal: [0; 32],
        };
        Self { seal: *blake3::keyed_hash(key, head.said().as_bytes()).as_bytes(), ..head }
    }

    /// Whether the library whose key this is has told it so.
    #[must_use]
    pub fn is_sealed_by(&self, key: &[u8; 32]) -> bool {
        blake3::keyed_hash(key, self.said().as_bytes()) == blake3::Hash::from_bytes(self.seal)
    }

    fn said(&self) -> String {
        let hash = blake3::Hash::from_bytes(self.hash).to_hex();
        let Self { library, chain, seq, at, .. } = self;
        format!("{WORD} {library} {chain} {seq} {hash} {}", at.as_nanos())
    }
}

impl fmt::Display for Head {
    /// One line, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.said(), blake3::Hash::from_bytes(self.seal).to_hex())
    }
}

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(line: &str) -> Result<Self, NoHead> {
        let bad = || NoHead(line.chars().take(80).collect());
        let parts: Vec<&str> = line.split_whitespace().collect();
        let &[WORD, library, chain, seq, hash, at, seal] = &parts[..] else { return Err(bad()) };
        let digest = |hex: &str| blake3::Hash::from_hex(hex).map(|hash| *hash.as_bytes()).map_err(|_| bad());
        Ok(Self {
            library: library.to_owned(),
            chain: chain.to_owned(),
            seq: seq.parse().map_err(|_| bad())?,
            hash: digest(hash)?,
            at: Timestamp::from_nanos(at.parse().map_err(|_| bad())?),
            seal: digest(seal)?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::audit::next_row;

    #[test]
    fn a_head_is_a_line_that_its_library_alone_can_write() {
        let row = next_row(None, "main", Timestamp::EPOCH, "ann", "asset.set", "a", &serde_json::json!({})).unwrap();
        let head = Head::of("lib", &row, Timestamp::from_secs(7), &[1; 32]);
        let line = head.to_string();
        assert!(line.starts_with("damfs-audit-head-1 lib main 1 ") && !line.contains('\n'), "{line}");
        assert_eq!(line.parse::<Head>().unwrap(), head);
        assert!(head.is_sealed_by(&[1; 32]) && !head.is_sealed_by(&[2; 32]));
        let edits: [fn(&mut Head); 5] = [
            |h| h.library.push('x'),
            |h| h.chain.push('x'),
            |h| h.seq += 1,
            |h| h.hash[0] ^= 1,
            |h| h.at = h.at.plus_ms(1),
        ];
        for edit in edits {
            let mut other = head.clone();
            edit(&mut other);
            assert!(!other.is_sealed_by(&[1; 32]), "{other}");
        }
        for bad in ["", "damfs-audit-head-2 a b 1 c 2 d", &line[..line.len() - 1], &format!("{line} more")] {
            assert!(bad.parse::<Head>().is_err(), "{bad}");
        }
    }
}
