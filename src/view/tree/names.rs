//! What an asset is called. Of the namesakes that the member may list, wherever they are, the one named first has the plain name and the
//! others have their marked ones. What he may not list has no part in it, and no name leads to it.

use super::Tree;
use crate::catalog::{Asset, CatalogError, ViewRow, view_stem};
use crate::types::AssetId;

impl Tree<'_> {
    /// The name that views show the member for an asset.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn name_of<'n>(&self, asset: &'n Asset) -> Result<&'n str, CatalogError> {
        self.name(asset.id, &asset.view_name, asset.marked_name.as_deref())
    }

    pub(super) fn name_of_row<'n>(&self, row: &'n ViewRow) -> Result<&'n str, CatalogError> {
        self.name(row.asset, &row.view_name, row.marked_name.as_deref())
    }

    fn name<'n>(&self, id: AssetId, plain: &'n str, marked: Option<&'n str>) -> Result<&'n str, CatalogError> {
        match marked {
            Some(marked) if self.holder(view_stem(plain))?.is_some_and(|holder| holder != id) => Ok(marked),
            _ => Ok(plain),
        }
    }

    /// The asset that the member knows by a name.
    pub(super) fn named(&self, text: &str) -> Result<Option<Asset>, CatalogError> {
        match self.with_stem(view_stem(text))? {
            Some(asset) if self.name_of(&asset)? == text => Ok(Some(asset)),
            _ => Ok(None),
        }
    }

    /// The asset that the member knows by a name with this stem.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn with_stem(&self, stem: &str) -> Result<Option<Asset>, CatalogError> {
        let asset = self.holder(stem)?.map(|id| self.tx.asset(id)).transpose()?.flatten();
        match asset {
            Some(asset) if view_stem(self.name_of(&asset)?) == stem => Ok(Some(asset)),
            _ => Ok(None),
        }
    }

    /// Which asset alone may show the member this stem; asked once per stem, however many namesakes a listing has.
    fn holder(&self, stem: &str) -> Result<Option<AssetId>, CatalogError> {
        if let Some(known) = self.holders.borrow().get(stem) {
            return Ok(*known);
        }
        let holder = self.tx.stem_holder(stem, &self.list)?;
        self.holders.borrow_mut().insert(stem.to_owned(), holder);
        Ok(holder)
    }
}
