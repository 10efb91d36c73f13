//! Why a text is not a query, and the nearest thing that would be one.

/// Why a text is not a query; the message names the nearest known field or value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at byte {at})")]
pub struct ExprError {
    /// What is wrong and what to do.
    pub message: String,
    /// Byte offset in the text.
    pub at: usize,
}

impl ExprError {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at }
    }

    /// `what` is not among `known`: names the nearest and all of them.
    pub(super) fn unknown(at: usize, what: &str, given: &str, known: &[&str]) -> Self {
        Self::new(at, unknown(what, given, known))
    }
}

/// The sentence for a word that is not among the known ones.
pub(crate) fn unknown(what: &str, given: &str, known: &[&str]) -> String {
    // The whole of a long text helps nobody, and the distance is quadratic in it.
    let short: String = given.chars().take(64).collect();
    let nearest = known.iter().min_by_key(|k| strsim::damerau_levenshtein(&short.to_ascii_lowercase(), k));
    match nearest {
        Some(nearest) => format!("unknown {what} `{short}`; did you mean `{nearest}`? known: {}", known.join(", ")),
        None => format!("unknown {what} `{short}`; none is known"),
    }
}
