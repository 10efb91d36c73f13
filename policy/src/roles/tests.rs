#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod factor;
mod groups;

use proptest::prelude::*;

use super::*;
use crate::expr::MapFacts;
use crate::expr::testing::{arb_expr, arb_facts};

fn asset(pairs: &[(&str, &str)]) -> MapFacts {
    let mut facts = MapFacts::default();
    for (field, value) in pairs {
        facts.texts.entry(Field::parse(field).unwrap()).or_default().push((*value).to_owned());
    }
    facts
}

fn shipped() -> RoleBook {
    RoleBook::parse(RoleBook::TEMPLATE).unwrap()
}

/// One letter per verb, in the order of `Verb::ALL`.
fn allowed(subject: &Subject, facts: &MapFacts) -> String {
    let letters = ["l", "v", "d", "e", "t", "D", "r", "x", "p", "A"];
    let verbs = Verb::ALL.iter().zip(letters);
    verbs.map(|(verb, letter)| if subject.decide(*verb, facts).allowed { letter } else { "-" }).collect()
}

#[test]
fn shipped_roles_decide_as_the_design_says() {
    let draft = asset(&[("owner", "ben"), ("stage", "draft"), ("client", "acme")]);
    let own = asset(&[("owner", "ann"), ("stage", "draft"), ("client", "acme")]);
    let waiting = asset(&[("owner", "ben"), ("stage", "client-approval"), ("client", "acme")]);
    let approved = asset(&[("owner", "ben"), ("status", "approved"), ("status.x", "approved"), ("client", "acme")]);
    let rejected = asset(&[("owner", "ben"), ("status", "rejected"), ("client", "acme")]);
    let assigned = asset(&[("owner", "ben"), ("reviewer", "ann"), ("client", "acme")]);
    // A record of the custodian's, by whatever right it might be somebody's else.
    let record = [("tag", "custodian"), ("owner", "ann"), ("reviewer", "ann"), ("stage", "client-approval")];
    let record = asset(&[&record[..], &[("status", "approved"), ("client", "acme")]].concat());
    let table = [
        // somebody's draft, one's own, for the client, approved, rejected, assigned, a custodian's
        ("admin", "lvdetDrxpA lvdetDrxpA lvdetDrxpA lvdetDrxpA lvdetDrxpA lvdetDrxpA l--etDr-pA"),
        ("content-creator", "l-det----- l-detD---- l-det----- l-det----- l-det----- l-det----- l---------"),
        ("custodian", "---------- ---------- ---------- ---------- ---------- ---------- l-detD----"),
        ("editor", "l-det----- l-det----- l-det----- l-det----- l-det----- l-det----- l---------"),
        ("marketing-manager", "---------- ---------- ---------- l-d-t--xp- ---------- ---------- ----------"),
        ("client-reviewer", "---------- ---------- lv----r--- lv----r--- ---------- ---------- ----------"),
        ("freelance-editor", "---------- l-de------ ---------- ---------- ---------- l-de------ ----------"),
        ("backup", "l-d------- l-d------- l-d------- l-d------- l-d------- l-d------- l-d-------"),
    ];
    let book = shipped();
    assert_eq!(book.names().count(), table.len());
    let inside = Rule::parse("client=acme").unwrap();
    let outside = Rule::parse("client=other").unwrap();
    for (name, row) in table {
        let role = book.find(name).unwrap();
        assert!(!role.description.is_empty());
        let of = [&draft, &own, &waiting, &approved, &rejected, &assigned, &record];
        assert_eq!(row.split(' ').count(), of.len());
        for (facts, expected) in of.into_iter().zip(row.split(' ')) {
            assert_eq!(allowed(&Subject::new("ann", role, None), facts), expected, "{name} {facts:?}");
            assert_eq!(allowed(&Subject::new("ann", role, Some(inside.clone())), facts), expected, "{name} in scope");
            assert_eq!(allowed(&Subject::new("ann", role, Some(outside.clone())), facts), "-".repeat(10), "{name} out");
        }
    }
}

#[test]
fn the_reason_is_one_sentence() {
    let book = shipped();
    let subject = |role: &str, scope: Option<&str>| {
        Subject::new("ann", book.get(role).unwrap(), scope.map(|s| Rule::parse(s).unwrap()))
    };
    let draft = asset(&[("owner", "ben"), ("stage", "draft")]);
    let cases = [
        ("client-reviewer", None, Verb::Download, "role client-reviewer may not download anything"),
        ("editor", Some("client=acme"), Verb::Edit, "role editor, scope `client=acme`: the asset is outside the scope"),
        ("admin", None, Verb::Download, "allowed by role admin: download = not.tag=custodian"),
        ("editor", None, Verb::Admin, "role editor may not administer the library"),
        (
            "content-creator",
            None,
            Verb::Delete,
            "role content-creator may delete only `owner=me,not.tag=custodian`: the asset is not among them",
        ),
        (
            "client-reviewer",
            None,
            Verb::View,
            "role client-reviewer may list only `any(stage=client-approval;status=approved),not.tag=custodian`: the asset is not among them",
        ),
    ];
    for (role, scope, verb, reason) in cases {
        assert_eq!(subject(role, scope).decide(verb, &draft).reason, reason);
    }
}

#[test]
fn deny_wins_and_what_may_not_be_listed_may_not_be_anything() {
    let book = RoleBook::parse(
        "[role.x.allow]\nlist=\"*\"\ndownload=\"*\"\nedit=\"persona=luna\"\nadmin=\"*\"\n\
         [role.x.deny]\nlist=\"rating=adult\"\ndownload=\"persona=mira\"\nedit=\"none\"",
    )
    .unwrap();
    let subject = Subject::new("ann", book.get("x").unwrap(), None);
    assert_eq!(allowed(&subject, &asset(&[("rating", "adult"), ("persona", "luna")])), "---------A");
    assert_eq!(allowed(&subject, &asset(&[("persona", "luna")])), "l-de-----A");
    assert_eq!(allowed(&subject, &asset(&[("persona", "mira")])), "l--------A");
    let hidden = subject.decide(Verb::Download, &asset(&[("rating", "adult")]));
    assert_eq!(hidden.reason, "role x never may list `rating=adult`");
    assert_eq!(subject.filter(Verb::Edit).to_string(), "not.rating=adult,persona=luna");
}

#[test]
fn everything_means_no_condition_at_all() {
    let book = shipped();
    let subject = |role: &str, scope: Option<&str>| {
        Subject::new("ann", book.get(role).unwrap(), scope.map(|s| Rule::parse(s).unwrap()))
    };
    let reads = [Verb::View, Verb::Download, Verb::Export];
    let everything = |v: &Verb| subject("admin", None).allows_everything(*v);
    assert!(Verb::ALL.iter().all(|verb| everything(verb) != reads.contains(verb)), "all but what is the custodian's");
    assert!(subject("admin", None).finds_files_themselves() && !subject("editor", None).finds_files_themselves());
    assert!(subject("admin", Some("*")).is_admin());
    assert!(!subject("admin", Some("client=acme")).is_admin());
    assert!(!subject("admin", Some("client=acme")).allows_everything(Verb::List));
    assert!(!subject("content-creator", None).allows_everything(Verb::Delete));
    assert!(subject("backup", None).allows_everything(Verb::Download));
    assert!(!subject("backup", None).allows_everything(Verb::View));
    assert_eq!(subject("backup", None).filter(Verb::Edit), Expr::nothing());
    assert_eq!(subject("content-creator", None).filter(Verb::Delete).to_string(), "owner=ann,not.tag=custodian");
    assert_eq!(
        subject("freelance-editor", None).filter(Verb::List).to_string(),
        "any(owner=ann;reviewer=ann),not.tag=custodian"
    );
    assert_eq!(subject("editor", Some("client=acme,owner=me")).filter(Verb::List).to_string(), "client=acme,owner=ann");
}

#[test]
fn a_wrong_file_is_refused_with_line_and_nearest() {
    let cases = [
        ("[role.x.allow]\nlist=\"*\"\ndownlod=\"*\"", "line 3", "did you mean `download`"),
        ("[role.x]\ndescripton=\"\"", "line 2", "did you mean `description`"),
        ("[rolle.x]", "line 1", "did you mean `role`"),
        ("[role.x.allow]\nlist=\"persone=luna\"", "line 2", "did you mean `persona`"),
        ("[role.x.allow]\nlist=\"rating=adlut\"", "line 2", "did you mean `adult`"),
        ("[role.x.allow]\nlist=true", "line 2", "text in quotes"),
        ("[role.x.allow]\nlist=\"\"", "line 2", "field=value"),
        ("[role.x]\nallow=\"*\"", "line 2", "table"),
        ("[role.x.allow]\nlist=\"*\"\nadmin=\"owner=me\"", "line 3", "\"none\""),
        ("\n[role.x.allow]\ndownload=\"*\"", "line 2", "no list"),
        ("[role.\"X y\".allow]\nlist=\"*\"", "line 1", "a-z"),
        ("[role.x.allow]\nlist=\"*\"\nlist=\"*\"", "line 3", "duplicate"),
        ("[role.x.allow\n", "line 1", ""),
        ("adult_gate = \"onn\"\n[role.x]", "line 1", "did you mean `on`"),
        ("self_review = \"allways\"\n[role.x]", "line 1", "did you mean `allow`"),
        ("adult_gate = true\n[role.x]", "line 1", "text in quotes"),
        ("adult_gat = \"on\"\n[role.x]", "line 1", "did you mean `adult_gate`"),
        ("", "no role", "[role.admin]"),
    ];
    for (toml, line, message) in cases {
        let error = RoleBook::parse(toml).expect_err(toml).to_string();
        assert!(error.contains(line) && error.contains(message), "{toml}: {error}");
    }
    let error = shipped().find("editr").unwrap_err().to_string();
    assert!(error.contains("did you mean `editor`"), "{error}");
}

#[test]
fn a_difference_tells_who_gains_and_who_loses() {
    let before = RoleBook::parse(
        "[role.a.allow]\nlist=\"*\"\ndownload=\"rating=safe\"\n[role.b.allow]\nlist=\"*\"\n[role.c.allow]\nlist=\"*\"\nadmin=\"*\"",
    )
    .unwrap();
    let after = RoleBook::parse(
        "adult_gate=\"on\"\n# As before, in other words.\n[role.c.allow]\nadmin=\"*\"\nlist=\"*\"\n\
         [role.a.allow]\nlist=\"*\"\ndownload=\"*\"\nedit=\"tag=x\"\n[role.a.deny]\nlist=\"rating=adult\"\n\
         [role.d.allow]\nlist=\"owner=me\"",
    )
    .unwrap();
    let told = after.difference(&before);
    assert_eq!((told.settings.len(), told.settings[0].key, told.settings[0].after.as_str()), (1, "adult_gate", "on"));
    let verb = |v: &VerbChange| format!("{:?} {}: {} -> {}", v.effect, v.verb, v.before, v.after);
    let rows: Vec<String> = told
        .roles
        .iter()
        .flat_map(|r| [format!("{:?} {}", r.kind, r.role)].into_iter().chain(r.verbs.iter().map(verb)))
        .collect();
    let expected = [
        "Changed a",
        "Loses list: * -> *, never rating=adult",
        "Changes download: rating=safe -> *",
        "Gains edit: none -> tag=x",
        "Gone b",
        "Loses list: * -> none",
        "New d",
        "Gains list: none -> owner=me",
    ];
    assert_eq!(rows, expected);
    assert!(after.difference(&after).is_empty() && !told.is_empty());
    let back = before.difference(&after);
    assert_eq!(back.roles[0].verbs[0].effect, Effect::Gains, "the other way round");
}

/// The shipped cases, each on the shipped role that it names.
#[test]
fn the_shipped_cases_hold_for_the_shipped_roles() {
    let cases = Case::parse_all(Case::TEMPLATE, &Vocabulary::shipped()).unwrap();
    let mut tried = std::collections::BTreeSet::new();
    for case in &cases {
        let CaseWho::Role { role, scope } = &case.who else { panic!("line {}: not a role", case.line) };
        let subject = Subject::new(case.who.name(), shipped().find(role).unwrap(), scope.clone());
        assert_eq!(case.failures(subject), [], "line {}: {}", case.line, case.name);
        tried.insert(role.clone());
    }
    assert!(tried.len() >= 5, "{tried:?}");
    // What it says is what is tried: with the roles turned round, every case fails.
    for case in &cases {
        let other = if case.verbs.iter().any(|(_, allow)| *allow) { "[role.x.allow]\nlist=\"none\"" } else { ALL };
        let book = RoleBook::parse(other).unwrap();
        let subject = Subject::new("somebody", book.get("x").unwrap(), None);
        let case = Case { locked: false, ..case.clone() };
        assert!(!case.failures(subject).is_empty(), "line {}", case.line);
    }
}

const ALL: &str = "[role.x.allow]\nlist=\"*\"\nview=\"*\"\ndownload=\"*\"\nedit=\"*\"\ntag=\"*\"\ndelete=\"*\"\nreview=\"*\"\nexport=\"*\"\npublish=\"*\"\nadmin=\"*\"";

#[test]
fn a_case_says_everything_that_a_rule_may_ask() {
    let text = "[[case]]\nrole=\"x\"\nallow=[\"list\"]\n\
        asset={tag=[\"a.b\",\"c\"],width=1080,created=\"2026-05\",text=\"red dress\",owner=\"me\",\"status.x\"=\"approved\"}";
    let case = Case::parse_all(text, &Vocabulary::shipped()).unwrap().remove(0);
    for query in ["tag=a", "tag=c", "width=1080", "created=2026-05", "text=dress", "owner=somebody", "status=approved"]
    {
        assert!(crate::expr::parse(query).unwrap().matches(&case.facts), "{query}");
    }
}

#[test]
fn a_wrong_case_is_refused_with_line_and_nearest() {
    let cases = [
        ("[[cas]]", "line 1", "did you mean `case`"),
        ("case = 3", "line 1", "[[case]]"),
        ("[[case]]\nrole=\"x\"\nallow=[\"lisst\"]", "line 3", "did you mean `list`"),
        ("[[case]]\nrole=\"x\"\nallow=\"list\"", "line 3", "list of verbs"),
        ("[[case]]\nrole=\"x\"", "line 1", "decides nothing"),
        ("\n[[case]]\nallow=[\"list\"]", "line 2", "`member`"),
        ("[[case]]\nrole=\"x\"\nmember=\"a\"\nallow=[\"list\"]", "line 1", "`member`"),
        ("[[case]]\nrol=\"x\"", "line 2", "did you mean `role`"),
        ("[[case]]\nrole=\"x\"\nallow=[\"list\"]\ndeny=[\"list\"]", "line 1", "both allows and denies list"),
        ("[[case]]\nrole=\"x\"\nscope=\"clint=a\"", "line 3", "did you mean `client`"),
        ("[[case]]\nrole=\"x\"\nasset={persone=\"luna\"}\nallow=[\"list\"]", "line 3", "did you mean `persona`"),
        ("[[case]]\nrole=\"x\"\nasset={rating=\"adlut\"}\nallow=[\"list\"]", "line 3", "did you mean `adult`"),
        ("[[case]]\nrole=\"x\"\nasset={width=\"x\"}\nallow=[\"list\"]", "line 3", "whole number"),
        ("[[case]]\nrole=\"x\"\nasset={created=\"May\"}\nallow=[\"list\"]", "line 3", "no date"),
        ("", "no case", "[[case]]"),
    ];
    for (toml, line, message) in cases {
        let error = Case::parse_all(toml, &Vocabulary::shipped()).expect_err(toml).to_string();
        assert!(error.contains(line) && error.contains(message), "{toml}: {error}");
    }
}

fn berlin() -> jiff::tz::TimeZone {
    when::zone("Europe/Berlin").unwrap()
}

fn at(text: &str) -> i64 {
    when::instant(&berlin(), text).unwrap()
}

/// 2026-12-24 is a Thursday; in Berlin the clocks are put forward on 2026-03-29 and back on 2026-10-25.
#[test]
fn hours_and_days_hold_where_the_library_is() {
    const OFFICE: &str = "mon-fri 08:00-19:00, sat 10:00-14:00";
    let table = [
        // hours, ends, moment, holds, next change
        (Some(OFFICE), None, "2026-12-24 07:59", false, Some("2026-12-24 08:00")),
        (Some(OFFICE), None, "2026-12-24 08:00", true, Some("2026-12-24 19:00")),
        (Some(OFFICE), None, "2026-12-24 18:59:59", true, Some("2026-12-24 19:00")),
        (Some(OFFICE), None, "2026-12-24 19:00", false, Some("2026-12-25 08:00")),
        (Some(OFFICE), None, "2026-12-26 11:00", true, Some("2026-12-26 14:00")),
        (Some(OFFICE), None, "2026-12-27 11:00", false, Some("2026-12-28 08:00")),
        (Some(OFFICE), Some("2026-12-24"), "2026-12-24 12:00", true, Some("2026-12-24 19:00")),
        (Some(OFFICE), Some("2026-12-24"), "2026-12-25 12:00", false, Some("2026-12-25 19:00")),
        (None, Some("2026-12-24"), "2026-12-24 23:59", true, Some("2026-12-25 00:00")),
        (None, Some("2026-12-24"), "2026-12-25 00:00", false, None),
        // Over midnight the hours are of the day on which they begin.
        (Some("fri 22:00-06:00"), None, "2026-12-25 23:00", true, Some("2026-12-26 06:00")),
        (Some("fri 22:00-06:00"), None, "2026-12-26 05:59", true, Some("2026-12-26 06:00")),
        (Some("fri 22:00-06:00"), None, "2026-12-25 05:00", false, Some("2026-12-25 22:00")),
        (Some("20:00-24:00"), None, "2026-12-24 23:59", true, Some("2026-12-25 00:00")),
        (Some("sat-mon+wed 09:00-10:00"), None, "2026-12-27 09:30", true, Some("2026-12-27 10:00")),
        (Some("sat-mon+wed 09:00-10:00"), None, "2026-12-24 09:30", false, Some("2026-12-26 09:00")),
        // An hour that does not exist begins, and ends, when the clock is put forward.
        (Some("sun 02:30-05:00"), None, "2026-03-29 01:59", false, Some("2026-03-29 03:00")),
        (Some("sun 02:30-03:15"), None, "2026-03-29 03:05", true, Some("2026-03-29 03:15")),
        (Some("sun 02:10-02:50"), None, "2026-03-29 03:20", false, Some("2026-04-05 02:10")),
        (Some("sun 00:00-05:00"), None, "2026-10-25 04:59", true, Some("2026-10-25 05:00")),
    ];
    for (hours, ends, moment, holds, next) in table {
        let when = When::read(&berlin(), hours, ends).unwrap().unwrap();
        assert_eq!(when.holds(at(moment)), holds, "{hours:?} {ends:?} {moment}");
        assert_eq!(when.next(at(moment)), next.map(at), "{hours:?} {ends:?} {moment}");
    }
    assert_eq!(When::read(&berlin(), None, None), Ok(None));
    // The same words elsewhere mean another time.
    let tokyo = When::read(&when::zone("Asia/Tokyo").unwrap(), Some("08:00-19:00"), None).unwrap().unwrap();
    assert!(!tokyo.holds(at("2026-12-24 12:00")) && tokyo.holds(at("2026-12-24 00:30")));
}

const TIMED: &str = r#"
time_zone = "Europe/Berlin"
[role.x.allow]
list = "*"
download = { of = "client=acme", hours = "mon-fri 08:00-19:00" }
edit = { of = "*", ends = 2026-12-24 }
[role.x.deny]
tag = { of = "*", hours = "sat-sun 00:00-24:00" }
[role.y.allow]
list = "rating=safe"
tag = "rating=safe"
delete = "owner=me"
[role.y.deny]
edit = "client=globex"
"#;

#[test]
fn rules_of_hours_and_days_decide_at_their_times() {
    let book = RoleBook::parse(TIMED).unwrap();
    let acme = asset(&[("client", "acme"), ("rating", "safe"), ("owner", "ann")]);
    let table = [
        // moment, of x, of x and y
        ("2026-12-24 12:00", "l-de------", "l-detD----"),
        ("2026-12-24 20:00", "l--e------", "l--etD----"),
        ("2026-12-25 12:00", "l-d-------", "l-d-tD----"),
        ("2026-12-26 12:00", "l---------", "l----D----"),
    ];
    let (x, y) = (book.get("x").unwrap(), book.get("y").unwrap());
    for (moment, alone, both) in table {
        let subject = |roles: &[&Role]| Subject::of_roles("ann", roles, None, Some(at(moment)));
        assert_eq!(allowed(&subject(&[x]), &acme), alone, "{moment}");
        assert_eq!(allowed(&subject(&[x, y]), &acme), both, "{moment}");
    }
    let night = Subject::of_roles("ann", &[x], None, Some(at("2026-12-24 20:00")));
    let reason = "role x may download only `client=acme, mon-fri 08:00-19:00 (Europe/Berlin)`";
    assert_eq!(night.decide(Verb::Download, &acme).reason, reason);
    assert_eq!(book.next(at("2026-12-24 12:00")), Some(at("2026-12-24 19:00")));
    assert_eq!(book.next(at("2026-12-24 20:00")), Some(at("2026-12-25 00:00")));
    assert_eq!(shipped().next(0), None);
    assert_eq!(book.end_of_day("2026-12-24"), Ok(at("2026-12-25 00:00")));
    // Without a moment every rule holds as it is written.
    assert_eq!(allowed(&Subject::new("ann", x, None), &acme), "l-de------");
}

/// Whether somebody may from a moment on, be it later. It is Thursday, 2026-12-24, 20:00.
#[test]
fn what_somebody_may_ever_is_what_he_may_at_some_moment_to_come() {
    const NIGHT: &str = "2026-12-24 20:00";
    let table = [
        // what may be reviewed, what may not, his last day, ever
        ("\"*\"", "\"none\"", None, true),
        ("\"none\"", "\"none\"", None, false),
        ("{ of = \"*\", hours = \"08:00-19:00\" }", "\"none\"", None, true),
        ("{ of = \"*\", ends = 2026-12-24 }", "\"none\"", None, true),
        ("{ of = \"*\", ends = 2026-12-23 }", "\"none\"", None, false),
        // No hours come before the end of it.
        ("{ of = \"*\", hours = \"08:00-19:00\", ends = 2026-12-24 }", "\"none\"", None, false),
        ("{ of = \"*\", hours = \"sat 08:00-19:00\", ends = 2026-12-26 }", "\"none\"", None, true),
        ("{ of = \"*\", hours = \"sat 08:00-19:00\" }", "\"none\"", Some("2026-12-26 08:00"), false),
        ("{ of = \"*\", hours = \"sat 08:00-19:00\" }", "\"none\"", Some("2026-12-26 08:01"), true),
        ("\"*\"", "\"none\"", Some(NIGHT), false),
        ("\"*\"", "\"*\"", None, false),
        ("\"*\"", "{ of = \"*\", hours = \"19:00-08:00\" }", None, true),
        ("\"*\"", "{ of = \"*\", hours = \"00:00-24:00\" }", None, false),
        ("\"*\"", "{ of = \"*\", ends = 2027-12-24 }", None, true),
        ("\"*\"", "{ of = \"*\", ends = 2027-12-24 }", Some("2027-12-24 12:00"), false),
        // Only what one allows outside of the hours of the other.
        ("{ of = \"*\", hours = \"08:00-19:00\" }", "{ of = \"*\", hours = \"07:00-20:00\" }", None, false),
        ("{ of = \"*\", hours = \"08:00-21:00\" }", "{ of = \"*\", hours = \"07:00-20:00\" }", None, true),
    ];
    for (allow, deny, until, ever) in table {
        let text = format!(
            "time_zone = \"Europe/Berlin\"\n[role.x.allow]\nlist = \"*\"\nreview = {allow}\n[role.x.deny]\nreview = {deny}"
        );
        let book = RoleBook::parse(&text).unwrap();
        let roles = [book.get("x").unwrap()];
        let may = |at: &i64| Subject::of_roles("rita", &roles, None, Some(*at)).allows(Verb::Review, &asset(&[]));
        let moments = moments(&roles, Verb::Review, at(NIGHT), until.map(at));
        assert_eq!(moments.iter().any(may), ever, "{allow} {deny} {until:?}: {moments:?}");
    }
    // What is not listed then is not reviewed.
    let apart = "[role.x.allow]\nlist = { of = \"*\", hours = \"08:00-12:00\" }\nreview = { of = \"*\", hours = \"12:00-19:00\" }";
    let book = RoleBook::parse(apart).unwrap();
    let roles = [book.get("x").unwrap()];
    let ways = moments(&roles, Verb::Review, at(NIGHT), None);
    assert_eq!(ways.len(), 3, "{ways:?}");
    assert!(
        !ways.iter().any(|at| Subject::of_roles("rita", &roles, None, Some(*at)).allows(Verb::Review, &asset(&[])))
    );
}

#[test]
fn of_several_roles_one_grants_and_any_denies() {
    let book = RoleBook::parse(TIMED).unwrap();
    let roles = [book.get("x").unwrap(), book.get("y").unwrap()];
    let ann = Subject::of_roles("ann", &roles, None, Some(at("2026-12-24 12:00")));
    let table = [
        (asset(&[("client", "acme"), ("rating", "safe"), ("owner", "ann")]), "l-detD----"),
        (asset(&[("client", "globex"), ("rating", "safe"), ("owner", "ben")]), "l---t-----"),
        (asset(&[("client", "acme"), ("rating", "adult"), ("owner", "ben")]), "l-de------"),
    ];
    for (facts, expected) in &table {
        assert_eq!(allowed(&ann, facts), *expected, "{facts:?}");
    }
    let reason = |verb, facts| ann.decide(verb, facts).reason;
    assert_eq!(reason(Verb::Delete, &table[0].0), "allowed by role y: delete = owner=me");
    assert_eq!(reason(Verb::Edit, &table[1].0), "role y never may edit `client=globex`");
    assert_eq!(reason(Verb::Publish, &table[0].0), "role x and y may not publish anything");
    assert_eq!(ann.role(), "x and y");
    assert!(ann.filter(Verb::List).is_all(), "one of them lists everything");
}

#[test]
fn a_wrong_time_is_refused_with_its_line() {
    let rule = |rule: &str| format!("[role.x.allow]\nlist = {rule}");
    let cases = [
        (rule("{ of = \"*\", hours = \"mon-fry 08:00-19:00\" }"), "did you mean `fri`"),
        (rule("{ of = \"*\", hours = \"8-19\" }"), "no time of the week"),
        (rule("{ of = \"*\", hours = \"08:00-08:00\" }"), "no time of the week"),
        (rule("{ of = \"*\", hours = \"08:60-09:00\" }"), "no time of the week"),
        (rule("{ of = \"*\", hours = \"24:00-09:00\" }"), "no time of the week"),
        (rule("{ of = \"*\", hours = \"\" }"), "no time of the week"),
        (rule("{ of = \"*\", ends = 2026-13-31 }"), ""),
        (rule("{ of = \"*\", ends = \"May\" }"), "no day"),
        (rule("{ of = \"*\", hour = \"08:00-19:00\" }"), "did you mean `hours`"),
        (rule("{ hours = \"08:00-19:00\" }"), "does not say of what"),
        (rule("{ of = \"rating=adlut\", ends = 2026-12-31 }"), "did you mean `adult`"),
        (rule("\"*\"\nadmin = { of = \"*\", ends = 2026-12-31 }"), "at any time"),
        ("\ntime_zone = \"Europe/Berln\"\n[role.x]".to_owned(), "did you mean `Europe/Berlin`"),
    ];
    for (toml, message) in cases {
        let error = RoleBook::parse(&toml).expect_err(&toml).to_string();
        let line = if toml.contains("admin") { "line 3" } else { "line 2" };
        assert!(error.contains(line) && error.contains(message), "{toml}: {error}");
    }
}

#[test]
fn a_role_marks_what_it_exports_unless_another_lets_him_without() {
    let text = |mark: &str| {
        format!(
            "[role.a]\n{mark}\n[role.a.allow]\nlist=\"*\"\nexport=\"*\"\n[role.b.allow]\nlist=\"*\"\nexport=\"*\"\n\
             [role.c]\nwatermark=\"c\"\n[role.c.allow]\nlist=\"*\""
        )
    };
    let marked = RoleBook::parse(&text("watermark=\"for {member}\"")).unwrap();
    let mark = |roles: &[&str]| {
        let roles: Vec<&Role> = roles.iter().map(|role| marked.get(role).unwrap()).collect();
        Subject::of_roles("ada", &roles, None, None).mark().map(str::to_owned)
    };
    assert_eq!(mark(&["a"]).as_deref(), Some("for ada"));
    assert_eq!(mark(&["c", "a"]).as_deref(), Some("for ada"), "who exports by no role is not marked by it");
    assert_eq!((mark(&["a", "b"]), mark(&["b"]), mark(&["c"])), (None, None, None));
    // A role that lets him do nothing just now takes no mark away.
    let vault = "[role.vault.allow]\nlist=\"*\"\nexport={ of=\"*\", unlocked=true }";
    let book = RoleBook::parse(&format!("{}\n{vault}", text("watermark=\"for {member}\""))).unwrap();
    let both = Subject::of_roles("ada", &[book.get("a").unwrap(), book.get("vault").unwrap()], None, None);
    for (factor, mark) in [(Factor::None, Some("for ada")), (Factor::Locked, Some("for ada")), (Factor::Open, None)] {
        let subject = both.clone().giving(factor);
        assert_eq!(subject.mark(), mark, "{factor:?}");
        let card = |subject: &Subject| {
            subject.platforms().get("instagram", "post_square").unwrap().watermark.text().map(str::to_owned)
        };
        assert_eq!(card(&subject).as_deref(), mark, "{factor:?}");
        assert_eq!(card(&subject.giving(Factor::Locked)).as_deref(), Some("for ada"));
    }
    let told = marked.difference(&RoleBook::parse(&text("")).unwrap());
    let [changed] = told.roles.as_slice() else { panic!("{told:?}") };
    assert_eq!((changed.verbs.len(), changed.watermark.as_ref().unwrap().after.as_deref()), (0, Some("for {member}")));
    let long = format!("watermark=\"{}\"", "x".repeat(49));
    for wrong in ["watermark=\"L\u{fa}n\"", long.as_str(), "watermark=3", "watermrk=\"x\""] {
        let said = RoleBook::parse(&text(wrong)).unwrap_err().0;
        assert!(said.contains("line 2"), "{wrong}: {said}");
    }
}

#[test]
fn a_difference_tells_of_times_and_cases_have_one() {
    let book = RoleBook::parse(TIMED).unwrap();
    let later = RoleBook::parse(&TIMED.replace("19:00", "20:00")).unwrap();
    let told = later.difference(&book);
    let verb = &told.roles[0].verbs[0];
    assert_eq!((verb.verb, verb.effect, told.roles[0].verbs.len()), ("download", Effect::Changes, 1));
    assert!(verb.after.contains("08:00-20:00 (Europe/Berlin)"), "{}", verb.after);
    let case = "[[case]]\nrole = \"x\"\nat = 2026-12-24T20:00:00\nasset = { client = \"acme\" }\ndeny = [\"download\"]";
    let case = Case::parse_all(case, &Vocabulary::shipped()).unwrap().remove(0);
    let moment = book.instant(case.at.as_deref().unwrap());
    assert_eq!(moment, Some(at("2026-12-24 20:00")));
    let of = |book: &RoleBook| case.failures(Subject::of_roles("ann", &[book.get("x").unwrap()], None, moment)).len();
    assert_eq!((of(&book), of(&RoleBook::parse(&TIMED.replace("19:00", "21:00")).unwrap())), (0, 1));
    let wrong = "[[case]]\nrole = \"x\"\nat = \"noon\"\ndeny = [\"list\"]";
    assert!(Case::parse_all(wrong, &Vocabulary::shipped()).unwrap_err().0.contains("line 3"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of several roles, with rules that hold at times, at any moment.
    #[test]
    fn the_filter_is_the_decision(
        roles in proptest::collection::vec(arb_role(), 1..4),
        scope in proptest::option::of(arb_expr()),
        lock in proptest::option::of(proptest::sample::select(&[Lock::Locked, Lock::NotEnrolled])),
        factor in proptest::sample::select(&[Factor::None, Factor::Locked, Factor::Open]),
        moment in proptest::option::of(0..2_000_000_000_000_000_000_i64),
        ahead in 0..3_000_000_000_000_000_000_i64,
        facts in arb_facts(),
    ) {
        let scope = scope.map(|expr| Rule { text: expr.to_string(), expr, when: None, unlocked: false });
        let roles: Vec<&Role> = roles.iter().collect();
        let subject = Subject::of_roles("ann", &roles, scope.clone(), moment).behind(lock).giving(factor);
        // Whichever way he came to where he is with his second factor.
        let round = subject.clone().giving(Factor::Open).giving(Factor::Locked).giving(factor);
        let open = subject.clone().giving(Factor::Open);
        // What is kept of an answer goes with what it was of.
        let files = |of: &Subject| of.finds_files_themselves();
        let (kept, anew) = (subject.clone(), subject.clone().giving(factor));
        prop_assert!(files(&kept) == files(&anew) && files(&kept.giving(Factor::Open)) == files(&open));
        for verb in Verb::ALL {
            let allowed = subject.decide(*verb, &facts).allowed;
            prop_assert_eq!(allowed, subject.filter(*verb).matches(&facts));
            prop_assert_eq!(allowed, subject.allows(*verb, &facts));
            prop_assert!(allowed || !subject.allows_everything(*verb));
            prop_assert_eq!(allowed, round.allows(*verb, &facts));
            prop_assert!(!allowed || open.allows(*verb, &facts), "unlocking takes nothing away");
            let ends = !open.clone().giving(Factor::Locked).allows(*verb, &facts);
            prop_assert_eq!(open.allows(*verb, &facts) && open.is_lent(*verb, &facts), open.allows(*verb, &facts) && ends);
        }
        // What is allowed at any moment to come is so at one of those that stand for them.
        if let Some(now) = moment {
            let later = now.saturating_add(ahead);
            for verb in Verb::ALL {
                let may = |at: i64| Subject::of_roles("ann", &roles, scope.clone(), Some(at)).allows(*verb, &facts);
                let ever = moments(&roles, *verb, now, None).into_iter().any(may);
                prop_assert!(ever || !may(later), "{} at {}", verb, later);
            }
        }
        // Nothing is otherwise before the next moment that is named.
        if let Some(now) = moment {
            let next = roles.iter().filter_map(|role| role.next(now)).min();
            let before = Subject::of_roles("ann", &roles, scope, next.map_or(Some(i64::MAX / 2), |next| Some(next - 1)));
            let before = before.behind(lock).giving(factor);
            for verb in Verb::ALL {
                prop_assert_eq!(subject.allows(*verb, &facts), before.allows(*verb, &facts));
            }
        }
    }
}

fn arb_rule() -> impl Strategy<Value = Rule> {
    let hours = [None, Some("mon-fri 08:00-19:00"), Some("sat 22:00-06:00, wed 10:00-11:00"), Some("00:00-24:00")];
    let ends = [None, Some("1999-12-31"), Some("2026-03-29")];
    let times = (proptest::sample::select(hours.to_vec()), proptest::sample::select(ends.to_vec()));
    (arb_expr(), times, proptest::bool::weighted(0.3)).prop_map(|(expr, (hours, ends), unlocked)| Rule {
        text: expr.to_string(),
        expr,
        when: When::read(&berlin(), hours, ends).unwrap(),
        unlocked,
    })
}

fn arb_role() -> impl Strategy<Value = Role> {
    let rules = |most| proptest::collection::btree_map(proptest::sample::select(Verb::ALL), arb_rule(), 0..most);
    (rules(6), rules(3)).prop_map(|(allow, deny)| Role {
        name: "x".into(),
        description: String::new(),
        allow,
        deny,
        watermark: None,
    })
}
