//! `by/similar/` of a mounted library.

use image::ImageFormat;

use crate::harness::*;

#[test]
fn a_mounted_library_looks_at_its_pictures_by_itself() {
    let s = Studio::mounted();
    let picture = image::GrayImage::from_fn(64, 96, |x, y| {
        let field = ((x / 16) * 7 + (y / 16) * 13) % 5;
        image::Luma([u8::try_from(field * 50).unwrap()])
    });
    for (name, format) in [("a.png", ImageFormat::Png), ("a-sent.jpg", ImageFormat::Jpeg)] {
        picture.save_with_format(s.mnt(format!("library/{name}")), format).unwrap();
    }
    let listed = || sh(&format!("ls {}", s.mnt("by/similar").display()));
    wait_until("both were looked at", || listed() == "a\n");
    assert_eq!(sh(&format!("ls {}", s.mnt("by/similar/a").display())), "+and\na-sent.jpg\na.png\n");
    assert!(sh(&format!("cat {}", s.mnt(".dam/status").display())).contains("all pictures were looked at"));
    let told = s.dam(["similar", "library/a.png"]);
    assert!(told.contains("library/a-sent.jpg"), "{told}");
}
