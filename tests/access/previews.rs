//! Clips for who may view and not download: a preview with his name where the clip is, of one size, and nothing of the original.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process;

use damfs::blob::ObjectKind;
use damfs::fs::{OpenMode, Takes};
use damfs::media::video::PREVIEW_BYTES;
use damfs::ops::clips::Tools;
use damfs::ops::proto::Command;
use damfs::ops::serve;
use damfs::types::Caller;
use serde_json::json;

use crate::world::*;

const RITA: u32 = 1_001;
const LENA: u32 = 1_002;
const RUTH: u32 = 1_003;
const FILE: &str = "library/acme/c.mp4";

const ROLES: &str = r#"
[role.viewer.allow]
list = "*"
view = "*"
[role.knower.allow]
list = "*"
"#;

fn clip(folder: &Path, source: &str) -> Vec<u8> {
    let made = folder.join("c.mp4");
    let line = format!("-v error -y -f lavfi -i {source} -preset ultrafast -metadata title=planted");
    let status = process::Command::new("ffmpeg").args(line.split(' ')).arg(&made).status().expect("ffmpeg");
    assert!(status.success());
    fs::read(made).unwrap()
}

/// The programs behind what does this before it becomes one of them; it counts its runs.
fn tools(folder: &Path, does: &str) -> Tools {
    let (sandbox, runs) = (folder.join("sandbox"), folder.join("runs"));
    let becomes = "while [ \"${1#/}\" = \"$1\" ]; do shift; done; exec \"$@\"";
    fs::write(&sandbox, format!("#!/bin/sh\necho >> {}\n{does}\n{becomes}\n", runs.display())).unwrap();
    fs::set_permissions(&sandbox, PermissionsExt::from_mode(0o755)).unwrap();
    Tools { sandbox, ffmpeg: "/usr/bin/ffmpeg".into(), ffprobe: "/usr/bin/ffprobe".into() }
}

fn runs(folder: &Path) -> usize {
    fs::read(folder.join("runs")).map_or(0, |runs| runs.len())
}

struct Studio {
    world: World,
    admin: Seat,
    rita: Seat,
    lena: Seat,
    ruth: Seat,
    folder: tempfile::TempDir,
}

/// A clip of two versions, of which rita and ruth may see previews and lena may not even that.
fn studio() -> Studio {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new().with_roles(ROLES);
    let admin = world.admin();
    admin.mkdir("library/acme").unwrap();
    admin.write(FILE, &clip(folder.path(), "testsrc2=duration=0.4:size=400x300:rate=10")).unwrap();
    admin.write("library/acme/old.flv", b"FLV\x01\x05\0\0\0\x09").unwrap();
    world.settle();
    admin.overwrite(FILE, &clip(folder.path(), "testsrc2=duration=0.6:size=400x300:rate=10")).unwrap();
    world.settle();
    let rita = world.member("rita", RITA, "viewer", None);
    let lena = world.member("lena", LENA, "knower", None);
    let ruth = world.member("ruth", RUTH, "viewer", None);
    Studio { world, admin, rita, lena, ruth, folder }
}

fn whole(seat: &Seat, place: &str) -> Vec<u8> {
    let fh = seat.open(place, true, false).unwrap();
    let bytes = seat.mount.read(&seat.caller, fh, 0, 8 << 20).unwrap();
    seat.close(fh);
    bytes
}

fn errors(seat: &Seat) -> String {
    String::from_utf8(seat.read(".dam/errors").unwrap()).unwrap()
}

#[test]
fn a_viewer_finds_a_preview_of_one_size_where_a_clip_is() {
    let Studio { world, admin, rita, lena, ruth, folder } = studio();
    world.library.use_tools(Ok(tools(folder.path(), "")));
    for place in [FILE, "by/kind/video/c.mp4", "versions/acme/c.mp4/1.mp4", "versions/acme/c.mp4/2.mp4"] {
        let (dir, name) = place.rsplit_once('/').unwrap();
        for (seat, size) in [(&rita, PREVIEW_BYTES), (&lena, 0)] {
            let attr = seat.attr(place).unwrap();
            assert_eq!((attr.size, attr.blocks), (size, size / 512), "{place}");
            assert_ne!(attr.ino, admin.find(place).unwrap(), "{place}");
            assert!(seat.rows(dir).contains(&(name.to_owned(), attr.ino)), "a listing and a lookup agree: {place}");
            assert_eq!(errno(seat.open(place, true, true)), libc::EACCES);
        }
        let bytes = whole(&rita, place);
        assert_eq!(bytes.len() as u64, PREVIEW_BYTES);
        assert!(bytes[4..].starts_with(b"ftyp") && !bytes.windows(7).any(|part| part == b"planted"), "{place}");
        assert_eq!(errno(lena.read(place)), libc::EACCES);
    }
    assert!(whole(&rita, "versions/acme/c.mp4/2.mp4") == whole(&rita, FILE), "of the same bytes");
    assert!(whole(&rita, "versions/acme/c.mp4/1.mp4") != whole(&rita, FILE), "each of its own version");
    assert!(whole(&ruth, FILE) != whole(&rita, FILE), "each has his own name over it");
    assert_eq!(rita.attr("library/acme/old.flv").unwrap().size, 0, "what is not read here has no size");
    assert_eq!(errno(rita.read("library/acme/old.flv")), libc::EACCES);
    let version = admin.find("versions/acme/c.mp4/1.mp4").unwrap();
    assert_eq!(errno(rita.mount.getattr(&rita.caller, version).map(|stat| stat.attr.size)), libc::ESTALE);
}

#[test]
fn a_preview_is_made_once_and_after_it_was_let_go_of_alike() {
    let Studio { world, rita, folder, .. } = studio();
    world.library.use_tools(Ok(tools(folder.path(), "")));
    let before = runs(folder.path());
    let fh = rita.open(FILE, true, false).unwrap();
    assert_eq!(runs(folder.path()), before, "who opens it and looks at nothing waits for nothing");
    assert_eq!(rita.mount.seek(&rita.caller, fh, 0, damfs::fs::Seek::Hole).unwrap(), PREVIEW_BYTES);
    rita.close(fh);
    let first = whole(&rita, FILE);
    let made = runs(folder.path());
    assert!(made > before && whole(&rita, FILE) == first && runs(folder.path()) == made);
    let mut kept = Vec::new();
    world.library.vault.objects(ObjectKind::Rendition, &mut |name| kept.push(name.to_owned())).unwrap();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let fh = rita.open(FILE, true, false).unwrap();
    assert!(rita.mount.read(&rita.caller, fh, PREVIEW_BYTES - 4, 8).unwrap() == [0; 4]);
    world.library.vault.remove_object(ObjectKind::Rendition, &kept[0]).unwrap();
    assert!(whole(&rita, FILE) == first && runs(folder.path()) == made, "as long as it is open it is there for all");
    rita.close(fh);
    assert!(whole(&rita, FILE) == first && runs(folder.path()) > made);
}

/// What answers without a thread of its own has the bytes already: what is kept may be let go of, or be damaged, before it is read.
#[test]
fn no_preview_is_made_where_one_that_is_kept_was_to_be_read() {
    let Studio { world, rita, folder, .. } = studio();
    world.library.use_tools(Ok(tools(folder.path(), "")));
    let fh = rita.open(FILE, true, false).unwrap();
    assert_eq!(rita.mount.read_takes(fh), Takes::Preview);
    rita.close(fh);
    let (first, made) = (whole(&rita, FILE), runs(folder.path()));
    let mut kept = Vec::new();
    world.library.vault.objects(ObjectKind::Rendition, &mut |name| kept.push(name.to_owned())).unwrap();
    let fh = rita.open(FILE, true, false).unwrap();
    assert_eq!(rita.mount.read_takes(fh), Takes::Nothing);
    world.library.vault.remove_object(ObjectKind::Rendition, &kept[0]).unwrap();
    let got = rita.mount.read(&rita.caller, fh, 0, 8 << 20).unwrap();
    assert!(got == first && runs(folder.path()) == made);
    rita.close(fh);
    // One that does not fit, as of a store that was written to by hand.
    world.library.vault.put_object(ObjectKind::Rendition, &kept[0], &[]).unwrap();
    let fh = rita.open(FILE, true, false).unwrap();
    assert_eq!((rita.mount.read_takes(fh), runs(folder.path())), (Takes::Preview, made));
    rita.close(fh);
    assert!(whole(&rita, FILE) == first && runs(folder.path()) > made, "and is made again");
}

/// What the kernel reads ahead or through its pages is under way for everybody on the mount, and stays so until a preview is made.
#[test]
fn who_waits_for_a_preview_takes_nothing_that_others_read_by() {
    let Studio { world, rita, folder, .. } = studio();
    world.library.use_tools(Ok(tools(folder.path(), "")));
    let opened = || {
        let mode = OpenMode { read: true, ..OpenMode::default() };
        rita.mount.open(&rita.caller, 0, rita.find(FILE).unwrap(), mode).unwrap()
    };
    let first = opened();
    assert!(first.direct_io);
    assert_eq!(rita.mount.seek_takes(first.fh), Takes::Nothing, "its end is known beforehand");
    rita.pread(first.fh).unwrap();
    rita.close(first.fh);
    let kept = opened();
    assert!(!kept.direct_io, "what is there is read as everything is");
    rita.close(kept.fh);
}

#[test]
fn a_clip_without_a_preview_says_why() {
    let Studio { world, admin, rita, folder, .. } = studio();
    world.library.use_tools(Err("ffmpeg is not there; install ffmpeg".to_owned()));
    assert_eq!(rita.attr(FILE).unwrap().size, PREVIEW_BYTES, "its size does not hang on what is installed");
    assert_eq!(errno(rita.read(FILE)), libc::EOPNOTSUPP);
    let said = errors(&rita);
    assert!(said.contains("there is no preview of c.mp4: ffmpeg is not there; install ffmpeg"), "{said}");
    drop((admin, rita));
    let world = world.reopen();
    let (admin, rita) = (world.admin(), world.seat(RITA));
    // The tools work, and then fail by no fault of the clip.
    let does = format!(
        "[ -e {0}/broken ] && {{ echo dam-mountd sandbox: no Landlock >&2; exit 1; }}",
        folder.path().display()
    );
    world.library.use_tools(Ok(tools(folder.path(), &does)));
    fs::write(folder.path().join("broken"), b"").unwrap();
    assert_eq!(errno(rita.read(FILE)), libc::EIO);
    let said = errors(&rita);
    assert!(said.contains("no preview of c.mp4 can be made just now: the machine is at fault"), "{said}");
    fs::remove_file(folder.path().join("broken")).unwrap();
    assert_eq!(whole(&rita, FILE).len() as u64, PREVIEW_BYTES, "that is not remembered");
    // A clip that is none: its fault, which is remembered.
    let mut damaged = clip(folder.path(), "testsrc2=duration=0.4:size=400x300:rate=10");
    damaged.truncate(600);
    admin.write("library/acme/d.mp4", &damaged).unwrap();
    world.settle();
    let fh = rita.open("library/acme/d.mp4", true, false).unwrap();
    assert_eq!(errno(rita.pread(fh)), libc::EOPNOTSUPP);
    let tried = runs(folder.path());
    assert_eq!(errno(rita.pread(fh)), libc::EOPNOTSUPP);
    assert_eq!(errno(rita.open("library/acme/d.mp4", true, false)), libc::EOPNOTSUPP);
    assert_eq!(runs(folder.path()), tried, "tried once");
    let said = errors(&rita);
    assert!(said.contains("there is no preview of d.mp4: it is damaged, or not as clips are"), "{said}");
}

/// ffmpeg is told by a signal that it had its time, and ends with 255 and no word; what cannot load its libraries ends with 127.
#[test]
fn an_encoder_that_is_out_of_time_says_nothing_of_the_clip() {
    let Studio { world, rita, folder, .. } = studio();
    let ends = folder.path().join("ends");
    let does = format!("case \"$*\" in *filter_complex*) [ -e {0} ] && . {0};; esac", ends.display());
    world.library.use_tools(Ok(tools(folder.path(), &does)));
    for (code, why) in [
        ("exit 255", "more of the processor's time"),
        ("exit 123", "more of the processor's time"),
        ("exit 127", "the machine is"),
        // One that was built without it.
        ("echo \"[graph] No such filter: 'maskedmerge'\" >&2; exit 1", "the machine is"),
    ] {
        fs::write(&ends, code).unwrap();
        assert_eq!(errno(rita.read(FILE)), libc::EIO, "{code}");
        let said = errors(&rita);
        let last = said.lines().rfind(|line| line.contains("c.mp4")).unwrap_or_default();
        assert!(last.contains("can be made just now") && last.contains(why), "{code}: {said}");
        world.clock.advance_ms(600_000);
    }
    fs::remove_file(&ends).unwrap();
    assert_eq!(whole(&rita, FILE).len() as u64, PREVIEW_BYTES, "nothing of it is remembered");
}

/// Each try copies the whole clip.
#[test]
fn who_waits_for_what_fails_does_not_try_it_again_at_once() {
    let Studio { world, rita, folder, .. } = studio();
    let go = folder.path().join("go");
    let does = format!(
        "[ -e {0}.armed ] && {{ until [ -e {0} ]; do sleep 0.02; done; echo dam-mountd sandbox: no Landlock >&2; exit 1; }}",
        go.display()
    );
    world.library.use_tools(Ok(tools(folder.path(), &does)));
    fs::write(folder.path().join("go.armed"), b"").unwrap();
    let before = runs(folder.path());
    let opened: Vec<u64> = (0..5).map(|_| rita.open(FILE, true, false).unwrap()).collect();
    let ((about_to, begun), reader) = (std::sync::mpsc::channel(), &rita);
    std::thread::scope(|scope| {
        let readers: Vec<_> = opened
            .iter()
            .map(|fh| {
                let about_to = about_to.clone();
                scope.spawn(move || {
                    about_to.send(rustix::thread::gettid().as_raw_nonzero()).unwrap();
                    errno(reader.pread(*fh))
                })
            })
            .collect();
        // Each waits, for the one that makes it or for the program.
        for thread in begun.iter().take(opened.len()) {
            let asleep = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('S'));
            let stat = format!("/proc/self/task/{thread}/stat");
            while !(0..5).all(|_| {
                std::thread::sleep(std::time::Duration::from_millis(40));
                // One that has ended waits for nothing, and is looked at below.
                std::fs::read_to_string(&stat).map_or(true, asleep)
            }) {}
        }
        fs::write(&go, b"").unwrap();
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() == libc::EIO));
    });
    assert_eq!(runs(folder.path()) - before, 1);
    fs::remove_file(folder.path().join("go.armed")).unwrap();
    assert_eq!(rita.pread(opened[0]).unwrap().len(), 1 << 16, "who reads it again tries it again");
}

/// An encoder that never comes to an end is ended by the time that it is given, and by the end of the library.
#[test]
fn an_encoder_that_does_not_end_holds_nobody_up() {
    let Studio { world, rita, folder, .. } = studio();
    let begun = folder.path().join("begun");
    let does = format!("case \"$*\" in *filter_complex*) echo > {}; exec /bin/sleep 1000;; esac", begun.display());
    world.library.use_tools(Ok(tools(folder.path(), &does)));
    let while_it_is_made = |then: &dyn Fn()| {
        let _ = fs::remove_file(&begun);
        let fh = rita.open(FILE, true, false).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| rita.pread(fh));
            while !begun.exists() && !reader.is_finished() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            // Whoever else does something meanwhile does it.
            assert_eq!(rita.attr(FILE).unwrap().size, PREVIEW_BYTES);
            then();
            errno(reader.join().unwrap())
        })
    };
    assert_eq!(while_it_is_made(&|| world.clock.advance_ms(400_000)), libc::EIO);
    let (said, tried) = (errors(&rita), runs(folder.path()));
    assert!(said.contains("can be made just now: it takes longer than 360 s"), "{said}");
    assert_eq!((errno(rita.open(FILE, true, false)), runs(folder.path())), (libc::EIO, tried), "let alone for a while");
    world.clock.advance_ms(600_000);
    assert_eq!(while_it_is_made(&|| world.library.end()), libc::EIO);
    assert!(errors(&rita).contains("the library is being closed"));
}

/// Not each of them: that would be a quarter of an hour.
#[test]
fn all_steps_of_a_preview_have_one_time_by_the_clock() {
    let Studio { world, rita, folder, .. } = studio();
    let (at, go) = (folder.path().join("at"), folder.path().join("go"));
    // Each step waits until it is let go of.
    let does = format!(
        "[ -e {1}.armed ] && {{ echo > {0}; until rm {1}; do sleep 0.02; done 2> /dev/null; }}",
        at.display(),
        go.display()
    );
    world.library.use_tools(Ok(tools(folder.path(), &does)));
    fs::write(folder.path().join("go.armed"), b"").unwrap();
    let fh = rita.open(FILE, true, false).unwrap();
    let before = runs(folder.path());
    let said = std::thread::scope(|scope| {
        let reader = scope.spawn(|| errno(rita.pread(fh)));
        let begun = || {
            while fs::remove_file(&at).is_err() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        };
        begun();
        world.clock.advance_ms(200_000);
        fs::write(&go, b"").unwrap();
        begun();
        world.clock.advance_ms(200_000);
        reader.join().unwrap()
    });
    assert_eq!((said, runs(folder.path()) - before), (libc::EIO, 2), "the second step is the last");
    assert!(errors(&rita).contains("it takes longer than 360 s"));
}

#[test]
fn what_is_approved_has_its_previews_before_anybody_reads_them() {
    let Studio { world, admin, rita, ruth, folder, .. } = studio();
    world.library.use_tools(Ok(tools(folder.path(), "")));
    let warmed = || {
        world.library.render_clips();
        let before = runs(folder.path());
        world.library.warm_previews();
        runs(folder.path()) - before
    };
    assert_eq!(warmed(), 0, "a draft is nobody's to look at yet");
    world.set(FILE, &["status.instagram=approved"]);
    let renders = || {
        let mut renders = Vec::new();
        world.library.vault.objects(ObjectKind::Rendition, &mut |name| renders.push(name.to_owned())).unwrap();
        renders
    };
    world.library.render_clips();
    let clips = renders();
    // Of each who may only view it: read, made, and looked at.
    assert_eq!(warmed(), 6);
    let before = runs(folder.path());
    assert_ne!(whole(&rita, FILE), whole(&ruth, FILE));
    assert_eq!((runs(folder.path()), warmed()), (before, 0));
    // What was let go of is made again when it is read, and not before.
    let kept: Vec<_> = renders().into_iter().filter(|name| !clips.contains(name)).collect();
    assert_eq!(kept.len(), 2, "of nobody else");
    kept.iter().for_each(|name| world.library.vault.remove_object(ObjectKind::Rendition, name).unwrap());
    world.set(FILE, &["tag=sea"]);
    assert_eq!(warmed(), 0);
    assert_eq!(whole(&rita, FILE).len() as u64, PREVIEW_BYTES);
    // On the board, for who has come since.
    admin.write("library/acme/e.mp4", &clip(folder.path(), "testsrc2=duration=0.2:size=400x300:rate=10")).unwrap();
    world.settle();
    assert_eq!(warmed(), 0);
    world.set("library/acme/e.mp4", &["stage=client-approval"]);
    assert_eq!(warmed(), 6);
}

/// The background has less of the machine than who waits: that it did not come to an end is no reason to make nothing for him.
#[test]
fn what_the_background_could_not_make_in_its_time_is_made_for_who_reads_it() {
    let Studio { world, rita, folder, .. } = studio();
    let (begun, slow) = (folder.path().join("begun"), folder.path().join("slow"));
    fs::write(&slow, b"").unwrap();
    let does = format!(
        "case \"$*\" in *filter_complex*) echo > {}; [ -e {} ] && exec /bin/sleep 1000;; esac",
        begun.display(),
        slow.display()
    );
    world.library.use_tools(Ok(tools(folder.path(), &does)));
    world.set(FILE, &["stage=client-approval"]);
    std::thread::scope(|scope| {
        let warmer = scope.spawn(|| world.library.warm_previews());
        while !begun.exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        world.clock.advance_ms(400_000);
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!warmer.is_finished(), "it may take longer than what somebody waits for");
        world.clock.advance_ms(1_200_000);
        warmer.join().unwrap();
    });
    let tried = runs(folder.path());
    world.clock.advance_ms(60_000);
    world.library.warm_previews();
    assert_eq!(runs(folder.path()), tried, "the background lets it alone for longer than a minute");
    fs::remove_file(&slow).unwrap();
    assert_eq!(whole(&rita, FILE).len() as u64, PREVIEW_BYTES);
}

/// Approved clips wait for the same threads, and a library full of previews to make would keep them for days.
#[test]
fn clips_for_platforms_come_before_previews_that_nobody_waits_for() {
    let Studio { world, admin, ruth, rita, folder, .. } = studio();
    admin.write("library/acme/e.mp4", &clip(folder.path(), "testsrc2=duration=0.2:size=400x300:rate=10")).unwrap();
    world.settle();
    let (begun, go) = (folder.path().join("begun"), folder.path().join("go"));
    let does = format!(
        "case \"$*\" in *maskedmerge*) echo > {}; until [ -e {} ]; do sleep 0.02; done;; esac",
        begun.display(),
        go.display()
    );
    world.library.use_tools(Ok(tools(folder.path(), &does)));
    world.set(FILE, &["stage=client-approval"]);
    let before = runs(folder.path());
    std::thread::scope(|scope| {
        let warmer = scope.spawn(|| world.library.warm_previews());
        while !begun.exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        world.set("library/acme/e.mp4", &["status.instagram=approved"]);
        fs::write(&go, b"").unwrap();
        warmer.join().unwrap();
    });
    assert_eq!(runs(folder.path()) - before, 3, "one member's, and no more");
    world.library.warm_previews();
    assert_eq!(runs(folder.path()) - before, 3);
    world.library.render_clips();
    world.library.warm_previews();
    let made = runs(folder.path());
    for seat in [&rita, &ruth] {
        assert_eq!(whole(seat, FILE).len() as u64, PREVIEW_BYTES);
    }
    assert_eq!(runs(folder.path()), made, "then the others");
}

#[test]
fn a_preview_that_turns_up_elsewhere_tells_whose_it_is() {
    let Studio { world, rita, folder, .. } = studio();
    world.library.use_tools(Ok(tools(folder.path(), "")));
    let found = folder.path().join("found.mp4");
    fs::write(&found, whole(&rita, FILE)).unwrap();
    let ask = |uid: u32| {
        let caller = Caller { uid, gid: uid, process: 1 };
        let told = serve::serve(
            &world.library,
            &caller,
            Command::Whence { name: "found".into() },
            Some(fs::File::open(&found).unwrap()),
        );
        told.unwrap()["found"].clone()
    };
    for uid in [0, RITA] {
        let rows = ask(uid);
        assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
        let row = &rows[0];
        assert_eq!(
            [&row["as"], &row["for"], &row["path"], &row["version"]],
            [&json!("preview"), &json!("rita"), &json!(FILE), &json!(2)]
        );
    }
    let rows = ask(RUTH);
    assert_eq!((&rows[0]["as"], rows[0].get("for")), (&json!("preview"), None), "others are not told whose");
}
