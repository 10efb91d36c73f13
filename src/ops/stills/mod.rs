//! Stills for the platforms: rendered when somebody asks for one, and what came of it remembered for good.

mod render;

use crate::blob::BlobError;
use crate::catalog::CatalogError;
use crate::media::{MediaError, Recipe};
use crate::types::{AssetId, ContentId};

/// A still to be had: of which asset's bytes, by which recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    pub asset: AssetId,
    pub content: ContentId,
    pub recipe: Recipe,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum StillError {
    /// Nothing is ever rendered of these bytes by this recipe; remembered.
    #[error("{0}")]
    Lasting(String),
    /// Others have the memory that it takes.
    #[error("there is no memory to render it just now; try again in a moment")]
    Busy,
    #[error("content {0} is not in the catalogue")]
    NoContent(ContentId),
    /// Its size would be a lie.
    #[error("export {0} rendered differently than before; report this")]
    Differs(String),
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}
