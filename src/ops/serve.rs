//! The one dispatcher: the daemon's control socket and the command line, opened in place, both come through here,
//! so that both ask the same gate and give the same answers.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use damfs_policy::Verb;
use serde_json::{Value, json};

use super::import::ImportOptions;
use super::members::NewMember;
use super::proto::{Command, Failure, FailureKind};
use super::restore::Place;
use super::several::Missing;
use super::value::FacetChange;
use super::{
    Actor, Library, OpsError, alerts, assign, brake, captions, complete, conflicts, copies, evidence, factors, filing,
    find, findings, folders, fsck, glossary, groups, guidelines, heads, history, import, log, members, offboard,
    policy, reach, read_only, records, restore, review, rules, saved, screen, show, similar, snapshots, spec, terms,
    thin, thumbs, trail, undo, value, whence, why, workflow,
};
use crate::access::AccessError;
use crate::types::{Caller, Timestamp};

/// Hears of a command while it goes on.
pub trait Listener: Sync {
    /// Of so many things so many are done. Told within transactions: it waits for nobody.
    fn progress(&self, _done: usize, _of: usize) {}

    /// Some of the answer. Told outside of transactions.
    ///
    /// # Errors
    /// When nobody listens any more: the command ends.
    fn part(&self, _part: Value) -> Result<(), OpsError> {
        Ok(())
    }
}

/// Hears nothing; for what is answered in one piece.
impl Listener for () {}

/// Puts the parts of an answer together.
#[derive(Default)]
struct Whole(Mutex<Vec<Value>>);

impl Listener for Whole {
    fn part(&self, mut part: Value) -> Result<(), OpsError> {
        let mut assets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assets.extend(part["assets"].as_array_mut().into_iter().flat_map(std::mem::take));
        Ok(())
    }
}

/// As [`serve_to`], with a find's `assets` in one piece.
///
/// # Errors
/// As [`serve_to`].
pub fn serve(library: &Arc<Library>, caller: &Caller, command: Command, file: Option<File>) -> Result<Value, Failure> {
    let in_parts = matches!(command, Command::Find { count: false, .. });
    let whole = Whole::default();
    let mut answer = serve_to(library, caller, command, file, &whole)?;
    if in_parts {
        answer["assets"] = Value::Array(whole.0.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
    Ok(answer)
}

/// Does one command for a caller, whom the kernel named. `file` is the descriptor that came with it.
///
/// # Errors
/// A [`Failure`] with its kind, message and hint. Denials are in the audit log by then.
pub fn serve_to(
    library: &Arc<Library>,
    caller: &Caller,
    command: Command,
    file: Option<File>,
    listener: &dyn Listener,
) -> Result<Value, Failure> {
    let actor = match Actor::of(library, caller) {
        Ok(actor) => actor,
        Err(e) => {
            let reason = match e {
                OpsError::Refused { reason, .. } => reason,
                OpsError::Access(AccessError::Catalog(e)) => return Err(OpsError::from(e).into()),
                OpsError::Access(e) => e.to_string(),
                other => return Err(other.into()),
            };
            // A denial that cannot be recorded is still a denial.
            let _ = note_denial(library, &format!("uid:{}", caller.uid), Verb::List, "library", &reason);
            return Err(Failure { kind: FailureKind::Refused, message: reason, hint: None });
        }
    };
    let mutates = command.changes_names();
    let may = read_only::must_not_rewrite(&actor, &command);
    let done = may.and_then(|()| run(library, &actor, command, file, listener)).and_then(|answer| {
        // What was answered is not undone by a power cut: a member who was locked out stays locked out.
        if mutates {
            library.pay_manifests()?;
            library.catalog.barrier()?;
        }
        Ok(answer)
    });
    done.map_err(|e| {
        match &e {
            OpsError::Refused { verb, subject, reason } => {
                let _ = note_denial(library, &actor.member.name, *verb, subject, reason);
            }
            OpsError::Barred { subject, message, .. } => {
                let _ = note_denial(library, &actor.member.name, Verb::Review, subject, message);
            }
            OpsError::Several { missing, .. } => {
                for Missing { verb, subject, reason } in missing {
                    let _ = note_denial(library, &actor.member.name, *verb, subject, reason);
                }
            }
            _ => {}
        }
        Failure::from(e)
    })
}

fn run(
    library: &Arc<Library>,
    actor: &Actor,
    command: Command,
    file: Option<File>,
    listener: &dyn Listener,
) -> Result<Value, OpsError> {
    match command {
        Command::Import { path, into, set, mtime, any, copies } => {
            let file = file.ok_or_else(|| OpsError::usage("an import needs an open file", "send its descriptor"))?;
            let options = ImportOptions::parse(into.as_deref(), &set, any, copies)?;
            let mtime = Timestamp::from_nanos(mtime);
            Ok(json!(import::import_one(library, actor, &path, options, mtime, file)?))
        }
        Command::Complete { begun } => complete::complete(library, actor, &begun),
        Command::Known => {
            let file = file.ok_or_else(|| OpsError::usage("no open file came along", "send its descriptor"))?;
            let content = library.vault.name(&import::OpenFile::new(file)?)?;
            let known = library.catalog.read(|tx| filing::known(library, actor, tx, content))?;
            Ok(json!({ "path": known.map(|(path, _)| path) }))
        }
        Command::Whence { name } => {
            let file = file.ok_or_else(|| OpsError::usage("no open file came along", "send its descriptor"))?;
            whence::whence(library, actor, &import::OpenFile::new(file)?, &name)
        }
        Command::Find { expr, sort, limit, count } => {
            let ask = find::Ask { expr, order: sort.as_deref().map(find::Order::parse).transpose()?, limit };
            if count { find::count(library, actor, &ask) } else { find::find(library, actor, &ask, listener) }
        }
        Command::Show { target } => show::show(library, actor, &target),
        Command::Records { expr, after } => records::export(library, actor, expr.as_deref(), after),
        Command::RecordsImport { records, how } => records::import(library, actor, &records, how),
        Command::RecordsShelf { shelf, how } => records::put_shelf(library, actor, &shelf, how),
        Command::Log(ask) => log::log(library, actor, &ask),
        Command::LogVerify { heads } => log::verify(library, actor, &heads),
        Command::LogHead => heads::heads(library, actor),
        Command::Evidence { target, since, with_bytes } => {
            let file = file.ok_or_else(|| OpsError::usage("no open file came along", "send its descriptor"))?;
            let ask = evidence::Ask { target: &target, since: since.as_deref(), with_bytes };
            evidence::make(library, actor, &ask, file)
        }
        Command::EvidenceKey => evidence::key(library),
        Command::Similar { target, within } => similar::similar(library, actor, &target, within),
        Command::Versions { target } => history::versions(library, actor, &target),
        Command::Diff { target, from, to } => history::diff(library, actor, &target, from, to),
        Command::Glossary => glossary::list(library, actor),
        Command::GlossaryText => glossary::text(library, actor),
        Command::GlossaryPut { text, base } => glossary::put(library, actor, &text, &base),
        Command::PolicyList => policy::list(library, actor),
        Command::PolicyShow { version } => policy::show(library, actor, version),
        Command::PolicyText => policy::text(library, actor),
        Command::PolicyCheck { text } => policy::check(library, actor, text.as_deref()),
        Command::PolicyDiff { text } => policy::diff(library, actor, text.as_deref()),
        Command::PolicyApply { text, base } => policy::apply(library, actor, text.as_deref(), base.as_deref()),
        Command::PolicyTest { cases, text } => policy::test(library, actor, cases.as_deref(), text.as_deref()),
        Command::SpecList { platform } => spec::list(library, platform.as_deref()),
        Command::SpecText => spec::text(library, actor),
        Command::SpecPut { text, base } => spec::put(library, actor, &text, &base),
        Command::CaptionList => Ok(captions::list(library)),
        Command::CaptionText => captions::text(library, actor),
        Command::CaptionPut { text, base } => captions::put(library, actor, &text, &base),
        Command::ExportList { expr, place, after } => copies::list(library, actor, &expr, &place, after),
        Command::ExportCopy { asset, place } => {
            let file = file.ok_or_else(|| OpsError::usage("no open file came along", "send its descriptor"))?;
            copies::copy(library, actor, asset, &place, file)
        }
        Command::ThumbsList { assets } => thumbs::list(library, actor, &assets),
        Command::ThumbsMake { asset, sides } => {
            let file = file.ok_or_else(|| OpsError::usage("no open file came along", "send its descriptor"))?;
            thumbs::make(library, actor, asset, &sides, file)
        }
        Command::AuditMetadata { query, fix } => findings::audit(library, actor, query.as_deref(), fix),
        Command::AuditAccess { target, member, unused } => {
            let (target, member, unused) = (target.as_deref(), member.as_deref(), unused.as_deref());
            reach::reach(library, actor, &reach::Which { target, member, unused })
        }
        Command::AuditSign => reach::sign(library, actor),
        Command::Thin { targets, dry_run } => thin::thin(library, actor, &targets, dry_run),
        Command::Restore { target, version, into, name } => {
            restore::restore(library, actor, &target, version, &Place { into, name })
        }
        Command::MetaDiff { target } => conflicts::diff(library, actor, &target),
        Command::MetaResolve { target, field, take } => {
            conflicts::resolve(library, actor, &target, field.as_deref(), &take)
        }
        Command::Undo { turn, of, dry_run } => undo::undo(library, actor, &undo::Ask { turn, of, dry_run }),
        Command::Turns { of, limit } => undo::list(library, actor, of.as_deref(), limit),
        Command::Save { name, query, roles, until } => {
            saved::save(library, actor, &saved::Ask { name, query, roles, until })
        }
        Command::SavedRemove { name } => saved::remove(library, actor, &name),
        Command::SavedList => saved::list(library, actor),
        Command::Set { what, set, dry_run, why } => {
            let ask = assign::Ask { what, list: file, dry_run };
            assign::set(library, &review::saying(actor, why.as_deref())?, ask, &set, listener)
        }
        Command::ReviewList { stage, mine, overdue } => {
            review::list(library, actor, &review::Which { stage, mine, overdue })
        }
        Command::Screen { targets } => screen::screen(library, actor, &targets),
        Command::Remark { what, text, dry_run } => {
            let ask = assign::Ask { what, list: file, dry_run };
            review::remark(library, actor, ask, &text, listener)
        }
        Command::Takedown { what, platform, dry_run, why } => {
            let ask = assign::Ask { what, list: file, dry_run };
            review::takedown(library, &review::saying(actor, Some(&why))?, ask, platform.as_deref(), listener)
        }
        Command::AlertsShow => alerts::show(library, actor),
        Command::WorkflowShow => workflow::show(library, actor),
        Command::WorkflowPut { text, base } => workflow::put(library, actor, &text, base.as_deref()),
        Command::GuidelineList => guidelines::list(library, actor),
        Command::GuidelineShow { platform } => guidelines::show(library, &platform),
        Command::GuidelinePut { platform, text, base } => {
            guidelines::put(library, actor, &platform, &text, base.as_deref())
        }
        Command::GuidelineStale { platform, mark } => guidelines::stale(library, actor, &platform, mark),
        Command::Tag { what, tag, remove, dry_run } => {
            let ask = assign::Ask { what, list: file, dry_run };
            assign::tag(library, actor, ask, &tag, remove, listener)
        }
        Command::BulkAllow { seconds } => brake::allow(library, actor, seconds),
        Command::Settle => settle(library, actor),
        Command::Fsck { deep } => fsck::fsck(library, actor, deep),
        Command::Snapshot => snapshots::snapshot(library, actor),
        Command::MemberAdd { name, uid, role, scope, ends } => {
            let (scope, ends) = (scope.as_deref(), ends.as_deref());
            members::add(library, actor, &NewMember { name: &name, uid, role: &role, scope, ends })
        }
        Command::MemberSet { name, change } => members::set(library, actor, &name, &change),
        Command::MemberOffboard { name, to } => offboard::offboard(library, actor, &name, &to, listener),
        Command::GroupAdd { group, new } => groups::add(library, actor, &group, &new),
        Command::GroupSet { group, change } => groups::set(library, actor, &group, &change),
        Command::GroupRemove { group } => groups::remove(library, actor, &group),
        Command::MemberList => members::list(library, actor),
        Command::TotpBegin => factors::begin(library, actor),
        Command::TotpEnrol { secret, code } => factors::enrol(library, actor, &secret, &code),
        Command::TotpRemove { member } => factors::remove(library, actor, member.as_deref()),
        Command::Unlock { seconds, code } => factors::unlock(library, actor, seconds, &code),
        Command::Lock => factors::lock(library, actor),
        Command::Why { target, as_member } => why::why(library, actor, &target, as_member.as_deref()),
        Command::FolderRule { folder, set } => folder_rule(library, actor, &folder, &set),
    }
}

/// Anybody may have versions made at once; he is told of those whose assets he may list.
fn settle(library: &Arc<Library>, actor: &Actor) -> Result<Value, OpsError> {
    let made = library.settle()?;
    library.follow_all()?;
    library.catalog.read(|tx| {
        let mut listed = 0;
        for id in &made {
            let asset = tx.version(*id)?.map(|v| tx.asset(v.asset)).transpose()?.flatten();
            listed += u64::from(asset.is_some_and(|a| actor.decide(library, Verb::List, &a).allowed));
        }
        Ok(json!({ "versions": listed }))
    })
}

fn folder_rule(
    library: &Library,
    actor: &Actor,
    folder: &str,
    set: &[super::proto::Assignment],
) -> Result<Value, OpsError> {
    actor.must_be_admin("set a folder's rules")?;
    let mut changes = value::changes(set)?;
    let now = library.clock.now();
    library.catalog.write(|tx| {
        for (field, change) in &mut changes {
            if let FacetChange::Add(value) | FacetChange::Replace(value) = change {
                *value = terms::admit(tx, actor.who(), field, value)?;
            }
        }
        let node = folders::ensure_folder(tx, folder, &actor.maker(now))?;
        let before = tx.folder_rules(node)?;
        let rows = rules::put_rules(tx, node, &changes)?;
        if rows != before {
            let detail = json!({ "rules": rows });
            trail::append(tx, &actor.hand(now), "folder.rule", folder, &detail)?;
        }
        let rules: Vec<Value> = rows.iter().map(|r| json!({ "facet": r.facet, "value": r.value })).collect();
        Ok(json!({ "folder": folder, "rules": rules }))
    })
}

/// Puts a denial into the audit log, in a transaction of its own: what was denied left none.
///
/// # Errors
/// When the catalogue fails.
pub fn note_denial(library: &Library, who: &str, verb: Verb, subject: &str, reason: &str) -> Result<(), OpsError> {
    let now = library.clock.now();
    let action = format!("deny.{}", verb.name());
    library.catalog.write(|tx| {
        let detail = json!({ "reason": reason, "policy": library.gate.roles().no });
        crate::audit::append(tx, super::CHAIN, now, who, &action, subject, &detail)?;
        Ok(())
    })
}
