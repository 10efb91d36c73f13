//! What came of rendering, remembered for good.

use super::Library;
use crate::catalog::{CatalogError, ChangeKind, Counter, Outcome, RenditionRow};
use crate::types::{AssetId, ContentId, RenditionNo};

/// What was rendered, by which recipe and renderer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rendered {
    pub content: ContentId,
    /// Hash of the recipe's canonical text.
    pub recipe: [u8; 32],
    pub renderer: u32,
}

impl Library {
    /// Remembers what came of a render. With `told`, names of that asset come or go by it.
    ///
    /// # Errors
    /// When the catalogue cannot be written.
    pub fn remember_rendition(
        &self,
        what: Rendered,
        outcome: &Outcome,
        told: Option<AssetId>,
    ) -> Result<(), CatalogError> {
        let Rendered { content, recipe, renderer } = what;
        let now = self.clock.now();
        self.catalog.write(|tx| {
            let old = tx.rendition(content, &recipe, renderer)?;
            let no = match &old {
                Some(row) => row.no,
                None => RenditionNo(tx.next(Counter::Rendition)?),
            };
            // Other bytes than before, by another build of what made them, are of now.
            let since = old.filter(|row| row.outcome == *outcome).map_or(now, |row| row.since);
            tx.put_rendition(&RenditionRow { no, content, recipe, renderer, outcome: outcome.clone(), since })?;
            match told {
                Some(asset) => tx.change(ChangeKind::Asset, &asset.to_string()),
                None => Ok(()),
            }
        })
    }
}
