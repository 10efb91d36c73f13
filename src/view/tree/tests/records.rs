//! What records are called.

use super::*;

/// Regression: a file whose record's name was too long, or a folder's, had no record.
#[test]
fn every_file_has_a_record_whatever_its_name() {
    let (lib, admin) = (lib(), admin());
    let named = |lib: &Lib, path: &str| match lib.resolve(&admin, path) {
        Some(Item::Record(asset)) => asset.ordinal,
        other => panic!("{path}: {other:?}"),
    };
    lib.write(|tx| folder(tx, 30, 20, "l1.png.json").and_then(|()| put(tx, &asset_row(6, "deep.png"), 30)));
    let long = format!("{}.png", "ü".repeat(124));
    lib.write(|tx| put(tx, &asset_row(7, &long), 20));
    let listed = lib.ls(&admin, "records/luna");
    assert_eq!(listed.len(), 4, "{listed:?}");
    let (l1, cut) = (format!("l1.png~{}.json", AssetId::from_bytes([1; 16])), format!("{}~", "ü".repeat(106)));
    assert!(
        listed.contains(&l1) && listed.iter().any(|name| name.starts_with(&cut) && name.len() <= 255),
        "{listed:?}"
    );
    for name in listed.iter().filter(|name| *name != "l1.png.json") {
        named(&lib, &format!("records/luna/{name}"));
    }
    assert_eq!(named(&lib, &format!("records/luna/{l1}")), 1);
    assert!(!lib.has(&admin, &format!("records/mira/{l1}")) && !lib.has(&admin, &format!("records/luna/x{l1}")));
    let other = who("admin", Some("client=globex"));
    assert!(!lib.has(&other, &format!("records/luna/{l1}")));
}
