//! Policies, members, assets and tries that nobody thought of: what a mount lets through is what the rules say, no more and no less, and each denial
//! is on record once.

use std::collections::BTreeMap;
use std::sync::Arc;

use damfs::fs::{Audience, FsResult, Mount, Show};
use damfs::ops::log::Ask;
use damfs::ops::proto::{Command, FailureKind};
use damfs::policy::expr::MapFacts;
use damfs::policy::{Field, RoleBook, parse};
use damfs::types::Caller;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::*;

const VERBS: [&str; 7] = ["list", "download", "edit", "tag", "delete", "review", "export"];
const RULES: [&str; 13] = [
    "*",
    "*",
    "none",
    "client=acme",
    "not.client=acme",
    "rating=safe",
    "not.rating=adult",
    "tag=beach",
    "any(client=acme;tag=beach)",
    "owner=me",
    "stage=none",
    "status.x=approved",
    "client=acme+globex,rating=safe..suggestive",
];
const SCOPES: [Option<&str>; 4] = [None, None, Some("client=acme"), Some("tag=beach")];
const TABLE: &str = "platform,placement,kind,width,height,fit,upscale,formats,max_bytes,adult_allowed\nx,card,image,40,40,crop,,jpeg,,yes\n";

/// A role: for each verb what is allowed and what is denied.
type Role = Vec<(Option<&'static str>, Option<&'static str>)>;

fn role() -> impl Strategy<Value = Role> {
    let rule = || (prop::option::weighted(0.8, select(&RULES[..])), prop::option::weighted(0.15, select(&RULES[2..])));
    // What lists nothing is refused as a role that allows nothing.
    let list = (select(&RULES[..]).prop_filter("it lists something", |rule| *rule != "none"), rule());
    (list, prop::collection::vec(rule(), VERBS.len() - 1))
        .prop_map(|((allow, (_, deny)), others)| [vec![(Some(allow), deny)], others].concat())
}

/// The facets of an asset: client, rating, tag, owner, stage.
type Facets = (Option<&'static str>, Option<&'static str>, bool, Option<usize>, bool);

fn facets() -> impl Strategy<Value = Facets> {
    let client = prop::option::of(select(&["acme", "globex"][..]));
    let rating = prop::option::of(select(&["safe", "suggestive", "adult"][..]));
    (client, rating, any::<bool>(), prop::option::of(0..2usize), any::<bool>())
}

fn text_of(name: &str, role: &Role) -> String {
    let table = |kind: &str, rule: &dyn Fn(usize) -> Option<&'static str>| {
        let lines = (0..VERBS.len()).filter_map(|n| Some(format!("{} = \"{}\"\n", VERBS[n], rule(n)?)));
        format!("[role.{name}.{kind}]\n{}", lines.collect::<String>())
    };
    let (allow, deny) = (table("allow", &|n| role[n].0), table("deny", &|n| role[n].1));
    format!("[role.{name}]\ndescription = \"x\"\n{allow}{deny}")
}

/// What the rules say, without the code that decides by them.
struct Oracle {
    name: String,
    role: Role,
    scope: Option<&'static str>,
}

impl Oracle {
    fn says(&self, rule: Option<&str>, facts: &MapFacts) -> bool {
        match rule {
            None | Some("none") => false,
            Some("*") => true,
            Some(query) => parse(&query.replace("owner=me", &format!("owner={}", self.name))).unwrap().matches(facts),
        }
    }

    fn may(&self, verb: &str, facts: &MapFacts) -> bool {
        let at = VERBS.iter().position(|known| *known == verb).unwrap();
        let (allow, deny) = self.role[at];
        let rule =
            self.says(allow, facts) && !self.says(deny, facts) && self.scope.is_none_or(|s| self.says(Some(s), facts));
        rule && (verb == "list" || self.may("list", facts))
    }
}

fn facts(world: &World, target: &str) -> MapFacts {
    let shown = world.show(target);
    let mut texts: BTreeMap<Field, Vec<String>> = BTreeMap::new();
    for name in ["client", "rating", "stage", "owner"] {
        texts.entry(Field::parse(name).unwrap()).or_default().extend(shown[name].as_str().map(str::to_owned));
    }
    let tags = shown["tag"].as_array().unwrap().iter().filter_map(|tag| tag.as_str()).map(str::to_owned);
    texts.insert(Field::Tag, tags.collect());
    let verdict = shown["status"]["x"]["value"].as_str().map(str::to_owned);
    texts.insert(Field::Status("x".into()), verdict.into_iter().collect());
    MapFacts { texts, ..MapFacts::default() }
}

/// How a try ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    Absent,
    Denied,
}

fn end<T>(result: FsResult<T>) -> End {
    match result.map_err(|e| e.errno()) {
        Ok(_) => End::Done,
        Err(libc::ENOENT) => End::Absent,
        Err(libc::EACCES) => End::Denied,
        Err(other) => panic!("errno {other}"),
    }
}

/// What a try that needs a verb ends in.
fn wanted(listed: bool, may: bool) -> End {
    match (listed, may) {
        (false, _) => End::Absent,
        (true, true) => End::Done,
        (true, false) => End::Denied,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_the_mount_lets_through_is_what_the_policy_allows(
        roles in prop::collection::vec(role(), 2),
        scopes in prop::collection::vec(select(&SCOPES[..]), 2),
        assets in prop::collection::vec(facets(), 4),
    ) {
        let world = World::new();
        world.sheet(TABLE);
        let admin = world.admin();
        admin.mkdir("library/f").unwrap();
        let added: String = roles.iter().enumerate().map(|(n, role)| text_of(&format!("r{n}"), role)).collect();
        // The admin made everything, and gives it verdicts while others may.
        let shipped = RoleBook::TEMPLATE.replace("self_review = \"alone\"", "self_review = \"allow\"");
        world.roles(&format!("{shipped}\n{added}"));
        let member = |(n, (role, scope)): (usize, (Role, Option<&'static str>))| {
            let (name, uid) = (format!("m{n}"), 1001 + u32::try_from(n).unwrap());
            let seat = world.member(&name, uid, &format!("r{n}"), scope);
            (Oracle { name, role, scope }, seat)
        };
        let members: Vec<(Oracle, Seat)> = roles.into_iter().zip(scopes).enumerate().map(member).collect();
        for (n, (client, rating, beach, owner, staged)) in assets.iter().enumerate() {
            let path = format!("library/f/a{n}.png");
            let picture = image::RgbImage::from_pixel(64, 64, image::Rgb([u8::try_from(n).unwrap(), 0, 0]));
            let mut png = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
            admin.write(&path, png.get_ref()).unwrap();
            world.settle();
            let mut set: Vec<String> = client.map(|client| format!("client={client}")).into_iter().collect();
            set.extend(rating.map(|rating| format!("rating={rating}")));
            set.extend(beach.then(|| "tag=beach".to_owned()));
            set.extend(owner.map(|owner| format!("owner=m{owner}")));
            set.extend(staged.then(|| "stage=internal-review".to_owned()));
            set.extend((n % 2 == 0).then(|| "status.x=approved".to_owned()));
            if !set.is_empty() {
                world.set(&path, &set.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
        let shared = Mount::new(world.library.clone(), Audience::Everyone, Show { uid: 0, gid: 0 }).unwrap();
        let mut denied = BTreeMap::new();
        for (oracle, own) in &members {
            let uid = own.caller.uid;
            let both = [Arc::clone(&own.mount), Arc::clone(&shared)];
            let seats = both.map(|mount| Seat { mount, caller: Caller { ..own.caller } });
            for n in 0..assets.len() {
                let (name, path) = (format!("a{n}.png"), format!("library/f/a{n}.png"));
                let (before, facts) = (world.show(&path), facts(&world, &path));
                let may = |verb: &str| oracle.may(verb, &facts);
                let listed = may("list");
                let shows = |seat: &Seat, place: &str| seat.has(place) && seat.names(place).contains(&name);
                let what = format!("{} {:?} {:?} of {path}", oracle.name, oracle.role, oracle.scope);
                for seat in &seats {
                    for place in ["library/f", "find/kind=image", "by/kind/image"] {
                        prop_assert_eq!(shows(seat, place), listed, "{} in {}", what, place);
                        prop_assert_eq!(seat.has(&format!("{place}/{name}")), listed, "{} by name in {}", what, place);
                    }
                    let stage = before["stage"].as_str().unwrap_or("draft");
                    prop_assert_eq!(shows(seat, &format!("review/{stage}")), listed, "{} on the board", what);
                    let circulates = n % 2 == 0 && listed && may("export");
                    prop_assert_eq!(seat.has(&format!("platforms/x/card/a{n}.jpg")), circulates, "{} as an export", what);
                    prop_assert_eq!(end(seat.read(&format!("records/f/{name}.json"))), wanted(listed, true), "{} its record", what);
                    for place in [path.clone(), format!("versions/f/{name}/1.png"), format!("find/kind=image/{name}")] {
                        let ends = end(seat.read(&place));
                        *denied.entry(&oracle.name).or_insert(0) += usize::from(ends == End::Denied);
                        prop_assert_eq!(ends, wanted(listed, may("download")), "{} read at {}", what, place);
                    }
                    prop_assert_eq!(end(seat.getxattr(&path, "user.dam.id")), wanted(listed, true), "{} its id", what);
                    // Who may not have the bytes is not told how many there are, but to write to them.
                    let whole = before["size"].as_u64().unwrap();
                    for (place, has) in [(path.clone(), may("download") || may("edit")), (format!("versions/f/{name}/1.png"), may("download"))] {
                        let told = seat.attr(&place).map(|attr| attr.size).ok();
                        prop_assert_eq!(told, listed.then_some(if has { whole } else { 0 }), "{} the size at {}", what, place);
                    }
                    if listed {
                        let record: serde_json::Value = serde_json::from_slice(&seat.read(&format!("records/f/{name}.json")).unwrap()).unwrap();
                        prop_assert_eq!(record["size"].as_u64(), may("download").then_some(whole), "{} the size in its record", what);
                        prop_assert_eq!(record["versions"][0]["content"].is_string(), may("download"), "{} the hash in its record", what);
                    }
                }
                // What is refused changes nothing; what is allowed is done, by one of the two.
                let seat = &seats[n % 2];
                let comment = end(seat.setxattr(&path, "user.xdg.comment", "x"));
                let stars = end(seat.rename(&path, &format!("by/stars/7/{name}")));
                let write = end(seat.open(&path, false, true).map(|fh| seat.close(fh)));
                let removal = (!may("edit") && !may("delete")).then(|| end(seat.unlink(&path)));
                let tries = [Some(&comment), Some(&stars), Some(&write), removal.as_ref()];
                *denied.entry(&oracle.name).or_insert(0) += tries.iter().filter(|ends| **ends == Some(&End::Denied)).count();
                prop_assert_eq!(comment, wanted(listed, may("tag")), "{} comment", what);
                prop_assert_eq!(stars, wanted(listed, may("tag")), "{} stars", what);
                prop_assert_eq!(write, wanted(listed, may("edit")), "{} write", what);
                prop_assert!(removal.is_none_or(|ends| ends == wanted(listed, false)), "{} removal", what);
                let set = Command::Set { what: vec![path.clone()].into(), set: assign(&["status.facebook=needs-review"]), dry_run: false, why: None };
                let kind = world.serve(uid, set).map(drop).map_err(|e| e.kind);
                *denied.entry(&oracle.name).or_insert(0) += usize::from(kind == Err(FailureKind::Refused));
                let verdict = match wanted(listed, may("review")) {
                    End::Done => Ok(()),
                    End::Absent => Err(FailureKind::NotFound),
                    End::Denied => Err(FailureKind::Refused),
                };
                prop_assert_eq!(kind, verdict, "{} verdict", what);
                if !may("tag") && !may("review") {
                    prop_assert_eq!(world.show(&path), before, "{} was changed", what);
                }
            }
        }
        world.library.write_denials().unwrap();
        for (name, times) in denied {
            let ask = Ask { member: Some(name.clone()), denied: true, limit: 1_000, ..Ask::default() };
            let rows = world.serve(0, Command::Log(ask)).unwrap();
            prop_assert_eq!(rows["rows"].as_array().unwrap().len(), times, "denials of {}", name);
        }
    }
}
