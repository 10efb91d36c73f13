//! What the chunks of a PNG, or the codes of an AVIF, say of its colours, besides an embedded profile.

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, MatrixCoefficients,
    TransferCharacteristics, curve_from_gamma,
};

use super::bytes::be32;

/// `gAMA` of sRGB; such files mean sRGB and not a plain power.
const SRGB_GAMMA: u32 = 45_455;
/// White, red, green and blue of sRGB as `cHRM` has them, x and y of each.
const SRGB_CHROMA: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];
/// The codes of sRGB.
const SRGB_PRIMARIES: u8 = 1;
const SRGB_TRANSFER: u8 = 13;
/// Differences that no eye sees.
const NEAR: u32 = 500;

/// The chunks as they are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Colour {
    cicp: Option<[u8; 4]>,
    /// An embedded profile, or sRGB by name: they go before gamma and chromaticities.
    named: bool,
    gamma: Option<u32>,
    chroma: Option<[u32; 8]>,
    gray: bool,
}

impl Colour {
    /// Takes one chunk in. Of `IHDR` it is the colour type that counts.
    pub fn chunk(&mut self, kind: &[u8; 4], body: &[u8]) {
        match kind {
            b"IHDR" => self.gray = body.get(9).is_some_and(|colour_type| colour_type & 2 == 0),
            b"cICP" => self.cicp = body.get(..4).and_then(|b| b.try_into().ok()),
            b"iCCP" | b"sRGB" => self.named = true,
            b"gAMA" => self.gamma = be32(body, 0).filter(|gamma| (10_000..=1_000_000).contains(gamma)),
            b"cHRM" => {
                let values: Option<Vec<u32>> = (0..8).map(|n| be32(body, n * 4)).collect();
                // A y of 0 is no colour.
                let real =
                    |v: &[u32; 8]| v.iter().all(|n| *n <= 100_000) && v.iter().skip(1).step_by(2).all(|y| *y > 0);
                self.chroma = values.and_then(|v| v.try_into().ok()).filter(real);
            }
            _ => {}
        }
    }

    /// Takes the codes of another container than PNG. Its curves of cameras mean what a screen shows of them, and those of sRGB's colours
    /// are not named at all, so that an embedded profile stands.
    pub fn coded(&mut self, primaries: u8, transfer: u8) {
        let transfer = if matches!(transfer, 1 | 2 | 6 | 14 | 15) { SRGB_TRANSFER } else { transfer };
        if (primaries, transfer) != (SRGB_PRIMARIES, SRGB_TRANSFER) {
            self.cicp = Some([primaries, transfer, 0, 1]);
        }
    }

    /// Whether its brightness goes beyond that of a screen: what curve brings that down to sRGB is a matter of taste.
    pub fn is_hdr(&self) -> bool {
        matches!(self.cicp, Some([_, 16 | 18, ..]))
    }

    /// The profile that they mean; `None` when it is the embedded one, or sRGB.
    pub fn profile(&self) -> Option<ColorProfile> {
        if let Some([primaries, transfer, ..]) = self.cicp {
            return from_cicp(primaries, transfer);
        }
        if self.named {
            return None;
        }
        let gamma = self.gamma.filter(|gamma| gamma.abs_diff(SRGB_GAMMA) > NEAR);
        let is_srgb = |v: &[u32; 8]| v.iter().zip(SRGB_CHROMA).all(|(a, b)| a.abs_diff(b) <= NEAR);
        let chroma = self.chroma.filter(|chroma| !self.gray && !is_srgb(chroma));
        let exponent = gamma.map(|gamma| 100_000.0 / f64::from(gamma)).map(narrow);
        match (exponent, chroma) {
            (None, None) => None,
            (Some(exponent), _) if self.gray => Some(ColorProfile::new_gray_with_gamma(exponent)),
            (exponent, chroma) => {
                let mut profile = ColorProfile::new_srgb();
                if let Some(chroma) = chroma {
                    let [white, red, green, blue] = points(chroma);
                    profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
                }
                if let Some(exponent) = exponent {
                    // The name of sRGB's own curve would go before this one.
                    profile.cicp = None;
                    let curve = Some(curve_from_gamma(exponent));
                    (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
                }
                Some(profile)
            }
        }
    }
}

fn from_cicp(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    let mut profile = ColorProfile::new_srgb();
    profile.cicp = None;
    // What it returns is false in any case; it leaves its mark when it knows the values.
    profile.update_rgb_colorimetry_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    profile.cicp.is_some().then_some(profile)
}

fn points(chroma: [u32; 8]) -> [Chromaticity; 4] {
    let at = |n: usize| narrow(chroma.get(n).map_or(0.0, |v| f64::from(*v) / 100_000.0));
    [0, 2, 4, 6].map(|n| Chromaticity { x: at(n), y: at(n + 1) })
}

#[expect(clippy::cast_possible_truncation, reason = "five digits, which a single has")]
fn narrow(value: f64) -> f32 {
    value as f32
}
