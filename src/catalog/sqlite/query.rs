//! A query as SQL. Held equal to `damfs_policy::expr::matches` by a property test; every condition is true or false,
//! never NULL, so that `NOT` means what it says.

use damfs_policy::expr::FieldKind;
use damfs_policy::{Expr, Field, Term, Test};
use rusqlite::types::Value;

use crate::types::colour_bit;

/// A condition on table `asset` (as `a`) with its parameters in order of their place holders.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub sql: String,
    pub params: Vec<Value>,
    /// Few assets are asked about: the values of each are looked up, where else all that have a value are gathered first.
    few: bool,
}

/// The facet under which `asset_value` keeps a field, when an asset may have several values of it.
pub(super) fn facet(field: &Field) -> Option<&'static str> {
    match field {
        Field::Persona => Some("persona"),
        Field::Campaign => Some("campaign"),
        Field::Tag => Some("tag"),
        Field::Lora => Some("lora"),
        _ => None,
    }
}

/// The column of a field with one value.
pub(super) fn column(field: &Field) -> Option<&'static str> {
    Some(match field {
        Field::Client => "a.client",
        Field::Rating => "a.rating",
        Field::Stars => "CAST(a.stars AS TEXT)",
        Field::Rights => "a.rights",
        Field::Likeness => "a.likeness",
        Field::Model => "a.model",
        Field::Sampler => "a.sampler",
        Field::Seed => "a.seed",
        Field::Kind => "a.kind",
        Field::Format => "a.format",
        Field::Width => "a.width",
        Field::Height => "a.height",
        Field::Created => "a.created",
        Field::Imported => "a.imported",
        Field::Expires => "a.expires",
        Field::Owner => "a.owner_name",
        Field::State => "a.state",
        Field::Stage => "a.stage",
        Field::Reviewer => "a.reviewer",
        Field::Due => "a.due",
        Field::Family => "a.family",
        Field::Duplicate => "a.duplicate",
        _ => return None,
    })
}

/// The orientation of an asset as an expression; NULL without width and height.
pub(super) const ORIENTATION: &str = "CASE WHEN a.width < a.height THEN 'portrait' WHEN a.width = a.height \
     THEN 'square' WHEN a.width > a.height THEN 'landscape' END";

impl Filter {
    /// Published assets that satisfy the query; trashed ones only when it speaks of the state itself.
    pub(super) fn published(query: &Expr) -> Self {
        Self::default().and_published(query)
    }

    /// The same for few assets.
    pub(super) fn published_of_few(query: &Expr) -> Self {
        Self { few: true, ..Self::default() }.and_published(query)
    }

    fn and_published(mut self, query: &Expr) -> Self {
        self.push("a.head IS NOT NULL AND ");
        if !query.mentions(&Field::State) {
            self.push("a.state <> 'trashed' AND ");
        }
        self.expr(query);
        self
    }

    /// What satisfies the query, published or not, in the trash or not.
    pub(super) fn of_all(query: &Expr) -> Self {
        let mut filter = Self::default();
        filter.expr(query);
        filter
    }

    /// The same among a few assets.
    pub(super) fn of_few(query: &Expr) -> Self {
        let mut filter = Self { few: true, ..Self::default() };
        filter.expr(query);
        filter
    }

    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind(&mut self, value: impl Into<Value>) {
        self.params.push(value.into());
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::And(parts) => self.join(parts, " AND ", "TRUE", &Self::expr),
            Expr::Or(parts) => self.join(parts, " OR ", "FALSE", &Self::expr),
            Expr::Not(inner) => {
                self.push("NOT (");
                self.expr(inner);
                self.push(")");
            }
            Expr::Term(term) => self.term(term),
        }
    }

    /// Joins in halves: a long chain would be deeper than the engine's parser goes.
    fn join<T>(&mut self, parts: &[T], operator: &str, none: &str, each: &dyn Fn(&mut Self, &T)) {
        match parts {
            [] => self.push(none),
            [one] => each(self, one),
            _ => {
                let (left, right) = parts.split_at(parts.len() / 2);
                self.push("(");
                self.join(left, operator, none, each);
                self.push(operator);
                self.join(right, operator, none, each);
                self.push(")");
            }
        }
    }

    fn term(&mut self, Term { field, test }: &Term) {
        match (test, field.kind()) {
            (Test::Is(_), FieldKind::Number | FieldKind::Date | FieldKind::Words) => self.push("FALSE"),
            (Test::Is(value), _) => self.is(field, value),
            (Test::Empty, _) => self.empty(field),
            (Test::Between(low, high), FieldKind::Number | FieldKind::Date) => self.between(field, *low, *high),
            (Test::Between(low, high), FieldKind::Closed(ranks)) if field.is_ranked() => {
                let inside = (0i64..).zip(ranks).filter(|(n, _)| low.is_none_or(|l| l <= *n));
                let inside = inside.filter(|(n, _)| high.is_none_or(|h| *n <= h));
                let known: Vec<Expr> = inside.map(|(_, rank)| Expr::is(field.clone(), *rank)).collect();
                self.join(&known, " OR ", "FALSE", &Self::expr);
            }
            (Test::Words(words), FieldKind::Words) => self.words(field, words),
            (Test::Between(..) | Test::Words(_), _) => self.push("FALSE"),
        }
    }

    /// Whether a table of values has a row of the asset that one of the conditions holds for.
    fn has(&mut self, table: &str, conditions: &[&str]) {
        let (open, row) = if self.few {
            ("EXISTS (", format!("SELECT 1 FROM {table} WHERE asset = a.ordinal AND "))
        } else {
            ("a.ordinal IN (", format!("SELECT asset FROM {table} WHERE "))
        };
        self.push(open);
        for (n, condition) in conditions.iter().enumerate() {
            self.push(if n > 0 { " UNION ALL " } else { "" });
            self.push(&row);
            self.push(condition);
        }
        self.push(")");
    }

    fn is(&mut self, field: &Field, value: &str) {
        match (field, facet(field), column(field)) {
            (Field::Tag, _, _) => {
                // `/` and `0` are neighbours: the range holds what begins with `value/`.
                let below = "facet = 'tag' AND value >= ? AND value < ?";
                self.has("asset_value", &["facet = 'tag' AND value = ?", below]);
                self.bind(value.to_owned());
                self.bind(format!("{value}/"));
                self.bind(format!("{value}0"));
            }
            (_, Some(facet), _) => {
                self.has("asset_value", &[&format!("facet = '{facet}' AND value = ?")]);
                self.bind(value.to_owned());
            }
            (Field::Status(platform), _, _) => {
                self.has("asset_status", &["platform = ? AND value = ?"]);
                self.bind(platform.clone());
                self.bind(value.to_owned());
            }
            (Field::AnyStatus, _, _) => {
                self.has("asset_status", &["value = ?"]);
                self.bind(value.to_owned());
            }
            (Field::Colour, _, _) => match colour_bit(value) {
                Some(bit) => {
                    self.push("(a.colours & ?) <> 0");
                    self.bind(i64::from(bit));
                }
                None => self.push("FALSE"),
            },
            (Field::Conflict, _, _) => {
                self.has("asset_conflict", &["field = ?"]);
                self.bind(value.to_owned());
            }
            // The empty text counts as no value.
            _ if value.is_empty() => self.push("FALSE"),
            (Field::Orientation, _, _) => {
                self.push("(a.width IS NOT NULL AND a.height IS NOT NULL AND ");
                self.push(match value {
                    "portrait" => "a.width < a.height)",
                    "landscape" => "a.width > a.height)",
                    "square" => "a.width = a.height)",
                    _ => "FALSE)",
                });
            }
            (_, _, Some(column)) => {
                self.defined(column);
                self.push(" = ?)");
                self.bind(value.to_owned());
            }
            _ => self.push("FALSE"),
        }
    }

    /// `(column IS NOT NULL AND column`
    fn defined(&mut self, column: &str) {
        self.push("(");
        self.push(column);
        self.push(" IS NOT NULL AND ");
        self.push(column);
    }

    fn empty(&mut self, field: &Field) {
        if let Some(facet) = facet(field) {
            self.push("NOT EXISTS (SELECT 1 FROM asset_value v WHERE v.asset = a.ordinal AND v.facet = '");
            self.push(facet);
            self.push("')");
            return;
        }
        match (field, field.kind(), column(field)) {
            (Field::Status(platform), _, _) => {
                self.push("NOT EXISTS (SELECT 1 FROM asset_status s WHERE s.asset = a.ordinal AND s.platform = ?)");
                self.bind(platform.clone());
            }
            (Field::AnyStatus, _, _) => {
                self.push("NOT EXISTS (SELECT 1 FROM asset_status s WHERE s.asset = a.ordinal)");
            }
            (Field::Conflict, _, _) => {
                self.push("NOT EXISTS (SELECT 1 FROM asset_conflict c WHERE c.asset = a.ordinal)");
            }
            (Field::Orientation, _, _) => self.push("(a.width IS NULL OR a.height IS NULL)"),
            (Field::Colour, _, _) => self.push("a.colours = 0"),
            (_, FieldKind::Words, _) => {
                self.searched(field);
                self.push(" = '')");
            }
            (_, FieldKind::Number | FieldKind::Date, Some(column)) => {
                self.push(column);
                self.push(" IS NULL");
            }
            (_, _, Some(column)) => {
                self.push("(");
                self.push(column);
                self.push(" IS NULL OR ");
                self.push(column);
                self.push(" = '')");
            }
            _ => self.push("TRUE"),
        }
    }

    fn between(&mut self, field: &Field, low: Option<i64>, high: Option<i64>) {
        let Some(column) = column(field) else { return self.push("FALSE") };
        self.push("(");
        self.push(column);
        self.push(" IS NOT NULL");
        for (operator, bound) in [(" >= ?", low), (" <= ?", high)] {
            if let Some(bound) = bound {
                self.push(" AND ");
                self.push(column);
                self.push(operator);
                self.bind(bound);
            }
        }
        self.push(")");
    }

    /// `EXISTS (... AND text`, the folded text of a words field.
    fn searched(&mut self, field: &Field) {
        self.push("EXISTS (SELECT 1 FROM asset_text t WHERE t.asset = a.ordinal AND ");
        self.push(if *field == Field::Prompt { "t.prompt_words" } else { "t.words" });
    }

    fn words(&mut self, field: &Field, words: &[String]) {
        let text = if *field == Field::Prompt { "t.prompt_words" } else { "t.words" };
        self.push("EXISTS (SELECT 1 FROM asset_text t WHERE t.asset = a.ordinal AND ");
        self.join(words, " AND ", "TRUE", &|filter, word: &String| {
            filter.push("instr(");
            filter.push(text);
            filter.push(", ?) > 0");
            filter.bind(word.clone());
        });
        self.push(")");
    }
}
