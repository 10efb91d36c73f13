//! The query language: text -> [`Expr`] -> yes or no for one asset's [`Facts`]. The catalogue translates the same [`Expr`] for a million.

mod ast;
mod date;
mod error;
mod escape;
mod eval;
mod facts;
mod field;
mod lex;
mod parse;
mod print;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use ast::{Bound, Expr, Term, Test};
pub(crate) use date::{civil, first_instant};
pub use error::ExprError;
pub(crate) use error::unknown;
pub use escape::fold;
pub use eval::matches;
pub use facts::{Facts, MapFacts};
pub use field::{COLOURS, Field, FieldKind};
pub use parse::{MAX_DEPTH, MAX_LEN, Vocabulary, parse, parse_field, parse_value, parse_with};
