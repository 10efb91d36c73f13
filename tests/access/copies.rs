//! Of whose exports `dam export` makes copies.

use std::fs::File;

use damfs::ops::proto::{Command, FailureKind};
use damfs::ops::serve;
use damfs::types::Caller;

use crate::world::World;

#[test]
fn copies_are_made_by_the_gate_of_the_mount_with_its_names_and_bytes() {
    let world = World::new();
    let admin = world.admin();
    world.sheet("platform,placement,kind,width,height,fit,formats,adult_allowed\nx,card,image,8,8,crop,jpeg,\n");
    for (folder, shade) in [("acme", 10), ("globex", 200)] {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_pixel(16, 16, image::Rgb([shade, 0, 0]))
            .write_to(&mut png, image::ImageFormat::Png)
            .unwrap();
        admin.mkdir(&format!("library/{folder}")).unwrap();
        admin.write(&format!("library/{folder}/a.png"), png.get_ref()).unwrap();
        world.settle();
        world.set(&format!("library/{folder}/a.png"), &[&format!("client={folder}"), "status.x=approved"]);
    }
    let mara = world.member("mara", 1003, "marketing-manager", Some("client=globex"));
    world.member("eddy", 1002, "editor", Some("client=globex"));
    let list = |uid| {
        let command = Command::ExportList { expr: "kind=image".into(), place: "x/card".into(), after: 0 };
        world.serve(uid, command).unwrap()["rows"].as_array().unwrap().clone()
    };
    let names =
        |uid: u32| list(uid).iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(0).len(), 2);
    let mut seen = names(0);
    seen.sort();
    assert_eq!(seen, admin.names("platforms/x/card"), "namesakes are marked as in a mount");
    assert_eq!(names(1003), ["a.jpg"]);
    let eddys = list(1002);
    assert!(eddys.len() == 1 && eddys[0]["reason"].as_str().unwrap().contains("may not export"), "{eddys:?}");
    let dir = tempfile::tempdir().unwrap();
    let copy = |uid: u32, asset: &str, name: &str| {
        let path = dir.path().join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let command = Command::ExportCopy { asset: asset.parse().unwrap(), place: "x/card".into() };
        let done = serve::serve(&world.library, &Caller { uid, gid: uid, process: 1 }, command, Some(file));
        done.map(|told| (told, std::fs::read(&path).unwrap()))
    };
    let hers = list(1003)[0]["asset"].as_str().unwrap().to_owned();
    let other = list(0).iter().map(|row| row["asset"].as_str().unwrap().to_owned()).find(|id| *id != hers).unwrap();
    let (told, bytes) = copy(1003, &hers, "one").unwrap();
    let read = world.library.catalog.read(|tx| tx.audit_head("reads")).unwrap().unwrap();
    assert_eq!((read.actor.as_str(), read.action.as_str(), read.subject), ("mara", "read.export", hers.clone()));
    assert_eq!(bytes, mara.read("platforms/x/card/a.jpg").unwrap());
    assert_eq!(told["mtime"], mara.attr("platforms/x/card/a.jpg").unwrap().mtime.as_nanos());
    assert_eq!(copy(1003, &other, "two").unwrap_err().kind, FailureKind::NotFound, "as if it were not there");
    let (told, bytes) = copy(1002, &hers, "three").unwrap();
    assert!(told["reason"].as_str().unwrap().contains("may not export") && bytes.is_empty());
    world.set("library/globex/a.png", &["status.x=rejected"]);
    let (told, bytes) = copy(0, &hers, "four").unwrap();
    assert!(told["reason"] == "it is rejected for x" && bytes.is_empty());
    assert_eq!(copy(1003, &hers, "five").unwrap_err().kind, FailureKind::NotFound, "she lists what is approved");
}
