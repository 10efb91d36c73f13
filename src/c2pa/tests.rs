//! Exports that are rendered and signed, read back by a small reader of their own. `scripts/c2pa.sh` asks another program.

use ciborium::Value;
use ring::digest::{SHA256, digest};

use super::*;
use crate::media::{Claim, Fit, Limits, Master, MediaError, Recipe, Rendered, Sealer, Signed, SignerId, Step, Words};
use crate::types::AssetId;

const CHAIN: &[u8] = include_bytes!("fixtures/chain.pem");
const LEAF: &[u8] = include_bytes!("fixtures/leaf.pem");
const BETWEEN: &[u8] = include_bytes!("fixtures/between.pem");
const KEY: &[u8] = include_bytes!("fixtures/leaf.key");

const FORMATS: [StillFormat; 3] = [StillFormat::Jpeg, StillFormat::Png, StillFormat::WebP];

struct By(Credentials);

impl Sealer for By {
    fn seal(&self, file: &[u8], format: StillFormat, claim: &Claim<'_>) -> Result<Vec<u8>, MediaError> {
        seal(file, format, claim, &self.0).map_err(|why| MediaError::Unwritable { format: format.name().into(), why })
    }
}

fn by() -> By {
    By(Credentials::read(CHAIN, KEY).unwrap())
}

fn master() -> Master {
    Master::decode(&png(), &Limits::default()).unwrap()
}

fn png() -> Vec<u8> {
    let shade = |x: u32, y: u32| image::Rgb([x, y, x.wrapping_mul(y) >> 3].map(|v| u8::try_from(v & 255).unwrap()));
    let mut png = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(320, 240, shade);
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

fn signed(asset: u8) -> Option<Signed> {
    let asset = AssetId::from_bytes([asset; 16]);
    Some(Signed { by: SignerId([7; 32]), asset, version: 1, is_converted: true })
}

fn recipe(format: StillFormat) -> Recipe {
    let (width, height) = (Some(100), Some(100));
    Recipe { width, height, fit: Fit::Crop, format, mark_ai: true, signed: signed(1), ..Recipe::default() }
}

fn rendered(recipe: &Recipe) -> Rendered {
    master().finished(recipe).unwrap().write(None, Some(&by())).unwrap()
}

/// A box: its label, if it has one, and what it is made of.
#[derive(Debug)]
struct Box<'a> {
    label: &'a str,
    content: &'a [u8],
    boxes: Vec<Box<'a>>,
}

impl<'a> Box<'a> {
    fn all(mut bytes: &'a [u8]) -> Vec<Self> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            let (one, rest) = bytes.split_at(length);
            let (name, content) = (&one[4..8], &one[8..]);
            found.push(match name {
                b"jumb" => {
                    let mut boxes = Self::all(content);
                    let described = boxes.remove(0).content;
                    let label = std::str::from_utf8(described[17..].strip_suffix(b"\0").unwrap()).unwrap();
                    Self { label, content, boxes }
                }
                _ => Self { label: "", content, boxes: Vec::new() },
            });
            bytes = rest;
        }
        found
    }

    fn get(&self, label: &str) -> &Self {
        self.boxes.iter().find(|one| one.label == label).unwrap()
    }

    fn value(&self) -> Value {
        ciborium::from_reader(self.boxes[0].content).unwrap()
    }
}

fn of<'a>(map: &'a Value, name: &str) -> &'a Value {
    &map.as_map().unwrap().iter().find(|(key, _)| key.as_text() == Some(name)).unwrap().1
}

/// The store of a file, put together again from what holds it, and where that is.
fn taken(file: &[u8], format: StillFormat) -> (Vec<u8>, std::ops::Range<usize>) {
    match format {
        StillFormat::Jpeg => {
            let (mut at, mut store, mut range) = (2, Vec::new(), None);
            while file[at + 1] != 0xda {
                let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]])) + 2;
                if file[at + 1] == 0xeb {
                    store.extend_from_slice(&file[at + if store.is_empty() { 12 } else { 20 }..at + length]);
                    range = Some(range.map_or(at, |(from, _)| from)).map(|from| (from, at + length));
                }
                at += length;
            }
            let (from, to) = range.unwrap();
            (store, from..to)
        }
        StillFormat::Png => {
            let length = u32::from_be_bytes(file[33..37].try_into().unwrap()) as usize;
            assert_eq!(&file[37..41], b"caBX");
            (file[41..41 + length].to_vec(), 33..45 + length)
        }
        _ => {
            assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize + 8, file.len());
            let at = file.windows(4).rposition(|four| four == b"C2PA").unwrap();
            let length = u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
            assert_eq!((file.len(), length % 2), (at + 8 + length, 0));
            (file[at + 8..at + 8 + length].to_vec(), at..file.len())
        }
    }
}

#[test]
fn a_manifest_binds_what_it_says_to_the_bytes_of_the_file() {
    for format in FORMATS {
        let system = Some("flux".repeat(10_000));
        let words = Words { system, prompt: Some("a secret".into()), ..Words::default() };
        let file = rendered(&Recipe { words, ..recipe(format) }).bytes;
        let (store, range) = taken(&file, format);
        let boxes = Box::all(&store);
        let manifest = &boxes[0].boxes[0];
        assert_eq!(manifest_of(&file).as_deref(), Some(manifest.label), "{format:?}");
        let (claim, assertions) = (manifest.get("c2pa.claim.v2"), manifest.get("c2pa.assertions"));

        let told = claim.value();
        for named in of(&told, "created_assertions").as_array().unwrap() {
            let label = of(named, "url").as_text().unwrap().rsplit('/').next().unwrap();
            let hash = digest(&SHA256, assertions.get(label).content);
            assert_eq!(of(named, "hash").as_bytes().unwrap(), hash.as_ref(), "{label}");
        }
        let bound = assertions.get("c2pa.hash.data").value();
        let hole = &of(&bound, "exclusions").as_array().unwrap()[0];
        assert_eq!(of(hole, "start"), &Value::from(range.start as u64));
        assert_eq!(of(hole, "length"), &Value::from(range.len() as u64));
        let hash = digest(&SHA256, &[&file[..range.start], &file[range.end..]].concat());
        assert_eq!(of(&bound, "hash").as_bytes().unwrap(), hash.as_ref());

        let actions = assertions.get("c2pa.actions.v2").value();
        let actions = of(&actions, "actions").as_array().unwrap().clone();
        let names: Vec<_> = actions.iter().map(|one| of(one, "action").as_text().unwrap()).collect();
        assert_eq!(names, ["c2pa.created", "c2pa.cropped", "c2pa.resized", "c2pa.converted"]);
        assert!(of(&actions[0], "digitalSourceType").as_text().unwrap().ends_with("/trainedAlgorithmicMedia"));
        assert_eq!(of(of(&actions[0], "softwareAgent"), "name").as_text(), Some(&*"flux".repeat(50)));
        assert!(!store.windows(8).any(|eight| eight == b"a secret"), "a prompt is nobody's");

        let Value::Tag(18, signature) = manifest.get("c2pa.signature").value() else { panic!("no COSE_Sign1") };
        let [Value::Bytes(header), Value::Map(_), Value::Null, Value::Bytes(signature)] =
            signature.as_array().unwrap().as_slice()
        else {
            panic!("not its parts")
        };
        let signed: [Value; 4] = [
            Value::Text("Signature1".into()),
            Value::Bytes(header.clone()),
            Value::Bytes(Vec::new()),
            Value::Bytes(claim.boxes[0].content.to_vec()),
        ];
        let mut message = Vec::new();
        ciborium::into_writer(&Value::Array(signed.to_vec()), &mut message).unwrap();
        let public = crate::crypto::Signer::from_pkcs8(&x509_parser::pem::parse_x509_pem(KEY).unwrap().1.contents);
        assert!(public.unwrap().public().has_signed(&message, signature));
    }
}

/// What is kept of signed exports is compared with what is rendered later, by other builds: if this fails, `SEALED` is to be raised.
#[test]
fn signed_bytes_are_the_same_in_every_build() {
    let by = Credentials::read(CHAIN, KEY).unwrap();
    let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xe1\0\x03c\xff\xdb\0\x03d\xff\xda pixels \xff\xd9";
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0crc. pixels";
    let webp = b"RIFF\x10\0\0\0WEBPVP8 \x04\0\0\0dots";
    let steps = [Step::Cropped, Step::Resized, Step::Edited, Step::Converted];
    let source_type = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
    let claim = Claim { recipe: [3; 32], renderer: 8, source_type, agent: Some(("flux", Some("1.1"))), steps: &steps };
    let files = [(StillFormat::Jpeg, &jpeg[..]), (StillFormat::Png, png), (StillFormat::WebP, webp)];
    let hashes =
        files.map(|(format, file)| blake3::hash(&seal(file, format, &claim, &by).unwrap()).to_hex().to_string());
    assert_eq!(
        hashes,
        [
            "b2bd54411678c3ace17b2f21c6e2ea8782dea452df9a25ef12bc37bb5786f9d4",
            "ac873f70b5ccb1f869a1c5e0ac6d9815c8e7822c69dc93f58673ca53f0ee1f35",
            "856c82f0e0f0c3e0ec164aea301deb219c545ed60b784750f491f73758ccbe47",
        ]
    );
}

#[test]
fn the_same_export_is_the_same_bytes_and_another_assets_is_another_manifest() {
    for format in FORMATS {
        let one = rendered(&recipe(format)).bytes;
        assert_eq!(one, rendered(&recipe(format)).bytes, "{format:?}");
        let mut ids = vec![manifest_of(&one).unwrap()];
        let more = Signed { version: 2, ..signed(1).unwrap() };
        let renewed = Signed { by: SignerId([8; 32]), ..signed(1).unwrap() };
        for signed in [signed(2), Some(more), Some(renewed)] {
            ids.push(manifest_of(&rendered(&Recipe { signed, ..recipe(format) }).bytes).unwrap());
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4, "{ids:?}");
    }
}

#[test]
fn what_is_signed_of_other_bytes_or_by_another_renderer_has_another_name() {
    let by = Credentials::read(CHAIN, KEY).unwrap();
    let claim = Claim { recipe: [3; 32], renderer: 8, source_type: "x", agent: None, steps: &[] };
    let named = |file: &[u8], claim: &Claim<'_>| {
        let sealed = seal(file, StillFormat::WebP, claim, &by).unwrap();
        let (store, _) = taken(&sealed, StillFormat::WebP);
        let told = Box::all(&store)[0].boxes[0].get("c2pa.claim.v2").value();
        [manifest_of(&sealed).unwrap(), of(&told, "instanceID").as_text().unwrap().to_owned()]
    };
    let one = b"RIFF\x10\0\0\0WEBPVP8 \x04\0\0\0dots";
    let other = b"RIFF\x10\0\0\0WEBPVP8 \x04\0\0\0dotz";
    let mut names = [named(one, &claim), named(other, &claim), named(one, &Claim { renderer: 9, ..claim })].concat();
    assert_eq!(names[..2], named(one, &claim));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 6, "{names:?}");
}

#[test]
fn a_limit_of_bytes_counts_the_manifest() {
    for format in FORMATS {
        let plain = rendered(&Recipe { signed: None, ..recipe(format) }).bytes.len() as u64;
        let whole = rendered(&recipe(format));
        let size = whole.bytes.len() as u64;
        assert!(size > plain + 1_000, "{format:?}: {size}, {plain}");
        let fits = rendered(&Recipe { max_bytes: Some(size), ..recipe(format) });
        assert_eq!(fits.quality, whole.quality);
        let less = Recipe { max_bytes: Some(size - 1), ..recipe(format) };
        match master().finished(&less).unwrap().write(None, Some(&by())) {
            Ok(smaller) => assert!((smaller.bytes.len() as u64) < size && smaller.quality <= whole.quality),
            Err(e) => assert!(format == StillFormat::Png && e.to_string().contains("too large"), "{e}"),
        }
    }
}

#[test]
fn nothing_is_claimed_of_a_picture_that_does_not_say_what_it_is() {
    let silent = rendered(&Recipe { mark_ai: false, ..recipe(StillFormat::Jpeg) });
    assert_eq!(manifest_of(&silent.bytes), None);
    let unsigned = Recipe { signed: None, mark_ai: false, ..recipe(StillFormat::Jpeg) };
    assert_eq!(silent.bytes, rendered(&unsigned).bytes);
}

/// The same picture with a chunk before its pixels.
fn with_chunk(name: &[u8; 4], content: &[u8]) -> Master {
    let (plain, length) = (png(), u32::try_from(content.len()).unwrap());
    let named = [name, content].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&named);
    let chunk = [&length.to_be_bytes()[..], &named, &crc.sum().to_be_bytes()].concat();
    Master::decode(&[&plain[..33], &chunk, &plain[33..]].concat(), &Limits::default()).unwrap()
}

#[test]
fn a_strangers_declaration_is_not_signed_against_the_record() {
    for (said, claimed) in [
        ("digitalCapture", "trainedAlgorithmicMedia"),
        ("anythingElse", "trainedAlgorithmicMedia"),
        ("compositeWithTrainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"),
    ] {
        let uri = format!("http://cv.iptc.org/newscodes/digitalsourcetype/{said}");
        let packet = format!(
            r#"XML:com.adobe.xmp{z}{z}{z}{z}{z}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType="{uri}"/></rdf:RDF></x:xmpmeta>"#,
            z = '\0'
        );
        let master = with_chunk(b"iTXt", packet.as_bytes());
        let signed = master.finished(&recipe(StillFormat::Png)).unwrap().write(None, Some(&by())).unwrap().bytes;
        let (store, _) = taken(&signed, StillFormat::Png);
        let actions = Box::all(&store)[0].boxes[0].get("c2pa.assertions").get("c2pa.actions.v2").value();
        let source_type = of(&of(&actions, "actions").as_array().unwrap()[0], "digitalSourceType").as_text().unwrap();
        assert!(source_type.ends_with(&format!("/{claimed}")), "{said}: {source_type}");
        let silent = Recipe { mark_ai: false, ..recipe(StillFormat::Png) };
        let silent = master.finished(&silent).unwrap().write(None, Some(&by())).unwrap().bytes;
        assert_eq!(manifest_of(&silent), None, "the record knows nothing of it");
        assert!(silent.windows(said.len()).any(|part| part == said.as_bytes()), "its packet says so as ever");
    }
}

/// Their own provenance would be misstated.
#[test]
fn masters_with_credentials_of_their_own_are_not_signed() {
    let bytes = |master: &Master| master.finished(&recipe(StillFormat::Png)).unwrap().write(None, Some(&by())).unwrap();
    assert_eq!(manifest_of(&bytes(&with_chunk(b"caBX", b"")).bytes), None);
    assert!(manifest_of(&bytes(&with_chunk(b"caBy", b"")).bytes).is_some());
    for format in FORMATS {
        let ours = rendered(&recipe(format)).bytes;
        let master = Master::decode(&ours, &Limits::default()).unwrap();
        assert_eq!(manifest_of(&bytes(&master).bytes), None, "{format:?}");
        let bare = rendered(&Recipe { signed: None, ..recipe(format) }).bytes;
        let master = Master::decode(&bare, &Limits::default()).unwrap();
        assert!(manifest_of(&bytes(&master).bytes).is_some(), "{format:?}");
    }
}

#[test]
fn what_is_to_be_signed_is_never_written_without() {
    let nobody = master().render(&recipe(StillFormat::WebP)).unwrap_err();
    assert!(!nobody.is_lasting() && nobody.to_string().contains("no certificate"), "{nobody}");
}

#[test]
fn a_store_goes_through_segments_and_cut_files_have_none() {
    let file = rendered(&recipe(StillFormat::Jpeg)).bytes;
    let long = boxes::plain(*b"jumb", &[5; 150_000]);
    let bare = rendered(&Recipe { signed: None, ..recipe(StillFormat::Jpeg) }).bytes;
    let room = Room::of(StillFormat::Jpeg, &bare).unwrap();
    let wrapped = room.wrapped(&long);
    let (before, behind) = room.around(wrapped.len());
    let (store, range) = taken(&[&before, &wrapped[..], behind].concat(), StillFormat::Jpeg);
    assert_eq!((store, range), (long, room.at..room.at + wrapped.len()));
    for format in FORMATS {
        let file = rendered(&recipe(format)).bytes;
        for cut in (0..file.len()).step_by(7) {
            let _ = manifest_of(&file[..cut]);
        }
    }
    assert!(manifest_of(&file[..room.at + 100]).is_none());
}

#[test]
fn credentials_are_looked_at_before_anything_is_signed() {
    let other = include_bytes!("fixtures/server.key");
    let whole = [LEAF, BETWEEN, include_bytes!("fixtures/root.pem")].concat();
    let (claims, others) = (include_bytes!("fixtures/claims.pem"), include_bytes!("fixtures/others.pem"));
    for fine in [LEAF, CHAIN, &whole, claims, others] {
        Credentials::read(fine, KEY).unwrap();
    }
    let one = Credentials::read(LEAF, KEY).unwrap();
    assert_ne!(one.id(), Credentials::read(CHAIN, KEY).unwrap().id());
    assert!(!format!("{one:?}").contains("signer"));
    for (certificates, key, why) in [
        (LEAF, &other[..], "not that of the first certificate"),
        (include_bytes!("fixtures/es256.pem"), include_bytes!("fixtures/es256.key"), "never be the same bytes"),
        (LEAF, include_bytes!("fixtures/es256.key"), "no PEM with an Ed25519 key"),
        (include_bytes!("fixtures/server.pem"), other, "emailProtection"),
        (include_bytes!("fixtures/orphan.pem"), include_bytes!("fixtures/orphan.key"), "by which key it was issued"),
        (&[BETWEEN, LEAF].concat(), KEY, "authority's own"),
        (&[LEAF, include_bytes!("fixtures/root.pem")].concat(), KEY, "not in order"),
        (&[LEAF, LEAF].concat(), KEY, "not in order"),
        (b"", KEY, "no certificate in it"),
        (KEY, KEY, "for certificates alone"),
        (LEAF, LEAF, "no PEM with an Ed25519 key"),
        (LEAF, &[KEY, KEY].concat(), "no PEM with an Ed25519 key"),
        (&CHAIN.repeat(80), KEY, "would stand in every export"),
        (include_bytes!("fixtures/stamping.pem"), KEY, "for the time"),
        (include_bytes!("fixtures/answering.pem"), KEY, "OCSPSigning"),
        (include_bytes!("fixtures/issuing.pem"), KEY, "keyCertSign"),
        (include_bytes!("fixtures/critical.pem"), KEY, "critical extension that nobody here understands (1.2.3.4)"),
        (include_bytes!("fixtures/broken.pem"), KEY, "over SHA-1"),
        (include_bytes!("fixtures/unchecked.pem"), KEY, "how O=damfs tests, CN=large signed it is not known here"),
    ] {
        let refused = Credentials::read(certificates, key).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    let ended = Credentials::read(include_bytes!("fixtures/ended.pem"), include_bytes!("fixtures/ended.key")).unwrap();
    let at = crate::types::Timestamp::from_secs;
    let told = ended.out_of_date(at(1_609_459_200)).unwrap();
    assert!(told.contains("ended on 2021-01-01") && told.ends_with("in its place and restart the daemon"), "{told}");
    assert!(ended.out_of_date(at(1_577_836_799)).unwrap().contains("begins on 2020-01-01"));
    assert_eq!(ended.out_of_date(at(1_609_459_199)), None);
}
