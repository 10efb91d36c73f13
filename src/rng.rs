//! The only source of randomness. Everything else is handed an [`Entropy`].

use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};

/// Fills buffers with unpredictable bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer, or says why the system has no randomness to give.
    ///
    /// # Errors
    /// When the operating system's generator fails.
    fn fill(&self, buf: &mut [u8]) -> std::io::Result<()>;
}

/// Shared randomness.
pub type SharedEntropy = Arc<dyn Entropy>;

/// The operating system's generator.
#[derive(Debug)]
pub struct SystemEntropy(SystemRandom);

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemEntropy {
    /// Makes the generator.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buf: &mut [u8]) -> std::io::Result<()> {
        self.0.fill(buf).map_err(|_| std::io::Error::other("the system's random generator failed; try again"))
    }
}
