//! WebP, which another program decodes more quickly than we do.

use damfs::ops::converter::QuickDecoder;
use damfs::types::ContentId;

use crate::stills::decoder;
use crate::world::World;

/// A WebP that is worth a program of its own, in one colour.
fn large_webp() -> Vec<u8> {
    let mut webp = Vec::new();
    let picture = image::RgbImage::from_pixel(1_100, 1_000, image::Rgb([20, 120, 220]));
    picture.write_with_encoder(image::codecs::webp::WebPEncoder::new_lossless(&mut webp)).unwrap();
    webp
}

/// Whether the pixels are of another colour than the file has: of what the program made.
fn is_by_program(world: &World) -> bool {
    let webp = large_webp();
    world
        .library
        .decoding(ContentId([8; 32]), &webp, |master| Ok(master.look()?.colours.names().any(|name| name == "red")))
        .unwrap()
}

#[test]
fn a_quicker_decoder_is_used_while_it_makes_a_picture() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let quick = |does: &str| {
        decoder(folder.path(), does)()
            .map(|found| QuickDecoder { sandbox: found.sandbox, dwebp: "/usr/bin/dwebp".into() })
    };
    assert!(!is_by_program(&world));
    let picture = folder.path().join("red.ppm");
    let mut red = b"P6\n1100 1000\n255\n".to_vec();
    red.extend([220, 20, 60].repeat(1_100_000));
    std::fs::write(&picture, &red).unwrap();
    world.library.use_quick_decoder(quick(&format!("cat {}", picture.display())));
    assert!(is_by_program(&world));
    for does in ["false", "true", "sh -c 'kill -SEGV $$'", "echo no picture"] {
        world.library.use_quick_decoder(quick(does));
        assert!(!is_by_program(&world), "{does}: ours decodes it");
    }
    // Where nothing runs in the sandbox it is not tried with each picture.
    let tries = folder.path().join("tries");
    let does = format!("sh -c 'echo x >> {}; echo dam-mountd sandbox: no Landlock >&2; exit 1'", tries.display());
    world.library.use_quick_decoder(quick(&does));
    assert!(!is_by_program(&world) && !is_by_program(&world));
    assert_eq!(std::fs::read_to_string(&tries).unwrap(), "x\n");
    // A daemon that was updated while it runs.
    world.library.use_quick_decoder(quick("true"));
    std::fs::remove_file(folder.path().join("sandbox")).unwrap();
    assert!(!is_by_program(&world), "ours decodes it");
    world.library.use_quick_decoder(Err("dwebp is not there".to_owned()));
    assert!(!is_by_program(&world));
}
