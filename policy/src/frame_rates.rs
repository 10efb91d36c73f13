//! The frame rates that a placement takes, as its cell says them: `23-60`, `<=30`, `30|60 (<=60)`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Frames per second, least and most; what is not given is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FrameRates {
    /// Slower clips are brought to this.
    pub least: Option<u32>,
    /// Faster clips are brought to this.
    pub most: Option<u32>,
}

impl FromStr for FrameRates {
    type Err = String;

    fn from_str(cell: &str) -> Result<Self, String> {
        let is_known = |c: char| c.is_ascii_digit() || " -|<=()".contains(c);
        let numbers: Result<Vec<u32>, _> =
            cell.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).map(str::parse).collect();
        let bad = || format!("`{cell}` is no frame rate: write 24-60, <=30 or 30|60");
        let numbers = numbers.map_err(|_| bad())?;
        if !cell.chars().all(is_known) || numbers.contains(&0) {
            return Err(bad());
        }
        let (Some(least), Some(most)) = (numbers.iter().min(), numbers.iter().max()) else {
            return if cell.trim().is_empty() { Ok(Self::default()) } else { Err(bad()) };
        };
        Ok(Self { least: cell.contains('-').then_some(*least), most: Some(*most) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_way_that_the_table_writes_them_is_read() {
        let table = [
            ("", None, None),
            ("23-60", Some(23), Some(60)),
            ("<=30", None, Some(30)),
            ("30", None, Some(30)),
            ("30|60 (<=60)", None, Some(60)),
            ("<=120", None, Some(120)),
        ];
        for (cell, least, most) in table {
            assert_eq!(cell.parse(), Ok(FrameRates { least, most }), "{cell}");
        }
        for bad in ["fast", "0", "0-60", "-", "<=", "99999999999", "24fps"] {
            assert!(bad.parse::<FrameRates>().unwrap_err().contains("24-60"), "{bad}");
        }
    }
}
