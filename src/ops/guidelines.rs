//! What each platform asks of what is posted there, as texts that an admin puts in force. Approvals are held to them and name the one that they
//! were given under.

use std::collections::BTreeSet;
use std::sync::Arc;

use damfs_policy::{Expr, Field, Guideline, Platforms};
use serde_json::{Value, json};

use super::kept::{self, Kind, Version};
use super::value::{self, FacetChange};
use super::{Actor, Library, OpsError, assign, folders};
use crate::catalog::{Asset, CatalogError, ChangeKind, ReadTx};
use crate::view::tree::Tree;

/// Assets read at once.
const PAGE: usize = 512;
/// Assets that an answer tells one by one; of more it tells the number.
const TOLD: usize = 1_000;

fn key(platform: &str) -> String {
    format!("guideline.{platform}")
}

/// A text that is kept, or why it cannot be told.
type Told = Result<String, String>;

/// Every guideline that is kept, by its platform, also of one that the table has no more.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn texts(tx: &dyn ReadTx) -> Result<Vec<(String, Told)>, CatalogError> {
    let mut found = Vec::new();
    for (key, _) in tx.metas(&key(""))? {
        let platform = key.split_once('.').map_or("", |(_, platform)| platform);
        // The others are the versions: by their number.
        if platform.contains('.') {
            continue;
        }
        match kept::in_force(tx, &key) {
            Ok(kept) => found.extend(kept.map(|kept| (platform.to_owned(), Ok(kept.text)))),
            Err(CatalogError::Damaged(why)) => found.push((platform.to_owned(), Err(why))),
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

/// The digits of every text that ever was in force and is there.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn every_digits(tx: &dyn ReadTx) -> Result<BTreeSet<String>, CatalogError> {
    let versions = tx.metas(&key(""))?.into_iter().filter_map(|(_, kept)| serde_json::from_str::<Version>(&kept).ok());
    Ok(versions.map(|version| kept::short(&version.digest).to_owned()).collect())
}

/// The text that verdicts for a platform name by its digits.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn by_digits(tx: &dyn ReadTx, platform: &str, digits: &str) -> Result<Option<String>, CatalogError> {
    let versions = tx.metas(&format!("{}.", key(platform)))?.into_iter();
    let mut versions = versions.filter_map(|(_, kept)| serde_json::from_str::<Version>(&kept).ok());
    Ok(versions.find(|version| kept::short(&version.digest) == digits).map(|version| version.text))
}

/// A table with the guidelines that were in force when the library was used last. One that cannot be read refuses everything until it is mended.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn kept(tx: &dyn ReadTx, table: &Platforms) -> Result<Arc<Platforms>, CatalogError> {
    let vocabulary = table.vocabulary();
    let read = |(platform, text): (String, Told)| {
        let (text, why) = text.map_or_else(|why| (String::new(), Some(why)), |text| (text, None));
        let parsed = why.map_or_else(|| Guideline::parse(&platform, &text, &vocabulary).map_err(|e| e.0), Err);
        Arc::new(parsed.unwrap_or_else(|why| Guideline::unreadable(&platform, &text, &why)))
    };
    Ok(Arc::new(table.guided(&texts(tx)?.into_iter().map(read).collect::<Vec<_>>())))
}

/// The digits of the text that approvals for a platform are held to by a table.
#[must_use]
pub(super) fn digits(table: &Platforms, platform: &str) -> Option<String> {
    table.guideline(platform).map(|guideline| kept::short(&kept::digest(guideline.text())).to_owned())
}

fn known(table: &Platforms, platform: &str) -> Result<(), OpsError> {
    if table.platforms().any(|known| known == platform) {
        return Ok(());
    }
    Err(value::unknown("platform", platform, table.platforms().map(str::to_owned)))
}

/// Every platform with a guideline, and how many assets that the member may list are approved there, by this text and by others.
///
/// # Errors
/// What the catalogue says.
pub fn list(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    let table = library.gate.platforms();
    library.catalog.read(|tx| {
        let mut rows = Vec::new();
        for guideline in table.guidelines() {
            let platform = guideline.platform();
            let Some(kept) = kept::in_force(tx, &key(platform))? else { continue };
            let (mut approved, mut others) = (0u64, 0u64);
            each_approved(tx, actor, platform, |asset| {
                approved += 1;
                others += u64::from(is_of_another(asset, platform, kept::short(&kept.digest)));
                Ok(())
            })?;
            let mut told = kept.told();
            told["platform"] = platform.into();
            told["lines"] = guideline.lines().into();
            (told["approved"], told["by_another"]) = (approved.into(), others.into());
            rows.push(told);
        }
        Ok(json!({ "guidelines": rows }))
    })
}

/// The text of a platform's guideline; empty where there is none yet.
///
/// # Errors
/// [`OpsError::Unknown`] for a platform that the table has not.
pub fn show(library: &Library, platform: &str) -> Result<Value, OpsError> {
    known(&library.gate.platforms(), platform)?;
    let kept = library.catalog.read(|tx| kept::in_force(tx, &key(platform)))?;
    let mut told = kept.as_ref().map_or_else(|| json!({ "version": 0 }), Version::told);
    told["platform"] = platform.into();
    told["text"] = kept.map(|kept| kept.text).unwrap_or_default().into();
    Ok(told)
}

/// Puts another text in the place of the one that `base` is, by default of whichever is in force: what it refuses circulates no more when this
/// returns.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Usage`] for a text with a mistake; [`OpsError::Failed`] when another one was put there
/// meanwhile.
pub fn put(
    library: &Library,
    actor: &Actor,
    platform: &str,
    text: &str,
    base: Option<&str>,
) -> Result<Value, OpsError> {
    actor.must_be_admin("change a guideline")?;
    // Held to the end: tables and their guidelines come one after the other.
    let _turn = library.platforms_file.seen();
    let before = library.gate.platforms();
    known(&before, platform)?;
    let guideline = Guideline::parse(platform, text, &before.vocabulary())
        .map_err(|e| OpsError::usage(e.0, "nothing was changed; mend it and put it in again"))?;
    let kept = library.catalog.read(|tx| kept::in_force(tx, &key(platform)))?;
    let stands = kept.as_ref().map_or("", |kept| kept.text.as_str());
    if base.is_some_and(|base| base != stands) {
        return Err(OpsError::failed(
            "somebody else has changed the guideline meanwhile; nothing was changed",
            format!("edit it once more: dam guideline edit {platform}"),
        ));
    }
    if stands == text {
        return Ok(json!({ "applied": false, "platform": platform }));
    }
    let others = before.guidelines().filter(|other| other.platform() != platform).cloned();
    let guided: Vec<Arc<Guideline>> = others.chain([Arc::new(guideline)]).collect();
    let now = library.clock.now();
    let next = Version::new(kept.map_or(0, |kept| kept.no) + 1, text, &actor.member.name, now);
    let (key, subject) = (key(platform), format!("guidelines/{platform}.md"));
    let kind = Kind { key: &key, action: "guideline.apply", subject: &subject };
    // On record first: no text decides that may yet not be.
    library.catalog.write(|tx| next.keep(tx, kind, json!({})))?;
    library.gate.publish_by(Arc::new(before.guided(&guided)));
    // Who heard of the change looked by the text before.
    library.catalog.write(|tx| tx.change(ChangeKind::Access, &subject))?;
    let mut told = next.told();
    (told["applied"], told["platform"]) = (true.into(), platform.into());
    Ok(told)
}

/// What is approved for a platform by another text than the one in force, or by none; marked stale when asked for, in one transaction: it
/// circulates no more then.
///
/// # Errors
/// [`OpsError::Unknown`] for a platform that the table has not; [`OpsError::Refused`] for who may not review one of those; nothing was marked
/// then.
pub fn stale(library: &Library, actor: &Actor, platform: &str, mark: bool) -> Result<Value, OpsError> {
    let table = library.gate.platforms();
    known(&table, platform)?;
    let current = digits(&table, platform).unwrap_or_default();
    let found = library.catalog.read(|tx| {
        let mut found = Vec::new();
        each_approved(tx, actor, platform, |asset| {
            if is_of_another(asset, platform, &current) {
                let verdict = asset.status.get(platform);
                let (path, by) =
                    (folders::path_of_asset(tx, asset)?, verdict.and_then(|verdict| verdict.guideline.clone()));
                found.push((asset.id, json!({ "id": asset.id.to_string(), "path": path, "guideline": by })));
            }
            Ok(())
        })?;
        Ok::<_, OpsError>(found)
    })?;
    let now = library.clock.now();
    let change = [(Field::Status(platform.to_owned()), FacetChange::Replace("stale".to_owned()))];
    if mark {
        library.catalog.write(|tx| {
            for (id, _) in &found {
                let Some(mut asset) = tx.asset(*id)? else { continue };
                if is_approved(&asset, platform) && is_of_another(&asset, platform, &current) {
                    assign::change_asset(library, actor, tx, &mut asset, &change, &id.to_string(), now)?;
                }
            }
            Ok::<_, OpsError>(())
        })?;
    }
    let told: Vec<&Value> = found.iter().take(TOLD).map(|(_, told)| told).collect();
    Ok(json!({ "platform": platform, "guideline": current, "count": found.len(), "marked": mark, "assets": told }))
}

fn is_approved(asset: &Asset, platform: &str) -> bool {
    asset.status.get(platform).is_some_and(|verdict| verdict.value == "approved")
}

fn is_of_another(asset: &Asset, platform: &str, current: &str) -> bool {
    asset.status.get(platform).and_then(|verdict| verdict.guideline.as_deref()) != Some(current)
}

/// Hands over everything that is approved for a platform and that the member may list.
fn each_approved(
    tx: &dyn ReadTx,
    actor: &Actor,
    platform: &str,
    mut each: impl FnMut(&Asset) -> Result<(), OpsError>,
) -> Result<(), OpsError> {
    let who = actor.who();
    let tree = Tree::new(tx, &who.subject, Some(who.id));
    let approved = tree.visible(&Expr::is(Field::Status(platform.to_owned()), "approved"));
    let mut after = 0;
    loop {
        let page = tx.find(&approved, after, PAGE)?;
        page.iter().try_for_each(&mut each)?;
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.ordinal,
            _ => return Ok(()),
        }
    }
}
