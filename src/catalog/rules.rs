//! The rules that both engines hold rows to, before their own constraints.

use damfs_policy::expr::FieldKind;
use damfs_policy::{Expr, Field};

use super::{Asset, AssetFacts, AssetState, CatalogError, Counter};
use crate::types::{NodeId, Timestamp};

/// What an asset's view name and the names of its exports have in common: the name without its last extension, where a leading dot starts
/// none. A sidecar has no exports, and lies beside the file that it belongs to: its stem is all of its name.
#[must_use]
pub fn view_stem(view_name: &str) -> &str {
    match view_name.rfind('.') {
        Some(at) if ["xmp", "thm"].iter().any(|ext| view_name[at + 1..].eq_ignore_ascii_case(ext)) => view_name,
        Some(at) if at > 0 && at + 1 < view_name.len() => &view_name[..at],
        _ => view_name,
    }
}

/// The number before the first that a counter gives. Low entry and asset numbers stay free: the numbers are listing
/// cookies, and `.` and `..` need some.
pub(super) const fn before_first(counter: Counter) -> u64 {
    match counter {
        Counter::Node | Counter::Entry | Counter::Asset => NodeId::FIRST_FREE - 1,
        Counter::Version | Counter::Rendition | Counter::Inbox | Counter::Turn | Counter::Journal => 0,
    }
}

/// Whether `find` gives this asset: it is published, satisfies the query, and is not in the trash unless the query
/// speaks of the state itself.
pub(super) fn is_found(query: &Expr, asset: &Asset) -> bool {
    asset.head.is_some()
        && (asset.state != AssetState::Trashed || query.mentions(&Field::State))
        && query.matches(&AssetFacts(asset))
}

/// The month of a date field's value, UTC, as `values` lists it.
pub(super) fn month(time: Timestamp) -> String {
    let (year, month, _) = time.ymd();
    format!("{year:04}-{month:02}")
}

/// A refusal.
pub(super) fn refused<T>(why: impl Into<String>) -> Result<T, CatalogError> {
    Err(CatalogError::Constraint(why.into()))
}

/// Refuses a record that no query could speak of.
pub(super) fn check_asset(asset: &Asset, before: Option<&Asset>) -> Result<(), CatalogError> {
    let Asset { id, .. } = asset;
    if asset.view_name.is_empty() || asset.marked_name.as_deref() == Some("") {
        return refused(format!("asset {id} has no view name"));
    }
    if asset.named.is_none() && asset.state != AssetState::Trashed {
        return refused(format!("asset {id} has no turn among its namesakes and is not in the trash"));
    }
    if before.is_some_and(|b| b.ordinal != asset.ordinal) {
        return refused(format!("asset {id} would change its ordinal, which orders listings for good"));
    }
    if asset.head.is_none() && asset.duplicate.is_some() {
        return refused(format!("asset {id} has digits of bytes that no version of it has"));
    }
    let sets = [&asset.personas, &asset.campaigns, &asset.tags, &asset.loras];
    if sets.iter().any(|set| set.contains(""))
        || asset.status.contains_key("")
        || asset.properties.contains_key("")
        || asset.conflicts.contains_key("")
        || asset.reviewer.as_deref() == Some("")
        || asset.remarks.iter().any(|remark| remark.text.is_empty() || remark.about.as_deref() == Some(""))
    {
        return refused(format!("asset {id} has an empty value"));
    }
    let stars = asset.stars.map(|n| n.to_string());
    let closed = [
        (Field::Rating, asset.rating.as_deref()),
        (Field::Stars, stars.as_deref()),
        (Field::Rights, asset.rights.as_deref()),
        (Field::Likeness, asset.likeness.as_deref()),
        (Field::Stage, asset.stage.as_deref()),
        (Field::Kind, Some(asset.kind.as_str()).filter(|kind| !(kind.is_empty() && asset.head.is_none()))),
    ];
    let verdicts = asset.status.values().map(|v| (Field::AnyStatus, Some(v.value.as_str())));
    for (field, value) in closed.into_iter().chain(verdicts) {
        if let (FieldKind::Closed(known), Some(value)) = (field.kind(), value)
            && !known.contains(&value)
        {
            return refused(format!("`{value}` is no {field}; one of: {}", known.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::view_stem;

    #[test]
    fn stems_are_those_of_file_names() {
        for name in ["a.b.png", ".hidden", "dot.", "plain", "ü.x", "a.tar.gz", "..x"] {
            let file = crate::types::FileName::try_from(name).map(|f| f.split_extension().0.to_vec());
            assert_eq!(file.as_deref(), Ok(view_stem(name).as_bytes()), "{name}");
        }
        for sidecar in ["a.xmp", "a.jpg.xmp", "a.THM"] {
            assert_eq!(view_stem(sidecar), sidecar);
        }
    }
}
