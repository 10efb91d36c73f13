//! What is to be done about somebody, by what the system says of him. Pure: who decides asks nobody here.

use std::collections::BTreeSet;

use crate::catalog::{GroupSeat, MemberRow};
use crate::ops::members::may_be_called;
use crate::types::Timestamp;

/// How long one stays whom nobody can say anything of: long enough for a server to start again.
pub(super) const GRACE_MS: i64 = 15 * 60 * 1_000;
/// How old that he was seen may be before it is stored again: a third of that, so that he has two thirds of it at least.
const STALE_MS: i64 = GRACE_MS / 3;

/// What the system says of a user id.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub uid: u32,
    /// `None`: nobody knows it.
    pub login: Option<&'a str>,
    /// Those that give something now, and that he is in.
    pub groups: BTreeSet<String>,
    /// Those that nobody knows now.
    pub unknown: BTreeSet<String>,
    /// A member is called like his login.
    pub taken: bool,
}

impl Seen<'_> {
    fn says_nothing_of(&self, group: &str) -> bool {
        self.login.is_none() || self.unknown.contains(group)
    }

    /// What nobody knows.
    fn unsaid(&self, group: &str) -> String {
        match self.login {
            None => format!("nobody knows user id {}", self.uid),
            Some(_) => format!("nobody knows the group {group}"),
        }
    }

    /// Why it is not known whether somebody who is in by groups is so still.
    pub fn doubt(&self, seats: &[GroupSeat]) -> Option<String> {
        seats.iter().find(|seat| self.says_nothing_of(&seat.group)).map(|seat| self.unsaid(&seat.group))
    }
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing.
    Stay,
    Join {
        login: String,
        groups: Vec<String>,
    },
    /// He would be a member and cannot be; for admins, why.
    Refuse(String),
    /// Groups that he came into and left, and those that he is in still and that were stored too long ago.
    Change {
        came: Vec<String>,
        left: Vec<String>,
        seen: Vec<String>,
        why: Option<String>,
    },
}

/// By what the system says. Who was shut out by an admin, or whose last day is over, is not let in by a group: that is his row's to say.
/// `face` is the login as which he was in a group. Who never was, since an admin named his user id, is whoever has it now.
pub(super) fn of(
    member: Option<&MemberRow>,
    face: Option<&str>,
    seats: &[GroupSeat],
    seen: &Seen<'_>,
    now: Timestamp,
) -> Plan {
    let Some(member) = member else { return newcomer(seen) };
    // The user id was given to another person.
    let other = seen.login.zip(face).filter(|(login, face)| login != face);
    if !member.active {
        let other = other.filter(|_| !seen.groups.is_empty());
        return other.map_or(Plan::Stay, |(login, face)| Plan::Refuse(reused(&member.name, seen.uid, login, face)));
    }
    let groups = if other.is_some() { &BTreeSet::new() } else { &seen.groups };
    let is_in = |name: &String| seats.iter().any(|seat| seat.group == *name);
    let is_old = |seat: &&GroupSeat| !(0..STALE_MS).contains(&now.ms_since(seat.seen));
    let came: Vec<String> = groups.iter().filter(|name| !is_in(name)).cloned().collect();
    // Of whom, or of which group, nobody knows it is not said that he left: so does a name service speak while a directory is down.
    let silent = |seat: &&GroupSeat| other.is_none() && seen.says_nothing_of(&seat.group);
    let gone = |seat: &&GroupSeat| !groups.contains(&seat.group) && (!silent(seat) || is_over(seat, now));
    let left: Vec<String> = seats.iter().filter(gone).map(|seat| seat.group.clone()).collect();
    let why = seats.iter().filter(gone).find(silent).map(|seat| too_long(&seen.unsaid(&seat.group)));
    let known = seats.iter().filter(|seat| groups.contains(&seat.group));
    // As whom he is in is stored with the next one.
    let seen_again: Vec<String> =
        known.filter(|seat| face.is_none() || is_old(seat)).map(|seat| seat.group.clone()).collect();
    match other {
        _ if !came.is_empty() || !left.is_empty() || !seen_again.is_empty() => {
            Plan::Change { came, left, seen: seen_again, why }
        }
        // What was given to the member himself the other one has, for an admin named the user id.
        Some((login, face)) if !seen.groups.is_empty() || !member.role.is_empty() => {
            Plan::Refuse(reused(&member.name, seen.uid, login, face))
        }
        _ => Plan::Stay,
    }
}

fn reused(name: &str, uid: u32, login: &str, face: &str) -> String {
    format!(
        "user id {uid} is {login}'s now and was {face}'s, as whom {name} is a member; no group lets {login} in by it. If they are one person: dam member set {name} --uid {uid}; if they are two: dam member set {name} --uid none"
    )
}

fn newcomer(seen: &Seen<'_>) -> Plan {
    let Some(login) = seen.login.filter(|_| !seen.groups.is_empty()) else { return Plan::Stay };
    let groups: Vec<String> = seen.groups.iter().cloned().collect();
    let (uid, of) = (seen.uid, groups.join(", "));
    if seen.taken {
        return Plan::Refuse(format!(
            "{login} (user id {uid}, of group {of}) is not let in: a member who is not this user id has the name; make them one: dam member set {login} --uid {uid}, or name him otherwise: dam member add OTHER --uid {uid} --role ROLE"
        ));
    }
    if !may_be_called(login) {
        return Plan::Refuse(format!(
            "user id {uid} of group {of} is not let in: its login `{}` cannot be a member's name; name him: dam member add NAME --uid {uid} --role ROLE",
            login.escape_debug()
        ));
    }
    Plan::Join { login: login.to_owned(), groups }
}

/// When the system does not say: who is in stays until it was too long ago that it did. A clock that was set back lengthens nothing.
pub(super) fn of_silence(seats: &[GroupSeat], why: &str, now: Timestamp) -> Plan {
    let over = seats.iter().filter(|seat| is_over(seat, now));
    let left: Vec<String> = over.map(|seat| seat.group.clone()).collect();
    if left.is_empty() {
        return Plan::Stay;
    }
    Plan::Change { came: Vec::new(), left, seen: Vec::new(), why: Some(too_long(why)) }
}

fn is_over(seat: &GroupSeat, now: Timestamp) -> bool {
    !(0..GRACE_MS).contains(&now.ms_since(seat.seen))
}

fn too_long(why: &str) -> String {
    format!("it could not be asked for for too long: {why}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::types::MemberId;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn member(name: &str, role: &str, active: bool) -> MemberRow {
        MemberRow {
            id: MemberId::from_bytes([7; 16]),
            name: name.to_owned(),
            uid: Some(1_001),
            role: role.to_owned(),
            scope: None,
            active,
            since: Timestamp::EPOCH,
            ends: None,
            read_only: false,
            groups: Vec::new(),
        }
    }

    fn seats(groups: &[(&str, i64)]) -> Vec<GroupSeat> {
        let seat = |(group, ago_ms): &(&str, i64)| GroupSeat {
            member: MemberId::from_bytes([7; 16]),
            group: (*group).to_owned(),
            seen: NOW.plus_ms(-ago_ms),
        };
        groups.iter().map(seat).collect()
    }

    fn seen<'a>(login: &'a str, groups: &[&str], taken: bool) -> Seen<'a> {
        let login = Some(login).filter(|login| !login.is_empty());
        let groups = groups.iter().map(|g| (*g).to_owned()).collect();
        Seen { uid: 1_001, login, groups, unknown: BTreeSet::new(), taken }
    }

    /// A plan in a few letters: `+` came into, `-` left, `.` seen again.
    fn short(plan: &Plan) -> String {
        let with = |sign: &str, all: &[String]| all.iter().map(|name| format!("{sign}{name}")).collect::<String>();
        match plan {
            Plan::Stay => "stay".to_owned(),
            Plan::Join { login, groups } => format!("join {login} {}", groups.join(",")),
            Plan::Refuse(_) => "refuse".to_owned(),
            Plan::Change { came, left, seen, .. } => with("+", came) + &with("-", left) + &with(".", seen),
        }
    }

    #[test]
    fn who_comes_and_goes_by_what_the_system_says() {
        let out = |name: &str| Some(member(name, "", true));
        let own = |name: &str| Some(member(name, "editor", true));
        let shut = |name: &str| Some(member(name, "", false));
        for (who, sat, says, then, what) in [
            (None, vec![], seen("eve", &["studio"], false), "join eve studio", "at first sight"),
            (None, vec![], seen("eve", &["press", "studio"], false), "join eve press,studio", "by two"),
            (None, vec![], seen("eve", &[], false), "stay", "a stranger"),
            (None, vec![], seen("", &[], false), "stay", "nobody's user id"),
            (None, vec![], seen("eve", &["studio"], true), "refuse", "another is called so"),
            (None, vec![], seen("none", &["studio"], false), "refuse", "no name"),
            (None, vec![], seen("ACME\\eve", &["studio"], false), "refuse", "no name either"),
            (None, vec![], seen("", &[], true), "stay", "nobody at all"),
            (out("eve"), vec![("studio", 0)], seen("eve", &["studio"], true), "stay", "as before"),
            (out("eve"), vec![("studio", GRACE_MS / 2)], seen("eve", &["studio"], true), ".studio", "seen again"),
            (out("eve"), vec![("studio", -1)], seen("eve", &["studio"], true), ".studio", "a clock set back"),
            (out("eve"), vec![("studio", 0)], seen("eve", &[], true), "-studio", "left"),
            (out("eve"), vec![("studio", 0)], seen("eve", &["press"], true), "+press-studio", "changed over"),
            (out("eve"), vec![], seen("eve", &["studio"], true), "+studio", "came back"),
            (out("eve"), vec![("studio", 0)], seen("bob", &["studio"], false), "-studio", "the user id is another's"),
            (out("eve"), vec![], seen("bob", &["studio"], false), "refuse", "and he is not she"),
            (out("eve"), vec![], seen("bob", &[], false), "stay", "nor of any group"),
            (own("anna"), vec![], seen("a.klein", &["studio"], false), "+studio", "named by an admin"),
            (own("anna"), vec![("studio", 0)], seen("a.klein", &[], false), "-studio", "left, and has her own"),
            (shut("eve"), vec![], seen("eve", &["studio"], true), "stay", "shut out stays out"),
            (shut("eve"), vec![("studio", 0)], seen("eve", &["studio"], true), "stay", "shut out stays out"),
        ] {
            let face = who.as_ref().filter(|member| member.role.is_empty()).map(|member| member.name.as_str());
            assert_eq!(short(&of(who.as_ref(), face, &seats(&sat), &says, NOW)), then, "{what}");
        }
    }

    /// Regression: `passwd: files sss` says of everybody that nobody has his user id while sssd starts again, and all of a group were out by it.
    #[test]
    fn whom_or_whose_group_nobody_knows_stays_a_while() {
        let lost = |login, groups: &[&str]| Seen {
            unknown: BTreeSet::from(["studio".to_owned()]),
            ..seen(login, groups, true)
        };
        for (sat, says, then, what) in [
            (vec![("studio", 0)], seen("", &[], false), "stay", "nobody knows the user id"),
            (vec![("studio", GRACE_MS - 1)], seen("", &[], false), "stay", "for a while"),
            (vec![("studio", GRACE_MS)], seen("", &[], false), "-studio", "and no longer"),
            (vec![("studio", 0)], lost("eve", &[]), "stay", "nobody knows the group"),
            (vec![("studio", GRACE_MS)], lost("eve", &[]), "-studio", "for a while"),
            (vec![("press", 0), ("studio", 0)], lost("eve", &[]), "-press", "what is said counts at once"),
            (vec![("press", GRACE_MS), ("studio", 0)], lost("eve", &["press"]), ".press", "either way"),
            (vec![("studio", 0)], lost("bob", &[]), "-studio", "the user id is another's"),
        ] {
            let eve = member("eve", "", true);
            assert_eq!(short(&of(Some(&eve), Some("eve"), &seats(&sat), &says, NOW)), then, "{what}");
        }
    }

    /// Regression: who was given a role of his own was followed by his user id alone, and whoever an admin had named otherwise than his login got
    /// nothing by a group.
    #[test]
    fn a_member_is_the_login_that_was_seen_and_whatever_one_when_none_was() {
        let [by_group, named, out] =
            [("", true), ("editor", true), ("", false)].map(|(role, active)| member("eve", role, active));
        for (who, face, sat, says, then, what) in [
            (&named, Some("eve"), vec![("studio", 0)], seen("zoe", &["studio"], false), "-studio", "another's by now"),
            (&named, Some("eve"), vec![], seen("zoe", &["studio"], false), "refuse", "and is not let in"),
            (&named, Some("eve"), vec![], seen("zoe", &[], false), "refuse", "nor has it without a word"),
            (&by_group, Some("eve"), vec![], seen("zoe", &[], false), "stay", "who has nothing by it is a stranger"),
            (&out, Some("eve"), vec![], seen("zoe", &["studio"], false), "refuse", "nor by one who was shut out"),
            (&out, Some("eve"), vec![], seen("zoe", &[], false), "stay", "a stranger"),
            (&out, Some("eve"), vec![], seen("eve", &["studio"], true), "stay", "shut out stays out"),
            (&by_group, None, vec![], seen("e.klein", &["studio"], false), "+studio", "an admin named the user id"),
            (
                &by_group,
                None,
                vec![("studio", 0)],
                seen("e.klein", &["studio"], false),
                ".studio",
                "the same once more",
            ),
            (&by_group, Some("e.klein"), vec![("studio", 0)], seen("e.klein", &["studio"], false), "stay", "the same"),
            (&by_group, Some("e.klein"), vec![("studio", 0)], seen("eve", &["studio"], true), "-studio", "not by name"),
        ] {
            assert_eq!(short(&of(Some(who), face, &seats(&sat), &says, NOW)), then, "{what}");
        }
    }

    #[test]
    fn who_cannot_be_asked_for_stays_a_while_and_nobody_comes() {
        for (sat, then) in [
            (vec![], "stay"),
            (vec![("studio", 0)], "stay"),
            (vec![("studio", GRACE_MS - 1)], "stay"),
            (vec![("studio", GRACE_MS)], "-studio"),
            (vec![("studio", -1)], "-studio"),
            (vec![("press", 0), ("studio", GRACE_MS)], "-studio"),
        ] {
            assert_eq!(short(&of_silence(&seats(&sat), "no answer", NOW)), then, "{sat:?}");
        }
    }

    #[test]
    fn people_join_and_services_do_not() {
        for uid in [0, 1, 999, 61_184, 65_519, 65_534, 65_535, u32::MAX] {
            assert!(!super::super::may_join(uid), "{uid}");
        }
        for uid in [1_000, 47_101, 60_513, 100_000, 1_234_600_500] {
            assert!(super::super::may_join(uid), "{uid}");
        }
    }
}
