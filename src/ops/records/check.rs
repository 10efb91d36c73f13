//! A record read from a file: what is wrong with it is told with its place, what is not known here with its name.

use serde_json::Value;

use crate::ops::show::{FORMAT, Record};

/// A record, and the keys of its file that this version of damfs does not know.
#[derive(Debug)]
pub struct Told {
    pub record: Record,
    pub unknown: Vec<String>,
}

/// Reads the text of a file.
///
/// # Errors
/// Why it is no whole record, in a sentence.
pub fn read(text: &[u8]) -> Result<Told, String> {
    let given: Value = serde_json::from_slice(text).map_err(|e| format!("it is no JSON: {e}"))?;
    match given["record"].as_u64() {
        Some(version) if version > u64::from(FORMAT) => {
            return Err(format!("a newer damfs wrote it: record version {version}; this one knows {FORMAT}"));
        }
        Some(_) => {}
        None => return Err("it is no record: it has no number `record`".to_owned()),
    }
    let record: Record = serde_json::from_slice(text).map_err(|e| format!("it is no record: {e}"))?;
    let known = serde_json::to_value(&record).map_err(|e| e.to_string())?;
    let mut keys = Keys::default();
    keys.compare(&given, &known, "");
    match keys.missing.first() {
        Some(key) => Err(format!("it is no whole record: `{key}` is missing")),
        None => Ok(Told { record, unknown: keys.unknown }),
    }
}

/// Keys that only one of two values has.
#[derive(Default)]
struct Keys {
    unknown: Vec<String>,
    missing: Vec<String>,
}

impl Keys {
    fn compare(&mut self, given: &Value, known: &Value, at: &str) {
        let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
        match (given, known) {
            (Value::Object(given), Value::Object(known)) => {
                self.unknown.extend(given.keys().filter(|key| !known.contains_key(*key)).map(|key| below(key)));
                self.missing.extend(known.keys().filter(|key| !given.contains_key(*key)).map(|key| below(key)));
                for (key, value) in given {
                    if let Some(other) = known.get(key) {
                        self.compare(value, other, &below(key));
                    }
                }
            }
            // Sets are in another order when people wrote them; only what tells of versions has keys.
            (Value::Array(given), Value::Array(known)) if given.len() == known.len() => {
                for (value, other) in given.iter().zip(known) {
                    self.compare(value, other, at);
                }
            }
            _ => {}
        }
    }
}
