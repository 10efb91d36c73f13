#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// 2026-09-21 14:13:20, a Monday.
const NOW: i64 = 1_790_000_000_000_000_000;

fn rules(lines: &str) -> ThinningRules {
    ThinningRules::parse(lines).unwrap()
}

fn refusal(text: &str) -> String {
    ThinningRules::parse(text).expect_err(text).0
}

/// One version at each of these ages, oldest first, numbered from 1.
fn aged(ages: &[i64]) -> Vec<Version> {
    (1..).zip(ages).map(|(n, age)| Version { n, made_at: NOW - age, size: 1 }).collect()
}

fn gone(rules: &ThinningRules, versions: &[Version], kept: &[u32]) -> Vec<u32> {
    rules.goes(versions, &kept.iter().copied().collect(), NOW).iter().map(|version| version.n).collect()
}

/// What it shows, rules, ages (oldest first), kept numbers, and which go.
type Case = (&'static str, &'static str, Vec<i64>, &'static [u32], &'static [u32]);

#[test]
fn what_goes_is_decided_so() {
    let (h, d) = (HOUR, DAY);
    let none = "newest = 1\nall = \"none\"\n";
    #[rustfmt::skip]
    let table: [Case; 14] = [
        ("the first and the current stay", none, vec![9 * d, 8 * d, 7 * d, 6 * d], &[], &[2, 3]),
        ("two are never thinned", none, vec![999 * d, 998 * d], &[], &[]),
        ("nor one", none, vec![999 * d], &[], &[]),
        ("what is kept stays", none, vec![9 * d, 8 * d, 7 * d, 6 * d], &[3], &[2]),
        ("the newest stay", "newest = 3\nall = \"none\"", vec![9 * d, 8 * d, 7 * d, 6 * d, 5 * d], &[], &[2]),
        ("what is young stays", "newest = 1\nall = \"7 days\"", vec![9 * d, 8 * d, 7 * d, 7 * d - 1, d, 0], &[], &[2, 3]),
        ("what comes from the future is young", "newest = 1\nall = \"1 hour\"", vec![9 * d, -d, 2 * h, 0], &[], &[3]),
        ("forever is all", "newest = 1\nall = \"forever\"", vec![9999 * d, 9998 * d, 9997 * d, 0], &[], &[]),
        // 2 h ago it was 12:13, half an hour ago 13:43.
        ("the last of each hour", "newest = 1\nall = \"none\"\nhourly = \"2 days\"",
            vec![50 * h, 3 * h, 2 * h + h / 5, 2 * h, h, h / 2, 0], &[], &[3, 5]),
        ("and no hour beyond its age", "newest = 1\nall = \"none\"\nhourly = \"3 hours\"",
            vec![50 * h, 4 * h, 3 * h, 3 * h - 1, 0], &[], &[2, 3]),
        ("the last of each day", "newest = 1\nall = \"none\"\ndaily = \"1 week\"",
            vec![9 * d, 3 * d + h, 3 * d, 2 * d + 2 * h, 2 * d + h, d, 0], &[], &[2, 4]),
        // Sunday is 15 h ago, the Sunday before 7 d 15 h.
        ("the last of each week", "newest = 1\nall = \"none\"\nweekly = \"forever\"",
            vec![30 * d, 8 * d, 7 * d + 15 * h, 7 * d, 15 * h, 14 * h, 0], &[], &[2, 4, 6]),
        // September began 20 d 14 h ago.
        ("the last of each month", "newest = 1\nall = \"none\"\nmonthly = \"forever\"",
            vec![400 * d, 300 * d, 299 * d, 21 * d, 20 * d + 15 * h, 20 * d, 0], &[], &[2, 4, 6]),
        ("coarser rules go on where finer ones end", "newest = 1\nall = \"1 day\"\ndaily = \"1 week\"\nmonthly = \"forever\"",
            vec![90 * d, 60 * d, 59 * d, 6 * d + h, 6 * d, 2 * h, h, 0], &[], &[2, 4]),
    ];
    for (what, text, ages, kept, expected) in table {
        assert_eq!(gone(&rules(text), &aged(&ages), kept), expected, "{what}");
    }
}

#[test]
fn the_shipped_rules_keep_all_for_thirty_days_one_a_day_for_a_year_and_one_a_month() {
    let shipped = rules(ThinningRules::TEMPLATE);
    assert_eq!(shipped, ThinningRules::default());
    // Four a day for three years.
    let ages: Vec<i64> = (0..3 * 366 * 4).rev().map(|at| at * DAY / 4).collect();
    let versions = aged(&ages);
    let gone: BTreeSet<u32> = gone(&shipped, &versions, &[]).into_iter().collect();
    let stay = |from: i64, to: i64| {
        let within = |v: &&Version| (from * DAY..to * DAY).contains(&(NOW - v.made_at));
        versions.iter().filter(within).filter(|v| !gone.contains(&v.n)).count()
    };
    assert_eq!(stay(0, 30), 30 * 4);
    assert_eq!(stay(30, 366), 336);
    assert_eq!(stay(366, 2 * 366), 12);
    assert_eq!(shipped.least(), 10);
    assert!(super::tests::gone(&shipped, &aged(&ages[..10]), &[]).is_empty());
}

#[test]
fn lengths_of_time_are_read_as_people_write_them() {
    for (text, age) in [
        ("36 hours", 36 * HOUR),
        ("1 day", DAY),
        ("2 week", 14 * DAY),
        (" 6  months ", 186 * DAY),
        ("1 year", 366 * DAY),
    ] {
        let parsed = rules(&format!("newest = 1\nall = \"{text}\""));
        assert_eq!(parsed.all, Until::Age(age), "{text}");
    }
    assert_eq!(rules("all = \"forever\"\nnewest = 0x10").newest, 16);
}

#[test]
fn a_mistake_names_its_line_and_the_nearest_word() {
    let table = [
        ("newest = 1\nal = \"1 day\"", "versions.toml line 2: unknown key `al`; did you mean `all`?"),
        ("newest = 1\n\nall = \"1 dya\"", "line 3: unknown unit of time `dya`; did you mean `days`?"),
        ("newest = 1\nall = \"forevr\"", "line 2: unknown word `forevr`; did you mean `forever`?"),
        ("newest = 0\nall = \"none\"", "line 1: `newest` is a whole number from 1"),
        ("newest = 4294967296\nall = \"none\"", "line 1: `newest` is a whole number from 1"),
        ("newest = \"9\"\nall = \"none\"", "line 1: `newest` is a whole number"),
        ("newest = 1\nall = 30", "line 2: `all` is a text in quotes"),
        ("newest = 1\nall = \"30\"", "line 2: `all` is a number and a unit"),
        ("newest = 1\nall = \"-1 days\"", "line 2: `all` is a number and a unit"),
        ("newest = 1\nall = \"0 days\"", "line 2: `all` is a number and a unit"),
        ("newest = 1\nall = \"1 day 2 hours\"", "line 2: `all` is a number and a unit"),
        ("newest = 1\nall = \"\"", "line 2: `all` is a number and a unit"),
        ("newest = 1\nall = \"101 years\"", "line 2: `all` = `101 years` is more than 100 years"),
        ("newest = 1\nall = \"9223372036854775807 years\"", "is more than 100 years"),
        ("newest = 1\nall = \"none\"\nall = \"none\"", "line 3: duplicate key"),
        ("newest = 1\n[keep]\nall = \"none\"", "line 2: unknown key `keep`"),
        ("newest = 1\nall = ", "line 2"),
        ("newest = 1", "`all` is missing"),
        ("all = \"none\"", "`newest` is missing"),
        ("", "`newest` is missing"),
    ];
    for (text, said) in table {
        let refusal = refusal(text);
        assert!(refusal.starts_with("versions.toml") && refusal.contains(said), "{text:?}: {refusal}");
    }
}

fn arb_until() -> impl Strategy<Value = Until> {
    prop_oneof![Just(Until::Forever), Just(Until::Age(0)), (1..500 * DAY).prop_map(Until::Age)]
}

fn arb_rules() -> impl Strategy<Value = ThinningRules> {
    (1..12_u32, arb_until(), [arb_until(), arb_until(), arb_until(), arb_until()])
        .prop_map(|(newest, all, last_of)| ThinningRules { newest, all, last_of })
}

/// Numbers with gaps, times in any order: clocks are set back.
fn arb_versions() -> impl Strategy<Value = Vec<Version>> {
    let one = (1..4_u32, prop_oneof![-2 * DAY..900 * DAY, -2 * DAY..3 * DAY]);
    prop::collection::vec(one, 0..40).prop_map(|steps| {
        let mut n = 0;
        let numbered = steps.into_iter().map(|(step, age)| {
            n += step;
            Version { n, made_at: NOW - age, size: 1 }
        });
        numbered.collect()
    })
}

/// Those that are left.
fn left(rules: &ThinningRules, versions: &[Version], kept: &BTreeSet<u32>, now: i64) -> Vec<Version> {
    let gone = rules.goes(versions, kept, now);
    versions.iter().filter(|version| !gone.contains(version)).copied().collect()
}

fn longer(until: Until, by: i64) -> Until {
    match until {
        Until::Age(age) => Until::Age(age + by),
        Until::Forever => Until::Forever,
    }
}

proptest! {
    #[test]
    fn what_must_stay_stays(rules in arb_rules(), versions in arb_versions(), kept in prop::collection::btree_set(1..60_u32, 0..5)) {
        let left = left(&rules, &versions, &kept, NOW);
        prop_assert_eq!(left.first(), versions.first());
        prop_assert_eq!(left.last(), versions.last());
        for version in versions.iter().filter(|version| kept.contains(&version.n)) {
            prop_assert!(left.contains(version));
        }
        prop_assert!(left.len() >= versions.len().min(rules.newest as usize));
        if versions.len() <= rules.least() {
            prop_assert_eq!(&left, &versions);
        }
    }

    #[test]
    fn thinning_again_takes_nothing(rules in arb_rules(), versions in arb_versions(), kept in prop::collection::btree_set(1..60_u32, 0..5)) {
        let once = left(&rules, &versions, &kept, NOW);
        prop_assert!(rules.goes(&once, &kept, NOW).is_empty());
    }

    /// So nothing depends on how often the daemon was there.
    #[test]
    fn thinning_on_the_way_comes_to_the_same(rules in arb_rules(), versions in arb_versions(), kept in prop::collection::btree_set(1..60_u32, 0..5), later in 0..400 * DAY) {
        let on_the_way = left(&rules, &left(&rules, &versions, &kept, NOW), &kept, NOW + later);
        prop_assert_eq!(on_the_way, left(&rules, &versions, &kept, NOW + later));
    }

    #[test]
    fn longer_rules_keep_all_that_shorter_ones_keep(rules in arb_rules(), versions in arb_versions(), by in 0..100 * DAY, more in 0..5_u32) {
        let generous = ThinningRules {
            newest: rules.newest + more,
            all: longer(rules.all, by),
            last_of: rules.last_of.map(|until| longer(until, by)),
        };
        let kept = left(&generous, &versions, &BTreeSet::new(), NOW);
        for version in left(&rules, &versions, &BTreeSet::new(), NOW) {
            prop_assert!(kept.contains(&version));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = ThinningRules::parse(&text);
    }
}
