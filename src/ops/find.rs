//! Queries: which assets match and may be listed, and in which order.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use damfs_policy::expr::FieldKind;
use damfs_policy::{Expr, Field, Verb};

use super::folders::{self, Paths};
use super::serve::Listener;
use super::{Actor, Library, OpsError, value};
use crate::access::Who;
use crate::catalog::{Asset, CatalogError, Key, KeyValue, ReadTx};
use crate::view::tree::{Tree, UnknownValue};

/// How many records one read takes at a time.
const PAGE: usize = 1000;
/// Bytes after which a part of an answer is sent: a record may say much.
const PART: usize = 4 << 20;

/// Reads a query as a member may ask it.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query, or names a value that nothing has which he may list; each names the nearest.
pub fn parse(tx: &dyn ReadTx, who: &Who, text: &str) -> Result<Expr, OpsError> {
    let query = read(who, text)?;
    match Tree::new(tx, &who.subject, Some(who.id)).unknown_value(&query)? {
        Some(UnknownValue { field, value, known }) => {
            let name = field.to_string();
            let known = known.into_iter().map(|value| value::written(&field, &value));
            Err(value::unknown(&name, &value::written(&field, &value), known))
        }
        None => Ok(query),
    }
}

/// Reads a query, whether or not something has the values that it names.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query.
pub fn read(who: &Who, text: &str) -> Result<Expr, OpsError> {
    who.subject.parse(text).map_err(|e| OpsError::Usage {
        message: format!("not a query: {e}"),
        hint: Some("a query looks like persona=luna,tag=beach+sunset,not.rating=adult; see dam find --help".into()),
    })
}

/// As [`parse`], cut to what he may list.
///
/// # Errors
/// As [`parse`].
pub fn visible(tx: &dyn ReadTx, who: &Who, text: &str) -> Result<Expr, OpsError> {
    Ok(Tree::new(tx, &who.subject, Some(who.id)).visible(&parse(tx, who, text)?))
}

/// As [`visible`]; without a query everything that he may list.
///
/// # Errors
/// As [`parse`].
pub fn asked(tx: &dyn ReadTx, who: &Who, text: Option<&str>) -> Result<Expr, OpsError> {
    match text {
        Some(text) => visible(tx, who, text),
        None => Ok(Tree::new(tx, &who.subject, Some(who.id)).visible(&Expr::all())),
    }
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// The query; else everything that the caller may list.
    pub expr: Option<String>,
    pub order: Option<Order>,
    pub limit: Option<u64>,
}

/// An order of assets; what has no value comes last, and of equals what came first into the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub by: Key,
    pub descending: bool,
}

impl Order {
    /// Reads `size` or `size,desc`.
    ///
    /// # Errors
    /// [`OpsError::Usage`], which names the nearest.
    pub fn parse(text: &str) -> Result<Self, OpsError> {
        let (name, direction) = text.split_once(',').unwrap_or((text, "asc"));
        let descending = match direction {
            "asc" => false,
            "desc" => true,
            other => return Err(value::unknown("direction", other, ["asc", "desc"].map(str::to_owned))),
        };
        match Key::ALL.into_iter().find(|key| key.name() == name) {
            Some(by) => Ok(Self { by, descending }),
            None => Err(value::unknown("order", name, Key::ALL.map(|key| key.name().to_owned()))),
        }
    }

    fn compare(self, a: &Option<KeyValue>, b: &Option<KeyValue>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// The ordinals of what a query finds, in this order.
    fn numbers(self, tx: &dyn ReadTx, who: &Who, query: &Expr) -> Result<Vec<u64>, CatalogError> {
        let mut keys = tx.keys(query, self.by)?;
        // A size belongs to who may have the bytes; others would find it between two that they know.
        if self.by == Key::Size && !who.subject.downloads_what_he_lists() {
            let his = query.clone().and(who.subject.filter(Verb::Download));
            let known: HashSet<u64> = tx.numbers(&his)?.into_iter().collect();
            keys.iter_mut().filter(|(ordinal, _)| !known.contains(ordinal)).for_each(|(_, size)| *size = None);
        }
        let mut paths = Paths::default();
        for (_, value) in &mut keys {
            *value = match (self.by, value.take()) {
                (Key::Node, Some(KeyValue::Number(node))) => {
                    let node = u64::try_from(node).map(crate::types::NodeId).ok();
                    node.map(|node| paths.of(tx, node)).transpose()?.flatten().map(KeyValue::Text)
                }
                (Key::Rating, Some(KeyValue::Text(rating))) => rank(&Field::Rating, &rating).map(KeyValue::Number),
                (_, value) => value,
            };
        }
        keys.sort_by(|(_, a), (_, b)| self.compare(a, b));
        Ok(keys.into_iter().map(|(ordinal, _)| ordinal).collect())
    }
}

/// Where a word stands in a closed vocabulary.
fn rank(field: &Field, word: &str) -> Option<i64> {
    let FieldKind::Closed(words) = field.kind() else { return None };
    words.iter().position(|known| *known == word).and_then(|at| i64::try_from(at).ok())
}

/// How many match that the caller may list: `{"count": n}`.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query.
pub fn count(library: &Library, actor: &Actor, ask: &Ask) -> Result<Value, OpsError> {
    library.catalog.read(|tx| {
        let found = tx.count(&asked(tx, actor.who(), ask.expr.as_deref())?)?;
        Ok(json!({ "count": found.min(ask.limit.unwrap_or(u64::MAX)) }))
    })
}

/// Everything that matches and that the caller may list, told in parts: `{"assets": [{path, id, ..}]}`. Which they are is of one moment;
/// their records are read as they are told, so that who reads slowly holds up nobody.
///
/// # Errors
/// [`OpsError::Usage`] when the text is no query, or what the listener says.
pub fn find(library: &Library, actor: &Actor, ask: &Ask, listener: &dyn Listener) -> Result<Value, OpsError> {
    let mut numbers = library.catalog.read(|tx| {
        let query = asked(tx, actor.who(), ask.expr.as_deref())?;
        let numbers = match ask.order {
            Some(order) => order.numbers(tx, actor.who(), &query)?,
            None => tx.numbers(&query)?,
        };
        Ok::<_, OpsError>(numbers)
    })?;
    numbers.truncate(ask.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
    for page in numbers.chunks(PAGE) {
        // It may go on for long: each page is told to who may still know it.
        let actor = actor.again(library)?;
        let (mut part, mut bytes) = (Vec::new(), 0);
        for row in library.catalog.read(|tx| rows(library, &actor, tx, page))? {
            bytes += row.to_string().len();
            part.push(row);
            if bytes >= PART {
                listener.part(json!({ "assets": std::mem::take(&mut part) }))?;
                bytes = 0;
            }
        }
        if !part.is_empty() {
            listener.part(json!({ "assets": part }))?;
        }
    }
    Ok(json!({}))
}

/// What is told of each of these assets that may still be listed.
pub(super) fn rows(library: &Library, actor: &Actor, tx: &dyn ReadTx, page: &[u64]) -> Result<Vec<Value>, OpsError> {
    let mut numbers = page.to_vec();
    numbers.sort_unstable();
    let mut assets: HashMap<u64, Asset> =
        tx.assets(&numbers)?.into_iter().map(|asset| (asset.ordinal, asset)).collect();
    let tree = Tree::new(tx, &actor.who().subject, Some(actor.who().id));
    let mut paths = Paths::default();
    let mut rows = Vec::with_capacity(page.len());
    for asset in page.iter().filter_map(|ordinal| assets.remove(ordinal)) {
        if !actor.decide(library, Verb::List, &asset).allowed {
            continue;
        }
        let path = asset.node.map(|node| paths.bytes_of(tx, node)).transpose()?.flatten();
        // JSON holds text alone: the bytes of a path that is none are told beside it.
        let bytes = path.as_ref().filter(|p| std::str::from_utf8(p).is_err());
        let path_bytes = bytes.map(|p| folders::hex(p));
        let node = asset.node.filter(|_| library.gate.allows(actor.who(), Verb::Download, &asset));
        let size = node.map(|node| tx.node(node)).transpose()?.flatten().map(|node| node.size);
        rows.push(json!({
            "path": path.as_deref().map(String::from_utf8_lossy),
            "path_bytes": path_bytes,
            "id": asset.id.to_string(),
            "view_name": tree.name_of(&asset)?,
            "kind": asset.kind,
            "format": asset.format,
            "size": size,
            "width": asset.width,
            "height": asset.height,
            "rating": asset.rating,
            "stars": asset.stars,
            "persona": asset.personas,
            "campaign": asset.campaigns,
            "tag": asset.tags,
            "created": asset.created.to_string(),
            "imported": asset.imported.to_string(),
            "changed": asset.changed.to_string(),
        }));
    }
    Ok(rows)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_field_and_a_direction() {
        let order = |text| Order::parse(text).map_err(|e| e.to_string());
        assert_eq!(order("size").unwrap(), Order { by: Key::Size, descending: false });
        assert_eq!(order("path,desc").unwrap(), Order { by: Key::Node, descending: true });
        assert!(order("siez").unwrap_err().contains("`size`"));
        assert!(order("size,down").unwrap_err().contains("direction"));
    }

    #[test]
    fn what_has_no_value_comes_last_either_way() {
        let some = |n| Some(KeyValue::Number(n));
        for (descending, sorted) in [(false, [some(1), some(2), None]), (true, [some(2), some(1), None])] {
            let mut keys = [None, some(2), some(1)];
            keys.sort_by(|a, b| Order { by: Key::Size, descending }.compare(a, b));
            assert_eq!(keys, sorted);
        }
    }
}
