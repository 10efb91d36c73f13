//! The query language as SQL: the same yes or no as `damfs_policy::expr::matches`, for all assets at once. Values are always parameters.

use damfs_policy::expr::fold;
use damfs_policy::{Expr, Field, Term, Test};
use rusqlite::types::Value;

/// A condition on `asset a`, and its parameters in order.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) args: Vec<Value>,
}

/// Published assets that match; trashed ones only when the query speaks of state itself.
pub(super) fn listed(query: &Expr) -> Condition {
    let mut c = Condition { sql: String::from("a.head IS NOT NULL"), args: Vec::new() };
    if !query.mentions(&Field::State) {
        c.sql.push_str(" AND a.state <> 'trashed'");
    }
    if !query.is_all() {
        c.sql.push_str(" AND ");
        c.expr(query);
    }
    c
}

impl Condition {
    /// Never NULL: every term is a plain yes or no, so that NOT means what it means in memory.
    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::And(parts) => self.many(parts, " AND ", "1"),
            Expr::Or(parts) => self.many(parts, " OR ", "0"),
            Expr::Not(inner) => {
                self.sql.push_str("NOT ");
                self.expr(inner);
            }
            Expr::Term(term) => self.term(term),
        }
    }

    fn many(&mut self, parts: &[Expr], between: &str, none: &str) {
        self.sql.push('(');
        if parts.is_empty() {
            self.sql.push_str(none);
        }
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.sql.push_str(between);
            }
            self.expr(part);
        }
        self.sql.push(')');
    }

    fn arg(&mut self, value: impl Into<Value>) -> String {
        self.args.push(value.into());
        format!("?{}", self.args.len())
    }

    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn term(&mut self, term: &Term) {
        match &term.field {
            Field::Tag => self.child("tag", &term.test, true),
            Field::Persona => self.child("persona", &term.test, false),
            Field::Campaign => self.child("campaign", &term.test, false),
            Field::Lora => self.child("lora", &term.test, false),
            Field::Status(platform) => self.status(Some(platform), &term.test),
            Field::AnyStatus => self.status(None, &term.test),
            Field::Rating => self.rating(&term.test),
            Field::Orientation => self.orientation(&term.test),
            Field::Width | Field::Height | Field::Seed | Field::Created | Field::Imported | Field::Expires => {
                self.number(column(&term.field), &term.test);
            }
            Field::Text => self.words("a.words", &term.test),
            Field::Prompt => self.words("a.prompt_words", &term.test),
            other => self.text(column(other), &term.test),
        }
    }

    fn text(&mut self, column: &str, test: &Test) {
        match test {
            Test::Is(value) => {
                let arg = self.arg(value.clone());
                self.push(&format!("({column} IS NOT NULL AND {column} = {arg})"));
            }
            Test::Empty => self.push(&format!("({column} IS NULL OR {column} = '')")),
            _ => self.push("0"),
        }
    }

    fn number(&mut self, column: &str, test: &Test) {
        match test {
            Test::Empty => self.push(&format!("({column} IS NULL)")),
            Test::Between(from, to) => {
                let mut sql = format!("({column} IS NOT NULL");
                if let Some(from) = from {
                    sql.push_str(&format!(" AND {column} >= {}", self.arg(*from)));
                }
                if let Some(to) = to {
                    sql.push_str(&format!(" AND {column} <= {}", self.arg(*to)));
                }
                sql.push(')');
                self.push(&sql);
            }
            _ => self.push("0"),
        }
    }

    fn rating(&mut self, test: &Test) {
        match test {
            Test::Between(..) => {
                let rank = "(CASE a.rating WHEN 'safe' THEN 0 WHEN 'suggestive' THEN 1 WHEN 'adult' THEN 2 END)";
                self.number(rank, test);
            }
            other => self.text("a.rating", other),
        }
    }

    fn orientation(&mut self, test: &Test) {
        let known = "a.width IS NOT NULL AND a.height IS NOT NULL";
        match test {
            Test::Is(value) => {
                let compare = match value.as_str() {
                    "portrait" => "a.width < a.height",
                    "landscape" => "a.width > a.height",
                    "square" => "a.width = a.height",
                    _ => "0",
                };
                self.push(&format!("({known} AND {compare})"));
            }
            Test::Empty => self.push(&format!("(NOT ({known}))")),
            _ => self.push("0"),
        }
    }

    fn words(&mut self, column: &str, test: &Test) {
        match test {
            Test::Words(words) => {
                self.push("(1");
                for word in words {
                    let arg = self.arg(fold(word));
                    self.push(&format!(" AND instr({column}, {arg}) > 0"));
                }
                self.push(")");
            }
            Test::Empty => self.push(&format!("({column} = '')")),
            _ => self.push("0"),
        }
    }

    fn child(&mut self, facet: &str, test: &Test, tree: bool) {
        let rows = format!("SELECT 1 FROM asset_value v WHERE v.facet = '{facet}' AND v.asset = a.id");
        match test {
            Test::Is(value) => {
                let arg = self.arg(value.clone());
                if tree {
                    // Everything below `a` sorts from `a/` up to, and not with, `a0`: the character behind the slash.
                    let from = self.arg(format!("{value}/"));
                    let to = self.arg(format!("{value}0"));
                    self.push(&format!(
                        "a.id IN (SELECT v.asset FROM asset_value v WHERE v.facet = '{facet}' AND (v.value = {arg} \
                         OR (v.value >= {from} AND v.value < {to})))"
                    ));
                } else {
                    self.push(&format!(
                        "a.id IN (SELECT v.asset FROM asset_value v WHERE v.facet = '{facet}' AND v.value = {arg})"
                    ));
                }
            }
            Test::Empty => self.push(&format!("NOT EXISTS ({rows})")),
            _ => self.push("0"),
        }
    }

    fn status(&mut self, platform: Option<&str>, test: &Test) {
        let mut rows = String::from("SELECT 1 FROM asset_status s WHERE s.asset = a.id");
        if let Some(platform) = platform {
            rows.push_str(&format!(" AND s.platform = {}", self.arg(platform.to_owned())));
        }
        match test {
            Test::Is(value) => {
                let arg = self.arg(value.clone());
                self.push(&format!("EXISTS ({rows} AND s.value = {arg})"));
            }
            Test::Empty => self.push(&format!("NOT EXISTS ({rows})")),
            _ => self.push("0"),
        }
    }
}

/// The column of a single-valued field.
pub(super) fn column(field: &Field) -> &'static str {
    match field {
        Field::Client => "a.client",
        Field::Rating => "a.rating",
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
        _ => "NULL",
    }
}
