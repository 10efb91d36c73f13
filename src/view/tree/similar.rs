//! `by/similar/`: pictures that look alike, as a copy in another size or format does, or one with a little cut off.

use super::{Dir, Item, Page, QueryDir, SIMILAR, Tree};
use crate::catalog::{Alike, CatalogError, view_stem};
use crate::policy::{Expr, Field};
use crate::types::FileName;

impl Tree<'_> {
    /// Groups of pictures that the member may list, each by the name of its first file.
    pub(super) fn list_similar(&self, page: &mut Page) -> Result<(), CatalogError> {
        if !page.wants_values() {
            return Ok(());
        }
        let groups = self.tx.alike(&self.visible(&Expr::all()), None)?;
        let mut firsts: Vec<u64> = groups.iter().filter_map(|group| group.first()).map(|first| first.ordinal).collect();
        firsts.sort_unstable();
        let firsts = self.tx.assets(&firsts)?;
        let mut rows = Vec::with_capacity(groups.len());
        for group in groups {
            let Some(first) = group.first() else { continue };
            let Ok(at) = firsts.binary_search_by_key(&first.ordinal, |asset| asset.ordinal) else { continue };
            let stem = firsts.get(at).map(|asset| self.name_of(asset)).transpose()?.map(view_stem);
            if let Some(stem) = stem
                && let Ok(name) = FileName::new(stem)
            {
                rows.push((name, Dir::Query(similar(stem, &group))));
            }
        }
        page.add_values(rows);
        Ok(())
    }

    /// The group of a picture, by its name or that of any other in it.
    pub(super) fn similar_child(&self, text: &str) -> Result<Option<Item>, CatalogError> {
        let Some(asset) = self.with_stem(text)? else { return Ok(None) };
        let head = asset.head.map(|head| self.tx.version(head)).transpose()?.flatten();
        let Some(head) = head else { return Ok(None) };
        let visible = self.visible(&Expr::all());
        if !self.tx.finds(&visible, asset.id)? {
            return Ok(None);
        }
        let group = self.tx.alike(&visible, Some(head.content))?.pop();
        Ok(group.map(|group| Item::Dir(Dir::Query(similar(text, &group)))))
    }
}

/// The files of a group are those that have its bytes, or those of a copy in it.
fn similar(name: &str, group: &[Alike]) -> QueryDir {
    let values: Vec<String> = group.iter().map(Alike::duplicate).collect();
    let expr = Expr::Or(values.iter().map(|value| Expr::is(Field::Duplicate, value.clone())).collect());
    // What it asks follows from the files themselves, as a value of one such field does.
    let sets = values.into_iter().map(|value| (Field::Duplicate, value)).collect();
    let path = format!("{SIMILAR}/{name}");
    QueryDir { path, expr, sets, plain: true, lacks: Vec::new(), tag: None, narrowed: false }
}
