//! Files that are no asset: scratch, locks, backups, what waits in the inbox.

use crate::world::*;
use damfs::fs::SetAttr;

const LOCAL: [&str; 4] =
    ["library/acme/.goutputstream-AB12CD", "library/acme/.a.png.swp", "library/acme/b.png~", "inbox/drop.png"];

#[test]
fn who_may_change_nothing_changes_no_local_file() {
    let (world, admin) = World::studio();
    let bea = world.member("bea", 1001, "backup", None);
    for path in LOCAL {
        admin.write(path, b"half").unwrap();
        assert_eq!(bea.read(path).unwrap(), b"half", "a backup reads {path}");
        assert_eq!(errno(bea.overwrite(path, b"x")), libc::EACCES, "{path}");
        let mode = SetAttr { size: Some(0), ..SetAttr::default() };
        assert_eq!(errno(bea.setattr(path, mode)), libc::EACCES, "{path}");
        assert_eq!(errno(bea.setxattr(path, "user.x", "y")), libc::EACCES, "{path}");
        assert_eq!(errno(bea.rename(path, "library/acme/.x.swp")), libc::EACCES, "{path}");
        assert_eq!(errno(bea.unlink(path)), libc::EACCES, "{path}");
        assert_eq!(admin.read(path).unwrap(), b"half");
    }
}

#[test]
fn anothers_local_file_takes_the_right_to_edit_there() {
    let role = "[role.own]\ndescription = \"x\"\n[role.own.allow]\nlist = \"*\"\ndownload = \"client=acme\"\nedit = \"owner=me\"\ntag = \"owner=me\"\n";
    let world = World::new().with_roles(role);
    let admin = world.admin();
    let (owen, eddy) = (world.member("owen", 1001, "own", None), world.member("eddy", 1002, "editor", None));
    admin.mkdir("library/acme").unwrap();
    admin.write("library/acme/.x.swp", b"half").unwrap();
    assert_eq!(errno(owen.read("library/acme/.x.swp")), libc::EACCES, "he downloads only what is acme's");
    assert_eq!(errno(owen.overwrite("library/acme/.x.swp", b"y")), libc::EACCES);
    assert_eq!(errno(owen.unlink("library/acme/.x.swp")), libc::EACCES);
    owen.write("library/acme/.o.swp", b"own").unwrap();
    assert_eq!(errno(owen.rename("library/acme/.o.swp", "library/acme/.x.swp")), libc::EACCES, "nor replaces it");
    owen.unlink("library/acme/.o.swp").unwrap();
    eddy.overwrite("library/acme/.x.swp", b"next").unwrap();
    eddy.unlink("library/acme/.x.swp").unwrap();
}

#[test]
fn a_file_set_aside_follows_its_asset() {
    let role = "[role.look]\ndescription = \"x\"\n[role.look.allow]\nlist = \"*\"\nedit = \"owner=me\"\n";
    let (world, admin) = World::studio();
    drop(admin);
    let world = world.with_roles(role);
    let (admin, lou) = (world.admin(), world.member("lou", 1001, "look", None));
    let eddy = world.member("eddy", 1002, "editor", Some("client=acme"));
    admin.rename("library/acme/a.png", "library/acme/a.png~").unwrap();
    admin.write("library/acme/a.png", b"next").unwrap();
    assert_eq!(errno(lou.read("library/acme/a.png~")), libc::EACCES, "no download, also not of the backup");
    assert_eq!(errno(lou.overwrite("library/acme/a.png~", b"x")), libc::EACCES);
    assert_eq!(errno(lou.unlink("library/acme/a.png~")), libc::EACCES);
    for seat in [&lou, &eddy, &admin] {
        assert_eq!(errno(seat.getxattr("library/acme/a.png~", "user.dam.id")), libc::ENODATA);
    }
    assert_eq!(eddy.read("library/acme/a.png~").unwrap(), b"acme");
    eddy.unlink("library/acme/a.png~").unwrap();
}
