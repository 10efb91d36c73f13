//! The damfs query language, the roles written in it, and the decisions they lead to. Pure: no input, no output, no clock.

pub mod expr;
pub mod roles;

pub use expr::{Expr, ExprError, Facts, Field, Term, Test, parse};
pub use roles::{Decision, Role, RoleBook, RolesError, Rule, Subject, Verb};
