//! A store with one manifest (C2PA 2): what was done, which bytes it is bound to, the claim that names both, and the signature of that. Nothing in it
//! is by chance or by the clock, so that the same export is signed by the same bytes.

use ciborium::Value;
use ring::digest::{SHA256, digest};
use uuid::Builder;

use super::boxes;
use super::credentials::Credentials;
use crate::media::{Claim, Step};

const ACTIONS: &str = "c2pa.actions.v2";
const BINDING: &str = "c2pa.hash.data";
const CLAIM: &str = "c2pa.claim.v2";
const SIGNATURE: &str = "c2pa.signature";
const HASH: &str = "sha256";
const US: &str = "damfs";

/// Most characters of what a generator is called, which is told by files of strangers.
const MOST_NAME: usize = 200;

/// Of COSE (RFC 9052, 9360): what a header tells, and the algorithm of Ed25519.
const ALGORITHM: i64 = 1;
const CHAIN: i64 = 33;
const EDDSA: i64 = -8;
const SIGN1: u64 = 18;

/// Bytes of a file that are not hashed, for the store stands in them, and the hash of all others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub start: usize,
    pub length: usize,
    /// Bytes of nothing, which fill the store up.
    pub pad: usize,
    pub hash: [u8; 32],
    /// BLAKE3 of the file as it was without the store.
    pub unsigned: [u8; 32],
}

/// The store.
pub(super) fn store(claim: &Claim<'_>, bound: Bound, by: &Credentials) -> Result<Vec<u8>, String> {
    let label = format!("urn:c2pa:{}", uuid("damfs c2pa manifest v2", claim, bound));
    let actions = boxes::cbor(ACTIONS, &cbor(&actions(claim))?);
    let binding = boxes::cbor(BINDING, &cbor(&binding(bound))?);
    let named = |name: &str, assertion: &[u8]| {
        let url = format!("self#jumbf=c2pa.assertions/{name}");
        map([("url", text(url)), ("hash", bytes(digest(&SHA256, boxes::content(assertion)).as_ref()))])
    };
    let told = cbor(&map([
        ("alg", text(HASH)),
        ("signature", text(format!("self#jumbf=/c2pa/{label}/{SIGNATURE}"))),
        ("instanceID", text(format!("xmp:iid:{}", uuid("damfs c2pa instance v2", claim, bound)))),
        ("created_assertions", Value::Array(vec![named(ACTIONS, &actions), named(BINDING, &binding)])),
        ("claim_generator_info", map([("name", text(US)), ("version", text(claim.renderer.to_string()))])),
    ]))?;
    let signature = signature(&told, by)?;
    let manifest = boxes::labelled(
        *b"c2ma",
        &label,
        &[
            boxes::labelled(*b"c2as", "c2pa.assertions", &[actions, binding]),
            boxes::labelled(*b"c2cl", CLAIM, &[boxes::plain(*b"cbor", &told)]),
            boxes::labelled(*b"c2cs", SIGNATURE, &[boxes::plain(*b"cbor", &signature)]),
        ],
    );
    Ok(boxes::labelled(*b"c2pa", "c2pa", &[manifest]))
}

/// An id that follows from what was rendered, how, and by which renderer: other bytes never have it.
fn uuid(of: &str, claim: &Claim<'_>, bound: Bound) -> uuid::Uuid {
    let mut hasher = blake3::Hasher::new_derive_key(of);
    hasher.update(&claim.recipe).update(&claim.renderer.to_le_bytes()).update(&bound.unsigned);
    let id = hasher.finalize();
    Builder::from_random_bytes(id.as_bytes().first_chunk().copied().unwrap_or_default()).into_uuid()
}

/// How it came to be, and what was made of that.
fn actions(claim: &Claim<'_>) -> Value {
    let mut created = vec![("action", text("c2pa.created")), ("digitalSourceType", text(claim.source_type))];
    if let Some((name, version)) = claim.agent {
        let called = |name: &str| text(name.chars().take(MOST_NAME).collect::<String>());
        let version = version.map(|version| ("version", called(version)));
        created.push(("softwareAgent", map([("name", called(name))].into_iter().chain(version))));
    }
    let done = claim.steps.iter().map(|step| map([("action", text(name(*step)))]));
    map([("actions", Value::Array([map(created)].into_iter().chain(done).collect()))])
}

const fn name(step: Step) -> &'static str {
    match step {
        Step::Cropped => "c2pa.cropped",
        Step::Resized => "c2pa.resized",
        Step::Edited => "c2pa.edited",
        Step::Converted => "c2pa.converted",
    }
}

fn binding(bound: Bound) -> Value {
    let number = |n: usize| Value::from(n as u64);
    let hole = map([("start", number(bound.start)), ("length", number(bound.length))]);
    map([
        ("alg", text(HASH)),
        ("pad", Value::Bytes(vec![0; bound.pad])),
        ("hash", bytes(&bound.hash)),
        ("name", text("jumbf manifest")),
        ("exclusions", Value::Array(vec![hole])),
    ])
}

/// COSE_Sign1 of bytes that stand elsewhere.
fn signature(told: &[u8], by: &Credentials) -> Result<Vec<u8>, String> {
    let chain = match by.chain() {
        [one] => bytes(one),
        several => Value::Array(several.iter().map(|one| bytes(one)).collect()),
    };
    let header = Value::Map(vec![(ALGORITHM.into(), EDDSA.into()), (CHAIN.into(), chain)]);
    let header = cbor(&header)?;
    let signed = Value::Array(vec![text("Signature1"), bytes(&header), bytes(&[]), bytes(told)]);
    let signature = by.sign(&cbor(&signed)?);
    let whole = Value::Array(vec![bytes(&header), Value::Map(Vec::new()), Value::Null, bytes(&signature)]);
    cbor(&Value::Tag(SIGN1, Box::new(whole)))
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

/// In the order of RFC 8949: the shorter name first.
fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(name, _)| (name.len(), *name));
    Value::Map(entries.into_iter().map(|(name, value)| (text(name), value)).collect())
}

fn cbor(value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).map_err(|e| e.to_string())?;
    Ok(out)
}
