//! What differs between two states of an asset's record, as far as somebody decided it.

use serde::Serialize;
use serde_json::Value;

use super::CatalogError;
use super::journal::{Fields, Pair};
use super::rows::Asset;

/// Looks at each field by itself: a bulk change compares very many records that differ in one. All fields are named, so that a new one is
/// not forgotten.
macro_rules! differing {
    ($was:ident, $is:ident; follow: $($follows:ident)*; decided: $($field:ident)*) => {{
        let Asset { $($follows: _,)* $($field: _,)* } = $was;
        let mut differ = Pair { was: Fields::new(), is: Fields::new() };
        $(if $was.$field != $is.$field {
            differ.was.insert(stringify!($field).to_owned(), value(&$was.$field)?);
            differ.is.insert(stringify!($field).to_owned(), value(&$is.$field)?);
        })*
        differ
    }};
}

fn value(field: &impl Serialize) -> Result<Value, CatalogError> {
    serde_json::to_value(field).map_err(|e| CatalogError::Engine(e.to_string()))
}

/// The fields that differ. What follows from names, bytes and the clock comes back by itself with what it follows from.
pub(super) fn of(was: &Asset, is: &Asset) -> Result<Pair<Fields>, CatalogError> {
    Ok(differing!(was, is;
        follow: id ordinal view_name marked_name named node head duplicate colours trashed changed imported kind format width height orientation;
        decided: state owner owner_name created expires client rating stars rights likeness model sampler seed stage reviewer
            due personas campaigns tags loras prompt negative notes properties generator status remarks conflicts
    ))
}
