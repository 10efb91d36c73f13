#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::testing::{arb_expr, arb_facts, arb_term, arb_text};
use super::*;

fn term(field: Field, test: Test) -> Expr {
    Expr::Term(Term { field, test })
}

fn words(text: &str) -> Test {
    Test::Words(text.split(' ').map(str::to_owned).collect())
}

const MAY: i64 = 1_777_593_600_000_000_000;
const DAY: i64 = 86_400_000_000_000;

#[test]
fn texts_and_their_trees() {
    use Field::*;
    let is = Expr::is;
    let cases = [
        ("persona=luna", is(Persona, "luna")),
        ("Persona = Luna ", is(Persona, "Luna")),
        ("rating=Adult", is(Rating, "adult")),
        ("tag=beach+sunset", Expr::Or(vec![is(Tag, "beach"), is(Tag, "sunset")])),
        ("tag=campaigns.summer2024", is(Tag, "campaigns/summer2024")),
        ("tag=v1%2E5.x", is(Tag, "v1.5/x")),
        ("model=sdxl.v1..2", is(Model, "sdxl.v1..2")),
        ("model=a=b", is(Model, "a=b")),
        ("model=%2C%2B%3B%28%29%25%2F", is(Model, ",+;()%/")),
        ("persona=none", term(Persona, Test::Empty)),
        ("persona=%6eone", is(Persona, "none")),
        ("prompt=none", term(Prompt, Test::Empty)),
        ("not.rating=adult", Expr::Not(Box::new(is(Rating, "adult")))),
        ("not.not.rating=adult", is(Rating, "adult")),
        ("width=1080", term(Width, Test::Between(Some(1080), Some(1080)))),
        ("width=1080..max", term(Width, Test::Between(Some(1080), None))),
        ("height=min..720", term(Height, Test::Between(None, Some(720)))),
        ("seed=-1", term(Seed, Test::Between(Some(-1), Some(-1)))),
        ("seed=min..max", term(Seed, Test::Between(None, None))),
        ("rating=safe..suggestive", term(Rating, Test::Between(Some(0), Some(1)))),
        ("rating=suggestive..max", term(Rating, Test::Between(Some(1), None))),
        ("created=2026-05", term(Created, Test::Between(Some(MAY), Some(MAY + 31 * DAY - 1)))),
        ("created=2026-05..2026-07", term(Created, Test::Between(Some(MAY), Some(MAY + 92 * DAY - 1)))),
        ("created=2026-05-14", term(Created, Test::Between(Some(MAY + 13 * DAY), Some(MAY + 14 * DAY - 1)))),
        ("expires=min..@5", term(Expires, Test::Between(None, Some(5)))),
        ("text=Red  dress", term(Text, words("red dress"))),
        ("text=none at all", term(Text, words("none at all"))),
        ("status=approved", is(AnyStatus, "approved")),
        ("status.instagram=needs-review", is(Status("instagram".into()), "needs-review")),
        ("any()", Expr::nothing()),
        ("not.any()", Expr::all()),
        ("any(persona=luna)", is(Persona, "luna")),
        ("tag=a,tag=b", Expr::And(vec![is(Tag, "a"), is(Tag, "b")])),
        (
            "any(persona=luna,rating=safe;not.any(persona=mira;tag=none+a))",
            Expr::Or(vec![
                Expr::And(vec![is(Persona, "luna"), is(Rating, "safe")]),
                Expr::Not(Box::new(Expr::Or(vec![is(Persona, "mira"), term(Tag, Test::Empty), is(Tag, "a")]))),
            ]),
        ),
    ];
    for (text, tree) in cases {
        assert_eq!(parse(text).as_ref(), Ok(&tree), "{text}");
        assert_eq!(parse(&tree.to_string()), Ok(tree), "{text}");
    }
}

#[test]
fn trees_print_as_people_would_write_them() {
    for text in [
        "persona=luna,tag=beach+sunset,not.rating=adult,created=2026-05..2026-07,width=1080..max",
        "any(persona=luna,rating=safe;persona=mira)",
        "text=red dress",
        "tag=campaigns.summer2024",
        "not.any(persona=luna,rating=safe)",
        "expires=min..2025",
        "created=2026-05-14",
        "seed=7",
        "persona=none",
    ] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn errors_name_the_nearest_and_the_place() {
    let cases = [
        ("", 0, "field=value"),
        ("   ", 3, "field=value"),
        ("persone=luna", 0, "did you mean `persona`"),
        ("tag=a,raiting=adult", 6, "did you mean `rating`"),
        ("tag=a,not.raiting=adult", 10, "did you mean `rating`"),
        ("rating=adlut", 7, "did you mean `adult`? known: safe, suggestive, adult"),
        ("rating=safe..adlut", 13, "did you mean `adult`"),
        ("state=trash", 6, "did you mean `trashed`"),
        ("stage=draft..approved", 6, "value of stage"),
        ("status.instagrm=approved", 7, "did you mean `instagram`"),
        ("status.=approved", 0, "unknown field"),
        ("persona", 7, "has no `=`"),
        ("persona=", 8, "persona=none"),
        ("persona=a+", 10, "persona=none"),
        ("persona=a++b", 10, "persona=none"),
        ("persona=a,", 10, "field=value"),
        (",persona=a", 0, "field=value"),
        ("persona=a;b", 9, "%3B"),
        ("model=a (v2)", 8, "%28"),
        ("model=a)", 7, "%29"),
        ("any(model=a", 11, "not closed"),
        ("any(model=a;)", 12, "%29"),
        ("model=100%", 9, "%25"),
        ("model=%zz", 6, "%25"),
        ("model=%ff", 6, "UTF-8"),
        ("model=%00", 6, "NUL"),
        ("tag=a..b", 4, "every level"),
        ("width=wide", 6, "whole number"),
        ("width=2..1", 6, "upside down"),
        ("width=..5", 6, "min"),
        ("width=5..", 9, "max"),
        ("width=99999999999999999999", 6, "whole number"),
        ("created=2026-13", 8, "2026-05-14"),
        ("created=May", 8, "2026-05-14"),
        ("text=%20", 5, "text=none"),
    ];
    for (text, at, message) in cases {
        let error = parse(text).expect_err(text);
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
}

#[test]
fn limits_hold() {
    let nest = |n: usize| format!("{}tag=a,tag=b{}", "any(tag=c;".repeat(n), ")".repeat(n));
    assert!(parse(&nest(MAX_DEPTH)).is_ok());
    assert!(parse(&nest(MAX_DEPTH + 1)).expect_err("too deep").message.contains("16 deep"));
    assert!(parse(&"any(".repeat(1000)).is_err());
    assert!(parse(&format!("{}tag=a", "not.".repeat(1000))).is_ok());
    assert!(parse(&format!("text={}", "a".repeat(MAX_LEN - 5))).is_ok());
    assert!(parse(&format!("text={}", "a".repeat(MAX_LEN - 4))).expect_err("too long").message.contains("4096"));
}

#[test]
fn own_vocabulary_and_single_values() {
    let own = Vocabulary { platforms: vec!["myshop".into()] };
    assert!(parse_with("status.myshop=approved", &own).is_ok());
    assert!(parse_with("status.x=approved", &own).unwrap_err().message.contains("myshop"));
    let shipped = Vocabulary::shipped();
    assert_eq!(parse_field("status.x", &shipped), Ok(Field::Status("x".into())));
    assert!(parse_field("personas", &shipped).unwrap_err().message.contains("`persona`"));
    assert_eq!(parse_value(&Field::Rating, "Safe").as_deref(), Ok("safe"));
    assert_eq!(parse_value(&Field::Tag, "a.b/c").as_deref(), Ok("a/b/c"));
    assert_eq!(parse_value(&Field::Persona, "a, b").as_deref(), Ok("a, b"));
    assert!(parse_value(&Field::Rating, "saef").unwrap_err().message.contains("`safe`"));
    assert!(parse_value(&Field::Persona, " ").is_err());
    assert!(parse_value(&Field::Tag, "a//b").is_err());
}

fn facts() -> MapFacts {
    let texts = [
        (Field::Persona, vec!["luna", "mira"]),
        (Field::Tag, vec!["campaigns/summer"]),
        (Field::Rating, vec!["suggestive"]),
        (Field::Status("x".into()), vec!["approved"]),
        (Field::AnyStatus, vec!["approved", "rejected"]),
    ];
    MapFacts {
        texts: texts.into_iter().map(|(f, v)| (f, v.into_iter().map(str::to_owned).collect())).collect(),
        numbers: [(Field::Width, 1080), (Field::Created, MAY)].into_iter().collect(),
        words: [(Field::Text, "IMG_1.png\nA Red Dress\nÄrmel".to_owned())].into_iter().collect(),
    }
}

#[test]
fn the_evaluator_decides() {
    let yes = [
        "persona=luna",
        "persona=mira,persona=luna",
        "persona=nova+mira",
        "tag=campaigns",
        "tag=campaigns.summer",
        "rating=safe..suggestive",
        "rating=min..max",
        "not.rating=adult",
        "client=none",
        "status.x=approved",
        "status=rejected",
        "width=1080",
        "width=min..1080",
        "created=2026",
        "created=2026-05-01",
        "expires=none",
        "text=dress red",
        "text=ÄRMEL img_1",
        "prompt=none",
        "not.any()",
        "not.seed=min..max",
    ];
    let no = [
        "persona=Luna",
        "persona=lun",
        "not.persona=mira",
        "tag=campaign",
        "tag=campaigns.summer.x",
        "rating=adult",
        "rating=none",
        "width=1081..max",
        "width=none",
        "created=2026-04",
        "expires=min..max",
        "text=green",
        "text=reddress",
        "status.instagram=approved",
        "any()",
        "client=acme",
        "text=none",
    ];
    for text in yes {
        assert!(parse(text).unwrap().matches(&facts()), "{text}");
    }
    for text in no {
        assert!(!parse(text).unwrap().matches(&facts()), "{text}");
    }
}

#[test]
fn a_pair_of_field_and_test_that_the_parser_never_makes_holds_for_nothing() {
    for (field, test) in [
        (Field::Width, Test::Is("1080".into())),
        (Field::Text, Test::Is("IMG_1.png".into())),
        (Field::Persona, Test::Between(None, None)),
        (Field::Persona, Test::Words(Vec::new())),
    ] {
        assert!(!term(field, test).matches(&facts()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_and_parsing_is_flattening(expr in arb_expr()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text), Ok(expr.flatten()), "{}", text);
    }

    #[test]
    fn printed_values_are_legal_file_names(expr in arb_expr()) {
        let text = expr.to_string();
        prop_assert!(!text.contains(['/', '\\', '<', '>', ':', '"', '|', '?', '*', '\0', '\n']));
        prop_assert!(!text.ends_with(['.', ' ']), "{}", text);
    }

    #[test]
    fn no_text_panics(text in any::<String>(), syntax in "[a-z=,+;().%0-9@-]{0,40}", value in arb_text()) {
        for text in [text.clone(), syntax.clone(), format!("tag={text}"), format!("any(created={syntax};"), format!("model={value}"),
                     format!("rating={text}..{syntax}"), format!("width={syntax}")] {
            if let Ok(expr) = parse(&text) {
                prop_assert_eq!(parse(&expr.to_string()), Ok(expr));
            } else if let Err(error) = parse(&text) {
                prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at));
            }
        }
    }

    #[test]
    fn flattening_changes_no_answer(expr in arb_expr(), facts in arb_facts()) {
        let flat = expr.clone().flatten();
        prop_assert_eq!(flat.matches(&facts), expr.matches(&facts));
        prop_assert_eq!(flat.clone().flatten(), flat);
    }

    #[test]
    fn the_laws_of_logic_hold(a in arb_expr(), b in arb_expr(), facts in arb_facts()) {
        let holds = |e: &Expr| e.matches(&facts);
        let not = |e: &Expr| Expr::Not(Box::new(e.clone()));
        let (x, y) = (holds(&a), holds(&b));
        prop_assert_eq!(holds(&not(&a)), !x);
        prop_assert_eq!(holds(&a.clone().negate()), !x);
        prop_assert_eq!(holds(&Expr::And(vec![a.clone(), b.clone()])), x && y);
        prop_assert_eq!(holds(&a.clone().and(b.clone())), x && y);
        prop_assert_eq!(holds(&Expr::Or(vec![a.clone(), b.clone()])), x || y);
        prop_assert_eq!(
            holds(&not(&Expr::Or(vec![a.clone(), b.clone()]))),
            holds(&Expr::And(vec![not(&a), not(&b)]))
        );
        prop_assert!(holds(&Expr::all()) && !holds(&Expr::nothing()));
    }

    #[test]
    fn a_field_is_empty_or_has_something(one in arb_term(), facts in arb_facts()) {
        let Expr::Term(Term { field, test }) = one else { return Ok(()) };
        let empty = term(field.clone(), Test::Empty).matches(&facts);
        if test != Test::Empty && empty {
            prop_assert!(!term(field, test).matches(&facts));
        }
    }
}
