//! Exports that a certificate of the library's owner signs (`[c2pa]` in `damfs.toml`), and what is said where that cannot be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use damfs::ops::OpenError;

use crate::world::World;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/c2pa/fixtures");

/// The same library with this certificate in its folder, under these names.
fn configured(world: World, certificate: &str, key: &str) -> Result<World, OpenError> {
    let root = world.library.root().to_owned();
    for (from, to, mode) in [(certificate, "chain.pem", 0o644), (key, "signer.key", 0o600)] {
        fs::write(root.join(to), fs::read(PathBuf::from(FIXTURES).join(from)).unwrap()).unwrap();
        fs::set_permissions(root.join(to), fs::Permissions::from_mode(mode)).unwrap();
    }
    said(world, "[c2pa]\ncertificate = \"chain.pem\"\nkey = \"signer.key\"\n")
}

/// The same library with this at the end of its `damfs.toml`.
fn said(world: World, section: &str) -> Result<World, OpenError> {
    let info = world.library.root().join("damfs.toml");
    let text = fs::read_to_string(&info).unwrap();
    let before = text.split("[c2pa]").next().unwrap().trim_end();
    fs::write(&info, format!("{before}\n{section}")).unwrap();
    world.try_reopen()
}

fn refusal(told: Result<World, OpenError>) -> String {
    let Err(refusal) = told else { panic!("it was opened") };
    assert!(refusal.hint().contains("take [c2pa] out"), "{}", refusal.hint());
    refusal.to_string()
}

#[cfg(not(feature = "c2pa"))]
#[test]
fn a_certificate_is_refused_where_nothing_can_sign() {
    let told = refusal(configured(World::new(), "chain.pem", "leaf.key"));
    assert!(told.contains("build it with `cargo build --release --workspace --features c2pa`"), "{told}");
}

#[cfg(feature = "c2pa")]
mod built {
    use std::fs::File;

    use damfs::blob::ObjectKind;
    use damfs::c2pa::manifest_of;
    use damfs::ops::proto::{Command, Failure};
    use damfs::ops::serve;
    use damfs::types::Caller;
    use damfs::view::recipes::object_name;
    use serde_json::Value;

    use super::*;
    use crate::stills::still;
    use crate::world::{Seat, errno};

    const A: &str = "library/a.png";
    const EXPORTS: [&str; 3] = ["platforms/x/card/a.jpg", "platforms/x/small/a.webp", "platforms/x/padded/a.png"];
    const TABLE: &str = "platform,placement,kind,width,height,fit,metadata,formats,adult_allowed
x,card,image,40,40,crop,ai-prompt,jpeg,
x,small,image,30,30,crop,,webp,
x,padded,image,60,60,pad,bare,png,
x,plain,image,40,40,crop,,gif,
";

    /// One picture that was generated and one that does not say so, both approved.
    fn studio() -> World {
        let world = World::new();
        let admin = world.admin();
        world.sheet(TABLE);
        for (name, shade) in [("a", 7919), ("b", 104_729)] {
            let mut png = std::io::Cursor::new(Vec::new());
            let noise = |n: u32| u8::try_from(n % 256).unwrap();
            let picture = image::RgbImage::from_fn(90, 60, |x, y| image::Rgb([noise(x * shade), noise(y * 31), 9]));
            picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
            admin.write(&format!("library/{name}.png"), png.get_ref()).unwrap();
            world.settle();
            world.set(&format!("library/{name}.png"), &["status.x=approved"]);
        }
        world.set(A, &["likeness=synthetic"]);
        drop(admin);
        world
    }

    fn read(seat: &Seat, path: &str) -> Vec<u8> {
        let bytes = seat.read(path).unwrap();
        assert_eq!(seat.attr(path).unwrap().size, bytes.len() as u64, "{path}");
        bytes
    }

    fn whence(world: &World, bytes: &[u8]) -> Value {
        whence_as(0, world, bytes).unwrap()["found"][0].clone()
    }

    fn whence_as(uid: u32, world: &World, bytes: &[u8]) -> Result<Value, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("got");
        fs::write(&path, bytes).unwrap();
        let (caller, got) = (Caller { uid, gid: uid, process: 1 }, Some(File::open(&path).unwrap()));
        serve::serve(&world.library, &caller, Command::Whence { name: "got".into() }, got)
    }

    #[test]
    fn exports_are_signed_and_are_the_same_bytes_when_they_are_rendered_again() {
        let world = configured(studio(), "chain.pem", "leaf.key").unwrap();
        let admin = world.admin();
        for path in EXPORTS {
            let bytes = read(&admin, path);
            let manifest = manifest_of(&bytes).unwrap();
            assert_eq!(admin.getxattr(path, "user.dam.export.signed").unwrap(), manifest);
            assert!(admin.listxattr(path).is_empty(), "copies do not carry it");
            let place = path.split('/').nth(2).unwrap();
            let still = still(&world, A, place);
            let name = object_name(still.content, &still.recipe);
            world.library.vault.remove_object(ObjectKind::Rendition, &name).unwrap();
            assert_eq!(admin.getxattr(path, "user.dam.export.signed").unwrap(), manifest, "from bytes made anew");
            world.library.vault.remove_object(ObjectKind::Rendition, &name).unwrap();
            assert!(read(&admin, path) == bytes, "{path}");
            let row = whence(&world, &bytes);
            assert_eq!((&row["as"], &row["path"], &row["placement"]), (&"export".into(), &A.into(), &place.into()));
            let other = read(&admin, &path.replace("/a.", "/b."));
            assert_eq!(manifest_of(&other), None, "it does not say how it came to be");
        }
        let plain = "platforms/x/plain/a.gif";
        assert!(!read(&admin, plain).windows(4).any(|four| four == b"c2pa"));
        for none in [plain, "platforms/x/card/b.jpg", A] {
            assert_eq!(errno(admin.getxattr(none, "user.dam.export.signed")), libc::ENODATA, "{none}");
        }
    }

    #[test]
    fn two_assets_with_the_same_bytes_are_signed_apart() {
        let world = configured(studio(), "chain.pem", "leaf.key").unwrap();
        let admin = world.admin();
        admin.write("library/c.png", &admin.read(A).unwrap()).unwrap();
        world.settle();
        world.set("library/c.png", &["status.x=approved", "likeness=synthetic"]);
        let [one, other] = ["a", "c"].map(|name| read(&admin, &format!("platforms/x/card/{name}.jpg")));
        assert_ne!(manifest_of(&one).unwrap(), manifest_of(&other).unwrap());
        assert_eq!(whence(&world, &other)["path"], "library/c.png");
    }

    /// Regression: who may list one of two with the same bytes was told that an export which is signed as the other was his.
    #[test]
    fn what_is_signed_as_a_hidden_asset_is_nobody_elses() {
        let world = configured(studio(), "chain.pem", "leaf.key").unwrap();
        let admin = world.admin();
        admin.write("library/c.png", &admin.read(A).unwrap()).unwrap();
        world.settle();
        world.set("library/c.png", &["client=globex", "status.x=approved", "likeness=synthetic"]);
        world.member("gail", 1007, "editor", Some("client=globex"));
        let asked = |name: &str| whence_as(1007, &world, &read(&admin, &format!("platforms/x/card/{name}.jpg")));
        assert_eq!(asked("c").unwrap()["found"][0]["as"], "export");
        // Only what the file says of itself: which bytes it was made of, and those are his, too.
        let is_derived = |told: Value| {
            assert_eq!((&told["found"][0]["as"], told["found"][0].get("made")), (&"derived".into(), None), "{told}");
        };
        is_derived(asked("a").unwrap());
        // Regression: nor after the certificate was renewed, when it is known as nobody's.
        let (a, c) = (read(&admin, EXPORTS[0]), read(&admin, "platforms/x/card/c.jpg"));
        let bare = read(&admin, EXPORTS[2]);
        drop(admin);
        let world = configured(world, "leaf.pem", "leaf.key").unwrap();
        is_derived(whence_as(1007, &world, &a).unwrap());
        is_derived(whence_as(1007, &world, &c).unwrap());
        // Nor by what says nothing of itself.
        is_derived(whence_as(1007, &world, &bare).unwrap());
    }

    #[test]
    fn another_certificate_makes_other_files_and_none_makes_those_from_before() {
        let world = studio();
        let bare = read(&world.admin(), EXPORTS[0]);
        let old = world.admin().attr(EXPORTS[0]).unwrap();
        // Past the time of the shipped recipes, which every export has at least.
        world.clock.advance_ms(10_000_000_000);
        let world = configured(world, "chain.pem", "leaf.key").unwrap();
        let signed = read(&world.admin(), EXPORTS[0]);
        let attr = world.admin().attr(EXPORTS[0]).unwrap();
        assert!(attr.mtime > old.mtime && attr.ino != old.ino, "as old as it was first made so");
        let world = configured(world, "leaf.pem", "leaf.key").unwrap();
        let renewed = read(&world.admin(), EXPORTS[0]);
        assert!(manifest_of(&renewed).unwrap() != manifest_of(&signed).unwrap());
        assert_eq!(whence(&world, &signed)["path"], A, "it is known from before");
        assert_eq!(whence(&world, &bare)["placement"], "card", "as is what went out before there was a certificate");
        let world = said(world, "").unwrap();
        assert!(read(&world.admin(), EXPORTS[0]) == bare);
        let again = configured(world, "chain.pem", "leaf.key").unwrap();
        assert!(read(&again.admin(), EXPORTS[0]) == signed);
    }

    #[test]
    fn nothing_is_signed_after_a_certificates_end_and_that_is_said_before() {
        let world = configured(studio(), "chain.pem", "leaf.key").unwrap();
        let kept = read(&world.admin(), EXPORTS[0]);
        let faults = |world: &World| world.library.faults().join("\n");
        assert_eq!(faults(&world), "");
        // 2120-01-01, less what has gone by.
        let end = 4_733_510_400_000 - 1_790_000_000_000;
        world.clock.advance_ms(end - 20 * 24 * 3_600_000);
        assert!(
            faults(&world).contains("the certificate of O=damfs tests, CN=leaf ends on 2120-01-01")
                && faults(&world).contains("in its place and restart the daemon; after its end"),
            "{}",
            faults(&world)
        );
        world.clock.advance_ms(21 * 24 * 3_600_000);
        assert!(faults(&world).contains("ended on 2120-01-01"), "{}", faults(&world));
        let admin = world.admin();
        assert!(read(&admin, EXPORTS[0]) == kept, "what is kept is as it was");
        assert_eq!(errno(admin.read(EXPORTS[1])), libc::ENOENT);
        let why = world.serve(0, Command::Why { target: A.into(), as_member: None }).unwrap().to_string();
        assert!(why.contains("ended on 2120-01-01"), "{why}");
        drop(admin);
        let world = world.try_reopen().unwrap();
        assert!(faults(&world).contains("ended on 2120-01-01"), "the library is none the worse for it");
        assert!(read(&world.admin(), EXPORTS[0]) == kept);
        assert_eq!(errno(world.admin().read(EXPORTS[1])), libc::ENOENT);
    }

    /// What nobody signs is none of a certificate's business.
    #[test]
    fn exports_that_are_never_signed_outlast_every_certificate() {
        const B: [&str; 3] = ["platforms/x/card/b.jpg", "platforms/x/small/b.webp", "platforms/x/padded/b.png"];
        let world = studio();
        let told = |world: &World, path| {
            let (seat, bytes) = (world.admin(), read(&world.admin(), path));
            let attr = seat.attr(path).unwrap();
            (bytes, attr.ino, attr.mtime)
        };
        let bare = told(&world, B[0]);
        world.clock.advance_ms(10_000_000_000);
        let world = configured(world, "chain.pem", "leaf.key").unwrap();
        assert!(told(&world, B[0]) == bare, "with a certificate");
        let world = configured(world, "leaf.pem", "leaf.key").unwrap();
        assert!(told(&world, B[0]) == bare, "with another");
        world.clock.advance_ms(4_733_510_400_000 - 1_790_000_000_000);
        assert!(world.library.faults().join("\n").contains("ended on 2120-01-01"));
        for path in B {
            assert!(!read(&world.admin(), path).is_empty(), "{path}, which nobody had asked for before");
        }
        assert_eq!(world.admin().names("platforms/x/card"), ["b.jpg"]);
    }

    #[test]
    fn after_a_certificates_end_what_it_signed_is_never_let_go_of_and_what_is_gone_is_not_listed() {
        let world = configured(studio(), "chain.pem", "leaf.key").unwrap();
        let unsigned = "platforms/x/card/b.jpg";
        let kept = EXPORTS.map(|path| read(&world.admin(), path));
        read(&world.admin(), unsigned);
        let info = world.library.root().join("damfs.toml");
        let text = fs::read_to_string(&info).unwrap();
        fs::write(&info, text.replace("renditions_max = \"20G\"", "renditions_max = \"1\"")).unwrap();
        world.clock.advance_ms(4_733_510_400_000 - 1_790_000_000_000);
        let world = world.reopen();
        world.library.evict_renders();
        let named = |path: &str, place: &str| {
            let still = still(&world, path, place);
            object_name(still.content, &still.recipe)
        };
        let is_kept = |name: &str| world.library.vault.has_object(ObjectKind::Rendition, name).unwrap();
        assert!(!is_kept(&named("library/b.png", "card")), "it is rendered again when it is read");
        read(&world.admin(), unsigned);
        for (path, bytes) in EXPORTS.iter().zip(kept) {
            assert!(read(&world.admin(), path) == bytes, "{path}");
        }
        // Let go of before the end, or lost with the disk.
        world.library.vault.remove_object(ObjectKind::Rendition, &named(A, "card")).unwrap();
        assert_eq!(world.admin().names("platforms/x/card"), ["b.jpg"]);
        assert_eq!(errno(world.admin().read(EXPORTS[0])), libc::ENOENT);
        assert_eq!(world.admin().names("platforms/x/small").len(), 2);
        let why = world.serve(0, Command::Why { target: A.into(), as_member: None }).unwrap().to_string();
        assert!(why.contains("x/card") && why.contains("ended on 2120-01-01"), "{why}");
    }

    #[test]
    fn a_certificate_that_cannot_sign_is_told_at_the_beginning() {
        let mut world = studio();
        for (certificate, key, why) in [
            ("server.pem", "server.key", "emailProtection"),
            ("es256.pem", "es256.key", "never be the same bytes"),
            ("leaf.pem", "server.key", "not that of the first certificate"),
        ] {
            let told = refusal(configured(world, certificate, key));
            assert!(told.contains(why) && !told.contains("PRIVATE"), "{told}");
            world = studio();
        }
        let world = configured(world, "chain.pem", "leaf.key").unwrap();
        fs::set_permissions(world.library.root().join("signer.key"), fs::Permissions::from_mode(0o640)).unwrap();
        let told = refusal(world.try_reopen());
        assert!(told.contains("signer.key is open to others than its owner"), "{told}");
        for (section, why) in [
            (
                "[c2pa]\ncertificate = \"/nowhere/chain.pem\"\nkey = \"signer.key\"\n",
                "/nowhere/chain.pem cannot be opened",
            ),
            ("[c2pa]\ncertificate = \"store\"\nkey = \"signer.key\"\n", "store is no such file"),
        ] {
            let told = refusal(said(studio(), section));
            assert!(told.contains(why), "{told}");
        }
        let Err(told) = said(studio(), "[c2pa]\ncertificate = \"chain.pem\"\n") else { panic!("it has no key") };
        assert!(told.to_string().contains("key"), "{told}");
    }
}
