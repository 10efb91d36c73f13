//! Tokens -> tree.

use super::escape::{decode, fold};
use super::lex::{Kind, Token, lex};
use super::{Bound, Expr, ExprError, Field, FieldKind, Term, Test, date};
use crate::platforms;

/// Longest query in bytes.
pub const MAX_LEN: usize = 4096;
/// How deep `any(` may stand in `any(`.
pub const MAX_DEPTH: usize = 16;

/// What a library knows beyond the language itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    /// Ids of the platforms that `status.` may name.
    pub platforms: Vec<String>,
}

impl Vocabulary {
    /// The platforms that ship.
    #[must_use]
    pub fn shipped() -> Self {
        platforms::shipped().vocabulary()
    }
}

/// Parses a query against the shipped platforms; the tree is flattened. The empty text is an error; callers that mean
/// everything use [`Expr::all`].
///
/// # Errors
/// When the text is no query.
pub fn parse(text: &str) -> Result<Expr, ExprError> {
    parse_with(text, &Vocabulary::shipped())
}

/// As [`parse`], with a library's own vocabulary.
///
/// # Errors
/// When the text is no query.
pub fn parse_with(text: &str, vocabulary: &Vocabulary) -> Result<Expr, ExprError> {
    if text.len() > MAX_LEN {
        let message = format!("the query has {} bytes; {MAX_LEN} is the most, save a part of it as a view", text.len());
        return Err(ExprError::new(MAX_LEN, message));
    }
    let mut parser = Parser { tokens: lex(text), next: 0, end: text.len(), depth: 0, vocabulary };
    let expr = parser.list()?;
    match parser.peek() {
        None => Ok(expr.flatten()),
        Some(token) => Err(stray(token)),
    }
}

/// The field of that name, or an error that names the nearest.
///
/// # Errors
/// When there is none, or its platform is unknown.
pub fn parse_field(name: &str, vocabulary: &Vocabulary) -> Result<Field, ExprError> {
    field_at(name, 0, vocabulary)
}

/// A value as it is stored, from its literal text (nothing is percent-encoded, tags have `/` or `.` between levels):
/// closed vocabularies are checked, other texts must not be empty. Not for numbers, dates and words.
///
/// # Errors
/// When the field cannot have that value.
pub fn parse_value(field: &Field, text: &str) -> Result<String, ExprError> {
    match field.kind() {
        FieldKind::Closed(known) => closed(field, text.trim(), 0, known),
        FieldKind::Tree => tag(text.trim().replace('.', "/"), 0),
        _ if text.trim().is_empty() => Err(no_value(field, 0)),
        _ => Ok(text.trim().to_owned()),
    }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    end: usize,
    depth: usize,
    vocabulary: &'a Vocabulary,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    fn at(&self) -> usize {
        self.peek().map_or(self.end, |t| t.at)
    }

    fn take(&mut self, kind: Kind<'_>) -> bool {
        let found = self.peek().is_some_and(|t| t.kind == kind);
        self.next += usize::from(found);
        found
    }

    fn text(&mut self) -> Option<(&'a str, usize)> {
        let Some(Token { kind: Kind::Text(text), at }) = self.peek() else { return None };
        self.next += 1;
        Some((text, at))
    }

    fn list(&mut self) -> Result<Expr, ExprError> {
        let mut parts = vec![self.item()?];
        while self.take(Kind::Comma) {
            parts.push(self.item()?);
        }
        Ok(Expr::And(parts))
    }

    fn item(&mut self) -> Result<Expr, ExprError> {
        let Some((text, at)) = self.text() else {
            let message = "a query is field=value, such as persona=luna; several are joined by `,`";
            return Err(self
                .peek()
                .filter(|t| !matches!(t.kind, Kind::Comma))
                .map_or_else(|| ExprError::new(self.at(), message), stray));
        };
        let mut name = text;
        let mut negated = false;
        while let Some(rest) = name.strip_prefix("not.") {
            name = rest;
            negated = !negated;
        }
        let at = at + text.len() - name.len();
        let positive = if name == "any" && self.take(Kind::Open) { self.groups(at)? } else { self.field(name, at)? };
        Ok(if negated { Expr::Not(Box::new(positive)) } else { positive })
    }

    /// Behind `any(`.
    fn groups(&mut self, at: usize) -> Result<Expr, ExprError> {
        if self.depth == MAX_DEPTH {
            return Err(ExprError::new(at, format!("any(..) stands {MAX_DEPTH} deep at most")));
        }
        let mut groups = Vec::new();
        if self.take(Kind::Close) {
            return Ok(Expr::Or(groups));
        }
        self.depth += 1;
        loop {
            groups.push(self.list()?);
            if !self.take(Kind::Semicolon) {
                break;
            }
        }
        self.depth -= 1;
        if self.take(Kind::Close) {
            return Ok(Expr::Or(groups));
        }
        let message = "any( is not closed; groups are separated by `;` and end with `)`";
        Err(self.peek().map_or_else(|| ExprError::new(self.end, message), stray))
    }

    fn field(&mut self, name: &str, at: usize) -> Result<Expr, ExprError> {
        // The field first: a wrong name is the likelier mistake than a missing value.
        let field = field_at(name, at, self.vocabulary)?;
        if !self.take(Kind::Equals) {
            return Err(ExprError::new(
                self.at(),
                format!("`{field}` has no `=`; write {field}=value or {field}=none"),
            ));
        }
        let mut values = Vec::new();
        loop {
            let Some((raw, at)) = self.text() else { return Err(no_value(&field, self.at())) };
            values.push(Expr::Term(Term { field: field.clone(), test: test(&field, raw, at)? }));
            if !self.take(Kind::Plus) {
                return Ok(Expr::Or(values));
            }
        }
    }
}

fn stray(token: Token<'_>) -> ExprError {
    let message = match token.kind {
        Kind::Open => "`(` only follows `any`; write %28 for a literal one",
        Kind::Close => "`)` closes nothing; write %29 for a literal one",
        Kind::Semicolon => "`;` separates groups inside any(..); write %3B for a literal one",
        Kind::Plus => "`+` stands between two values of a field; write %2B for a literal one",
        Kind::Equals => "`=` needs a field before it",
        Kind::Comma | Kind::Text(_) => "`,` stands between two conditions",
    };
    ExprError::new(token.at, message)
}

fn no_value(field: &Field, at: usize) -> ExprError {
    ExprError::new(at, format!("`{field}` has no value here; write {field}=none for assets without one"))
}

fn field_at(name: &str, at: usize, vocabulary: &Vocabulary) -> Result<Field, ExprError> {
    let lower = name.to_ascii_lowercase();
    match Field::parse(&lower) {
        Some(Field::Status(platform)) if !vocabulary.platforms.contains(&platform) => {
            let known: Vec<&str> = vocabulary.platforms.iter().map(String::as_str).collect();
            Err(ExprError::unknown(at + "status.".len(), "platform", &platform, &known))
        }
        Some(field) => Ok(field),
        None => {
            let names: Vec<String> = Field::ALL.iter().map(ToString::to_string).collect();
            let mut known: Vec<&str> = names.iter().map(String::as_str).collect();
            known.push("status.<platform>");
            Err(ExprError::unknown(at, "field", name, &known))
        }
    }
}

fn test(field: &Field, raw: &str, at: usize) -> Result<Test, ExprError> {
    if raw == "none" {
        return Ok(Test::Empty);
    }
    match field.kind() {
        FieldKind::Open => {
            let text = decode(raw, at)?;
            if text.is_empty() { Err(no_value(field, at)) } else { Ok(Test::Is(text)) }
        }
        FieldKind::Tree => {
            let mut levels = Vec::new();
            let mut level_at = at;
            for level in raw.split('.') {
                levels.push(decode(level, level_at)?);
                level_at += level.len() + 1;
            }
            tag(levels.join("/"), at).map(Test::Is)
        }
        FieldKind::Closed(known) => match raw.split_once("..") {
            Some((low, high)) if field.is_ranked() => {
                let rank = |text: &str, at| {
                    let value = closed(field, text, at, known)?;
                    let rank = known.iter().position(|k| *k == value).unwrap_or_default();
                    Ok(i64::try_from(rank).unwrap_or_default())
                };
                range(low, high, at, rank, rank)
            }
            _ => closed(field, &decode(raw, at)?, at, known).map(Test::Is),
        },
        FieldKind::Number => {
            let number = |text: &str, at| {
                text.parse().map_err(|_| {
                    ExprError::new(
                        at,
                        format!("`{field}` wants a whole number or a range such as 1080..max, not `{text}`"),
                    )
                })
            };
            match raw.split_once("..") {
                Some((low, high)) => range(low, high, at, number, number),
                None => number(raw, at).map(|n| Test::Between(Some(n), Some(n))),
            }
        }
        FieldKind::Date => {
            let dates = |text: &str, at| {
                date::parse(text).ok_or_else(|| {
                    let wants = "2026, 2026-05, 2026-05-14 or a range such as 2026-05..max, years 1678 to 2261";
                    ExprError::new(at, format!("`{field}` wants {wants}, not `{text}`"))
                })
            };
            match raw.split_once("..") {
                Some((low, high)) => range(low, high, at, |t, a| Ok(dates(t, a)?.0), |t, a| Ok(dates(t, a)?.1)),
                None => dates(raw, at).map(|(first, last)| Test::Between(Some(first), Some(last))),
            }
        }
        FieldKind::Words => {
            let words: Vec<String> = fold(&decode(raw, at)?).split_whitespace().map(str::to_owned).collect();
            if words.is_empty() { Err(no_value(field, at)) } else { Ok(Test::Words(words)) }
        }
    }
}

fn range(
    low: &str,
    high: &str,
    at: usize,
    first: impl Fn(&str, usize) -> Result<i64, ExprError>,
    last: impl Fn(&str, usize) -> Result<i64, ExprError>,
) -> Result<Test, ExprError> {
    let end = |open: &str,
               text: &str,
               at,
               read: &dyn Fn(&str, usize) -> Result<i64, ExprError>|
     -> Result<Bound, ExprError> {
        match text.trim() {
            "" => Err(ExprError::new(at, format!("a range has two ends; write {open} for an open one"))),
            text if text == open => Ok(None),
            text => read(text, at).map(Some),
        }
    };
    let from = end("min", low, at, &first)?;
    let to = end("max", high, at + low.len() + 2, &last)?;
    match (from, to) {
        (Some(a), Some(b)) if a > b => {
            Err(ExprError::new(at, format!("the range `{low}..{high}` is upside down; write `{high}..{low}`")))
        }
        _ => Ok(Test::Between(from, to)),
    }
}

fn closed(field: &Field, text: &str, at: usize, known: &[&str]) -> Result<String, ExprError> {
    let lower = text.to_ascii_lowercase();
    if known.contains(&lower.as_str()) {
        return Ok(lower);
    }
    Err(ExprError::unknown(at, &format!("value of {field}"), text, known))
}

fn tag(path: String, at: usize) -> Result<String, ExprError> {
    if path.split('/').any(|level| level.trim().is_empty()) {
        return Err(ExprError::new(
            at,
            "a tag has a name at every level, such as campaigns.summer; write %2E for a literal `.`",
        ));
    }
    Ok(path)
}
