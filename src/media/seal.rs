//! What is signed of an export, by whoever holds a certificate.

use super::plan::Plan;
use super::{MediaError, Recipe, StillFormat};
use crate::types::AssetId;

/// Raised whenever what is signed is written otherwise: the same export would have other bytes.
const SEALED: u32 = 2;

/// Which certificates sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignerId(pub [u8; 32]);

/// Whose picture is signed, and by whom: what makes a file of its own of the same pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signed {
    pub by: SignerId,
    pub asset: AssetId,
    /// Its version's number.
    pub version: u32,
    /// Whether the master has another format.
    pub is_converted: bool,
}

impl Signed {
    /// As the text of a recipe has it.
    pub(super) fn canonical(&self) -> String {
        let Self { by, asset, version, is_converted } = self;
        let by = blake3::Hash::from_bytes(by.0).to_hex();
        format!(" signed={SEALED}:{by}:{asset}:{version}:{}", u8::from(*is_converted))
    }
}

/// What was done to a picture, as who reads its manifest understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Cropped,
    Resized,
    /// Sharpened, written upon, or laid upon something.
    Edited,
    Converted,
}

/// What is claimed of an export. The prompt is not part of it.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Hash of the recipe, which tells asset, version and signer.
    pub recipe: [u8; 32],
    pub renderer: u32,
    /// How it came to be (IPTC DigitalSourceType).
    pub source_type: &'a str,
    /// What generated it, and of which version, where the export says that.
    pub agent: Option<(&'a str, Option<&'a str>)>,
    pub steps: &'a [Step],
}

/// Signs exports.
pub trait Sealer {
    /// The file with a signed manifest: the same file and claim give the same bytes.
    ///
    /// # Errors
    /// [`MediaError::Unwritable`] when it cannot be signed now.
    fn seal(&self, file: &[u8], format: StillFormat, claim: &Claim<'_>) -> Result<Vec<u8>, MediaError>;
}

/// What was done to a shown picture of that size.
pub(super) fn steps(shown: (u32, u32), plan: &Plan, recipe: &Recipe, is_converted: bool) -> Vec<Step> {
    let (_, _, width, height) = plan.crop;
    let lacks = |kept: f64, whole: u32| kept.round() < f64::from(whole);
    let is_cropped = lacks(width, shown.0) || lacks(height, shown.1);
    let is_resized = (width.round(), height.round()) != (f64::from(plan.size.0), f64::from(plan.size.1));
    let is_edited = recipe.sharpen > 0 || recipe.watermark.is_some() || plan.canvas != plan.size;
    let done = [
        (is_cropped, Step::Cropped),
        (is_resized, Step::Resized),
        (is_edited, Step::Edited),
        (is_converted, Step::Converted),
    ];
    done.into_iter().filter_map(|(done, step)| done.then_some(step)).collect()
}
