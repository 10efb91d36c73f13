#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::expr::{MapFacts, parse};

fn read(text: &str) -> Glossary {
    Glossary::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

const SEA: &str = r#"
core = ["rating", "persona"]
strict = ["persona"]
[tag.beach]
aliases = ["seaside", "places.strand"]
implies = ["outdoor"]
[tag.outdoor]
aliases = ["outside"]
[tag.summer]
parent = "campaigns"
definition = "The summer of any year."
owner = "anna"
[tag.campaigns]
values = ["summer", "winter"]
aliases = ["actions"]
[tag.promo]
retired = true
[persona.luna]
aliases = ["Luna Ray"]
[persona.lu]
replaced-by = "luna"
"#;

#[test]
fn the_shipped_glossary_and_its_examples_are_read() {
    assert_eq!(Glossary::parse(Glossary::TEMPLATE), Ok(Glossary::default()));
    let lines = Glossary::TEMPLATE.lines().filter_map(|line| line.strip_prefix("# "));
    let examples: Vec<&str> = lines
        .filter(|line| line.starts_with('[') || line.split_once(" = ").is_some_and(|(k, _)| !k.contains(' ')))
        .collect();
    let glossary = read(&examples.join("\n"));
    let terms = |field| glossary.terms(&field).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(terms(Field::Tag), ["beach", "campaigns", "campaigns/summer2024", "outdoor"]);
    assert_eq!(terms(Field::Persona), ["lu", "luna"]);
}

#[test]
fn an_alias_is_its_term_and_so_is_what_lies_below_it() {
    let glossary = read(SEA);
    let tag = |value| glossary.canonical(&Field::Tag, value);
    for (value, canonical) in [
        ("seaside", "beach"),
        ("places/strand/north", "beach/north"),
        ("actions/summer", "campaigns/summer"),
        ("seasides", "seasides"),
        ("places", "places"),
        ("beach/seaside", "beach/seaside"),
    ] {
        assert_eq!(tag(value), canonical);
    }
    assert_eq!(glossary.canonical(&Field::Persona, "Luna Ray"), "luna");
    assert_eq!(glossary.canonical(&Field::Model, "Luna Ray"), "Luna Ray");
    assert!(glossary.is_spelling(&Field::Tag, "seaside/north", "places/strand"));
    assert!(!glossary.is_spelling(&Field::Tag, "beach", "outdoor"), "implied is not the same");
}

#[test]
fn what_may_be_given_is_said_and_what_else_is_refused_with_its_reason() {
    let glossary = read(SEA);
    let admit = |field: Field, value| glossary.admit(&field, value);
    assert_eq!(admit(Field::Tag, "seaside/north").as_deref(), Ok("beach/north"));
    assert_eq!(admit(Field::Tag, "whatever").as_deref(), Ok("whatever"), "tags are open");
    assert_eq!(admit(Field::Persona, "Luna Ray").as_deref(), Ok("luna"));
    assert_eq!(admit(Field::Persona, "mira"), Err(Refusal::NoTerm));
    assert_eq!(admit(Field::Persona, "lu"), Err(Refusal::Retired { term: "lu".into(), instead: Some("luna".into()) }));
    assert_eq!(admit(Field::Tag, "promo/x"), Err(Refusal::Retired { term: "promo".into(), instead: None }));
    assert_eq!(admit(Field::Tag, "campaigns/winter/red").as_deref(), Ok("campaigns/winter/red"));
    let values = vec!["campaigns/summer".into(), "campaigns/winter".into()];
    assert_eq!(admit(Field::Tag, "actions/spring"), Err(Refusal::NotBelow { tag: "campaigns".into(), values }));
    let strict = read(&SEA.replace("[\"persona\"]", "[\"tag\"]"));
    assert_eq!(
        strict.admit(&Field::Tag, "campaigns/winter").as_deref(),
        Ok("campaigns/winter"),
        "a listed level is a term"
    );
    assert_eq!(strict.admit(&Field::Tag, "campaigns/winter/red"), Err(Refusal::NoTerm));
    assert_eq!(strict.admit(&Field::Tag, "places"), Err(Refusal::NoTerm));
    let words = Vec::from_iter(strict.words(&Field::Tag));
    assert_eq!(words, ["beach", "campaigns", "campaigns/summer", "campaigns/winter", "outdoor"]);
}

#[test]
fn a_question_for_a_term_is_one_for_all_that_tells_it() {
    let glossary = read(SEA);
    for (asked, meant) in [
        ("tag=outdoor", "tag=beach+outdoor+outside+places.strand+seaside"),
        ("tag=seaside", "tag=beach+places.strand+seaside"),
        ("tag=beach.north", "tag=beach.north+places.strand.north+seaside.north"),
        ("tag=places", "tag=places"),
        ("not.persona=Luna Ray,rating=safe", "not.persona=Luna Ray+luna,rating=safe"),
        ("tag=none,text=seaside,model=beach", "tag=none,text=seaside,model=beach"),
    ] {
        assert_eq!(glossary.widen(&parse(asked).unwrap()).to_string(), meant, "{asked}");
    }
    assert_eq!(
        glossary.spelled(&parse("tag=seaside.x,not.persona=Luna Ray").unwrap()).to_string(),
        "tag=beach.x,not.persona=luna"
    );
    let told = Vec::from_iter(glossary.told(&Field::Tag, "places/strand/north"));
    assert_eq!(told, ["beach/north", "outdoor", "places/strand/north"]);
}

/// A mistake anywhere refuses the whole, with its line and the nearest word.
#[test]
fn a_mistake_is_told_with_its_line() {
    let says = |text: &str, parts: &[&str]| {
        let error = Glossary::parse(text).unwrap_err().0;
        assert!(parts.iter().all(|part| error.contains(part)), "{text:?}: {error}");
    };
    says("strickt = []", &["line 1", "`strict`"]);
    says("\nstrict = [\"persna\"]", &["line 2", "`persona`"]);
    says("strict = [\"rating\"]", &["line 1", "unknown field"]);
    says("core = [\"width\"]", &["line 1", "unknown field"]);
    says("core = \"rating\"", &["line 1", "list"]);
    says("[tags.x]", &["line 1", "`tag`"]);
    says("[tag.x]\nalias = []", &["line 2", "`aliases`"]);
    says("[tag.x]\nretired = 1", &["line 2", "true or false"]);
    says("[persona.x]\nparent = \"y\"", &["line 2", "tags alone"]);
    says("[tag.x]\nparent = \"y\"", &["line 2", "unknown term", "`y`"]);
    says("[tag.x]\nvalues = [\"a.b\"]", &["line 2", "one level"]);
    says("[tag.\"a,b\"]", &["line 1", "no value of tag"]);
    says("[persona.none]", &["line 1", "no value of persona"]);
    says(
        "[tag.b]\n[tag.a]\n[tag.\"b.a\"]\n[tag.c]\n[tag.x]\n[tag.\"x.x\"]\n[tag.y]\nparent = \"x\"\n[tag.\"x.y\"]",
        &["defined twice", "x.y"],
    );
    says("[tag.x]\n[tag.x]", &["line 2"]);
    says("[tag.beach]\n[tag.x]\nimplies = [\"beech\"]", &["line 3", "`beach`"]);
    says("[tag.x]\nreplaced-by = \"x\"", &["line 2", "retired itself"]);
    says("[tag.y]\nretired = true\n[tag.x]\nreplaced-by = \"y\"", &["line 4", "retired itself"]);
    says("[tag.x]\naliases = [\"y\"]\n[tag.y]", &["line 2", "hides the term y"]);
    says("[tag.x]\naliases = [\"y\"]\n[tag.\"y.z\"]", &["line 2", "hides the term y.z"]);
    says("[tag.x]\naliases = [\"z\"]\n[tag.y]\naliases = [\"z\"]", &["line 4", "is one of x already"]);
    says("[tag.x]\nvalues = [\"a\"]\n[tag.\"x.b\"]", &["line 3", "`a`"]);
    says("[tag.x]\nimplies = [\"y\"]\n[tag.y]\nimplies = [\"x\"]", &["line 1", "circle"]);
    says("[tag.x]\nimplies = [\"x.y\"]\n[tag.\"x.y\"]", &["line 1", "circle"]);
    says("[tag.x]\naliases = [\"x.y\"]", &["line 1", "circle"]);
    says("[tag.x]\naliases = [\"y.a\"]\n[tag.y]\naliases = [\"x.a\"]", &["line 1", "circle"]);
    read("[tag.\"x.y\"]\nimplies = [\"x\"]\n[tag.x]");
}

/// Terms with aliases and implications, and what of them can be read.
fn arb_glossary() -> impl Strategy<Value = (BTreeMap<String, Entry>, Glossary)> {
    let entry = (btree_set(arb_tag(), 0..3), btree_set(arb_tag(), 0..3)).prop_map(|(aliases, implies)| Entry {
        aliases,
        implies,
        ..Entry::default()
    });
    btree_map(arb_tag(), entry, 1..5).prop_filter_map("contradicts itself", |mut terms| {
        let names: BTreeSet<String> = terms.keys().cloned().collect();
        terms.values_mut().for_each(|entry| entry.implies.retain(|implied| names.contains(implied)));
        let list = |words: &BTreeSet<String>| words.iter().map(|w| w.replace('/', ".")).collect::<Vec<_>>();
        let text: String = terms
            .iter()
            .map(|(name, e)| {
                let (name, aliases, implies) = (name.replace('/', "."), list(&e.aliases), list(&e.implies));
                format!("[tag.\"{name}\"]\naliases = {aliases:?}\nimplies = {implies:?}\n")
            })
            .collect();
        Some((terms, Glossary::parse(&text).ok()?))
    })
}

fn arb_tag() -> impl Strategy<Value = String> {
    vec(select(&["a", "b", "c"][..]), 1..4).prop_map(|levels| levels.join("/"))
}

fn arb_query() -> impl Strategy<Value = Expr> {
    let term = prop_oneof![
        9 => arb_tag().prop_map(|tag| Expr::is(Field::Tag, tag)),
        1 => Just(Expr::Term(Term { field: Field::Tag, test: Test::Empty })),
    ];
    term.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Expr::And),
            vec(inner.clone(), 0..3).prop_map(Expr::Or),
            inner.prop_map(|e| Expr::Not(Box::new(e))),
        ]
    })
}

/// The definition at the head of the module, step by step until nothing new comes.
fn told_by_definition(terms: &BTreeMap<String, Entry>, value: &str) -> BTreeSet<String> {
    let within = |path: &str, above: &str| path == above || path.starts_with(&format!("{above}/"));
    let mut told = BTreeSet::from([value.to_owned()]);
    loop {
        let mut more = told.clone();
        for value in &told {
            for (term, entry) in terms {
                let aliases = entry.aliases.iter().filter(|alias| within(value, alias));
                more.extend(aliases.map(|alias| format!("{term}{}", &value[alias.len()..])));
                if within(value, term) {
                    more.extend(entry.implies.iter().cloned());
                }
            }
        }
        if more == told {
            return told;
        }
        told = more;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// A plain evaluator asked by the widened query answers as one that asks what every value tells.
    #[test]
    fn a_widened_query_asks_what_its_words_mean(
        (terms, glossary) in arb_glossary(),
        query in arb_query(),
        tags in btree_set(arb_tag(), 0..3),
    ) {
        let facts = |tags: Vec<String>| MapFacts { texts: BTreeMap::from([(Field::Tag, tags)]), ..MapFacts::default() };
        let told: BTreeSet<String> = tags.iter().flat_map(|tag| told_by_definition(&terms, tag)).collect();
        for tag in &tags {
            prop_assert_eq!(glossary.told(&Field::Tag, tag), told_by_definition(&terms, tag));
        }
        let meant = glossary.spelled(&query).matches(&facts(told.into_iter().collect()));
        prop_assert_eq!(glossary.widen(&query).matches(&facts(tags.into_iter().collect())), meant);
    }

    /// Putting terms in the place of aliases comes to an end, and what is stored so is stored for good.
    #[test]
    fn a_canonical_value_is_its_own((_, glossary) in arb_glossary(), tag in arb_tag()) {
        let canonical = glossary.canonical(&Field::Tag, &tag);
        prop_assert_eq!(glossary.canonical(&Field::Tag, &canonical), canonical.clone());
        prop_assert!(glossary.told(&Field::Tag, &tag).contains(&canonical));
        prop_assert_eq!(glossary.admit(&Field::Tag, &tag), Ok(canonical));
    }
}
