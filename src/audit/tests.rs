#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn chain(rows: usize) -> Vec<AuditRow> {
    let mut out: Vec<AuditRow> = Vec::new();
    for n in 0..rows {
        let at = Timestamp::from_secs(i64::try_from(n).unwrap());
        let detail = json!({ "n": n, "old": null });
        out.push(next_row(out.last(), "main", at, "ann", "asset.set", "asset-1", &detail).unwrap());
    }
    out
}

fn check(rows: &[AuditRow]) -> Result<(), Broken> {
    let mut verifier = Verifier::new("main");
    rows.iter().try_for_each(|row| verifier.push(row))
}

#[test]
fn a_chain_as_written_is_whole() {
    let rows = chain(5);
    assert_eq!(check(&rows), Ok(()));
    assert_eq!(rows[0].prev, ORIGIN);
    assert_eq!(rows[0].seq, 1);
    assert_eq!(rows[4].prev, rows[3].hash);
    let mut verifier = Verifier::new("main");
    for row in &rows {
        verifier.push(row).unwrap();
    }
    assert_eq!(verifier.head(), (5, rows[4].hash));
}

#[test]
fn the_hash_is_part_of_the_format() {
    // A change here breaks every library that exists.
    let hex = blake3::Hash::from_bytes(chain(1)[0].hash).to_hex();
    assert_eq!(hex.as_str(), "1be46b6e1961a712737258895b20b3100095d4a39c9da80f2e703af888a96cf2");
}

#[test]
fn every_field_is_covered() {
    let edits: [fn(&mut AuditRow); 8] = [
        |r| r.chain.push('x'),
        |r| r.seq += 1,
        |r| r.at = r.at.plus_ms(1),
        |r| r.actor = "bob".into(),
        |r| r.action.push('x'),
        |r| r.subject.push('x'),
        |r| r.detail = "{}".into(),
        |r| r.prev[0] ^= 1,
    ];
    for (n, edit) in edits.iter().enumerate() {
        let mut rows = chain(5);
        edit(&mut rows[2]);
        assert_ne!(chain_hash(&rows[2]), rows[2].hash, "edit {n}");
        assert_eq!(check(&rows).unwrap_err().seq, 3, "edit {n}");
    }
}

#[test]
fn lengths_keep_fields_apart() {
    let mut one = chain(1).remove(0);
    let mut two = one.clone();
    (one.actor, one.action) = ("ab".into(), "c".into());
    (two.actor, two.action) = ("a".into(), "bc".into());
    assert_ne!(chain_hash(&one), chain_hash(&two));
}

#[test]
fn removing_inserting_swapping_and_rehashing_break_the_chain() {
    let whole = chain(6);
    let mut removed = whole.clone();
    removed.remove(2);
    assert_eq!(check(&removed), Err(Broken { seq: 3, why: Fault::Missing { found: 4 } }));

    let mut first = whole.clone();
    first.remove(0);
    assert_eq!(check(&first), Err(Broken { seq: 1, why: Fault::Missing { found: 2 } }));

    let mut swapped = whole.clone();
    swapped.swap(1, 2);
    assert_eq!(check(&swapped).unwrap_err().seq, 2);

    let mut rehashed = whole.clone();
    rehashed[2].actor = "bob".into();
    rehashed[2].hash = chain_hash(&rehashed[2]);
    assert_eq!(check(&rehashed), Err(Broken { seq: 4, why: Fault::Unlinked }));

    let mut altered = whole.clone();
    altered[5].detail = "{}".into();
    let broken = check(&altered).unwrap_err();
    assert_eq!(broken, Broken { seq: 6, why: Fault::Altered });
    assert_eq!(broken.to_string(), "row 6 was altered after it was written");

    let mut foreign = whole;
    foreign[1].chain = "other".into();
    assert_eq!(check(&foreign), Err(Broken { seq: 2, why: Fault::Foreign }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_flipped_bit_is_found(row in 0..8usize, byte in 0..32usize, bit in 0..8u8, hash in any::<bool>()) {
        let mut rows = chain(8);
        let target = if hash { &mut rows[row].hash } else { &mut rows[row].prev };
        target[byte] ^= 1 << bit;
        prop_assert!(check(&rows).is_err());
    }
}
