#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::Field;
use crate::expr::{MapFacts, Vocabulary};

fn parse(text: &str) -> Result<Workflow, WorkflowError> {
    Workflow::parse(text, &Vocabulary::shipped())
}

fn facts(field: Field, value: &str) -> MapFacts {
    MapFacts { texts: [(field, vec![value.to_owned()])].into(), ..MapFacts::default() }
}

#[test]
fn the_shipped_board_has_these_ways_and_no_other() {
    use Verb::{Edit, Publish, Review};
    let board = Workflow::default();
    let known = [
        ("draft", "internal-review", Edit, false),
        ("rejected", "internal-review", Edit, false),
        ("internal-review", "draft", Edit, false),
        ("rejected", "draft", Edit, false),
        ("internal-review", "client-approval", Review, false),
        ("internal-review", "approved", Review, false),
        ("client-approval", "approved", Review, false),
        ("internal-review", "rejected", Review, true),
        ("client-approval", "rejected", Review, true),
        ("approved", "rejected", Review, true),
        ("published", "rejected", Review, true),
        ("client-approval", "internal-review", Review, false),
        ("approved", "internal-review", Review, false),
        ("published", "internal-review", Review, false),
        ("approved", "published", Publish, false),
        ("published", "approved", Publish, false),
    ];
    for from in STAGES {
        for to in STAGES {
            let wanted = known.iter().find(|way| (way.0, way.1) == (from, to));
            let wanted = wanted.map(|&(.., needs, reason)| Move { needs, reason });
            assert_eq!(board.way(from, to), wanted, "{from} to {to}");
        }
    }
    assert_eq!(board.ways("approved").collect::<Vec<_>>(), ["internal-review", "published", "rejected"]);
}

/// Sending back is no favour; every judgement that brings a work nearer to the world is one.
#[test]
fn what_lets_pass_is_not_for_the_maker() {
    let board = Workflow::default();
    let passes = |from, to| board.way(from, to).is_some_and(|way: Move| way.lets_pass(to));
    assert!(passes("internal-review", "client-approval") && passes("client-approval", "approved"));
    assert!(!passes("approved", "published"), "what was judged is only told to be out");
    assert!(!passes("internal-review", "rejected") && !passes("draft", "internal-review"));
    assert!(!passes("internal-review", "draft"));
}

#[test]
fn stages_have_days_and_reviewers_by_kind() {
    let mut text = Workflow::TEMPLATE.to_owned();
    text.push_str("[[reviewer]]\nstage = \"internal-review\"\nwhen = \"kind=video\"\nmember = \"mara\"\n");
    text.push_str("[[reviewer]]\nstage = \"internal-review\"\nmember = \"ben\"\n");
    let board = parse(&text).unwrap();
    let of = |kind: &str| facts(Field::Kind, kind);
    let reviewers = |stage, kind| board.reviewers(stage, &of(kind)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(reviewers("internal-review", "video"), ["mara", "ben"], "all that fit, as they stand");
    assert_eq!(reviewers("internal-review", "image"), ["ben"]);
    assert!(reviewers("client-approval", "image").is_empty());
    assert_eq!(board.due("internal-review", 5), Some(5 + 2 * DAY));
    assert_eq!(board.due("internal-review", i64::MAX), Some(i64::MAX));
    assert_eq!(board.due("draft", 5), None);
    assert_eq!(board.members().collect::<Vec<_>>(), ["mara", "ben"]);
}

#[test]
fn a_mistake_is_told_with_its_line() {
    let step = "[[move]]\nfrom = \"draft\"\nto = \"approved\"\nneeds = \"review\"\n";
    for (text, told) in [
        ("", "no [[move]]"),
        ("[[move]]\nfrom = \"draft\"\n", "line 1: a [[move]] has `from`, `to` and `needs`"),
        ("[[move]]\nfrom = \"draft\"\nto = \"aproved\"\nneeds = \"review\"\n", "line 3: "),
        ("[[move]]\nfrom = \"draft\"\nto = \"approved\"\nneeds = \"revew\"\n", "line 4: "),
        ("[[move]]\nfrom = \"draft\"\nto = \"draft\"\nneeds = \"edit\"\n", "where the move begins"),
        ("move = 1\n", "written as [[move]]"),
        (&format!("{step}{step}"), "line 5: the way from draft to approved stands in two moves"),
        (&format!("{step}[stage.draft]\ndays = 0\n"), "line 6: "),
        (&format!("{step}[stage.draft]\ndays = 4000\n"), "at most 3660"),
        (&format!("{step}[stage.nowhere]\ndays = 1\n"), "line 5: "),
        (&format!("{step}[[reviewer]]\nstage = \"draft\"\n"), "has `stage` and `member`"),
        (&format!("{step}[[reviewer]]\nstage = \"draft\"\nwhen = \"knd=video\"\nmember = \"a\"\n"), "line 7: `when`: "),
        (&format!("{step}reason = \"yes\"\n"), "`reason` is true or false"),
        (&format!("{step}[[mve]]\n"), "line 5: "),
    ] {
        let found = parse(text).unwrap_err().0;
        assert!(found.starts_with("workflow.toml") && found.contains(told), "{text}: {found}");
    }
}

type Ways = BTreeMap<(String, String), Move>;

fn ways() -> impl Strategy<Value = Ways> {
    let stage = || select(&STAGES[..]).prop_map(str::to_owned);
    let way = (select(Verb::ALL), any::<bool>()).prop_map(|(needs, reason)| Move { needs, reason });
    let between = (stage(), stage()).prop_filter("it leads somewhere", |(from, to)| from != to);
    prop::collection::btree_map(between, way, 1..12)
}

proptest! {
    #[test]
    fn the_ways_alone_read_back_to_the_same_ways_and_days(
        moves in ways(),
        days in prop::collection::btree_map(select(&STAGES[..]).prop_map(str::to_owned), 1..=3_660i64, 0..5),
    ) {
        let rule = Reviewer { stage: DRAFT.to_owned(), when: Expr::is(Field::Client, "acme"), member: "mara".to_owned() };
        let board = Workflow { text: "# acme".to_owned(), moves, days, reviewers: vec![rule] };
        let text = board.ways_text();
        prop_assert!(!text.contains("acme") && !text.contains("mara"), "{}", text);
        let read = parse(&text).unwrap();
        prop_assert_eq!((&read.moves, &read.days), (&board.moves, &board.days));
        prop_assert!(read.reviewers.is_empty());
        prop_assert_eq!(read.ways_text(), text);
    }
}
