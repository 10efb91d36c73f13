//! How files were generated, beside their records.

use std::collections::BTreeMap;

use damfs::catalog::Asset;
use damfs::types::Generation;

use crate::catalog::on_both;
use crate::samples::*;

#[test]
fn how_a_file_was_generated_stays_beside_its_record() {
    on_both(|engine| {
        let made = Generation {
            tool: "a1111".into(),
            raw: "steps\0".into(),
            fields: BTreeMap::from([("Steps".into(), "20".into())]),
            seed: Some(-1),
            loras: vec!["skin".into()],
            ..Generation::default()
        };
        refused(write(engine, |tx| tx.put_generation(asset_id(30), &made)));
        write(engine, |tx| publish(tx, &asset(30))).unwrap();
        assert_eq!(read(engine, |tx| tx.generation(asset_id(30))), None);
        for now in [made.clone(), Generation { inherited: true, ..made }] {
            write(engine, |tx| {
                tx.put_generation(asset_id(30), &now)?;
                tx.put_asset(&Asset { notes: Some("other".into()), ..asset(30) })
            })
            .unwrap();
            assert_eq!(read(engine, |tx| tx.generation(asset_id(30))), Some(now));
        }
        write(engine, |tx| {
            tx.put_asset(&Asset { head: None, ..asset(31) })?;
            tx.put_generation(asset_id(31), &Generation::default())?;
            tx.remove_asset(asset_id(31))
        })
        .unwrap();
        assert_eq!(read(engine, |tx| tx.generation(asset_id(31))), None, "it goes with its asset");
    });
}
