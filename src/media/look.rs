//! What a picture looks like: the colours that stand out, and 64 bits. Pictures that differ in size, format, quality or a little in colour differ in few of them.
//!
//! The picture is reduced to 32 by 32 shades of gray. Of its cosine transform the 64 lowest frequencies are kept, and of each whether it is
//! above the median of them.

use std::f64::consts::PI;

use super::canvas::{WHITE, flatten};
use super::palette::colours;
use super::plan::squeezed;
use super::{Master, MediaError};
use crate::types::Colours;

/// Raised whenever the same picture would get other bits or colours: those of another number are not compared.
pub const LOOK: u32 = 6;
const SIDE: usize = 32;
const KEPT: usize = 8;
/// A picture whose shades of gray differ less than this from their mean, on average, has nothing to know it by.
const EVEN: f64 = 1.5;
/// A frequency is above the median when it is so by more than shades in whole numbers make of nothing.
const NOISE: f64 = 12.0;

/// What there is to see of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What to know it by; `None` of one even shade.
    pub bits: Option<u64>,
    pub colours: Colours,
}

impl Master {
    /// The look of a picture.
    ///
    /// # Errors
    /// When it cannot be made smaller.
    pub fn look(&self) -> Result<Look, MediaError> {
        let raster = self.raster(&squeezed(self.size(), (32, 32)))?;
        let colours = colours(&raster);
        let raster = flatten(raster, WHITE);
        let shade = |[r, g, b]: &[u8; 3]| 0.299 * f64::from(*r) + 0.587 * f64::from(*g) + 0.114 * f64::from(*b);
        let shades: Vec<f64> = raster.pixels.as_chunks::<3>().0.iter().map(shade).collect();
        Ok(Look { bits: bits(&shades), colours })
    }
}

/// Of 32 rows of 32 shades.
fn bits(shades: &[f64]) -> Option<u64> {
    let count = f64::from(u32::try_from(shades.len()).ok()?);
    let mean = shades.iter().sum::<f64>() / count;
    if shades.iter().map(|shade| (shade - mean).abs()).sum::<f64>() / count < EVEN {
        return None;
    }
    let wave = |at: usize, frequency: usize| {
        let step = |n: usize| f64::from(u32::try_from(n).unwrap_or(0));
        (PI * step(frequency) * (2.0 * step(at) + 1.0) / (2.0 * step(SIDE))).cos()
    };
    let waves: Vec<Vec<f64>> = (0..KEPT).map(|f| (0..SIDE).map(|at| wave(at, f)).collect()).collect();
    let along = |line: &[f64], wave: &[f64]| line.iter().zip(wave).map(|(a, b)| a * b).sum::<f64>();
    // Along the rows, then down the columns of what that leaves.
    let rows: Vec<Vec<f64>> =
        shades.chunks_exact(SIDE).map(|row| waves.iter().map(|wave| along(row, wave)).collect()).collect();
    let mut strengths = Vec::with_capacity(KEPT * KEPT);
    for down in &waves {
        for across in 0..KEPT {
            let column: Vec<f64> = rows.iter().filter_map(|row| row.get(across).copied()).collect();
            strengths.push(along(&column, down));
        }
    }
    // The first is the brightness of the whole.
    let mut sorted = strengths.get(1..)?.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = *sorted.get(sorted.len() / 2)?;
    Some(
        (0..64)
            .zip(&strengths)
            .filter(|(_, strength)| **strength > median + NOISE)
            .fold(0, |bits, (n, _)| bits | 1 << n),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn drawn(shade: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let at = |n: u32| f64::from(n) / 32.0;
        (0..32).flat_map(|y| (0..32).map(move |x| (x, y))).map(|(x, y)| shade(at(x), at(y))).collect()
    }

    #[test]
    fn brightness_and_contrast_change_little_and_another_picture_changes_much() {
        let hill = |x: f64, y: f64| 200.0 * (-((x - 0.3).powi(2) + (y - 0.6).powi(2)) * 8.0).exp() + 30.0 * x;
        let look = bits(&drawn(hill)).unwrap();
        let darker = bits(&drawn(|x, y| 0.7 * hill(x, y) + 25.0)).unwrap();
        assert!((darker ^ look).count_ones() <= 4, "{:064b}", darker ^ look);
        let other = bits(&drawn(|x, y| 120.0 + 100.0 * (9.0 * x).sin() * (7.0 * y).cos())).unwrap();
        assert!((other ^ look).count_ones() > 12, "{:064b}", other ^ look);
        assert_eq!(bits(&drawn(|_, _| 255.0)), None, "an even one has none");
        let slope = |x: f64, y: f64| 60.0 * x + 90.0 * y;
        assert_eq!(bits(&drawn(slope)), bits(&drawn(|x, y| slope(x, y).round())), "what is not there says nothing");
    }
}
