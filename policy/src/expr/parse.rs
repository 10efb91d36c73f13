//! Text -> tree.
use super::Expr;

/// Why a text is not a query; the message names the nearest known field or value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// What is wrong and what to do.
    pub message: String,
    /// Byte offset in the text.
    pub at: usize,
}

/// Parses a query. The empty text is an error; `library` callers use [`Expr::all`] for everything.
///
/// # Errors
/// When the text is no query.
pub fn parse(_text: &str) -> Result<Expr, ExprError> {
    Err(ExprError { message: String::new(), at: 0 })
}
