//! Stub until the real one is merged.
use crate::types::{Generation, ReadAt, Timestamp};
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MediaError(pub String);
#[derive(Debug, Clone, Default)]
pub struct Probe {
    pub kind: String,
    pub format: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub orientation: u8,
    pub created: Option<Timestamp>,
    pub generation: Option<Generation>,
    pub keywords: Vec<String>,
    pub persons: Vec<String>,
    pub complete: bool, pub description: Option<String>,
    pub rating: Option<String>,
}
impl Probe { #[must_use] pub fn of_nothing() -> Self { Self::default() } }
pub fn probe(_b: &dyn ReadAt) -> Result<Probe, MediaError> {
    Err(MediaError("stub".into()))
}
