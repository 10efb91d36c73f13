//! What waits for the second factor.

use super::*;

#[test]
fn the_second_factor_is_asked_of_whom_the_gate_says() {
    use AdultGate::{Enrolled, On};
    let table = [
        // gate, enrolled, unlocked
        (Enrolled, false, false, None),
        (Enrolled, true, false, Some(Lock::Locked)),
        (Enrolled, true, true, None),
        (On, false, false, Some(Lock::NotEnrolled)),
        (On, true, false, Some(Lock::Locked)),
        (On, true, true, None),
    ];
    for (gate, enrolled, unlocked, lock) in table {
        assert_eq!(Lock::of(gate, Factor::of(enrolled, unlocked)), lock, "{gate:?} {enrolled} {unlocked}");
    }
    assert_eq!(shipped().self_review(), SelfReview::Alone);
    assert_eq!(RoleBook::parse("self_review = \"allow\"\n[role.x]").unwrap().self_review(), SelfReview::Allow);
    assert_eq!(shipped().adult_gate(), Enrolled);
    assert_eq!(RoleBook::parse("adult_gate = \"on\"\n[role.x]").unwrap().adult_gate(), On);
}

#[test]
fn a_lock_keeps_from_what_is_adult_and_from_administering() {
    let book = shipped();
    let subject = |role: &str, lock| Subject::new("ann", book.get(role).unwrap(), None).behind(lock);
    let adult = asset(&[("owner", "ann"), ("rating", "adult")]);
    let safe = asset(&[("owner", "ann"), ("rating", "safe")]);
    let unrated = asset(&[("owner", "ann")]);
    let table = [
        //                                         adult         safe          without a rating
        ("admin", None, ["lvdetDrxpA", "lvdetDrxpA", "lvdetDrxpA"]),
        ("admin", Some(Lock::Locked), ["----------", "lvdetDrxp-", "lvdetDrxp-"]),
        ("admin", Some(Lock::NotEnrolled), ["---------A", "lvdetDrxpA", "lvdetDrxpA"]),
        ("editor", Some(Lock::Locked), ["----------", "l-det-----", "l-det-----"]),
    ];
    for (role, lock, row) in table {
        for (facts, expected) in [&adult, &safe, &unrated].into_iter().zip(row) {
            assert_eq!(allowed(&subject(role, lock), facts), expected, "{role} {lock:?} {facts:?}");
        }
    }
    assert!(!subject("admin", Some(Lock::Locked)).is_admin());
    assert!(!subject("admin", Some(Lock::NotEnrolled)).allows_everything(Verb::List));
    let reason = |role: &str, lock, verb, facts| subject(role, Some(lock)).decide(verb, facts).reason;
    assert!(reason("admin", Lock::Locked, Verb::List, &adult).ends_with("dam unlock"));
    assert!(reason("admin", Lock::Locked, Verb::Admin, &safe).ends_with("dam unlock"));
    assert!(reason("admin", Lock::NotEnrolled, Verb::List, &adult).ends_with("dam member totp"));
    let plain = reason("editor", Lock::Locked, Verb::Admin, &safe);
    assert_eq!(plain, "role editor may not administer the library");
}

#[test]
fn a_rule_may_ask_for_the_second_factor() {
    let book = RoleBook::parse(
        "[role.x.allow]\nlist = \"*\"\ndownload = { of = \"persona=luna\", unlocked = true }\nedit = \"*\"\n\
         [role.x.deny]\nedit = { of = \"rating=safe\", unlocked = false }\nlist = { of = \"tag=sealed\", unlocked = false }",
    )
    .unwrap();
    let subject = |factor| Subject::new("ann", book.get("x").unwrap(), None).giving(factor);
    let luna = asset(&[("persona", "luna"), ("rating", "safe")]);
    let mira = asset(&[("persona", "mira")]);
    let sealed = asset(&[("tag", "sealed")]);
    for (factor, of_luna, of_sealed) in [
        (Factor::None, "l---------", "----------"),
        (Factor::Locked, "l---------", "----------"),
        (Factor::Open, "l-de------", "l--e------"),
    ] {
        assert_eq!(allowed(&subject(factor), &luna), of_luna, "{factor:?}");
        assert_eq!(allowed(&subject(factor), &mira), "l--e------", "{factor:?}");
        assert_eq!(allowed(&subject(factor), &sealed), of_sealed, "{factor:?}");
    }
    let reason = |factor, verb, facts| subject(factor).decide(verb, facts).reason;
    let why = "role x may download `persona=luna` behind the second factor";
    assert_eq!(reason(Factor::Locked, Verb::Download, &luna), format!("{why}; give it first: dam unlock"));
    assert_eq!(reason(Factor::None, Verb::Download, &luna), format!("{why}; enrol one first: dam member totp"));
    assert_eq!(
        reason(Factor::Open, Verb::Download, &luna),
        "allowed by role x: download = persona=luna, while unlocked"
    );
    assert_eq!(reason(Factor::Locked, Verb::Download, &mira), "role x may not download anything");
    assert_eq!(
        reason(Factor::Locked, Verb::Edit, &luna),
        "role x may not edit `rating=safe` before the second factor; give it first: dam unlock"
    );
    let lent = |verb, facts| subject(Factor::Open).is_lent(verb, facts);
    assert!(lent(Verb::Download, &luna) && lent(Verb::List, &sealed) && !lent(Verb::List, &luna));
    // With several roles one may grant always what another grants behind it.
    let free = RoleBook::parse("[role.y.allow]\nlist = \"*\"\ndownload = \"persona=luna\"").unwrap();
    let both = Subject::of_roles("ann", &[book.get("x").unwrap(), free.get("y").unwrap()], None, None);
    assert!(both.giving(Factor::Locked).allows(Verb::Download, &luna));
    let was = RoleBook::parse("[role.x.allow]\nlist = \"*\"\ndownload = \"persona=luna\"\nedit = \"*\"").unwrap();
    let changes = book.difference(&was).roles.pop().unwrap().verbs;
    let told: Vec<String> =
        changes.iter().map(|c| format!("{} {:?}: {} -> {}", c.verb, c.effect, c.before, c.after)).collect();
    assert_eq!(
        told,
        [
            "list Changes: * -> *, never tag=sealed, unless unlocked",
            "download Changes: persona=luna -> persona=luna, while unlocked",
            "edit Changes: * -> *, never rating=safe, unless unlocked",
        ]
    );
    for (wrong, line, why) in [
        ("[role.x.allow]\nlist = { of = \"*\", unlocked = false }", 2, "`unlocked = true`"),
        (
            "[role.x.allow]\nlist = \"*\"\n[role.x.deny]\nlist = { of = \"*\", unlocked = true }",
            4,
            "`unlocked = false`",
        ),
        ("[role.x.allow]\nlist = { of = \"*\", unlocked = \"yes\" }", 2, "`unlocked = true`"),
        ("[role.x.allow]\nadmin = { of = \"*\", unlocked = true }", 2, "gives it first anyway"),
        ("[role.x.allow]\nlist = { of = \"*\", unlokced = true }", 2, "did you mean `unlocked`"),
    ] {
        let e = RoleBook::parse(wrong).unwrap_err().0;
        assert!(e.contains(&format!("line {line}")) && e.contains(why), "{e}");
    }
}
