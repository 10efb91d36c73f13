//! What looks like a picture: `dam similar`.

use serde_json::{Value, json};

use super::{Actor, Library, OpsError, find, target};
use crate::policy::{Expr, Field};
use crate::view::tree::Tree;

/// The assets that the caller may list whose pictures differ from that of a target in so many bits of 64 at most, the nearest first, and in
/// how many: `{"assets": [{path, id, .., "differs": 2}], "whole": true}`; not whole while there are pictures that nobody looked at.
///
/// # Errors
/// When there is no such target, or it is no picture that can be looked at.
pub fn similar(library: &Library, actor: &Actor, name: &str, within: u32) -> Result<Value, OpsError> {
    let (id, content) = library.catalog.read(|tx| {
        let asset = target::asset(library, actor, tx, name)?;
        let head = asset.head.map(|head| tx.version(head)).transpose()?.flatten();
        let head = head.ok_or_else(|| {
            OpsError::failed("it has no version yet", "dam settle makes one of what is written and closed")
        })?;
        Ok::<_, OpsError>((asset.id, head.content))
    })?;
    let look = library.look_of(content)?.look;
    let look =
        look.map_err(|why| OpsError::failed(format!("{name} has no look to compare: {why}"), "name a picture"))?;
    library.catalog.read(|tx| {
        let tree = Tree::new(tx, &actor.who().subject, Some(actor.who().id));
        let mut assets = Vec::new();
        for (digits, differs) in tx.around(look, within)? {
            let found = tx.find(&tree.visible(&Expr::is(Field::Duplicate, digits)), 0, usize::MAX)?;
            let numbers: Vec<u64> = found.iter().filter(|asset| asset.id != id).map(|asset| asset.ordinal).collect();
            for mut row in find::rows(library, actor, tx, &numbers)? {
                row["differs"] = differs.into();
                assets.push(row);
            }
        }
        Ok(json!({ "assets": assets, "whole": library.has_looked() }))
    })
}
