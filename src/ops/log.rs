//! `dam log`: what is on record, the newest first, and whether the record is whole.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::reads::READS;
use super::{Actor, CHAIN, Library, OpsError, folders, target, value};
use crate::audit::Verifier;
use crate::audit::heads::Head;
use crate::catalog::{AuditRow, ReadTx};
use crate::policy::Verb;
use crate::types::{AssetId, Timestamp};

/// Rows read at once.
const PAGE: usize = 1_000;
/// Rows of one answer; whoever wants more asks on from the last.
const MOST: usize = 1_000;

/// Which rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ask {
    /// Those of one asset.
    pub target: Option<String>,
    /// Those of one member.
    pub member: Option<String>,
    /// A date, a time, or how long ago.
    pub since: Option<String>,
    /// Refusals alone.
    pub denied: bool,
    /// Openings of files to read them, in place of changes.
    #[serde(default)]
    pub reads: bool,
    /// Older ones than this number.
    pub before: Option<u64>,
    pub limit: usize,
}

/// `{"rows": [{n, at, who, what, on, path, detail}], "next": n}`; `next` is what to ask on from, null when there is no more. Who is no admin
/// is told what he did himself. Nobody is told of an asset that he may not list.
///
/// # Errors
/// [`OpsError::Refused`] for another member's rows, [`OpsError::NotFound`] and [`OpsError::Usage`] for what was asked.
pub fn log(library: &Library, actor: &Actor, ask: &Ask) -> Result<Value, OpsError> {
    let since = ask.since.as_deref().map(|text| value::moment(text, library.clock.now())).transpose()?;
    let member = match &ask.member {
        Some(name) if *name != actor.member.name => {
            actor.must_be_admin("read what others did")?;
            Some(name.as_str())
        }
        None if actor.is_admin() => None,
        _ => Some(actor.member.name.as_str()),
    };
    let limit = ask.limit.clamp(1, MOST);
    let chain = if ask.reads { READS } else { CHAIN };
    let (subject, newest) = library.catalog.read(|tx| -> Result<_, OpsError> {
        let subject = match &ask.target {
            Some(target) => Some(target::asset(library, actor, tx, target)?.id.to_string()),
            None => None,
        };
        Ok((subject, tx.audit_head(chain)?.map_or(0, |head| head.seq)))
    })?;
    let asked = |row: &AuditRow| {
        member.is_none_or(|name| row.actor == name)
            && subject.as_ref().is_none_or(|id| row.subject == *id)
            && since.is_none_or(|since| row.at >= since)
            && (!ask.denied || row.action.starts_with("deny.") || row.action.ends_with(".refused"))
    };
    let mut rows = Vec::new();
    let mut before = ask.before.unwrap_or_else(|| newest.saturating_add(1));
    while before > 1 && rows.len() < limit {
        let after = before.saturating_sub(PAGE as u64 + 1);
        let count = usize::try_from(before - 1 - after).unwrap_or(PAGE);
        // A read for each page: a long one would keep the catalogue's log from being emptied.
        before = library.catalog.read(|tx| -> Result<_, OpsError> {
            let page = tx.audit_after(chain, after, count)?;
            for row in page.iter().rev() {
                if asked(row)
                    && let Some(told) = told(library, actor, tx, row)?
                {
                    rows.push(told);
                    if rows.len() == limit {
                        return Ok(row.seq);
                    }
                }
            }
            // Rows are in the order in which they were written; clocks are set back, but not by so many.
            let ended = page.is_empty() || since.is_some_and(|since| page.iter().all(|row| row.at < since));
            Ok(if ended { 1 } else { after.saturating_add(1) })
        })?;
    }
    Ok(json!({ "rows": rows, "next": (before > 1).then_some(before) }))
}

/// A row as he may be told of it; `None` when it is of something that he may not list.
fn told(library: &Library, actor: &Actor, tx: &dyn ReadTx, row: &AuditRow) -> Result<Option<Value>, OpsError> {
    let asset = match row.subject.parse::<AssetId>() {
        Ok(id) => tx.asset(id)?,
        Err(_) => None,
    };
    let everything = actor.who().subject.allows_everything(Verb::List);
    let may = match &asset {
        Some(asset) => actor.decide(library, Verb::List, asset).allowed,
        // Of folders, words and members he knows what he did to them himself.
        None => {
            let of_no_asset = row.subject.parse::<AssetId>().is_err() || row.subject == actor.member.id.to_string();
            everything || (row.actor == actor.member.name && of_no_asset)
        }
    };
    if !may {
        return Ok(None);
    }
    let has_bytes = match &asset {
        Some(asset) => actor.decide(library, Verb::Download, asset).allowed,
        None => actor.who().subject.allows_everything(Verb::Download),
    };
    let path = asset.map(|asset| folders::path_of_asset(tx, &asset)).transpose()?.flatten();
    let mut detail: Value = serde_json::from_str(&row.detail).unwrap_or(Value::Null);
    // What bytes they are, and how many, is for who may have them.
    if let (false, Ok(_), Some(told)) = (has_bytes, row.subject.parse::<AssetId>(), detail.as_object_mut()) {
        told.retain(|key, _| !matches!(key.as_str(), "content" | "size"));
    }
    Ok(Some(json!({
        "n": row.seq,
        "at": row.at.to_string(),
        "who": row.actor,
        "what": row.action,
        "on": row.subject,
        "path": path,
        "detail": detail,
    })))
}

/// Whether the record is whole: `{"chains": [{chain, rows, head}], "heads": n, "faults": [..]}`. Beside its own links it is held to heads
/// that were told before, those given as lines and those of the library's file.
///
/// # Errors
/// [`OpsError::Refused`] for who is no admin; [`OpsError::Usage`] for a line that is no head.
pub fn verify(library: &Library, actor: &Actor, lines: &[String]) -> Result<Value, OpsError> {
    actor.must_be_admin("verify the log")?;
    let mut faults = Vec::new();
    let mut heads = Vec::new();
    let kept = library.kept_heads().unwrap_or_else(|fault| {
        faults.push(fault);
        Vec::new()
    });
    for line in lines {
        let read = line.parse();
        let head = read.map_err(|e| OpsError::usage(format!("{e}"), "give the lines that dam log head has written"))?;
        heads.push(head);
    }
    // A line that was torn by a full disk keeps nobody from the others.
    for line in &kept {
        match line.parse() {
            Ok(head) => heads.push(head),
            Err(e) => faults.push(format!("audit_heads: {e}; what it told cannot be compared")),
        }
    }
    let key = library.head_key();
    heads.retain(|head: &Head| {
        let ours = head.library == library.info().id && head.is_sealed_by(&key);
        if !ours {
            faults.push(format!("head of row {} of {}: this library has not told it", head.seq, head.at));
        }
        ours
    });
    let mut chains = Vec::new();
    let mut names = library.catalog.read(|tx| tx.audit_chains())?;
    names.extend(heads.iter().map(|head| head.chain.clone()));
    names.sort();
    names.dedup();
    for name in names {
        let of_it = heads.iter().filter(|head| head.chain == name);
        let mut expected: BTreeMap<u64, Vec<&Head>> = BTreeMap::new();
        of_it.for_each(|head| expected.entry(head.seq).or_default().push(head));
        let (rows, hash) = walk(library, &name, &mut expected, &mut faults)?;
        if let Some((last, heads)) = expected.last_key_value() {
            let at = heads.iter().map(|head| head.at).max().unwrap_or(Timestamp::EPOCH);
            faults.push(format!("chain {name}: it ends with row {rows} and had {last} at {at}: its end was cut off"));
        }
        chains.push(json!({ "chain": name, "rows": rows, "head": blake3::Hash::from_bytes(hash).to_hex().as_str() }));
    }
    Ok(json!({ "chains": chains, "heads": heads.len(), "faults": faults }))
}

/// Walks a chain to its end or its first fault, page by page, so that nobody waits for it; takes the heads that it has out of `expected`.
fn walk(
    library: &Library,
    chain: &str,
    expected: &mut BTreeMap<u64, Vec<&Head>>,
    faults: &mut Vec<String>,
) -> Result<(u64, [u8; 32]), OpsError> {
    let mut verifier = Verifier::new(chain);
    loop {
        let page = library.catalog.read(|tx| tx.audit_after(chain, verifier.head().0, PAGE))?;
        for row in &page {
            if let Err(broken) = verifier.push(row) {
                faults.push(format!("chain {chain}: {broken}"));
                expected.clear();
                return Ok(verifier.head());
            }
            for head in expected.remove(&row.seq).into_iter().flatten().filter(|head| head.hash != row.hash) {
                faults.push(format!("chain {chain}: row {} is not what it was at {}", row.seq, head.at));
            }
        }
        if page.len() < PAGE {
            return Ok(verifier.head());
        }
    }
}
