//! What is known of one asset, as the evaluator asks for it.

use std::collections::BTreeMap;

use super::Field;

/// What is known of one asset. Implemented by the catalogue's asset in `damfs::access`.
pub trait Facts {
    /// Calls `each` with every text value of an open, tree or closed field; at most once each. Closed values in their canonical case.
    fn texts(&self, field: &Field, each: &mut dyn FnMut(&str));

    /// The value of a number or date field (dates in nanoseconds since the epoch).
    fn number(&self, field: &Field) -> Option<i64>;

    /// The text that a words field searches: [`Field::Text`] or [`Field::Prompt`]; parts joined by a newline.
    fn words(&self, field: &Field) -> String;
}

/// Facts held in maps; for tests and for callers without an asset.
#[derive(Debug, Clone, Default)]
pub struct MapFacts {
    /// Text values.
    pub texts: BTreeMap<Field, Vec<String>>,
    /// Number and date values.
    pub numbers: BTreeMap<Field, i64>,
    /// Searched text.
    pub words: BTreeMap<Field, String>,
}

impl Facts for MapFacts {
    fn texts(&self, field: &Field, each: &mut dyn FnMut(&str)) {
        for value in self.texts.get(field).into_iter().flatten() {
            each(value);
        }
    }

    fn number(&self, field: &Field) -> Option<i64> {
        self.numbers.get(field).copied()
    }

    fn words(&self, field: &Field) -> String {
        self.words.get(field).cloned().unwrap_or_default()
    }
}
