//! `by/too-small/`: what is approved for a placement, has fewer pixels than it asks for, and so has no export there.

use super::super::path::encode;
use super::exports::takes_adult;
use super::{Dir, Item, LAST_FIXED, Page, QueryDir, Tree, not_trashed};
use crate::catalog::CatalogError;
use crate::policy::platforms::{Fit, Placement, PlacementKind};
use crate::policy::{Expr, Field};
use crate::types::FileName;

/// Its name below `by/`.
pub const TOO_SMALL: &str = "too-small";

/// Beside that of conflicts, which are last.
const COOKIE: u64 = LAST_FIXED - 1;

impl Tree<'_> {
    /// What of the current pictures is too small for a placement; `None` for one that none can be too small for.
    fn too_small(&self, placement: &Placement) -> Option<Expr> {
        if placement.upscale || placement.kind != PlacementKind::Image {
            return None;
        }
        let below =
            |field: &str, side: Option<u32>| side.map(|side| format!("{field}=min..{}", side.saturating_sub(1)));
        let sides = [below("width", placement.width), below("height", placement.height)];
        let sides: Vec<String> = sides.into_iter().flatten().collect();
        let join = match placement.fit {
            // One side is enough to be too small by.
            Fit::Crop => ";",
            // Else it touches two edges of the canvas as it is.
            Fit::Pad => ",",
            Fit::Any => return None,
        };
        if sides.is_empty() {
            return None;
        }
        let text = format!("kind=image,not.state=expired,any({})", sides.join(join));
        let adult = Expr::is(Field::Rating, "adult");
        let allowed = if takes_adult(placement) { Expr::all() } else { Expr::Not(Box::new(adult)) };
        let approved = Expr::is(Field::Status(placement.platform.clone()), "approved");
        Some(self.subject.parse(&text).ok()?.and(approved).and(allowed).and(not_trashed()).flatten())
    }

    /// The placements that something is too small for.
    fn wanting(&self) -> impl Iterator<Item = Result<(&Placement, Expr), CatalogError>> {
        let approved = |platform: &str| self.any(&Expr::is(Field::Status(platform.to_owned()), "approved"));
        self.platforms
            .platforms()
            .filter_map(move |platform| match approved(platform) {
                Ok(true) => Some(Ok(platform)),
                Ok(false) => None,
                Err(e) => Some(Err(e)),
            })
            .flat_map(|platform| match platform {
                Ok(platform) => self.platforms.placements(platform).map(|row| Ok(&**row)).collect(),
                Err(e) => vec![Err(e)],
            })
            .filter_map(|row| match row.map(|row| (row, self.too_small(row))) {
                Ok((row, Some(expr))) => match self.any(&expr) {
                    Ok(true) => Some(Ok((row, expr))),
                    Ok(false) => None,
                    Err(e) => Some(Err(e)),
                },
                Ok((_, None)) => None,
                Err(e) => Some(Err(e)),
            })
    }

    /// `by/too-small/` is listed only while it lists something.
    pub(super) fn list_too_small_itself(&self, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() && self.wanting().next().transpose()?.is_some() {
            page.add(COOKIE, FileName::new(TOO_SMALL).ok(), || Item::Dir(Dir::TooSmall));
        }
        Ok(())
    }

    pub(super) fn list_too_small(&self, page: &mut Page) -> Result<(), CatalogError> {
        if page.wants_values() {
            let rows: Result<Vec<_>, CatalogError> = self.wanting().collect();
            let dirs = rows?.into_iter().map(|(row, expr)| small_dir(row, expr));
            page.add_values(dirs.filter_map(|dir| Some((encode(&dir.0)?, Dir::Query(dir.1)))).collect());
        }
        Ok(())
    }

    pub(super) fn too_small_child(&self, text: &str) -> Option<Item> {
        let (platform, placement) = text.split_once('.')?;
        let row = self.platforms.get(platform, placement)?;
        Some(Item::Dir(Dir::Query(small_dir(row, self.too_small(row)?).1)))
    }
}

fn small_dir(row: &Placement, expr: Expr) -> (String, QueryDir) {
    let name = format!("{}.{}", row.platform, row.placement);
    let dir = QueryDir::typed(format!("by/{TOO_SMALL}/{name}"), expr);
    (name, dir)
}
