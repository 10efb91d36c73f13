//! Strategies for property tests, here and in the catalogue (feature `testing`). Values come from small pools, so
//! that queries and facts meet, mixed with texts that need escaping.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Bound, Expr, Field, FieldKind, MapFacts, Term, Test, fold};

const WORDS: &[&str] = &["red", "dress", "beach", "luna", "rot", "none", "ärmel"];
const DAY: i64 = 86_400_000_000_000;
/// 2026-05-01, UTC.
const MAY: i64 = 1_777_593_600_000_000_000;

/// Any field, two platforms among them.
pub fn arb_field() -> impl Strategy<Value = Field> {
    let platforms = [Field::Status("instagram".into()), Field::Status("x".into())];
    select(Field::ALL.iter().cloned().chain(platforms).collect::<Vec<_>>())
}

/// A value of an open field: mostly one of a few, else whatever a file or a form may hold. Never empty, no NUL, no
/// white space at its ends.
pub fn arb_text() -> impl Strategy<Value = String> {
    let odd = "[a-zA-Z0-9 ,+;()%/.=äß☃*:\\n_'\"\\\\-]{1,12}".prop_map(|s| s.trim().to_owned());
    let any = any::<String>().prop_map(|s| s.replace('\0', "").trim().chars().take(20).collect::<String>());
    prop_oneof![
        8 => select(&["luna", "mira", "Luna", "none", "min..max", "a_b", "100%"][..]).prop_map(str::to_owned),
        2 => odd,
        1 => any,
    ]
    .prop_map(|s| if s.trim().is_empty() { "x".to_owned() } else { s.trim().to_owned() })
}

/// A tag path of one to three levels, `/` between them.
pub fn arb_tag() -> impl Strategy<Value = String> {
    let level = prop_oneof![
        6 => select(&["campaigns", "summer", "a", "ab", "a.b", "none"][..]).prop_map(str::to_owned),
        1 => arb_text().prop_map(|s| s.replace('/', "_")),
    ];
    vec(level, 1..4).prop_map(|levels| levels.join("/"))
}

/// A value of a number or date field.
pub fn arb_number(field: &Field) -> BoxedStrategy<i64> {
    match field.kind() {
        FieldKind::Date => prop_oneof![
            3 => (-40..40i64).prop_map(|d| MAY + d * DAY),
            3 => (-40..40i64).prop_map(|d| MAY + d * DAY - 1),
            3 => MAY - 40 * DAY..MAY + 40 * DAY,
            1 => any::<i64>(),
        ]
        .boxed(),
        _ if *field == Field::Seed => prop_oneof![4 => -3..10i64, 1 => any::<i64>()].boxed(),
        // What a picture can have; the catalogue stores no other.
        _ => prop_oneof![select(&[1i64, 1079, 1080, 1081, 1920][..]), 0..i64::from(u32::MAX)].boxed(),
    }
}

/// A text value of an open, tree or closed field.
pub fn arb_value(field: &Field) -> BoxedStrategy<String> {
    match field.kind() {
        FieldKind::Tree => arb_tag().boxed(),
        FieldKind::Closed(known) => select(known).prop_map(str::to_owned).boxed(),
        _ if *field == Field::Duplicate => arb_digits().boxed(),
        _ => arb_text().boxed(),
    }
}

/// Digits of bytes.
pub fn arb_digits() -> impl Strategy<Value = String> {
    select(&["0123456789abcdef", "0123456789abcdee", "ffffffffffffffff", "00000000000000a0"][..])
        .prop_map(str::to_owned)
}

/// A searched text.
pub fn arb_words() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => vec(select(WORDS), 0..6).prop_map(|w| w.join(" ")),
        1 => "[A-Za-zÄÖÜİΣς ,\\n]{0,20}",
        1 => any::<String>().prop_map(|s| s.replace('\0', "")),
    ]
}

fn arb_test(field: Field) -> BoxedStrategy<Test> {
    let bounds = |values: BoxedStrategy<i64>| {
        (proptest::option::weighted(0.8, values.clone()), proptest::option::weighted(0.8, values)).prop_map(order)
    };
    let some = match field.kind() {
        FieldKind::Number | FieldKind::Date => bounds(arb_number(&field)).boxed(),
        FieldKind::Words => {
            let word = prop_oneof![
                6 => select(WORDS).prop_map(str::to_owned),
                1 => arb_text().prop_map(|s| fold(&s).split_whitespace().next().unwrap_or("x").to_owned()),
            ];
            vec(word, 1..4).prop_map(Test::Words).boxed()
        }
        FieldKind::Closed(known) if field.is_ranked() => {
            let last = i64::try_from(known.len()).unwrap_or(i64::MAX);
            prop_oneof![arb_value(&field).prop_map(Test::Is), bounds((0..last).boxed())].boxed()
        }
        _ => arb_value(&field).prop_map(Test::Is).boxed(),
    };
    prop_oneof![6 => some, 1 => Just(Test::Empty)].boxed()
}

fn order((a, b): (Bound, Bound)) -> Test {
    match (a, b) {
        (Some(x), Some(y)) if x > y => Test::Between(b, a),
        _ => Test::Between(a, b),
    }
}

/// One condition that the parser could have made.
pub fn arb_term() -> impl Strategy<Value = Expr> {
    arb_field().prop_flat_map(|field| {
        arb_test(field.clone()).prop_map(move |test| Expr::Term(Term { field: field.clone(), test }))
    })
}

/// A query that the parser could have made, nested up to three deep, not yet flattened.
pub fn arb_expr() -> impl Strategy<Value = Expr> {
    arb_term().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Expr::And),
            vec(inner.clone(), 0..4).prop_map(Expr::Or),
            inner.prop_map(|e| Expr::Not(Box::new(e))),
        ]
    })
}

/// Facts that [`arb_expr`] has a fair chance to meet.
pub fn arb_facts() -> impl Strategy<Value = MapFacts> {
    let text = arb_field().prop_flat_map(|f| (Just(f.clone()), vec(arb_value(&f), 0..3)));
    let number = arb_field().prop_flat_map(|f| (Just(f.clone()), arb_number(&f)));
    let words = (select(&[Field::Text, Field::Prompt][..]), arb_words());
    let texts = vec(text, 0..24).prop_map(|pairs| pairs.into_iter().collect());
    let numbers = vec(number, 0..24).prop_map(|pairs| pairs.into_iter().collect());
    (texts, numbers, btree_map(words.0, words.1, 0..3)).prop_map(|(texts, numbers, words)| MapFacts {
        texts,
        numbers,
        words,
    })
}
