//! The one syntax tree. `Display` writes it as a query that parses to the same tree, flattened.

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

/// What is asked of a field. Which tests a field can have follows from its kind, and the parser makes no others:
///
/// | field | tests |
/// |---|---|
/// | open (persona, model, owner, ...), tree (tag) | `Is`, `Empty` |
/// | closed (rights, kind, state, status, ...) | `Is`, `Empty` |
/// | rating | `Is`, `Empty`, `Between` of ranks |
/// | numbers (width, height, seed) and dates | `Between`, `Empty`; a single number `n` is `Between(n, n)`, a month its first to last nanosecond |
/// | words (text, prompt) | `Words`, `Empty` |
///
/// Any other pair of field and test holds for no asset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// One of the field's values is this one. For a tree (tag): this one or one below it (`a/b` is below `a`).
    /// Stored decoded, tags with `/` between levels, closed vocabularies in their canonical (lower) case.
    Is(String),
    /// The field has no value (`none`). For words: the searched text is the empty string.
    Empty,
    /// One of the field's values lies in the range, both ends included; so a field without a value is in no range,
    /// not even in `Between(None, None)`. Dates are cut to nanoseconds when
    /// parsed: `2026-05..2026-07` is from the first instant of May to the last of July. For ratings the order is
    /// safe < suggestive < adult and the bounds are their ranks 0, 1, 2.
    Between(Bound, Bound),
    /// Every one of these words occurs as a substring of the folded ([`super::fold`]) name, prompt and notes
    /// ([`Field::Text`]) or prompt ([`Field::Prompt`]). Words are folded, not empty and without white space, so none
    /// reaches over the line break between two parts.
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

    /// Not this; twice is not at all.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            Self::And(parts) if parts.is_empty() => Self::nothing(),
            Self::Or(parts) if parts.is_empty() => Self::all(),
            other => Self::Not(Box::new(other)),
        }
    }

    /// The same query with nested lists of one kind merged, lists of one unwrapped and double negations removed.
    /// The parser gives flattened trees.
    #[must_use]
    pub fn flatten(self) -> Self {
        match self {
            Self::And(parts) => {
                let mut flat = Vec::with_capacity(parts.len());
                for part in parts {
                    match part.flatten() {
                        Self::And(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                if flat.len() == 1 { flat.remove(0) } else { Self::And(flat) }
            }
            Self::Or(parts) => {
                let mut flat = Vec::with_capacity(parts.len());
                for part in parts {
                    match part.flatten() {
                        Self::Or(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                if flat.len() == 1 { flat.remove(0) } else { Self::Or(flat) }
            }
            Self::Not(inner) => inner.flatten().negate(),
            Self::Term(term) => Self::Term(term),
        }
    }

    /// Whether some term speaks of this field.
    #[must_use]
    pub fn mentions(&self, field: &Field) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.mentions(field)),
            Self::Not(inner) => inner.mentions(field),
            Self::Term(term) => term.field == *field,
        }
    }
}
