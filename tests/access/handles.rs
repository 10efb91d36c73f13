//! A right that is withdrawn ends what is open.

use crate::world::*;
use damfs::fs::{Invalidation, SetAttr};

/// What the kernel is told within a second.
fn told(seat: &Seat, ino: u64) -> bool {
    let told = seat.mount.invalidations();
    while let Ok(what) = told.recv_timeout(std::time::Duration::from_secs(1)) {
        if what == (Invalidation::Inode { ino, bytes: true }) {
            return true;
        }
    }
    false
}

#[test]
fn a_scope_that_is_taken_ends_every_use_of_an_open_file() {
    let (world, admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    let fh = eddy.open("library/acme/a.png", true, true).unwrap();
    let (ino, record) = (eddy.find("library/acme/a.png").unwrap(), "records/acme/a.png.json");
    let text = eddy.open(record, true, false).unwrap();
    let version = eddy.open("versions/acme/a.png/1.png", true, false).unwrap();
    assert_eq!(eddy.pread(fh).unwrap(), b"acme");
    world.change_member("eddy", Some("client=other"), None);
    assert_eq!(errno(eddy.pread(fh)), libc::EACCES);
    assert_eq!(errno(eddy.pwrite(fh, b"x")), libc::EACCES);
    assert_eq!(errno(eddy.mount.fallocate(&eddy.caller, fh, 0, 4, 3)), libc::EACCES, "punching a hole");
    assert_eq!(errno(eddy.mount.seek(&eddy.caller, fh, 0, damfs::fs::Seek::Data)), libc::EACCES);
    let cut = SetAttr { size: Some(0), fh: Some(fh), ..SetAttr::default() };
    assert!(eddy.mount.setattr(&eddy.caller, ino, cut).is_err());
    assert_eq!(errno(eddy.pread(text)), libc::EACCES, "a record");
    assert_eq!(errno(eddy.pread(version)), libc::EACCES, "a version");
    assert!(told(&eddy, ino), "the kernel gives up its pages");
    assert_eq!(admin.read("library/acme/a.png").unwrap(), b"acme");
}

#[test]
fn a_withdrawn_verdict_ends_an_open_export() {
    let (world, admin) = World::studio();
    let image = image::RgbImage::from_pixel(64, 64, image::Rgb([9, 9, 9]));
    let mut png = std::io::Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png).unwrap();
    admin.write("library/acme/b.png", &png.into_inner()).unwrap();
    world.settle();
    world.set("library/acme/b.png", &["status.facebook=approved"]);
    let export = "platforms/facebook/feed_image/b.jpg";
    let (ino, fh) = (admin.find(export).unwrap(), admin.open(export, true, false).unwrap());
    assert!(!admin.pread(fh).unwrap().is_empty());
    world.set("library/acme/b.png", &["status.facebook=rejected"]);
    assert_eq!(errno(admin.pread(fh)), libc::EACCES);
    assert!(told(&admin, ino));
}

#[test]
fn a_scratch_handle_is_judged_by_the_asset_that_it_became() {
    let (world, _admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    eddy.write("library/acme/.goutputstream-AB12CD", b"next").unwrap();
    let fh = eddy.open("library/acme/.goutputstream-AB12CD", true, true).unwrap();
    eddy.rename("library/acme/.goutputstream-AB12CD", "library/acme/a.png").unwrap();
    assert_eq!(eddy.pread(fh).unwrap(), b"next");
    world.set("library/acme/a.png", &["client=globex"]);
    assert_eq!(errno(eddy.pread(fh)), libc::EACCES);
    assert_eq!(errno(eddy.pwrite(fh, b"x")), libc::EACCES);
}

#[test]
fn a_right_that_stays_keeps_its_handle_and_its_pages() {
    let (world, _admin) = World::studio();
    let eddy = world.member("eddy", 1001, "editor", Some("client=acme"));
    let fh = eddy.open("library/acme/a.png", true, false).unwrap();
    let ino = eddy.find("library/acme/a.png").unwrap();
    world.set("library/acme/a.png", &["tag=sea"]);
    assert_eq!(eddy.pread(fh).unwrap(), b"acme");
    assert!(!told(&eddy, ino));
}
