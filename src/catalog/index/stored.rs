//! The index as bytes: what a daemon that ends leaves for the next one, which would else read the whole catalogue for it.
//!
//! Whether they are those that were written, and of which moment, is for the engine to know. Layout in `src/blob/FORMAT.md`.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result, Write};

use damfs_policy::Field;
use roaring::RoaringBitmap;

use super::digits::Digits;
use super::words::{Assets, Texts, Words};
use super::{ByValue, Index};

const MAGIC: &[u8; 12] = b"damfs index\n";
/// Raised whenever the same catalogue would give another index.
const FORMAT: u32 = 1;

fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// An index of other fields is not read.
fn head() -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend(FORMAT.to_le_bytes());
    let mut fields = blake3::Hasher::new();
    for field in Field::ALL {
        fields.update(field.to_string().as_bytes()).update(b"\n");
    }
    head.extend(fields.finalize().as_bytes());
    head
}

impl Index {
    /// Writes it.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&self, out: &mut impl Write) -> Result<()> {
        let Self { published, texts, numbers, seeds, seeded, duplicates, words } = self;
        out.write_all(&head())?;
        published.serialize_into(&mut *out)?;
        put_count(out, texts.len())?;
        for (field, known) in texts {
            put_text(out, &field.to_string())?;
            put_values(out, known, |out, value| put_text(out, value))?;
        }
        put_count(out, numbers.len())?;
        for (field, known) in numbers {
            put_text(out, &field.to_string())?;
            put_values(out, known, |out, value| out.write_all(&value.to_le_bytes()))?;
        }
        put_count(out, seeds.len())?;
        for (seed, asset) in seeds {
            out.write_all(&seed.to_le_bytes())?;
            out.write_all(&asset.to_le_bytes())?;
        }
        seeded.serialize_into(&mut *out)?;
        put_count(out, duplicates.pairs().len())?;
        duplicates.pairs().iter().try_for_each(|pair| out.write_all(pair))?;
        let Texts { prompts, others, some, prompted } = words;
        put_words(out, prompts)?;
        put_words(out, others)?;
        some.serialize_into(&mut *out)?;
        prompted.serialize_into(&mut *out)
    }

    /// Reads what [`Index::write`] has written.
    ///
    /// # Errors
    /// What `from` says, and when it is no index of these fields.
    pub fn read(from: &mut impl Read) -> Result<Self> {
        let expected = head();
        let mut found = vec![0; expected.len()];
        from.read_exact(&mut found)?;
        if found != expected {
            return Err(damaged("an index of another kind"));
        }
        let published = bitmap(from)?;
        let texts = fields(from, text)?;
        let numbers = fields(from, |from| Ok(i64::from_le_bytes(bytes(from)?)))?;
        let seeds = list(from, |from| Ok((i64::from_le_bytes(bytes(from)?), u32::from_le_bytes(bytes(from)?))))?;
        let seeded = bitmap(from)?;
        let duplicates = Digits::of(list(from, bytes)?);
        let (prompts, others) = (words(from)?, words(from)?);
        let words = Texts { prompts, others, some: bitmap(from)?, prompted: bitmap(from)? };
        Ok(Self { published, texts, numbers, seeds: seeds.into_iter().collect(), seeded, duplicates, words })
    }
}

fn put_count(out: &mut impl Write, count: usize) -> Result<()> {
    let count = u32::try_from(count).map_err(|_| damaged("more than an index takes"))?;
    out.write_all(&count.to_le_bytes())
}

fn put_text(out: &mut impl Write, text: &str) -> Result<()> {
    put_count(out, text.len())?;
    out.write_all(text.as_bytes())
}

fn put_values<K: Ord, W: Write>(
    out: &mut W,
    known: &ByValue<K>,
    put_value: impl Fn(&mut W, &K) -> Result<()>,
) -> Result<()> {
    put_count(out, known.values.len())?;
    for (value, assets) in &known.values {
        put_value(out, value)?;
        assets.serialize_into(&mut *out)?;
    }
    known.some.serialize_into(out)
}

fn put_words(out: &mut impl Write, words: &Words) -> Result<()> {
    put_text(out, words.text())?;
    put_count(out, words.assets().len())?;
    for assets in words.assets() {
        match assets {
            Assets::None => out.write_all(&[0])?,
            Assets::One(one) => {
                out.write_all(&[1])?;
                out.write_all(&one.to_le_bytes())?;
            }
            Assets::Many(many) => {
                out.write_all(&[2])?;
                many.serialize_into(&mut *out)?;
            }
        }
    }
    Ok(())
}

fn bytes<const N: usize>(from: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn bitmap(from: &mut impl Read) -> Result<RoaringBitmap> {
    RoaringBitmap::deserialize_from(from)
}

fn text(from: &mut impl Read) -> Result<String> {
    let length = u32::from_le_bytes(bytes(from)?);
    let mut text = String::new();
    // A length that is none takes no more memory than there are bytes.
    from.take(u64::from(length)).read_to_string(&mut text)?;
    if text.len() as u64 == u64::from(length) { Ok(text) } else { Err(damaged("cut off")) }
}

fn list<T, R: Read>(from: &mut R, each: impl Fn(&mut R) -> Result<T>) -> Result<Vec<T>> {
    let count = u32::from_le_bytes(bytes(from)?);
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(each(from)?);
    }
    Ok(all)
}

fn fields<K: Ord, R: Read>(from: &mut R, value: impl Fn(&mut R) -> Result<K>) -> Result<BTreeMap<Field, ByValue<K>>> {
    let all = list(from, |from| {
        let field = Field::parse(&text(from)?).ok_or_else(|| damaged("an unknown field"))?;
        let values = list(from, |from| Ok((value(from)?, bitmap(from)?)))?;
        Ok((field, ByValue { values: values.into_iter().collect(), some: bitmap(from)? }))
    })?;
    Ok(all.into_iter().collect())
}

fn words(from: &mut impl Read) -> Result<Words> {
    let text = text(from)?;
    let assets = list(from, |from| {
        Ok(match bytes(from)? {
            [0] => Assets::None,
            [1] => Assets::One(u32::from_le_bytes(bytes(from)?)),
            [2] => Assets::Many(Box::new(bitmap(from)?)),
            _ => return Err(damaged("neither none, one nor many")),
        })
    })?;
    Words::of(text, assets).ok_or_else(|| damaged("words and who has them are not as many"))
}
