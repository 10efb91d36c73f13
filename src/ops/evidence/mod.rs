//! `dam evidence`: all that the library knows of one asset and did with it, signed, in a file that is checked without the library.

mod bundle;
mod rows;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use serde_json::{Value, json};

use super::import::OpenFile;
use super::reads::Opened;
use super::show::Record;
use super::{Actor, Library, OpsError, folders, guidelines, policy, target, trail, value};
use crate::access::Who;
use crate::catalog::{CatalogError, ReadTx};
use crate::crypto::Signer;
use crate::policy::Verb;
use crate::types::{AssetId, Content, ReadAt as _, Rfc3339};
use bundle::{Body, Manifest, Part, RowTold};
use rows::{Told, Wanted, walk};

pub use verify::verify;

/// Signs evidence; the public key is the same for the library's whole life.
const PURPOSE: &str = "damfs evidence signature v1";

/// Evidence of what.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    pub target: &'a str,
    /// Rows of the log from then on.
    pub since: Option<&'a str>,
    /// The current version's bytes as well.
    pub with_bytes: bool,
}

impl Library {
    fn signer(&self) -> Result<Signer, OpsError> {
        Signer::new(&self.keyring.derive(PURPOSE)).map_err(unsigned)
    }
}

fn unsigned(e: impl std::fmt::Display) -> OpsError {
    OpsError::failed(format!("the evidence cannot be signed: {e}"), "look at dam fsck")
}

fn unsaid(e: &serde_json::Error) -> CatalogError {
    CatalogError::Engine(e.to_string())
}

/// The public key of this library's evidence: `{"library", "key", "pem"}`.
///
/// # Errors
/// Never; what signs says so.
pub fn key(library: &Library) -> Result<Value, OpsError> {
    let key = library.signer()?.public();
    Ok(json!({ "library": library.info().id, "key": key.to_string(), "pem": key.pem() }))
}

/// What the catalogue has of an asset at one moment.
struct Seen {
    record: Record,
    contents: BTreeMap<u32, Content>,
    /// The last row of each chain.
    heads: Vec<(String, u64)>,
}

/// Writes evidence of one asset into an empty file: `{"asset", "path", "manifest", "key", "rows", "heads", "files", "lacking"}`. That it was made
/// is on record before its first byte is handed out.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin, and for who may not download it, for its rows tell sizes and hashes and are signed as they are; [`OpsError::Failed`] when the log is not whole.
pub fn make(library: &Library, actor: &Actor, ask: &Ask<'_>, to: File) -> Result<Value, OpsError> {
    actor.must_be_admin("make evidence, which tells what others did")?;
    let now = library.clock.now();
    let since = ask.since.map(|text| value::moment(text, now)).transpose()?;
    // Nobody is kept waiting by a file that takes no bytes.
    if OpenFile::new(to.try_clone()?)?.len() != 0 {
        return Err(OpsError::usage("the file to write is not empty", "send the descriptor of a new one"));
    }
    library.write_reads()?;
    library.write_denials()?;
    let told = Told::of(library);
    let asset = library.catalog.read(|tx| target::asset(library, actor, tx, ask.target))?;
    // The rows of the log tell sizes and hashes of its bytes, and prove nothing without them.
    actor.must(library, Verb::Download, &asset, ask.target)?;
    let seen = library
        .catalog
        .read(|tx| see(library, actor.who(), tx, asset.id, &told))?
        .ok_or_else(|| OpsError::NotFound(ask.target.into()))?;
    let mut lacking = told.lacking.clone();
    let subject = asset.id.to_string();
    let wanted = Wanted { subject: &subject, since };
    let (mut chains, mut heads, mut files) = (Vec::new(), Vec::new(), Vec::new());
    let mut decided = Decided::of(&seen.record);
    for (chain, last) in &seen.heads {
        let walked = walk(library, chain, *last, &wanted, &told)?;
        walked.rows.iter().for_each(|row| decided.note(row));
        files.push((bundle::rows_file(chain), bundle::lines(&walked.rows)));
        heads.extend(walked.heads);
        chains.push(walked.told);
    }
    files.push((bundle::HEADS.to_owned(), bundle::lines(&heads)));
    files.push((bundle::RECORD.to_owned(), seen.record.text()));
    let signer = library.signer()?;
    let key = signer.public();
    files.push((bundle::KEY.to_owned(), Ok(key.pem().into_bytes())));
    let policy = library.gate.roles().no;
    decided.policies.insert(policy);
    let (policies, guidelines) = library.catalog.read(|tx| decided.texts(tx, &mut lacking))?;
    files.push((bundle::POLICIES.to_owned(), bundle::text(&policies)));
    files.extend(guidelines.into_iter().map(|(name, text)| (name, Ok(text.into_bytes()))));

    let mut parts = Vec::new();
    let mut versions = serde_json::to_value(&seen.record.versions).map_err(|e| unsaid(&e))?;
    let numbers: Vec<(u32, bool, String)> =
        seen.record.versions.iter().map(|v| (v.n, v.current, v.format.clone())).collect();
    for (told, (n, current, format)) in versions.as_array_mut().into_iter().flatten().zip(numbers) {
        let bytes = seen.contents.get(&n).map(|content| library.vault.open(content));
        let part = bytes.map(|bytes| Part::new(bytes_file(&format), Body::Bytes(Box::new(bytes)))).transpose();
        match part {
            Ok(Some(part)) => {
                told["sha256"] = json!(part.told.sha256);
                parts.extend(Some(part).filter(|_| current && ask.with_bytes));
            }
            Ok(None) => told["sha256"] = Value::Null,
            Err(e) if current && ask.with_bytes => return Err(e.into()),
            Err(e) => {
                told["sha256"] = Value::Null;
                lacking.push(format!("the bytes of version {n}: {e}"));
            }
        }
    }
    if ask.with_bytes && parts.is_empty() {
        return Err(OpsError::failed("it has no version yet", "make one of what is written: dam settle"));
    }
    files.push((bundle::VERSIONS.to_owned(), bundle::text(&versions)));
    let mut manifest = Manifest {
        evidence: bundle::FORMAT,
        library: library.info().id.clone(),
        asset: asset.id,
        made: Rfc3339(now),
        by: actor.member.name.clone(),
        key: key.to_string(),
        since: since.map(Rfc3339),
        policy,
        chains,
        lacking,
        files: Vec::new(),
    };
    let path = seen.record.path.clone().unwrap_or_else(|| asset.view_name.clone());
    files.push((
        bundle::README.to_owned(),
        Ok(bundle::readme(&manifest, &path.replace(char::is_control, "?")).into_bytes()),
    ));
    for (name, text) in files {
        parts.push(Part::new(name, Body::Text(text.map_err(|e| unsaid(&e))?))?);
    }
    manifest.files = parts.iter().map(|part| part.told.clone()).collect();
    manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
    let text = bundle::text(&manifest).map_err(|e| unsaid(&e))?;
    let signature = signer.sign(&text);
    let digest = bundle::sha256(&mut &text[..])?;
    parts.push(Part::new(bundle::SIGNATURE, Body::Text(signature))?);
    parts.push(Part::new(bundle::MANIFEST, Body::Text(text))?);

    let rows: u64 = manifest.chains.iter().map(|chain| chain.included).sum();
    let detail = json!({ "manifest": digest, "rows": rows, "bytes": ask.with_bytes });
    library.catalog.write(|tx| trail::asset(tx, &actor.hand(now), "evidence", asset.id, &detail))?;
    if ask.with_bytes {
        library.note_reading(actor.who(), asset.id, Opened::File(asset.head), 0);
        library.write_reads()?;
    }
    library.catalog.barrier()?;
    bundle::write(&mut parts, to)?;
    Ok(json!({
        "asset": subject,
        "path": seen.record.path,
        "manifest": digest,
        "key": manifest.key,
        "rows": rows,
        "heads": heads.len(),
        "files": parts.len(),
        "lacking": manifest.lacking,
    }))
}

fn bytes_file(format: &str) -> String {
    let is_plain = !["", "other"].contains(&format) && format.bytes().all(|byte| byte.is_ascii_alphanumeric());
    format!("{}current.{}", bundle::BYTES, if is_plain { format } else { "bin" })
}

fn see(library: &Library, who: &Who, tx: &dyn ReadTx, id: AssetId, told: &Told) -> Result<Option<Seen>, CatalogError> {
    let Some(asset) = tx.asset(id)? else { return Ok(None) };
    let record = Record::told(library, who, tx, &asset)?;
    let mut contents = BTreeMap::new();
    for (n, content) in record.versions.iter().filter_map(|version| Some((version.n, version.content?))) {
        contents.extend(tx.content(content)?.map(|content| (n, content)));
    }
    let mut chains: BTreeSet<String> = tx.audit_chains()?.into_iter().collect();
    // One that is gone as a whole is missed, too.
    chains.extend(told.chains().map(str::to_owned));
    let mut heads = Vec::new();
    for chain in chains {
        let last = tx.audit_head(&chain)?.map_or(0, |row| row.seq);
        heads.push((chain, last));
    }
    Ok(Some(Seen { record, contents, heads }))
}

/// By which texts there were decisions.
struct Decided {
    policies: BTreeSet<u64>,
    /// Platforms and digits.
    guidelines: BTreeSet<(String, String)>,
}

impl Decided {
    fn of(record: &Record) -> Self {
        let judged = record.status.iter();
        let guidelines = judged.filter_map(|(platform, judged)| Some((platform.clone(), judged.guideline.clone()?)));
        Self { policies: BTreeSet::new(), guidelines: guidelines.collect() }
    }

    fn note(&mut self, row: &RowTold) {
        let Ok(detail) = serde_json::from_str::<Value>(&row.detail) else { return };
        self.policies.extend(detail["policy"].as_u64());
        for (platform, digits) in detail["guidelines"].as_object().into_iter().flatten() {
            self.guidelines.extend(digits.as_str().map(|digits| (platform.clone(), digits.to_owned())));
        }
    }

    /// What there is of them: numbers and digests of the roles, whose text tells of other assets, and the guidelines as files.
    fn texts(
        &self,
        tx: &dyn ReadTx,
        lacking: &mut Vec<String>,
    ) -> Result<(Vec<Value>, BTreeMap<String, String>), CatalogError> {
        let (mut policies, mut files) = (Vec::new(), BTreeMap::new());
        for no in &self.policies {
            match policy::told(tx, *no)? {
                Some(told) => policies.push(told),
                None => lacking.push(format!("version {no} of the roles")),
            }
        }
        for (platform, digits) in &self.guidelines {
            match guidelines::by_digits(tx, platform, digits)? {
                Some(text) => {
                    let name = format!("{}{}-{digits}.md", bundle::GUIDELINES, folders::escape(platform.as_bytes()));
                    files.insert(name, text);
                }
                None => lacking.push(format!("the guideline {digits} of {platform}")),
            }
        }
        Ok((policies, files))
    }
}
