#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;
/// 2026-09-21 14:13:20, a Monday.
const NOW: i64 = 1_790_000_000 * SECOND;

fn rules(text: &str) -> Alerts {
    Alerts::parse(text).unwrap()
}

fn refusal(text: &str) -> String {
    Alerts::parse(text).expect_err(text).0
}

fn event<'a>(seconds: i64, member: &'a str, deed: Deed, of: &'a str) -> Event<'a> {
    Event { at: NOW + seconds * SECOND, member, deed, of }
}

/// Which rules fire at which second, of downloads by mira.
fn fired(alerts: &Alerts, events: &[(i64, &str)]) -> Vec<(i64, usize)> {
    let mut watch = Watch::default();
    let mut all = Vec::new();
    for (seconds, of) in events {
        let fired = watch.see(alerts, &event(*seconds, "mira", Deed::Download, of), || 0);
        all.extend(fired.into_iter().map(|firing| ((firing.at - NOW) / SECOND, firing.count)));
    }
    all
}

const TWO: &str = "[alert.a]\non = \"downloads\"\nmore_than = 2\nwithin = \"1 minute\"\n";

/// What it shows, what is opened at which second, and when the rule fires, at how many.
type Case = (&'static str, &'static [(i64, &'static str)], &'static [(i64, usize)]);

#[test]
fn a_rule_fires_at_the_first_that_is_too_much_and_is_silent_until_its_time_has_passed() {
    let alerts = rules(TWO);
    #[rustfmt::skip]
    let table: [Case; 8] = [
        ("as many as are in order", &[(0, "a"), (1, "b")], &[]),
        ("one more", &[(0, "a"), (1, "b"), (2, "c")], &[(2, 3)]),
        ("the same again is none", &[(0, "a"), (1, "b"), (2, "a"), (3, "b"), (4, "a")], &[]),
        ("the first is past", &[(0, "a"), (30, "b"), (60, "c")], &[]),
        ("one that comes again is as late as that", &[(0, "a"), (30, "b"), (50, "a"), (60, "c")], &[(60, 3)]),
        ("silence", &[(0, "a"), (1, "b"), (2, "c"), (3, "d"), (4, "e"), (61, "f")], &[(2, 3)]),
        ("and afterwards", &[(0, "a"), (1, "b"), (2, "c"), (62, "d"), (63, "e"), (64, "f")], &[(2, 3), (64, 3)]),
        ("a clock that is set back", &[(0, "a"), (1, "b"), (2, "c"), (-99, "d"), (-98, "e"), (-97, "f")], &[(2, 3), (-97, 3)]),
    ];
    for (what, events, expected) in table {
        assert_eq!(fired(&alerts, events), expected, "{what}");
    }
}

#[test]
fn a_rule_counts_its_own_deed_of_each_member_but_for_those_it_leaves_out_in_its_hours() {
    let text = "time_zone = \"Europe/Berlin\"\n[alert.a]\non = \"denials\"\nmore_than = 1\nwithin = \"1 hour\"
hours = \"16:00-16:14\"\nexcept = [\"backup\"]\n";
    let alerts = rules(text);
    let mut watch = Watch::default();
    let mut see = |seconds, member, deed, of| watch.see(&alerts, &event(seconds, member, deed, of), || 0).len();
    // It is 16:13:20 in Berlin.
    assert_eq!(see(0, "mira", Deed::Denial, "1"), 0);
    assert_eq!(see(1, "mira", Deed::Download, "2"), 0);
    assert_eq!(see(1, "ben", Deed::Denial, "3"), 0);
    assert_eq!(see(1, "backup", Deed::Denial, "4") + see(2, "backup", Deed::Denial, "5"), 0);
    assert_eq!(see(41, "mira", Deed::Denial, "6"), 0, "it is 16:14");
    assert_eq!(see(39, "mira", Deed::Denial, "7"), 1);
}

#[test]
fn what_a_rule_does_is_written_with_it_or_above() {
    let alerts = rules(
        "command = [\"/bin/a\", \"b\"]\n[alert.x]\non = \"changes\"\nmore_than = 5\nwithin = \"24 hours\"\naction = \"suspend\"\n
[alert.w]\non = \"changes\"\nmore_than = 5\nwithin = \"90 seconds\"\ncommand = []\n",
    );
    let [w, x] = alerts.rules() else { panic!("{alerts:?}") };
    assert_eq!((w.name.as_str(), w.reaction, w.command.len(), w.within), ("w", Reaction::Tell, 0, 90 * SECOND));
    assert_eq!((x.name.as_str(), x.reaction, x.command.len()), ("x", Reaction::Suspend, 2));
    assert_eq!(alerts.longest(), 24 * 3_600 * SECOND);
    assert!(Alerts::default().rules().len() == 4 && rules("").rules().is_empty());
    assert!(Alerts::default().rules().iter().all(|rule| rule.command.is_empty() && rule.reaction != Reaction::Suspend));
    let shipped = Alerts::default();
    let acting: Vec<&Alert> = shipped.rules().iter().filter(|rule| rule.reaction != Reaction::Tell).collect();
    let [brake] = acting[..] else { panic!("{acting:?}") };
    let share = Limit::Share { percent: 20, at_least: 50 };
    assert_eq!((brake.name.as_str(), brake.on, brake.more_than), ("mass-change-brake", Deed::Rewrite, share));
}

#[test]
fn a_share_is_of_what_he_may_list_and_asked_when_it_matters() {
    let share = |percent, at_least, number, listed| {
        let asked = std::cell::Cell::new(false);
        let passed = Limit::Share { percent, at_least }.is_passed(number, || {
            asked.set(true);
            listed
        });
        (passed, asked.get())
    };
    let table = [
        ((20, 50, 50, 0), (false, false)),
        ((20, 50, 51, 0), (true, true)),
        ((20, 50, 51, 255), (false, true)),
        ((20, 50, 51, 254), (true, true)),
        ((99, 1, 100, 101), (true, true)),
        ((99, 1, 100, 102), (false, true)),
        ((1, 1, 100_000, 10_000_000), (false, true)),
        ((1, 1, 100_001, 100_000_000), (true, false)),
    ];
    for ((percent, at_least, number, listed), expected) in table {
        assert_eq!(share(percent, at_least, number, listed), expected, "{number} of {listed}");
    }
    let read = |line: &str| rules(&TWO.replace("more_than = 2", line)).rules()[0].more_than;
    assert_eq!(read("more_than = \"20%\""), Limit::Share { percent: 20, at_least: 50 });
    assert_eq!(read("more_than = \"7 %\"\nat_least = 3"), Limit::Share { percent: 7, at_least: 3 });
    assert_eq!(read("more_than = 2"), Limit::Count(2));
}

#[test]
fn a_mistake_is_refused_with_its_line() {
    let with = |line: &str| format!("{TWO}{line}\n");
    let table = [
        ("webhok = \"\"".to_owned(), "alerts.toml line 1: unknown key `webhok`; did you mean `webhook`?"),
        ("comand = []".to_owned(), "alerts.toml line 1: unknown key `comand`; did you mean `command`?"),
        ("command = [\"logger\"]".to_owned(), "alerts.toml line 1: `logger` is no whole path of a program"),
        ("command = \"/bin/logger\"".to_owned(), "alerts.toml line 1: `command` is a list of texts"),
        ("time_zone = \"Berlin\"".to_owned(), "alerts.toml line 1: unknown time zone `Berlin`"),
        (
            "[alert.a]\non = \"denials\"\nwithin = \"1 hour\"".to_owned(),
            "alerts.toml line 1: alert a needs `on`, `more_than` and `within`",
        ),
        ("[alert.\"a b\"]".to_owned(), "alerts.toml line 1: the name `a b` of an alert"),
        (with("onn = 1"), "alerts.toml line 5: unknown key of an alert `onn`; did you mean `on`?"),
        (with("action = \"suspent\""), "alerts.toml line 5: unknown action `suspent`; did you mean `suspend`?"),
        (with("hours = \"8-9\""), "alerts.toml line 5: hours: `8-9` is no time of the week"),
        (with("except = \"ben\""), "alerts.toml line 5: `except` is a list of texts"),
        (TWO.replace("1 minute", "25 hours"), "alerts.toml line 4: `within` = `25 hours` is more than 24 hours"),
        (TWO.replace("1 minute", "1 fortnight"), "alerts.toml line 4: unknown unit of time `fortnight`"),
        (TWO.replace("\"1 minute\"", "60"), "alerts.toml line 4: `within` is a text"),
        (TWO.replace("= 2", "= 0"), "alerts.toml line 3: `more_than` is a whole number from 1"),
        (TWO.replace("= 2", "= 100001"), "alerts.toml line 3: `more_than` is at most 100000"),
        (TWO.replace("= 2", "= \"2\""), "alerts.toml line 3: `more_than` is a number, or a share"),
        (TWO.replace("= 2", "= \"100%\""), "alerts.toml line 3: `more_than` is a number, or a share"),
        (with("at_least = 3"), "alerts.toml line 5: `at_least` goes with a share"),
        (
            TWO.replace("= 2", "= \"20%\"").replace("downloads", "denials"),
            "alerts.toml line 1: alert a: denials have no share of the library",
        ),
        (TWO.replace("downloads", "uploads"), "alerts.toml line 2: unknown on `uploads`; did you mean `downloads`?"),
    ];
    for (text, expected) in table {
        let said = refusal(&text);
        assert!(said.starts_with(expected), "{text}: {said}");
    }
}

#[test]
fn a_webhook_is_https_or_this_machine_and_its_secret_is_not_told() {
    for (url, told) in [
        ("https://hooks.example.com/T0/s3cret", "https://hooks.example.com"),
        ("https://example.com:8443?token=s3cret", "https://example.com:8443"),
        ("https://[2001:db8::1]:444/s3cret", "https://[2001:db8::1]:444"),
        ("http://127.0.0.1:9/s3cret", "http://127.0.0.1:9"),
        ("http://127.8.0.1/s3cret", "http://127.8.0.1"),
        ("http://[::1]:9#s3cret", "http://[::1]:9"),
        ("http://localhost/s3cret", "http://localhost"),
    ] {
        let hook = Webhook::parse(url).unwrap();
        assert_eq!((hook.url(), hook.to_string().as_str()), (url, told));
        assert_eq!(format!("{hook:?}"), format!("Webhook({told})"));
    }
    for bad in [
        "",
        "s3cret",
        "ftp://example.com/s3cret",
        "http://example.com/s3cret",
        "http://127.0.0.1.example.com/s3cret",
        "http://0.0.0.0/s3cret",
        "http://[::2]/s3cret",
        "https://s3cret@example.com/",
        "http://localhost:s3cret@example.com/",
        "https:///s3cret",
        "https://example.com:0/s3cret",
        "https://example.com:port/s3cret",
        "https://[::1/s3cret",
        "https://[::1]9/s3cret",
        "https://example.com/s3cret s3cret",
        "https://exämple.com/s3cret",
        "HTTPS://example.com/s3cret",
        "https://example.com\\\\@127.0.0.1/s3cret",
    ] {
        let why = Webhook::parse(bad).expect_err(bad);
        assert!(!why.contains("s3cret"), "{why}");
        let text = format!("webhook = \"{bad}\"\n{TWO}");
        assert!(bad.is_empty() || !refusal(&text).contains("s3cret"), "{bad}");
    }
    let alerts = rules(&format!(
        "webhook = \"https://a.example/\"\n{TWO}[alert.b]\non = \"denials\"\nmore_than = 1\nwithin = \"1 hour\"\nwebhook = \"\"\n"
    ));
    let [a, b] = alerts.rules() else { panic!("{alerts:?}") };
    assert_eq!((a.webhook.as_ref().map(Webhook::url), &b.webhook), (Some("https://a.example/"), &None));
    let said = refusal("webhook = \"http://example.com/s3cret\"\n");
    assert_eq!(said, "alerts.toml line 1: webhook: http:// to example.com could be read on its way; use https://");
}

proptest! {
    /// As one would count it who kept everything: after a silence nothing before its end is counted.
    #[test]
    fn counting_is_what_the_rule_says(events in prop::collection::vec((0..40_i64, 0..6_u8), 0..80), more_than in 1..4_usize) {
        let alerts = rules(&TWO.replace("= 2", &format!("= {more_than}")).replace("1 minute", "10 seconds"));
        let mut at = 0;
        let events: Vec<(i64, String)> = events.into_iter().map(|(step, of)| { at += step % 4; (at, of.to_string()) }).collect();
        let (mut naive, mut from) = (Vec::new(), 0);
        let mut silent = i64::MIN;
        for (n, (at, _)) in events.iter().enumerate() {
            if *at < silent {
                from = n + 1;
                continue;
            }
            let seen: std::collections::BTreeSet<&String> =
                events[from..=n].iter().filter(|(then, _)| *then > at - 10).map(|(_, of)| of).collect();
            if seen.len() > more_than {
                naive.push((*at, seen.len()));
                (silent, from) = (at + 10, n + 1);
            }
        }
        let events: Vec<(i64, &str)> = events.iter().map(|(at, of)| (*at, of.as_str())).collect();
        prop_assert_eq!(fired(&alerts, &events), naive);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = Alerts::parse(&text);
    }
}
