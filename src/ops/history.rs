//! An asset's versions: what is known of each, and what two of them say differently.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, Library, OpsError, folders, probe, target};
use crate::catalog::{Asset, CatalogError, ReadTx, VersionRow};
use crate::media::Probe;
use crate::policy::Verb;
use crate::types::{Content, ContentId, Generation, Rfc3339};

/// A version, as records and `dam versions` tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub n: u32,
    /// Nothing, as `content`, for who may not have the bytes.
    pub size: Option<u64>,
    pub content: Option<ContentId>,
    pub format: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub mtime: Rfc3339,
    pub made: Rfc3339,
    pub by: Option<String>,
    pub current: bool,
}

/// What is known of each version, oldest first.
///
/// # Errors
/// When the catalogue fails.
pub(super) fn rows(tx: &dyn ReadTx, asset: &Asset) -> Result<Vec<Told>, CatalogError> {
    let row = |version: VersionRow| {
        Ok(Told {
            by: maker(tx, &version)?,
            current: asset.head == Some(version.id),
            n: version.n,
            size: Some(version.size),
            content: Some(version.content),
            format: version.format,
            width: version.width,
            height: version.height,
            mtime: Rfc3339(version.mtime),
            made: Rfc3339(version.made_at),
        })
    };
    tx.versions(asset.id)?.into_iter().map(row).collect()
}

impl Told {
    /// As it is told to who may not have the bytes.
    #[must_use]
    pub(super) fn without_bytes(self) -> Self {
        Self { size: None, content: None, ..self }
    }
}

/// The version that last said how the file was generated, when the current one does not.
fn inherited(tx: &dyn ReadTx, asset: &Asset) -> Result<Option<u32>, CatalogError> {
    Ok(tx.generation(asset.id)?.filter(|made| made.inherited).and_then(|made| made.version))
}

/// The name of the member who made a version.
fn maker(tx: &dyn ReadTx, version: &VersionRow) -> Result<Option<String>, CatalogError> {
    Ok(version.made_by.map(|id| tx.member(id)).transpose()?.flatten().map(|member| member.name))
}

/// The versions of one target, for who may list it: `dam versions`.
///
/// # Errors
/// [`OpsError::NotFound`], or what the catalogue says.
pub fn versions(library: &Library, actor: &Actor, name: &str) -> Result<Value, OpsError> {
    library.catalog.read(|tx| {
        let asset = target::asset(library, actor, tx, name)?;
        let path = folders::path_of_asset(tx, &asset)?;
        let inherited = inherited(tx, &asset)?;
        let mut versions = rows(tx, &asset)?;
        if !actor.decide(library, Verb::Download, &asset).allowed {
            versions = versions.into_iter().map(Told::without_bytes).collect();
        }
        Ok(json!({ "id": asset.id.to_string(), "path": path, "versions": versions, "inherited": inherited }))
    })
}

/// The version of that number. One that lies below the last number and is not there was thinned out.
///
/// # Errors
/// [`OpsError::Unknown`].
pub(super) fn numbered<'a>(versions: &'a [VersionRow], n: u32, name: &str) -> Result<&'a VersionRow, OpsError> {
    versions.iter().find(|version| version.n == n).ok_or_else(|| OpsError::Unknown {
        message: if n > 0 && versions.last().is_some_and(|last| n < last.n) {
            format!("version {n} of `{name}` was thinned out")
        } else {
            format!("`{name}` has no version {n}")
        },
        hint: format!("see which it has with: dam versions {name}"),
    })
}

/// One of two versions that are compared.
struct Side {
    version: VersionRow,
    by: Option<String>,
    content: Content,
}

impl Side {
    fn of(tx: &dyn ReadTx, version: &VersionRow) -> Result<Self, CatalogError> {
        let missing = || CatalogError::Constraint(format!("content {} is not in the catalogue", version.content));
        let content = tx.content(version.content)?.ok_or_else(missing)?;
        Ok(Self { version: version.clone(), by: maker(tx, version)?, content })
    }

    /// Everything that is said of a version, in the order in which it is told. What its file says is read from its bytes: a record has only
    /// what its current version says, merged with what people said.
    fn fields(&self, library: &Library) -> Result<Vec<(&'static str, Value)>, OpsError> {
        let Self { version, by, content } = self;
        let Probe { generation, keywords, description, stars, properties, persons, persona, campaign, created, .. } =
            probe::try_read(&library.vault.open(content))?;
        let Generation { tool, prompt, negative, model, sampler, seed, loras, .. } = generation.unwrap_or_default();
        Ok(vec![
            ("made", json!(version.made_at.to_string())),
            ("by", json!(by)),
            ("size", json!(version.size)),
            ("kind", json!(version.kind)),
            ("format", json!(version.format)),
            ("width", json!(version.width)),
            ("height", json!(version.height)),
            ("orientation", json!(version.orientation)),
            ("created", json!(created.map(|time| time.to_string()))),
            ("tool", json!(Some(tool).filter(|tool| !tool.is_empty()))),
            ("model", json!(model)),
            ("lora", json!(loras)),
            ("sampler", json!(sampler)),
            ("seed", json!(seed)),
            ("prompt", json!(prompt)),
            ("negative", json!(negative)),
            ("caption", json!(description)),
            ("keywords", json!(keywords)),
            ("stars", json!(stars)),
            ("properties", json!(properties)),
            ("persona", json!(persona)),
            ("people", json!(persons)),
            ("campaign", json!(campaign)),
        ])
    }
}

/// What differs between two versions, for who may list the asset: `dam diff`. Without numbers the current one and the one before it; a path
/// of one version and the current one.
///
/// # Errors
/// [`OpsError::NotFound`], [`OpsError::Unknown`] for a number that none has, [`OpsError::Failed`] when there is nothing to compare with.
pub fn diff(
    library: &Library,
    actor: &Actor,
    name: &str,
    from: Option<u32>,
    to: Option<u32>,
) -> Result<Value, OpsError> {
    let (asset, path, inherited, old, new) = library.catalog.read(|tx| {
        let found = target::find(library, actor, tx, name)?;
        let versions = tx.versions(found.asset.id)?;
        let lone = || {
            OpsError::failed(
                format!("`{name}` has no two versions to compare"),
                "what is being written becomes one soon, or at once with: dam settle",
            )
        };
        let new = match to {
            Some(n) => numbered(&versions, n, name)?,
            None => versions.last().ok_or_else(lone)?,
        };
        let old = match from.or(found.version.map(|version| version.n)) {
            Some(n) => numbered(&versions, n, name)?,
            None => versions.iter().rfind(|version| version.n < new.n).ok_or_else(lone)?,
        };
        let path = folders::path_of_asset(tx, &found.asset)?;
        let inherited = inherited(tx, &found.asset)?.filter(|_| found.asset.head == Some(new.id));
        Ok::<_, OpsError>((found.asset, path, inherited, Side::of(tx, old)?, Side::of(tx, new)?))
    })?;
    let sides = old.fields(library)?.into_iter().zip(new.fields(library)?);
    let has_bytes = actor.decide(library, Verb::Download, &asset).allowed;
    let differing: Vec<Value> = sides
        .filter(|((field, old), (_, new))| old != new && (has_bytes || *field != "size"))
        .map(|((field, old), (_, new))| json!({ "field": field, "from": old, "to": new }))
        .collect();
    Ok(json!({
        "id": asset.id.to_string(),
        "path": path,
        "from": old.version.n,
        "to": new.version.n,
        "same_bytes": old.content.id == new.content.id,
        "inherited": inherited,
        "fields": differing,
    }))
}
