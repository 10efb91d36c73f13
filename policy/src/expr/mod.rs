//! The query language: text -> [`Expr`] -> yes or no for one asset's [`Facts`]. The catalogue translates the same [`Expr`] for a million.

mod ast;
mod eval;
mod facts;
mod field;
mod lex;
mod parse;
mod print;

pub use ast::{Bound, Expr, Term, Test};
pub use eval::matches;
pub use facts::{Facts, MapFacts};
pub use field::{Field, FieldKind};
pub use parse::{ExprError, parse};
