//! What stands in a bundle of evidence, and how it becomes a file: a ZIP archive of stored files, the same bytes for the same evidence.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};

use ring::digest::{Context, SHA256};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::audit::heads::Head;
use crate::audit::merkle::Digest;
use crate::catalog::AuditRow;
use crate::types::{AssetId, ReadAt, Rfc3339};

/// The version of bundles.
pub const FORMAT: u32 = 1;

pub const MANIFEST: &str = "manifest.json";
pub const SIGNATURE: &str = "manifest.sig";
pub const KEY: &str = "key.pem";
pub const README: &str = "README.txt";
pub const RECORD: &str = "record.json";
pub const VERSIONS: &str = "versions.json";
pub const POLICIES: &str = "policies.json";
pub const HEADS: &str = "log/heads.jsonl";
/// Folders of guidelines and of bytes.
pub const GUIDELINES: &str = "guidelines/";
pub const BYTES: &str = "bytes/";

/// What is read at once.
const CHUNK: usize = 1 << 20;
/// From so many bytes on a file in an archive has the long form of its length.
const LARGE: u64 = u32::MAX as u64;

/// The file of a chain's rows.
#[must_use]
pub fn rows_file(chain: &str) -> String {
    format!("log/{chain}.jsonl")
}

/// 32 bytes, hexadecimal as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex(pub Digest);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(D::Error::custom)
    }
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of bundles.
    pub evidence: u32,
    pub library: String,
    pub asset: AssetId,
    pub made: Rfc3339,
    pub by: String,
    /// The public key, 64 digits.
    pub key: String,
    /// Rows of the log from then on; else from its beginning.
    pub since: Option<Rfc3339>,
    /// The version of the roles in force.
    pub policy: u64,
    pub chains: Vec<ChainTold>,
    /// What belongs to it and is not there, in words.
    pub lacking: Vec<String>,
    /// Everything else in the bundle.
    pub files: Vec<FileTold>,
}

/// A chain of the log as it was when the bundle was made: walked from its first row to its last, and whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainTold {
    pub chain: String,
    pub rows: u64,
    /// The hash of the last row.
    pub head: Hex,
    /// The root of the tree over all rows.
    pub root: Hex,
    /// Rows of the asset: all that there are.
    pub included: u64,
}

/// A file of the bundle. Its fields are each on a line of their own, in this order: the README reads them with sed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTold {
    pub path: String,
    pub sha256: Hex,
    pub size: u64,
}

/// A row of the log, with the way from it to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowTold {
    pub chain: String,
    pub seq: u64,
    pub at: Rfc3339,
    pub actor: String,
    pub action: String,
    pub subject: String,
    /// The very text that is hashed.
    pub detail: String,
    pub prev: Hex,
    pub hash: Hex,
    pub proof: Vec<Hex>,
}

impl RowTold {
    pub fn of(row: AuditRow, proof: Vec<Digest>) -> Self {
        let AuditRow { chain, seq, at, actor, action, subject, detail, prev, hash } = row;
        let (at, prev, hash) = (Rfc3339(at), Hex(prev), Hex(hash));
        let proof = proof.into_iter().map(Hex).collect();
        Self { chain, seq, at, actor, action, subject, detail, prev, hash, proof }
    }

    /// As the log has it, and the way to the root.
    pub fn into_row(self) -> (AuditRow, Vec<Digest>) {
        let Self { chain, seq, at: Rfc3339(at), actor, action, subject, detail, prev, hash, proof } = self;
        let (Hex(prev), Hex(hash)) = (prev, hash);
        let row = AuditRow { chain, seq, at, actor, action, subject, detail, prev, hash };
        (row, proof.into_iter().map(|Hex(digest)| digest).collect())
    }
}

/// A head that was told before, with the way from its row to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadTold {
    /// The line that was told.
    pub line: String,
    pub proof: Vec<Hex>,
}

impl HeadTold {
    pub fn of(head: &Head, proof: Vec<Digest>) -> Self {
        Self { line: head.to_string(), proof: proof.into_iter().map(Hex).collect() }
    }
}

/// What a file of the bundle is made of.
pub enum Body {
    Text(Vec<u8>),
    Bytes(Box<dyn ReadAt>),
}

/// A file to be put into a bundle, with its digest.
pub struct Part {
    pub told: FileTold,
    body: Body,
}

impl Part {
    /// Reads it once.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    pub fn new(path: impl Into<String>, body: Body) -> io::Result<Self> {
        let (sha256, size) = match &body {
            Body::Text(text) => (sha256(&mut &text[..])?, text.len() as u64),
            Body::Bytes(bytes) => (sha256(&mut Stream::new(bytes.as_ref()))?, bytes.len()),
        };
        Ok(Self { told: FileTold { path: path.into(), sha256, size }, body })
    }
}

/// Writes the archive into an empty file, its files by their names, all of one time.
///
/// # Errors
/// When it cannot be written, or bytes are not what they were.
pub fn write(parts: &mut [Part], to: File) -> io::Result<()> {
    parts.sort_by(|a, b| a.told.path.cmp(&b.told.path));
    let mut archive = ZipWriter::new(to);
    for Part { told, body } in parts {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(told.size >= LARGE);
        archive.start_file(told.path.as_str(), options)?;
        match body {
            Body::Text(text) => archive.write_all(text)?,
            Body::Bytes(bytes) => copy(&mut Stream::new(bytes.as_ref()), |chunk| archive.write_all(chunk))?,
        }
    }
    archive.finish()?;
    Ok(())
}

/// The digest of all that a reader gives.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(from: &mut dyn Read) -> io::Result<Hex> {
    let mut context = Context::new(&SHA256);
    copy(from, |chunk| {
        context.update(chunk);
        Ok(())
    })?;
    let mut digest = [0; 32];
    digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Ok(Hex(digest))
}

fn copy(from: &mut dyn Read, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buf = vec![0; CHUNK];
    loop {
        match from.read(&mut buf)? {
            0 => return Ok(()),
            count => to(buf.get(..count).unwrap_or_default())?,
        }
    }
}

/// Bytes one after the other.
pub struct Stream<'a> {
    from: &'a dyn ReadAt,
    at: u64,
}

impl<'a> Stream<'a> {
    pub fn new(from: &'a dyn ReadAt) -> Self {
        Self { from, at: 0 }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read_at(self.at, buf)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// What people read first.
#[must_use]
pub fn readme(manifest: &Manifest, name: &str) -> String {
    let Manifest { library, asset, made: Rfc3339(made), by, key, .. } = manifest;
    let since = manifest.since.map_or_else(String::new, |Rfc3339(since)| format!(" from {since} on"));
    format!(
        "\
EVIDENCE OF ONE ASSET, made by damfs

  asset    {asset}
  name     {name}
  library  {library}
  made     {made} by {by}
  key      {key}

What is in here
  record.json      the whole record: rating, rights, likeness, expiry, owner, prompt, verdicts with their reasons,
                   remarks, versions
  versions.json    each version: number, size, time, maker, SHA-256 of its bytes
  log/*.jsonl      every row of the audit log that is of this asset{since}: who changed, decided, was refused,
                   exported or opened what, and when
  log/heads.jsonl  last rows of the log as they were told to elsewhere before, day by day
  policies.json    the versions of the roles by which decisions in the log were made, and of the one in force
  guidelines/      the text that each verdict was given under
  bytes/           the bytes of the current version, when they were asked for
  manifest.json    the length and SHA-256 of each of these files, and the state of the log; signed in manifest.sig
  key.pem          the public key (Ed25519) of the signature

How to check it
  With damfs, anywhere, without the library:

    dam evidence verify BUNDLE.zip --key KEY

  Without damfs, in the folder that this was unpacked to (OpenSSL 3 and GNU sed):

    openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in manifest.json -sigfile manifest.sig
    sed -n '/\"path\"/{{N;s/.*\"path\": \"\\(.*\\)\",\\n.*\"sha256\": \"\\(.*\\)\".*/\\2  \\1/p}}' manifest.json | sha256sum -c --strict

  KEY is the library's public key as you got it from elsewhere: from `dam evidence key`, a contract, an earlier bundle.
  A bundle that is checked with the key inside of it alone is whole, and whoever made it up could have signed it.

What that proves
  * Nothing in here was changed, put in or taken out since the holder of the library's key signed it.
  * Each row in log/ is what the library's log had at that number: `hash` is BLAKE3 (derive_key, context
    \"damfs audit chain v1\") of prev, seq and time (little-endian, 8 bytes each) and of chain, actor, action,
    subject and detail, each behind its length (8 bytes); `proof` leads from it to `root` in manifest.json (RFC 9162,
    SHA-256, the row's hash is the leaf). Rows of other assets are in here as digests alone.
  * The log that these rows are of had the last rows that log/heads.jsonl tells. Who has kept such lines
    (`dam log head`, audit_heads) holds the bundle to them with --heads: to those of rows in here, of log/heads.jsonl
    and of the end of a chain; of others it says that they cannot be held against it.
What it does not prove
  * That no row of this asset was left out: the library says by its signature that `included` rows are all, and that
    it has walked the chain from its first row to its last. Another bundle of the same library with the same number
    of rows has the same root, or one of them is wrong; the library itself is asked with `dam log verify`.
  * That what was written into the log was true when it was written, and that its clock was right.
"
    )
}

/// A text as it stands in a file.
pub(super) fn text(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// One value a line.
pub(super) fn lines<T: Serialize>(values: &[T]) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for value in values {
        serde_json::to_writer(&mut bytes, value)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
