//! A bundle of evidence, checked with nothing but itself, a public key, and heads that were kept elsewhere. It comes from strangers: nothing of
//! it is believed, all that is read of it is bounded, and the first thing that is wrong is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::{CompressionMethod, ZipArchive};

use super::bundle::{self, ChainTold, FileTold, HeadTold, Hex, Manifest, RowTold};
use crate::audit::heads::Head;
use crate::audit::{ORIGIN, chain_hash, merkle};
use crate::crypto::PublicKey;

/// Files in a bundle.
const MOST_FILES: usize = 10_000;
/// The longest text that is read as a whole, and the longest row.
const LONGEST: u64 = 64 << 20;
const LONGEST_ROW: u64 = 8 << 20;
/// The longest manifest, which is read as a tree before its signature is looked at.
const LONGEST_MANIFEST: u64 = 4 << 20;
/// From so many bytes on a length or a place in an archive has its long form.
const LONG: u64 = u32::MAX as u64;

/// What is wrong, in a sentence.
type Fault = String;

/// Checks a bundle: `{"library", "asset", "made", "by", "key", "key_known", "rows", "heads", "held", "not_held", "files", "lacking"}`. `key` is a
/// public key's text, `heads` are lines that were kept; `held` of them were found in it as they are, and of `not_held` it should tell and does not.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(file: File, key: Option<&str>, heads: &[String]) -> Result<Value, Fault> {
    let mut bundle = Bundle::open(file)?;
    let manifest = bundle.manifest()?;
    let known: PublicKey = manifest.key.parse().map_err(|_| wrong(bundle::MANIFEST, "its key is none"))?;
    let text = bundle.bounded(bundle::MANIFEST, LONGEST_MANIFEST)?;
    if !known.has_signed(&text, &bundle.bytes(bundle::SIGNATURE)?) {
        return Err("the signature is not that of manifest.json by the key that it names".to_owned());
    }
    if key.is_some_and(|key| !known.is_said_by(key)) {
        return Err(format!("it is signed with another key than the one given: {known}"));
    }
    bundle.holds(&manifest)?;
    if bundle.bytes(bundle::KEY)? != known.pem().as_bytes() {
        return Err(wrong(bundle::KEY, "it is not the key that manifest.json names"));
    }
    let kept = heads.iter().map(|line| kept(line)).collect::<Result<Vec<_>, _>>()?;
    let mut known_rows = Rows::new();
    for chain in &manifest.chains {
        let asked = kept.iter().filter(|head| head.chain == chain.chain).map(|head| head.seq).collect();
        bundle.rows(&manifest, chain, &asked, &mut known_rows)?;
    }
    let told = bundle.heads(&manifest)?;
    known_rows.extend(told.iter().map(|head| ((head.chain.clone(), head.seq), head.hash)));
    let (held, not_held) = hold(&manifest, &known_rows, &kept)?;
    bundle.record(&manifest)?;
    let rows: u64 = manifest.chains.iter().map(|chain| chain.included).sum();
    Ok(json!({
        "library": manifest.library,
        "asset": manifest.asset,
        "made": manifest.made,
        "by": manifest.by,
        "key": manifest.key,
        "key_known": key.is_some(),
        "since": manifest.since,
        "rows": rows,
        "heads": told.len(),
        "held": held,
        "not_held": not_held,
        "files": manifest.files.len() + 2,
        "lacking": manifest.lacking,
    }))
}

fn wrong(file: &str, why: impl std::fmt::Display) -> Fault {
    format!("{file}: {why}")
}

fn no_bundle(e: impl std::fmt::Display) -> Fault {
    format!("it is no whole bundle of evidence: {e}")
}

/// An archive of which each byte is a file's or what frames it.
struct Bundle {
    archive: ZipArchive<BufReader<File>>,
    names: BTreeMap<String, usize>,
}

impl Bundle {
    fn open(file: File) -> Result<Self, Fault> {
        let meta = file.metadata().map_err(no_bundle)?;
        if !meta.is_file() {
            return Err(no_bundle("it is no regular file"));
        }
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let mut archive = ZipArchive::with_config(config, BufReader::new(file)).map_err(no_bundle)?;
        archive.validate_header_consistency().map_err(no_bundle)?;
        let mut bundle = Self { archive, names: BTreeMap::new() };
        bundle.look(meta.len())?;
        Ok(bundle)
    }

    /// Files lie one behind the other as they are, so none is hidden, none is longer than the archive, and none is there twice.
    fn look(&mut self, len: u64) -> Result<(), Fault> {
        let count = self.archive.len();
        if count > MOST_FILES {
            return Err(no_bundle(format!("it has {count} files, and may have {MOST_FILES}")));
        }
        if self.archive.has_duplicate_names() || self.archive.offset() != 0 || !self.archive.comment().is_empty() {
            return Err(no_bundle("it has more in it than files that are there once"));
        }
        let (mut places, mut table) = (Vec::with_capacity(count), 0);
        for at in 0..count {
            let file = self.archive.by_index_raw(at).map_err(no_bundle)?;
            let name = str::from_utf8(file.name_raw()).map_err(no_bundle)?.to_owned();
            if file.compression() != CompressionMethod::Stored
                || file.encrypted()
                || file.size() != file.compressed_size()
            {
                return Err(wrong(&name, "it is packed or sealed, and in a bundle files lie as they are"));
            }
            let start = file.data_start().ok_or_else(|| no_bundle("a file is nowhere"))?;
            places.push((file.header_start(), start, start.saturating_add(file.size()), name.len() as u64));
            let entry = 46 + name.len() as u64 + long_form(file.size(), file.header_start());
            table = table.max(file.central_header_start().saturating_add(entry));
            self.names.insert(name, at);
        }
        places.sort_unstable();
        let mut end = 0;
        for (header, start, behind, name) in places {
            // 20 bytes more is the long form of a length.
            if header != end || ![30, 50].contains(&start.saturating_sub(header).saturating_sub(name)) {
                return Err(no_bundle("there is something between its files"));
            }
            end = behind;
        }
        // Behind the table its end alone, in the short form or the long one.
        let left = len.saturating_sub(table);
        if end != self.archive.central_directory_start() || table > len || ![22, 22 + 76].contains(&left) {
            return Err(no_bundle("there is something behind its files"));
        }
        Ok(())
    }

    fn file(&mut self, name: &str) -> Result<ZipFile<'_, BufReader<File>>, Fault> {
        let at = self.names.get(name).ok_or_else(|| format!("{name} is missing"))?;
        self.archive.by_index(*at).map_err(|e| wrong(name, e))
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Fault> {
        self.bounded(name, LONGEST)
    }

    fn bounded(&mut self, name: &str, longest: u64) -> Result<Vec<u8>, Fault> {
        let file = self.file(name)?;
        if file.size() > longest {
            return Err(wrong(name, format!("it is longer than {longest} bytes")));
        }
        let mut bytes = Vec::new();
        file.take(longest).read_to_end(&mut bytes).map_err(|e| wrong(name, e))?;
        Ok(bytes)
    }

    fn manifest(&mut self) -> Result<Manifest, Fault> {
        let text = self.bounded(bundle::MANIFEST, LONGEST_MANIFEST)?;
        let value: Value = serde_json::from_slice(&text).map_err(|e| wrong(bundle::MANIFEST, e))?;
        match value["evidence"].as_u64() {
            Some(version) if version > u64::from(bundle::FORMAT) => {
                Err(format!("a newer damfs made it: version {version}; this one knows {}", bundle::FORMAT))
            }
            Some(_) => serde_json::from_value(value).map_err(|e| wrong(bundle::MANIFEST, e)),
            None => Err(wrong(bundle::MANIFEST, "it is no manifest of evidence")),
        }
    }

    /// That what is there is what the manifest tells, byte for byte.
    fn holds(&mut self, manifest: &Manifest) -> Result<(), Fault> {
        let mut unknown: BTreeSet<String> = self.names.keys().cloned().collect();
        unknown.remove(bundle::MANIFEST);
        unknown.remove(bundle::SIGNATURE);
        for FileTold { path, sha256, size } in &manifest.files {
            let mut file = self.file(path)?;
            if file.size() != *size {
                return Err(wrong(path, format!("it has {} bytes, and was signed with {size}", file.size())));
            }
            let found = bundle::sha256(&mut file).map_err(|e| wrong(path, e))?;
            if found != *sha256 {
                return Err(wrong(path, "its bytes are not those that were signed"));
            }
            drop(file);
            if !unknown.remove(path) {
                return Err(wrong(path, "manifest.json tells of it twice"));
            }
        }
        unknown.first().map_or(Ok(()), |name| Err(wrong(name, "it is not in manifest.json")))
    }

    /// Each line of a file, bounded.
    fn lines<T: DeserializeOwned>(
        &mut self,
        name: &str,
        mut each: impl FnMut(T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut from = BufReader::new(self.file(name)?);
        let mut line = Vec::new();
        for n in 1.. {
            line.clear();
            let count = (&mut from).take(LONGEST_ROW).read_until(b'\n', &mut line).map_err(|e| wrong(name, e))?;
            if count == 0 {
                break;
            }
            let read = serde_json::from_slice(&line).map_err(|e| wrong(name, format!("line {n}: {e}")))?;
            each(read).map_err(|why| wrong(name, format!("line {n}: {why}")))?;
        }
        Ok(())
    }

    /// That each row is of this asset and of the chain whose state was signed, at its place. Keeps those that are asked for.
    fn rows(
        &mut self,
        manifest: &Manifest,
        chain: &ChainTold,
        asked: &BTreeSet<u64>,
        known: &mut Rows,
    ) -> Result<(), Fault> {
        let (name, subject) = (bundle::rows_file(&chain.chain), manifest.asset.to_string());
        let mut before: (u64, merkle::Digest) = (0, ORIGIN);
        let mut found = 0u64;
        self.lines(&name, |told: RowTold| {
            let (row, proof) = told.into_row();
            let seq = row.seq;
            if row.chain != chain.chain || row.subject != subject {
                return Err(format!("row {seq} is of another chain or asset"));
            }
            if seq <= before.0 {
                return Err(format!("row {seq} does not come behind row {}", before.0));
            }
            if row.hash != chain_hash(&row) {
                return Err(format!("row {seq} was altered after it was written"));
            }
            if seq == before.0 + 1 && row.prev != before.1 {
                return Err(format!("row {seq} does not follow the row before it"));
            }
            if seq == chain.rows && row.hash != chain.head.0 || !proves(chain, seq, &row.hash, &proof) {
                return Err(format!("row {seq} is not the one that the log had there"));
            }
            if asked.contains(&seq) {
                known.insert((row.chain, seq), row.hash);
            }
            before = (seq, row.hash);
            found += 1;
            Ok(())
        })?;
        if found != chain.included {
            return Err(wrong(&name, format!("it has {found} rows, and was signed with {}", chain.included)));
        }
        Ok(())
    }

    /// The heads that were told before, each of a row of the chain whose state was signed.
    fn heads(&mut self, manifest: &Manifest) -> Result<Vec<Head>, Fault> {
        let mut heads = Vec::new();
        self.lines(bundle::HEADS, |HeadTold { line, proof }: HeadTold| {
            let head: Head = line.parse().map_err(|e| format!("{e}"))?;
            let chain = manifest.chains.iter().find(|chain| chain.chain == head.chain);
            let proof: Vec<merkle::Digest> = proof.into_iter().map(|Hex(digest)| digest).collect();
            if head.library != manifest.library
                || !chain.is_some_and(|chain| proves(chain, head.seq, &head.hash, &proof))
            {
                return Err(format!("row {} was not the last one as it says", head.seq));
            }
            heads.push(head);
            Ok(())
        })?;
        Ok(heads)
    }

    /// That the record is of this asset, and that what it points to is there.
    fn record(&mut self, manifest: &Manifest) -> Result<(), Fault> {
        let record: Value =
            serde_json::from_slice(&self.bytes(bundle::RECORD)?).map_err(|e| wrong(bundle::RECORD, e))?;
        if record["id"] != json!(manifest.asset) {
            return Err(wrong(bundle::RECORD, "it is of another asset"));
        }
        for (platform, judged) in record["status"].as_object().into_iter().flatten() {
            let Some(digits) = judged["guideline"].as_str() else { continue };
            let end = format!("-{digits}.md");
            let is_there = self.names.keys().any(|name| name.starts_with(bundle::GUIDELINES) && name.ends_with(&end));
            if !is_there && !manifest.lacking.iter().any(|lacks| lacks.contains(digits)) {
                return Err(wrong(bundle::RECORD, format!("the guideline of its verdict for {platform} is missing")));
            }
        }
        let guidelines: Vec<String> =
            self.names.keys().filter(|name| name.starts_with(bundle::GUIDELINES)).cloned().collect();
        for name in guidelines {
            let digest = blake3::hash(&self.bytes(&name)?).to_hex();
            let digits =
                name.strip_suffix(".md").and_then(|name| name.rsplit_once('-')).map_or("", |(_, digits)| digits);
            if digits.is_empty() || !digest.starts_with(digits) {
                return Err(wrong(&name, "it is another text than its name says"));
            }
        }
        let versions: Value =
            serde_json::from_slice(&self.bytes(bundle::VERSIONS)?).map_err(|e| wrong(bundle::VERSIONS, e))?;
        let current = versions.as_array().into_iter().flatten().find(|version| version["current"] == true);
        let bytes = manifest.files.iter().filter(|file| file.path.starts_with(bundle::BYTES));
        for file in bytes {
            if current.is_none_or(|current| current["sha256"] != json!(file.sha256)) {
                return Err(wrong(&file.path, "it is not the current version of versions.json"));
            }
        }
        Ok(())
    }
}

fn proves(chain: &ChainTold, seq: u64, row: &merkle::Digest, proof: &[merkle::Digest]) -> bool {
    merkle::proves(row, seq, chain.rows, &chain.root.0, proof)
}

/// How many bytes more an archive's table has of a file that is very long or lies far behind.
fn long_form(size: u64, place: u64) -> u64 {
    match (size >= LONG, place >= LONG) {
        (false, false) => 0,
        (false, true) => 4 + 8,
        (true, false) => 4 + 16,
        (true, true) => 4 + 16 + 8,
    }
}

/// Rows that are known by their chain and number.
type Rows = BTreeMap<(String, u64), merkle::Digest>;

fn kept(line: &str) -> Result<Head, Fault> {
    line.parse().map_err(|e| format!("{e}; give the lines that dam log head has written"))
}

/// How many of the heads that somebody kept are in the bundle as he kept them, and of which it should tell and does not. Those beyond its end
/// cannot be in it, when they were kept later.
fn hold(manifest: &Manifest, known: &Rows, heads: &[Head]) -> Result<(u64, Vec<String>), Fault> {
    let (mut held, mut not_held) = (0, Vec::new());
    for kept in heads {
        if kept.library != manifest.library {
            return Err(format!("the head of row {} of {} is of another library", kept.seq, kept.at));
        }
        let chain = manifest.chains.iter().find(|chain| chain.chain == kept.chain);
        let rows = chain.map_or(0, |chain| chain.rows);
        if kept.seq > rows && kept.at < manifest.made.0 {
            return Err(format!("chain {} ends with row {rows}, and had {} at {}", kept.chain, kept.seq, kept.at));
        }
        let last = chain.filter(|chain| chain.rows == kept.seq).map(|chain| chain.head.0);
        let there = known.get(&(kept.chain.clone(), kept.seq)).copied();
        if last.iter().chain(&there).any(|hash| *hash != kept.hash) {
            return Err(format!("row {} of chain {} is not what it was at {}", kept.seq, kept.chain, kept.at));
        }
        match last.or(there) {
            Some(_) => held += 1,
            None if kept.seq <= rows => {
                not_held.push(format!("row {} of chain {} of {}", kept.seq, kept.chain, kept.at));
            }
            None => {}
        }
    }
    Ok((held, not_held))
}

#[cfg(test)]
mod tests {
    use super::{LONG, long_form};

    /// Regression: what lies behind 4 GiB of a bundle has a longer entry in its table, and no such bundle was ever whole.
    #[test]
    fn what_lies_far_behind_has_a_longer_entry() {
        assert_eq!(long_form(LONG - 1, LONG - 1), 0);
        assert_eq!(long_form(10, LONG), 12);
        assert_eq!(long_form(LONG, 10), 20);
        assert_eq!(long_form(LONG, LONG), 28);
    }
}
