#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::catalog::{AssetState, CatalogError, Engine, FactorRow, GroupRow, MemberRow, ReadTx, Verdict, WriteTx};
use crate::policy::{Facts, Field, RoleBook, parse};
use crate::types::{AssetId, Colours, NodeId, Timestamp, VersionId};

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

fn member(n: u8) -> MemberId {
    MemberId::from_bytes([n; 16])
}

/// A published portrait of luna, owned by member 1.
fn asset() -> Asset {
    let verdict = |value: &str| Verdict::new(value, None, None, Timestamp::EPOCH);
    Asset {
        id: AssetId::from_bytes([9; 16]),
        ordinal: 1,
        view_name: "IMG_1.png".into(),
        marked_name: None,
        named: Some(1),
        node: Some(NodeId(20)),
        state: AssetState::Active,
        head: Some(VersionId::from_bytes([8; 16])),
        duplicate: Some("0123456789abcdef".into()),
        colours: Colours::NONE.with("teal").with("white"),
        owner: Some(member(1)),
        owner_name: "ann".into(),
        kind: "image".into(),
        format: "png".into(),
        width: Some(1080),
        height: Some(1350),
        orientation: 6,
        created: Timestamp::from_secs(1_778_000_000),
        imported: Timestamp::from_secs(1_779_000_000),
        expires: None,
        client: Some("acme".into()),
        rating: Some("safe".into()),
        stars: Some(8),
        rights: Some("exclusive".into()),
        likeness: Some("synthetic".into()),
        model: Some("flux.1".into()),
        sampler: Some("euler".into()),
        seed: Some(-7),
        stage: Some("draft".into()),
        reviewer: Some("rita".into()),
        due: Some(Timestamp::from_secs(1_779_250_000)),
        personas: set(&["luna", "mira"]),
        campaigns: set(&["summer"]),
        tags: set(&["campaigns/summer", "beach"]),
        loras: set(&["skin"]),
        prompt: Some("Red dress".into()),
        negative: Some("blurry".into()),
        notes: Some("für Anna".into()),
        properties: BTreeMap::from([("title".into(), "Blue hour".into())]),
        generator: None,
        status: BTreeMap::from([("x".into(), verdict("approved")), ("instagram".into(), verdict("approved"))]),
        remarks: Vec::new(),
        conflicts: BTreeMap::new(),
        trashed: None,
        changed: Timestamp::EPOCH,
    }
}

fn row(n: u8, role: &str, scope: Option<&str>) -> MemberRow {
    MemberRow {
        id: member(n),
        name: if n == 1 { "ann".into() } else { format!("member{n}") },
        uid: Some(1000 + u32::from(n)),
        role: role.into(),
        scope: scope.map(str::to_owned),
        active: true,
        since: Timestamp::EPOCH,
        ends: None,
        read_only: false,
        groups: Vec::new(),
    }
}

fn who(n: u8, role: &str, scope: Option<&str>) -> Who {
    Who::admit(&row(n, role, scope), None, Timestamp::EPOCH, &book(), Terms::default()).unwrap()
}

fn book() -> Policy {
    Policy { no: 1, book: RoleBook::parse(RoleBook::TEMPLATE).unwrap() }
}

#[test]
fn every_field_speaks_of_the_asset() {
    let asset = asset();
    let yes = [
        "client=acme",
        "persona=luna,persona=mira",
        "campaign=summer",
        "tag=campaigns",
        "tag=beach",
        "rating=safe",
        "stars=8",
        "rights=exclusive",
        "likeness=synthetic",
        "model=flux.1",
        "lora=skin",
        "sampler=euler",
        "seed=-7",
        "prompt=red",
        // Stored, and so the same for ever.
        "family=b3849d9021fa",
        "duplicate=0123456789abcdef",
        "kind=image",
        "format=png",
        "orientation=portrait",
        "colour=teal,colour=white,not.colour=red",
        "width=1080",
        "height=1350",
        "created=2026-05-05",
        "imported=2026-05-17",
        "expires=none",
        "owner=ann",
        "state=active",
        "stage=draft",
        "reviewer=rita",
        "due=2026-05-20",
        "conflict=none",
        "status=approved",
        "status.x=approved",
        "status.threads=none",
        "text=img_1 DRESS für hour",
        "not.prompt=blurry",
        "not.text=blurry",
    ];
    for text in yes {
        assert!(parse(text).unwrap().matches(&AssetFacts(&asset)), "{text}");
    }
    for field in Field::ALL {
        let named = yes.iter().any(|text| text.starts_with(&format!("{field}=")));
        assert!(named, "{field} is not tried here");
    }
}

#[test]
fn what_is_not_known_has_no_value() {
    let mut asset = asset();
    (asset.width, asset.prompt, asset.notes, asset.client) = (None, None, None, None);
    asset.owner_name.clear();
    asset.properties.clear();
    asset.status.clear();
    for text in ["width=none", "orientation=none", "prompt=none", "client=none", "owner=none", "status=none"] {
        assert!(parse(text).unwrap().matches(&AssetFacts(&asset)), "{text}");
    }
    assert_eq!(AssetFacts(&asset).words(&Field::Text), "IMG_1.png");
    for (width, height, orientation) in [(2, 1, "landscape"), (1, 2, "portrait"), (2, 2, "square")] {
        (asset.width, asset.height) = (Some(width), Some(height));
        assert!(Expr::is(Field::Orientation, orientation).matches(&AssetFacts(&asset)));
    }
    let mut statuses = 0;
    AssetFacts(&super::tests::asset()).texts(&Field::AnyStatus, &mut |_| statuses += 1);
    assert_eq!(statuses, 1, "two platforms with one verdict are one value");
}

#[test]
fn members_are_admitted_by_role_and_scope() {
    let book = book();
    let ann =
        Who::admit(&row(1, "editor", Some("client=acme")), None, Timestamp::EPOCH, &book, Terms::default()).unwrap();
    assert_eq!(
        (ann.id, ann.name.as_str(), ann.role(), ann.scope()),
        (member(1), "ann", "editor".to_owned(), Some("client=acme"))
    );
    let error =
        |row: MemberRow| Who::admit(&row, None, Timestamp::EPOCH, &book, Terms::default()).unwrap_err().to_string();
    assert!(error(row(1, "editr", None)).contains("did you mean `editor`"));
    assert!(error(row(1, "editor", Some("clint=acme"))).contains("did you mean `client`"));
    assert!(error(row(1, "editor", Some(""))).contains("cannot be read"));
    assert!(error(MemberRow { active: false, ..row(1, "admin", None) }).contains("not active"));
    assert!(AccessError::Stranger { uid: 1007 }.to_string().contains("--uid 1007"));
}

fn group(name: &str, role: &str, scope: Option<&str>, ends: Option<i64>) -> GroupRow {
    GroupRow {
        name: name.into(),
        role: role.into(),
        scope: scope.map(str::to_owned),
        since: Timestamp::EPOCH,
        ends: ends.map(Timestamp::from_secs),
    }
}

/// What somebody may by groups: what each gives within its scope, what is his own too, all within his own scope, and never the library itself.
#[test]
fn groups_give_their_roles_within_their_scopes() {
    let (list, edit, delete, admin) = (Verb::List, Verb::Edit, Verb::Delete, Verb::Admin);
    let studio = || group("studio", "editor", None, None);
    let globex = || group("globex", "editor", Some("client=globex"), None);
    let over = || group("over", "editor", None, Some(5));
    let makers = || group("makers", "content-creator", Some("client=acme"), None);
    let root = || group("wheel", "admin", None, None);
    for (role, scope, groups, may, may_not) in [
        ("", None, vec![studio()], vec![list, edit], vec![delete, admin]),
        ("", None, vec![globex()], vec![], vec![list, edit, delete, admin]),
        ("", None, vec![globex(), studio()], vec![list, edit], vec![delete, admin]),
        ("", None, vec![makers()], vec![list, edit, delete], vec![admin]),
        ("", None, vec![over(), makers()], vec![list, edit, delete], vec![admin]),
        ("", Some("client=globex"), vec![makers()], vec![], vec![list, edit, delete, admin]),
        ("backup", None, vec![globex()], vec![list], vec![edit, delete, admin]),
        ("backup", None, vec![makers()], vec![list, edit, delete], vec![admin]),
        ("editor", None, vec![globex()], vec![list, edit], vec![delete, admin]),
        ("", None, vec![root()], vec![list, edit, delete], vec![admin]),
        ("admin", None, vec![globex()], vec![list, edit, delete, admin], vec![]),
    ] {
        let what = format!("{role:?} {scope:?} {groups:?}");
        let row = MemberRow { groups, ..row(1, role, scope) };
        let now = Timestamp::from_secs(9);
        let who = Who::admit(&row, None, now, &book(), Terms::default()).unwrap();
        for verb in may {
            assert!(who.subject.allows(verb, &AssetFacts(&asset())), "{verb} {what}");
        }
        for verb in may_not {
            assert!(!who.subject.allows(verb, &AssetFacts(&asset())), "{verb} {what}");
            assert!(!Expr::is_all(&who.subject.filter(verb)), "{verb} {what}");
        }
        assert!(row.is_in(now), "{what}");
    }
}

#[test]
fn who_has_nothing_but_what_groups_gave_him_is_nobody_without_them() {
    let admit = |row: &MemberRow| Who::admit(row, None, Timestamp::from_secs(9), &book(), Terms::default());
    let none = row(1, "", None);
    let over = MemberRow { groups: vec![group("over", "editor", None, Some(9))], ..none.clone() };
    let shut = MemberRow { active: false, groups: vec![group("studio", "editor", None, None)], ..none.clone() };
    let ended = MemberRow { ends: Some(Timestamp::from_secs(9)), active: true, ..shut.clone() };
    for (row, why) in
        [(none, "no role of his own"), (over, "no role of his own"), (shut, "not active"), (ended, "until")]
    {
        assert!(admit(&row).unwrap_err().to_string().contains(why), "{row:?}");
        assert!(!row.is_in(Timestamp::from_secs(9)), "{row:?}");
    }
    // What a group gives that nobody can read lets its people see nothing, rather than too much.
    let row = MemberRow { groups: vec![group("studio", "editor", Some("clint=acme"), None)], ..row(1, "backup", None) };
    assert!(admit(&row).unwrap_err().to_string().contains("dam member set --group studio"));
    // He may so until the first of its ends.
    let until =
        MemberRow { groups: vec![group("a", "editor", None, Some(30)), group("b", "backup", None, Some(20))], ..row };
    assert_eq!(admit(&until).unwrap().shift, Some(Timestamp::from_secs(20)));
    assert_eq!(until.told_roles(), "backup; editor by @a; backup by @b");
    let within = MemberRow { groups: vec![group("press", "editor", Some("client=acme"), None)], ..until };
    assert_eq!(within.told_roles(), "backup; editor by @press in client=acme");
}

/// A catalogue that is broken: deciding must not need it, and who asks must be nobody.
struct Broken;

impl Engine for Broken {
    fn read(&self, _: &mut dyn FnMut(&dyn ReadTx) -> Result<(), CatalogError>) -> Result<(), CatalogError> {
        Err(CatalogError::Damaged("page 7".into()))
    }
    fn write(&self, _: &mut dyn FnMut(&mut dyn WriteTx) -> Result<(), CatalogError>) -> Result<(), CatalogError> {
        Err(CatalogError::Damaged("page 7".into()))
    }
    fn barrier(&self) -> Result<(), CatalogError> {
        Ok(())
    }
    fn check(&self) -> Result<Vec<String>, CatalogError> {
        Ok(Vec::new())
    }
}

fn clock(seconds: i64) -> crate::clock::SharedClock {
    Arc::new(crate::clock::ManualClock::at(Timestamp::from_secs(seconds)))
}

fn gate() -> Gate {
    Gate::new(Catalog::new(Arc::new(Broken)), clock(0), book(), Terms::default())
}

fn decide(who: &Who, verb: Verb, asset: &Asset) -> Decision {
    let gate = gate();
    let decision = gate.decide(who, verb, asset);
    assert_eq!(gate.allows(who, verb, asset), decision.allowed);
    decision
}

#[test]
fn a_broken_catalogue_lets_nobody_in() {
    let error = gate().who(&Identity::Uid(0)).unwrap_err();
    assert!(matches!(error, AccessError::Catalog(CatalogError::Damaged(_))), "{error}");
}

#[test]
fn the_epoch_moves_when_a_decision_may_have_changed() {
    let gate = gate();
    let row = |seq, kind| ChangeRow { seq, kind, id: String::new() };
    let (start, members) = (gate.epoch(), gate.members.load(Ordering::Acquire));
    gate.hear(&[]);
    gate.hear(&[row(1, ChangeKind::Node), row(2, ChangeKind::Entry), row(3, ChangeKind::Inbox)]);
    assert_eq!(gate.epoch(), start);
    gate.hear(&[row(4, ChangeKind::Node), row(5, ChangeKind::Asset)]);
    assert_eq!((gate.epoch(), gate.members.load(Ordering::Acquire)), (start + 1, members));
    gate.hear(&[row(4, ChangeKind::Node), row(5, ChangeKind::Asset)]);
    assert_eq!(gate.epoch(), start + 1, "each row counts once");
    gate.hear(&[row(5, ChangeKind::Asset), row(6, ChangeKind::Access)]);
    assert_eq!((gate.epoch(), gate.members.load(Ordering::Acquire)), (start + 2, members + 1));
    gate.changed();
    assert_eq!((gate.epoch(), gate.members.load(Ordering::Acquire)), (start + 3, members + 2));
    // What nobody told of may have been of members.
    gate.hear(&[row(8, ChangeKind::Node)]);
    assert_eq!((gate.epoch(), gate.members.load(Ordering::Acquire)), (start + 4, members + 3));
    gate.hear(&[row(7, ChangeKind::Access), row(8, ChangeKind::Node), row(9, ChangeKind::Node)]);
    assert_eq!(gate.epoch(), start + 4);
}

#[test]
fn a_file_in_the_making_is_its_makers() {
    let draft = Asset { head: None, duplicate: None, status: BTreeMap::new(), ..asset() };
    let may = |who: &Who, asset: &Asset| -> Vec<&str> {
        Verb::ALL.iter().filter(|v| decide(who, **v, asset).allowed).map(|v| v.name()).collect()
    };
    let table = [
        // role, scope, of his own draft, of somebody's draft
        ("editor", Some("client=other"), vec!["list", "download", "edit", "tag"], vec![]),
        ("content-creator", Some("client=other"), vec!["list", "download", "edit", "tag", "delete"], vec![]),
        ("freelance-editor", None, vec!["list", "download", "edit", "tag"], vec![]),
        ("client-reviewer", None, vec!["list", "download"], vec!["list", "view", "review"]),
        ("backup", None, vec!["list", "download"], vec!["list", "download"]),
    ];
    for (role, scope, own, other) in table {
        let waiting = Asset { stage: Some("client-approval".into()), ..draft.clone() };
        assert_eq!(may(&who(1, role, scope), &draft), own, "{role}");
        assert_eq!(may(&who(2, role, scope), &waiting), other, "{role}");
    }
    let reason = decide(&who(1, "editor", Some("client=other")), Verb::Edit, &draft).reason;
    assert_eq!(reason, "allowed to ann, who is making this file: it has no version yet");
    // With its first version it is an asset like any other.
    assert!(!decide(&who(1, "editor", Some("client=other")), Verb::List, &asset()).allowed);
    let nobodys = Asset { owner: None, ..draft };
    assert!(!decide(&who(1, "editor", Some("client=other")), Verb::List, &nobodys).allowed);
}

#[test]
fn memory_is_of_one_epoch() {
    let memory = Memory::default();
    let ann = Arc::new(who(1, "editor", None));
    let by_uid = Identity::Uid(1001);
    assert!(memory.get(1, &by_uid).is_none());
    memory.put(1, by_uid, &ann);
    assert!(memory.get(1, &by_uid).is_some());
    assert!(memory.get(1, &Identity::Member(member(1))).is_none());
    assert!(memory.get(2, &by_uid).is_none(), "a newer epoch reads again");
    memory.put(2, Identity::Member(member(1)), &ann);
    assert!(memory.get(2, &by_uid).is_none());
    memory.put(1, by_uid, &ann);
    assert!(memory.get(2, &by_uid).is_none() && memory.get(1, &by_uid).is_none(), "a late answer is dropped");
}

#[test]
fn what_is_unlocked_is_locked_again_by_itself() {
    let factor = |unlocked: Option<i64>| FactorRow {
        member: member(1),
        epoch: 1,
        secret: [0; 60],
        enrolled: Timestamp::EPOCH,
        last_step: 0,
        wrong: 0,
        blocked: None,
        unlocked: unlocked.map(Timestamp::from_secs),
        recovery: Vec::new(),
    };
    let adult = Asset { rating: Some("adult".into()), ..asset() };
    let admitted = |unlocked, now| {
        let (row, factor) = (row(1, "admin", None), factor(unlocked));
        Who::admit(&row, Some(&factor), Timestamp::from_secs(now), &book(), Terms::default()).unwrap()
    };
    let longest = i64::try_from(FactorRow::LONGEST.as_secs()).unwrap();
    let table = [
        (None, 100, false),
        (Some(200), 100, true),
        (Some(200), 199, true),
        (Some(200), 200, false),
        (Some(200), 300, false),
        // The clock was set back: it holds nothing open for longer than anybody may ask for.
        (Some(200), 200 - longest, true),
        (Some(200), 199 - longest, false),
    ];
    for (unlocked, now, open) in table {
        let who = admitted(unlocked, now);
        assert_eq!(decide(&who, Verb::List, &adult).allowed, open, "{unlocked:?} {now}");
        assert_eq!(who.subject.is_admin(), open);
        assert!(decide(&who, Verb::List, &asset()).allowed);
    }
}
