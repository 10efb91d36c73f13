//! The library's table of platforms: a sheet in its folder, read again whenever it has changed. The last one without a mistake is in force, and
//! kept in the catalogue with the time since when each row makes what it makes.

use std::sync::Arc;

use damfs_policy::platforms::{self, decode};
use damfs_policy::roles::Rule;
use damfs_policy::{Guideline, Placement, Platforms, Workflow};
use serde_json::{Value, json};

use super::own_text::{Seen, Stamp};
use super::{Actor, Library, OpsError, guidelines, value};
use crate::audit;
use crate::catalog::{CatalogError, ChangeKind, ReadTx};
use crate::types::Timestamp;

/// The table, in the library's folder.
pub const FILE: &str = "platforms.csv";

/// What the table in force is kept under.
const KEPT: &str = "platforms";

/// A row that nobody has looked at for longer may be untrue.
pub const DUE_DAYS: i64 = 92;

/// The table that was in force when the library was used last; at first the one that ships.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn kept(tx: &dyn ReadTx) -> Result<Arc<Platforms>, CatalogError> {
    let Some(text) = tx.meta(KEPT)? else { return Ok(Arc::clone(platforms::shipped())) };
    Ok(Arc::new(
        serde_json::from_str(&text).map_err(|e| CatalogError::Damaged(format!("the table of platforms: {e}")))?,
    ))
}

/// As the catalogue keeps a table.
///
/// # Errors
/// Never with a table.
pub(super) fn keep(table: &Platforms) -> Result<(&'static str, String), CatalogError> {
    let text =
        serde_json::to_string(table).map_err(|e| CatalogError::Damaged(format!("the table of platforms: {e}")))?;
    Ok((KEPT, text))
}

fn parse(bytes: &[u8]) -> Result<Platforms, String> {
    Platforms::parse(&decode(bytes)).map_err(|e| e.to_string())
}

impl Library {
    /// What is wrong with the library's `platforms.csv`.
    #[must_use]
    pub fn platforms_fault(&self) -> Option<String> {
        self.platforms_file.fault()
    }

    /// Reads the table when the library is opened: without one that which ships is in force, and a mistake changes nothing.
    pub(super) fn first_platforms(&self) -> Result<(), OpsError> {
        let file = &self.platforms_file;
        match file.bytes(self.root()) {
            Ok(None) => Ok(self.put_in_force(platforms::shipped(), "damfs")?),
            Ok(Some(_)) | Err(_) => self.read_platforms(&mut file.seen(), file.stamp(self.root())),
        }
    }

    /// Reads the table again when its file has become another. One that is gone is a mistake, too: an editor may be saving it.
    pub(super) fn sweep_platforms(self: &Arc<Self>) -> Result<(), OpsError> {
        let file = &self.platforms_file;
        let mut seen = file.seen();
        match file.changed(self.root(), &mut seen) {
            Some(now) => self.read_platforms(&mut seen, now),
            None => Ok(()),
        }
    }

    fn read_platforms(&self, seen: &mut Seen, now: Option<Stamp>) -> Result<(), OpsError> {
        let read = self.platforms_file.must(self.root()).and_then(|bytes| parse(&bytes));
        let fault = match read.map(|table| self.put_in_force(&table, "damfs")) {
            Ok(Ok(())) => None,
            Ok(Err(Unpublished::Needed(fault))) | Err(fault) => Some(fault),
            Ok(Err(Unpublished::Catalog(e))) => return Err(e.into()),
        };
        if let Some(fault) = &fault {
            self.trouble("spec", format!("{fault}; the table before it stays in force"));
        }
        seen.read(now, fault);
        Ok(())
    }

    /// From now on this is what the platforms accept; on record, or the table before it stays in force.
    fn put_in_force(&self, table: &Platforms, actor: &str) -> Result<(), Unpublished> {
        let before = self.gate.platforms();
        let told = table.difference(&before);
        if told.is_empty() {
            return Ok(());
        }
        self.leaves_rules(table)?;
        let now = self.clock.now();
        let table = table.clone().instead_of(&before, now.as_nanos());
        let table = self.catalog.read(|tx| guidelines::kept(tx, &table))?;
        let (key, text) = keep(&table)?;
        // First, for who hears of the change looks by the new table.
        self.gate.publish_by(table);
        let recorded = self.catalog.write(|tx| -> Result<(), CatalogError> {
            tx.set_meta(key, &text)?;
            audit::append(tx, super::CHAIN, now, actor, "platforms.change", FILE, &json!(told))?;
            tx.change(ChangeKind::Access, FILE)
        });
        if recorded.is_err() {
            self.gate.publish_by(before);
        }
        Ok(recorded?)
    }

    /// Whether every role, scope, guideline and the board can be read by the names that a table has: else they would mean nothing from now on.
    fn leaves_rules(&self, table: &Platforms) -> Result<(), Unpublished> {
        let words = table.vocabulary();
        let roles = self.gate.roles();
        for (name, role) in roles.names().filter_map(|name| Some((name, roles.get(name)?))) {
            for rule in role.allow.values().chain(role.deny.values()) {
                Rule::parse_with(&rule.text, &words)
                    .map_err(|e| needed(&format!("the role {name}"), &e.to_string()))?;
            }
        }
        for member in self.catalog.read(|tx| tx.members())? {
            if let Some(scope) = &member.scope {
                Rule::parse_with(scope, &words)
                    .map_err(|e| needed(&format!("the scope of {}", member.name), &e.to_string()))?;
            }
        }
        for group in self.catalog.read(|tx| tx.groups())? {
            if let Some(scope) = &group.scope {
                Rule::parse_with(scope, &words)
                    .map_err(|e| needed(&format!("the scope of the group {}", group.name), &e.to_string()))?;
            }
        }
        Workflow::parse(self.workflow().text(), &words).map_err(|e| needed("the board", &e.to_string()))?;
        // Also those of platforms that are in no table now: one that has them again is held to them. What is broken already, no table breaks.
        let before = self.gate.platforms().vocabulary();
        for (platform, text) in self.catalog.read(|tx| guidelines::texts(tx))? {
            let Ok(text) = text else { continue };
            if let Err(e) = Guideline::parse(&platform, &text, &words)
                && Guideline::parse(&platform, &text, &before).is_ok()
            {
                return Err(needed(&format!("the guideline of {platform}"), &e.to_string()));
            }
        }
        Ok(())
    }
}

/// Why a table without a mistake is not in force.
enum Unpublished {
    /// What names a platform that it has no more.
    Needed(String),
    Catalog(CatalogError),
}

fn needed(what: &str, why: &str) -> Unpublished {
    Unpublished::Needed(format!("{FILE} leaves out a platform that {what} names: {why}"))
}

impl From<CatalogError> for Unpublished {
    fn from(e: CatalogError) -> Self {
        Self::Catalog(e)
    }
}

impl From<Unpublished> for OpsError {
    fn from(e: Unpublished) -> Self {
        match e {
            Unpublished::Needed(fault) => Self::usage(fault, "nothing was changed; leave the platform in the table"),
            Unpublished::Catalog(e) => e.into(),
        }
    }
}

/// The rows in force, of one platform or of all: `dam spec list`.
///
/// # Errors
/// [`OpsError::Usage`] for a platform that there is not, with the nearest one.
pub fn list(library: &Library, platform: Option<&str>) -> Result<Value, OpsError> {
    let table = library.gate.platforms();
    if let Some(platform) = platform.filter(|id| table.platforms().all(|known| known != *id)) {
        return Err(value::unknown("platform", platform, table.platforms().map(str::to_owned)));
    }
    let now = library.clock.now();
    let rows = table.all().filter(|row| platform.is_none_or(|id| row.platform == id));
    Ok(json!({ "rows": rows.map(|row| told(row, now)).collect::<Vec<_>>() }))
}

fn told(row: &Placement, now: Timestamp) -> Value {
    let mut told = json!(row);
    told["since"] = json!(row.since.map(|since| Timestamp::from_nanos(since).to_string()));
    told["due"] = json!(row.verified.is_none_or(|day| day.age_at(now.as_nanos()) > DUE_DAYS));
    told
}

/// The sheet as it stands in the library's folder, for who may put another in its place.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin.
pub fn text(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    actor.must_be_admin("change the table of platforms")?;
    Ok(json!({ "text": stands(library)? }))
}

/// Puts another sheet in the place of the one that `base` is: it is in force when this returns.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Usage`] for a sheet with a mistake; [`OpsError::Failed`] when another one was put
/// there meanwhile.
pub fn put(library: &Library, actor: &Actor, text: &str, base: &str) -> Result<Value, OpsError> {
    actor.must_be_admin("change the table of platforms")?;
    let table = Platforms::parse(text)
        .map_err(|e| OpsError::usage(e.to_string(), "nothing was changed; mend it and put it in again"))?;
    let file = &library.platforms_file;
    let mut seen = file.seen();
    if stands(library)? != base {
        return Err(OpsError::failed(
            "somebody else has changed the table meanwhile; nothing was changed",
            "edit it once more: dam spec edit",
        ));
    }
    library.leaves_rules(&table)?;
    let told = table.difference(&library.gate.platforms());
    file.replace(library.root(), text)?;
    // Until it is published the file counts as not read: the next beat tries again.
    library.put_in_force(&table, &actor.member.name)?;
    seen.read(file.stamp(library.root()), None);
    Ok(json!(told))
}

/// What stands in the file.
fn stands(library: &Library) -> Result<String, OpsError> {
    let bytes = library.platforms_file.bytes(library.root())?;
    Ok(bytes.map_or_else(|| Platforms::TEMPLATE.to_owned(), |bytes| decode(&bytes)))
}
