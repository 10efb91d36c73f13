#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

#[test]
fn sidecars_name_what_they_speak_of() {
    let of = |text: &str| sidecar_of(&FileName::new(text).unwrap()).map(|name| name.to_text());
    assert_eq!(of("a.jpg.xmp").as_deref(), Some("a.jpg"));
    assert_eq!(of("a.XMP").as_deref(), Some("a"));
    for none in ["a.thm", "a.xmp~", ".xmp", "a.jpg", "xmp"] {
        assert_eq!(of(none), None, "{none}");
    }
    let raw = |text: &str| is_raw(&FileName::new(text).unwrap());
    assert!(raw("a.NEF") && raw("a.b.cr3") && !raw("a.jpg") && !raw("nef"));
}

#[test]
fn peoples_files_are_ordinary() {
    for n in [
        "a.png",
        "sediments",
        "20260501",
        "README.backup",
        "README",
        "tmp",
        "temporary",
        "portrait.session",
        "photo.sunset",
        ".gitignore",
        ".nomedia",
        ".trackerignore",
        "zinnia01",
        "zinnias",
        "tmpfiles.d",
        "luna.tmp",
        "psyche.tmp",
        "lunar1.tmp",
        "XXabcdef",
        "XXLarge2",
        "report.final.draft2",
        "a.png.copy01",
        "a.b.1080px",
        "travel-journal",
        "diary.2024-wal",
        "script.t",
        "old.bak",
        "image.orig",
        "the_original",
        "book.part",
        "v1.2~x",
        "Cargo.lock",
        "package-lock.json",
        "1234",
        "4914",
        "DEADBEEF",
        "deadbe3f",
        "x.blend",
        "x.blend0",
        "x.blend33",
        ".blend1",
        "~",
        "~~",
        "#",
        "##",
        "..a",
        "user@",
        "a.partial",
        ".config.backup",
        ".profile",
        "photo.Sunset",
        "a.sb-x",
        "+and",
        ".Trash-me",
        "(A Document)",
        "tmp_obj",
        "tmpobject",
        "sedan-ABC",
        "Untitled",
        "face.jpeg",
        "日本.png",
        "lu.tmp",
    ] {
        assert_eq!(classify(&name(n)), NameClass::Ordinary, "{n}");
        assert_eq!(scratch_of(&name(n)), None, "{n}");
        assert_eq!(aside_of(&name(n)), None, "{n}");
    }
    assert_eq!(classify(&FileName::new([0xff, 0xfe, b'.', b'p']).unwrap()), NameClass::Ordinary);
}

#[test]
fn savers_temporaries_are_scratch() {
    let rows: [(&str, Option<&str>); 36] = [
        (".goutputstream-A1B2C3", None), // GIO, gedit, GIMP .xcf
        (".goutputstream-abcdef", None),
        ("a.png.Xk3f9Q", Some("a.png")), // g_file_set_contents, QSaveFile
        ("a b.kra.k3F9qX", Some("a b.kra")),
        (".a.png.Xk3f9Q", Some("a.png")), // rsync
        (".a.png.abc123", Some("a.png")),
        (".notes.Xk3f9Q", Some("notes")),
        ("a.jpg_exiftool_tmp", Some("a.jpg")),
        ("sedXk3f9Q", None),
        ("XXq1W2e3", None),        // perl -i
        ("ziAb3dEf", None),        // zip -u
        ("tmpXk3f9Q", None),       // emacs file-precious
        ("tmpab3_d9k2", None),     // Python tempfile
        ("tmp_obj_Xk3f9Q", None),  // git
        ("lu37581jfbx.tmp", None), // LibreOffice
        ("jpegoptim-1000-77.ab.tmp", None),
        ("x.blend@", Some("x.blend")),
        ("a.png.part", Some("a.png")),           // KIO
        ("Zf8a.a.png.part", Some("Zf8a.a.png")), // Firefox
        ("a.png.crdownload", Some("a.png")),
        ("README.crdownload", Some("README")),
        ("settings.json.vsctmp", Some("settings.json")),
        (".syncthing.a.png.tmp", Some("a.png")),
        ("~syncthing~a.png.tmp", Some("a.png")),
        ("~WRD0001.tmp", None), // Word
        ("~WRD0001.TMP", None),
        ("ps1A2B.tmp", None), // Photoshop
        ("0A1B2C3D", None),   // Excel
        ("2026050F", None),
        ("a.png.a1b2c3d4.partial", Some("a.png")), // rclone
        (".org.chromium.Chromium.AbCdEf", None),
        (".com.google.Chrome.x", None),
        ("a.png.tmp", Some("a.png")),
        (".a.png.tmp", Some("a.png")),
        ("a.xmp.Xk3f9Q", Some("a.xmp")),
        (".a.trashinfo.Xk3f9Q", Some("a.trashinfo")),
    ];
    for (n, of) in rows {
        assert_eq!(classify(&name(n)), NameClass::Scratch, "{n}");
        assert_eq!(scratch_of(&name(n)), of.map(name), "{n}");
    }
}

#[test]
fn backups_are_asides() {
    let rows: [(&str, Option<&str>); 17] = [
        ("a.png~", Some("a.png")), // vim, emacs, cp --backup, rsync --backup, mogrify
        ("README~", Some("README")),
        (".vimrc~", Some(".vimrc")),
        ("a.png.~1~", Some("a.png")), // cp --backup=numbered
        ("a.png.~12~", Some("a.png")),
        ("a.png.bak", Some("a.png")), // sed -i.bak
        ("A.DOC.BAK", Some("A.DOC")),
        ("a.png.orig", Some("a.png")),
        ("a.jpg_original", Some("a.jpg")), // exiftool
        ("a.jpg.t", Some("a.jpg")),        // jhead
        ("x.blend1", Some("x.blend")),     // Blender
        ("x.blend32", Some("x.blend")),
        ("~WRL0003.tmp", None),                      // Word
        ("a.docx~RF1a2b3c.TMP", Some("a.docx")),     // ReplaceFile
        ("a.txt.sb-1a2b3c4d-x1Y2z3", Some("a.txt")), // NSDocument
        ("a~b~", Some("a~b")),
        (".~1~", Some(".~1")),
    ];
    for (n, of) in rows {
        assert_eq!(classify(&name(n)), NameClass::Aside, "{n}");
        assert_eq!(aside_of(&name(n)), of.map(name), "{n}");
        if let Some(of) = of.filter(|_| n != ".~1~") {
            assert!(is_aside_for(&name(n), &name(of)), "{n}");
        }
    }
}

#[test]
fn a_backup_is_of_one_name() {
    for (x, n, is) in [
        ("a~", "a", true),
        ("notes.bak", "notes", true), // not by itself, but beside `notes`
        ("drawing.bak", "drawing.dwg", true),
        ("a.png.old", "a.png", true),
        ("a.png.backup", "a.png", true),
        ("~WRL0003.tmp", "any.docx", true),
        ("b.png~", "a.png", false),
        ("a.png1", "a.png", false),
        ("a.blend7", "a.blend", true),
        ("a.blend77", "a.blend", false),
        ("a.png", "a.png", false),
        ("a.png copy", "a.png", false),
        ("a2.png", "a.png", false),
        ("b.bak", "a.dwg", false),
    ] {
        assert_eq!(is_aside_for(&name(x), &name(n)), is, "{x} for {n}");
    }
}

#[test]
fn locks_junk_and_directories() {
    let rows: [(&[&str], NameClass); 5] = [
        (
            &[
                ".a.png.swp",
                ".a.swo",
                ".a.swx",
                "4913",
                "5036",
                ".#a.txt",
                "#a.txt#",
                ".a.txt.kate-swp",
                ".~lock.a.odt#",
                "~$a.docx",
                "cat.db-journal",
                "cat.db-wal",
                "cat.sqlite-shm",
                "index.lock",
                "a.png.lock",
            ],
            NameClass::Lock,
        ),
        (
            &[
                ".DS_Store",
                "._a.png",
                ".Spotlight-V100",
                ".fseventsd",
                ".TemporaryItems",
                ".apdisk",
                "Thumbs.db",
                "thumbs.db",
                "ehthumbs.db",
                "desktop.ini",
                "Desktop.ini",
                ".directory",
                ".hidden",
                ".fuse_hidden0000000500000001",
                ".nfs000000000123456700000001",
                "$RECYCLE.BIN",
                "Icon\r",
            ],
            NameClass::Junk,
        ),
        (&["a.jpg.xmp", "a.xmp", "A.XMP", "clip.thm", "CLIP.THM"], NameClass::Sidecar),
        (&[".Trash", ".Trash-1000", ".Trashes"], NameClass::TrashDir),
        (
            &[
                ".~tmp~",
                ".rsync-partial",
                "(A Document Being Saved By TextEdit)",
                "(A Document Being Saved By Preview 2)",
            ],
            NameClass::SaveDir,
        ),
    ];
    for (names, class) in rows {
        for n in names {
            assert_eq!(classify(&name(n)), class, "{n}");
        }
    }
}

#[test]
fn what_lies_in_a_savers_directory_is_scratch() {
    let dir = name(".~tmp~");
    assert_eq!(classify_in(Some(&dir), &name("a.png")), NameClass::Scratch);
    assert_eq!(classify_in(Some(&dir), &name(".DS_Store")), NameClass::Junk);
    assert_eq!(classify_in(Some(&name("Luna")), &name("a.png")), NameClass::Ordinary);
    assert_eq!(classify_in(None, &name("a.png")), NameClass::Ordinary);
}

#[test]
fn no_name_is_too_odd() {
    for n in [
        "~WR",
        "~WR.tmp",
        ".sb-",
        "a.sb-12345678-12345",
        ".~~",
        "~RF.TMP",
        "~RF1.TMP",
        "@",
        ".part",
        "_original",
        "_exiftool_tmp",
        "lu.tmp",
        "ps.tmp",
        ".#",
        "._",
        "~$",
        "#a",
        ".lock",
        ".~lock.#",
    ] {
        let _ = (classify(&name(n)), scratch_of(&name(n)), aside_of(&name(n)), is_aside_for(&name(n), &name("a")));
    }
}
