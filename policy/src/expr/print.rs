//! Tree -> text that parses to the same tree (flattened) and is a legal file name everywhere.

use std::fmt;

use super::escape::{encode, encode_char};
use super::{Bound, Expr, Field, FieldKind, Term, Test, date};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        list(&self.clone().flatten(), &mut out);
        f.write_str(&out)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        term(&self.field, &[&self.test], &mut out);
        f.write_str(&out)
    }
}

/// A comma list.
fn list(expr: &Expr, out: &mut String) {
    match expr {
        Expr::And(parts) if !parts.is_empty() => {
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                item(part, out);
            }
        }
        other => item(other, out),
    }
}

/// One item of a comma list.
fn item(expr: &Expr, out: &mut String) {
    match expr {
        Expr::Term(one) => term(&one.field, &[&one.test], out),
        Expr::Not(inner) => {
            out.push_str("not.");
            item(inner, out);
        }
        Expr::And(parts) if parts.is_empty() => out.push_str("not.any()"),
        Expr::And(_) => {
            out.push_str("any(");
            list(expr, out);
            out.push(')');
        }
        Expr::Or(parts) => {
            if let Some((field, tests)) = one_field(parts) {
                return term(field, &tests, out);
            }
            out.push_str("any(");
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    out.push(';');
                }
                list(part, out);
            }
            out.push(')');
        }
    }
}

/// The parts as values of one field, when they are that.
fn one_field(parts: &[Expr]) -> Option<(&Field, Vec<&Test>)> {
    let mut tests = Vec::with_capacity(parts.len());
    let mut field = None;
    for part in parts {
        let Expr::Term(term) = part else { return None };
        if *field.get_or_insert(&term.field) != &term.field {
            return None;
        }
        tests.push(&term.test);
    }
    Some((field?, tests))
}

fn term(field: &Field, tests: &[&Test], out: &mut String) {
    out.push_str(&field.to_string());
    out.push('=');
    for (n, test) in tests.iter().enumerate() {
        if n > 0 {
            out.push('+');
        }
        value(field, test, out);
    }
}

fn value(field: &Field, test: &Test, out: &mut String) {
    match test {
        Test::Empty => out.push_str("none"),
        Test::Is(text) if *field == Field::Tag && text != "none" => {
            for (n, level) in text.split('/').enumerate() {
                if n > 0 {
                    out.push('.');
                }
                encode(level, true, out);
            }
        }
        Test::Is(text) => literal(text, out),
        Test::Words(words) => literal(&words.join(" "), out),
        Test::Between(low, high) => between(field, *low, *high, out),
    }
}

/// A text that may look like the word `none`.
fn literal(text: &str, out: &mut String) {
    if let Some(rest) = text.strip_prefix('n').filter(|_| text == "none") {
        encode_char('n', out);
        out.push_str(rest);
    } else {
        encode(text, false, out);
    }
}

fn between(field: &Field, low: Bound, high: Bound, out: &mut String) {
    let dates = field.kind() == FieldKind::Date;
    if let (Some(low), Some(high)) = (low, high) {
        let single = if dates { date::print(low, high) } else { (low == high).then(|| low.to_string()) };
        if let Some(single) = single.filter(|_| !field.is_ranked()) {
            return out.push_str(&single);
        }
    }
    let number = |n: i64| match field.kind() {
        FieldKind::Closed(ranks) => rank_name(ranks, n).to_owned(),
        _ => n.to_string(),
    };
    match low {
        None => out.push_str("min"),
        Some(low) if dates => out.push_str(&date::print_first(low)),
        Some(low) => out.push_str(&number(low)),
    }
    out.push_str("..");
    match high {
        None => out.push_str("max"),
        Some(high) if dates => out.push_str(&date::print_last(high)),
        Some(high) => out.push_str(&number(high)),
    }
}

fn rank_name(ranks: &[&'static str], rank: i64) -> &'static str {
    let rank = usize::try_from(rank).unwrap_or(0).min(ranks.len().saturating_sub(1));
    ranks.get(rank).copied().unwrap_or("none")
}
