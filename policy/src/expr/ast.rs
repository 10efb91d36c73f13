//! The one syntax tree.

use super::Field;

/// A query. `And([])` matches everything, `Or([])` nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// All of them (`,`).
    And(Vec<Expr>),
    /// At least one of them (`+` between values, `any(..;..)` between groups).
    Or(Vec<Expr>),
    /// Not that (`not.`).
    Not(Box<Expr>),
    /// One field put to one test.
    Term(Term),
}

/// One field put to one test.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    /// Which field.
    pub field: Field,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// One of the field's values is this one. For a tree (tag): this one or one below it (`a/b` is below `a`).
    /// Stored decoded, tags with `/` between levels, closed vocabularies in their canonical (lower) case.
    Is(String),
    /// The field has no value (`none`).
    Empty,
    /// One of the field's values lies in the range; both ends included for numbers. Dates are cut to nanoseconds when
    /// parsed: `2026-05..2026-07` is from the first instant of May to the last of July. For ratings the order is
    /// safe < suggestive < adult and the bounds are their ranks 0, 1, 2.
    Between(Bound, Bound),
    /// Every one of these lower-case words occurs in the name, prompt or notes (only [`Field::Text`]), or in the prompt ([`Field::Prompt`]).
    Words(Vec<String>),
}

/// An end of a range; `None` is open (`min`, `max`).
pub type Bound = Option<i64>;

impl Expr {
    /// Matches everything.
    #[must_use]
    pub const fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Matches nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::Or(Vec::new())
    }

    /// Whether this is [`Expr::all`].
    #[must_use]
    pub fn is_all(&self) -> bool {
        matches!(self, Self::And(parts) if parts.is_empty())
    }

    /// One field with one value.
    #[must_use]
    pub fn is(field: Field, value: impl Into<String>) -> Self {
        Self::Term(Term { field, test: Test::Is(value.into()) })
    }

    /// Both; flattens, so that `all()` is neutral.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut parts = match self {
            Self::And(parts) => parts,
            one => vec![one],
        };
        match other {
            Self::And(more) => parts.extend(more),
            one => parts.push(one),
        }
        if parts.len() == 1 { parts.remove(0) } else { Self::And(parts) }
    }
}
