//! `dam thumbs` on a real mount, read by GLib, which file managers of GNOME, Xfce and LXDE ask for thumbnails.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::*;

/// A file name of which much has to be escaped in an address.
const ODD: &str = "a b;c#d%e?[f]~ö.png";

/// Two pictures of luna, one of them adult, and a text.
fn studio() -> Studio {
    let s = Studio::mounted();
    fs::create_dir(s.mnt("library/luna")).unwrap();
    for (name, seed) in [(ODD, 1), ("adult.png", 2)] {
        fs::write(s.mnt("library/luna").join(name), png(300, 200, seed)).unwrap();
    }
    fs::write(s.mnt("library/luna/note.txt"), "words").unwrap();
    s.settle();
    s.dam(["set", "--query", "kind=image", "persona=luna", "rating=safe"]);
    s.dam(["set", "library/luna/adult.png", "rating=adult"]);
    s
}

fn thumbs(s: &Studio, dirs: &[&str], more: &[&str]) -> String {
    let dirs = dirs.iter().map(|dir| s.mnt(dir).into_os_string());
    let args = ["thumbs".into()].into_iter().chain(dirs).chain(more.iter().map(Into::into));
    s.dam(args.collect::<Vec<std::ffi::OsString>>())
}

/// What GLib knows of a file's thumbnail: where it lies, and whether it is of the file as it is.
fn glib(s: &Studio, path: &Path) -> (Option<PathBuf>, bool) {
    let asked =
        format!("HOME='{}' gio info -a thumbnail::path,thumbnail::is-valid '{}'", s.path("").display(), path.display());
    let told = sh(&format!("unset XDG_CACHE_HOME; {asked}"));
    let value = |key: &str| told.lines().find_map(|line| line.trim().strip_prefix(key).map(str::to_owned));
    (value("thumbnail::path: ").map(PathBuf::from), value("thumbnail::is-valid: ").as_deref() == Some("TRUE"))
}

fn texts(path: &Path) -> BTreeMap<String, String> {
    let png = png::Decoder::new(BufReader::new(File::open(path).unwrap())).read_info().unwrap();
    png.info().uncompressed_latin1_text.iter().map(|text| (text.keyword.clone(), text.text.clone())).collect()
}

fn all(s: &Studio) -> Vec<PathBuf> {
    let told = sh(&format!("find '{}' -type f", s.path(".cache/thumbnails").display()));
    told.lines().map(PathBuf::from).collect()
}

#[test]
fn glib_finds_a_valid_thumbnail_wherever_a_file_is_shown_and_none_of_what_is_adult() {
    let s = studio();
    let seen = [s.mnt("library/luna").join(ODD), s.mnt("by/persona/luna").join(ODD)];
    assert_eq!(glib(&s, &seen[0]), (None, false));
    let dirs = ["", "by/persona/luna"];
    assert_eq!(thumbs(&s, &dirs, &[]), "made 2, as they were 0, without 3, removed 0\n");
    for path in &seen {
        let (thumbnail, is_valid) = glib(&s, path);
        assert!(is_valid, "{path:?}");
        let thumbnail = thumbnail.unwrap();
        let picture = image::open(&thumbnail).unwrap();
        assert_eq!((picture.width(), picture.height()), (256, 171), "the largest there is");
        let meta = fs::metadata(path).unwrap();
        let said = texts(&thumbnail);
        assert_eq!(said["Thumb::Size"], meta.len().to_string());
        assert_eq!(said["Thumb::MTime"], std::os::unix::fs::MetadataExt::mtime(&meta).to_string());
        assert_eq!(said["Software"], "damfs");
        assert!(said["Thumb::URI"].ends_with("/luna/a%20b%3Bc%23d%25e%3F%5Bf%5D~%C3%B6.png"), "{said:?}");
    }
    assert_eq!(glib(&s, &s.mnt("library/luna/adult.png")), (None, false));
    assert_eq!(all(&s).len(), 4);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert!(all(&s).iter().all(|path| mode(path) == 0o600 && mode(path.parent().unwrap()) == 0o700));
    let before = fs::metadata(&all(&s)[0]).unwrap().modified().unwrap();
    assert_eq!(thumbs(&s, &dirs, &[]), "made 0, as they were 2, without 3, removed 0\n");
    assert_eq!(fs::metadata(&all(&s)[0]).unwrap().modified().unwrap(), before, "left as it is");
    assert_eq!(thumbs(&s, &["library"], &["--size", "xx-large"]), "made 1, as they were 0, without 2, removed 0\n");
    assert_eq!(image::open(glib(&s, &seen[0]).0.unwrap()).unwrap().width(), 300, "never enlarged");
}

#[test]
fn what_has_changed_is_made_anew_and_what_is_gone_or_kept_apart_is_removed() {
    let s = studio();
    let odd = s.mnt("library/luna").join(ODD);
    fs::write(s.mnt("library/b.png"), png(10, 10, 3)).unwrap();
    s.settle();
    assert_eq!(
        thumbs(&s, &["library"], &["--query", "persona=luna"]),
        "made 1, as they were 0, without 1, removed 0\n"
    );
    assert_eq!(thumbs(&s, &["library"], &[]), "made 1, as they were 1, without 2, removed 0\n");
    // As another program would have put it there while it was unlocked.
    let (of, _) = glib(&s, &odd);
    let bytes = fs::read(of.unwrap()).unwrap();
    fs::write(&odd, png(301, 200, 4)).unwrap();
    s.settle();
    assert!(!glib(&s, &odd).1, "GLib sees that it has changed");
    assert_eq!(thumbs(&s, &["library/luna"], &[]), "made 1, as they were 0, without 2, removed 0\n");
    let (thumbnail, is_valid) = glib(&s, &odd);
    assert!(is_valid && fs::read(thumbnail.unwrap()).unwrap() != bytes);
    fs::remove_file(s.mnt("library/b.png")).unwrap();
    assert_eq!(thumbs(&s, &["library/luna"], &[]), "made 0, as they were 1, without 2, removed 0\n", "not asked about");
    assert_eq!(thumbs(&s, &["library"], &[]), "made 0, as they were 1, without 2, removed 2\n");
    // Regression: of a folder that was named with a slash at its end nothing was removed.
    s.dam(["set", "--query", "persona=luna", "rating=adult"]);
    assert_eq!(
        thumbs(&s, &["library/"], &["--query", "kind=document"]),
        "made 0, as they were 0, without 0, removed 2\n"
    );
    assert!(all(&s).is_empty());
    let (code, said) = s.dam_fails(["thumbs".as_ref(), s.mnt("platforms").as_os_str()]);
    assert!(code == 2 && said.contains("shows no assets as they are"), "{said}");
    let (code, said) = s.dam_fails(["thumbs".as_ref(), s.path("studio").as_os_str()]);
    assert!(code == 2 && said.contains("in no mount"), "{said}");
}
