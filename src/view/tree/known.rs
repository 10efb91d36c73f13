//! Values that a query names and nothing has.

use super::Tree;
use crate::catalog::CatalogError;
use crate::policy::{Expr, Field, FieldKind, Term, Test};

/// A value of an open vocabulary that is not there for a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownValue {
    pub field: Field,
    pub value: String,
    /// Those that are.
    pub known: Vec<String>,
}

impl Tree<'_> {
    /// The first value in a query that neither something the member may list has, nor a word made with mkdir. One that only hidden
    /// assets have is as unknown as one that nothing has.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn unknown_value(&self, expr: &Expr) -> Result<Option<UnknownValue>, CatalogError> {
        let mut named = Vec::new();
        open_values(expr, &mut named);
        for (field, value) in named {
            if self.value_exists(field, value)? {
                continue;
            }
            // A query that asks for a state finds what lies in the trash, too.
            let trashed = Expr::is(Field::State, "trashed");
            if expr.mentions(&Field::State) && self.any(&Expr::is(field.clone(), value).and(trashed))? {
                continue;
            }
            // Of digits there may be as many as assets, and none are like others.
            let known =
                if field.is_digits() { Vec::new() } else { self.values(field, &Expr::all())?.into_iter().collect() };
            return Ok(Some(UnknownValue { field: field.clone(), value: value.to_owned(), known }));
        }
        Ok(None)
    }
}

fn open_values<'e>(expr: &'e Expr, out: &mut Vec<(&'e Field, &'e str)>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| open_values(part, out)),
        Expr::Not(inner) => open_values(inner, out),
        Expr::Term(Term { field, test: Test::Is(value) })
            if matches!(field.kind(), FieldKind::Open | FieldKind::Tree) =>
        {
            out.push((field, value));
        }
        Expr::Term(_) => {}
    }
}
