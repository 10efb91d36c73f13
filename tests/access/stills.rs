//! Stills as the library has them, with no mount in between.

use std::sync::Arc;

use damfs::blob::ObjectKind;
use damfs::catalog::Outcome;
use damfs::ops::stills::Still;
use damfs::view::recipes::object_name;
use damfs::view::tree::{exported, recipe_of};

use crate::world::{Seat, World};

const A: &str = "library/a.png";
const TABLE: &str = "platform,placement,kind,width,height,fit,upscale,formats,max_bytes,adult_allowed
x,card,image,40,40,crop,,jpeg,,
x,wide,image,90,40,any,,jpeg|png,,
";

/// One picture, approved.
fn studio() -> (World, Seat) {
    let world = World::new();
    let admin = world.admin();
    world.sheet(TABLE);
    admin.write(A, &picture(120, 40)).unwrap();
    world.settle();
    world.set(A, &["status.x=approved"]);
    (world, admin)
}

fn picture(width: u32, height: u32) -> Vec<u8> {
    let noise = |n: u32| u8::try_from(n % 256).unwrap();
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([noise(x * 7919), noise(y * 31), 90]));
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

fn still(world: &World, path: &str, placement: &str) -> Still {
    let id = world.show(path)["id"].as_str().unwrap().parse().unwrap();
    let platforms = world.library.gate.platforms();
    let placement = platforms.get("x", placement).unwrap();
    world
        .library
        .catalog
        .read(|tx| {
            let asset = tx.asset(id)?.unwrap();
            let version = exported(tx, &asset, placement)?.unwrap();
            let recipe = recipe_of(tx, &asset, &version, placement)?;
            Ok::<_, damfs::catalog::CatalogError>(Still { asset: id, content: version.content, recipe })
        })
        .unwrap()
}

#[test]
fn a_still_is_what_a_mount_shows_and_is_kept() {
    let (world, admin) = studio();
    let card = still(&world, A, "card");
    assert!(world.library.still_row(&card).unwrap().is_none() && !world.library.is_still_kept(&card).unwrap());
    let bytes = world.library.still(&card).unwrap();
    assert_eq!(*bytes, admin.read("platforms/x/card/a.jpg").unwrap());
    let Outcome::Made { size, hash, .. } = world.library.still_row(&card).unwrap().unwrap().outcome else { panic!() };
    assert_eq!((size, hash), (bytes.len() as u64, *blake3::hash(&bytes).as_bytes()));
    let name = object_name(card.content, &card.recipe);
    assert_eq!(world.library.vault.get_object(ObjectKind::Rendition, &name).unwrap(), Some(bytes.to_vec()));
    world.library.vault.remove_object(ObjectKind::Rendition, &name).unwrap();
    let again: Arc<Vec<u8>> = world.library.still(&card).unwrap();
    assert!(again == bytes && world.library.is_still_kept(&card).unwrap(), "rendered again, to the same bytes");
}
