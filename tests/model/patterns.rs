//! How programs save, call by call: a row for each saver whose calls are known, replayed in `library/` and in a view, without a pause, with one
//! longer than the tunnel behind each call, and with a restart of the daemon behind each call.

use damfs::fs::{FsError, FsResult, OpenMode, SetAttr, TimeChange, XattrMode};
use damfs::types::Timestamp;
use serde_json::json;

use crate::world::{User, World};

/// One saver. In its steps and leftovers `N` stands for the file's name.
struct Saver {
    who: &'static str,
    /// See [`step`].
    steps: &'static str,
    /// Names that stay beside the file.
    leaves: &'static str,
    /// Versions afterwards; there was one before. A pause between two writes makes one more.
    versions: usize,
    /// Nothing but the time and the process tells that it saves: a pause is too much, and so is a view, where it renames the asset.
    told_by_time: bool,
    name: &'static str,
}

const fn saver(who: &'static str, steps: &'static str) -> Saver {
    Saver { who, steps, leaves: "", versions: 2, told_by_time: false, name: "a.png" }
}

impl Saver {
    const fn leaves(self, leaves: &'static str) -> Self {
        Self { leaves, ..self }
    }

    const fn versions(self, versions: usize) -> Self {
        Self { versions, ..self }
    }

    const fn told_by_time(self) -> Self {
        Self { told_by_time: true, ..self }
    }

    const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    fn names(&self, text: &str) -> String {
        text.replace("STEM", self.name.split('.').next().unwrap()).replace('N', self.name)
    }
}

#[rustfmt::skip]
const SAVERS: [Saver; 66] = [
    saver("vim", "new .N.swp; new .N.swx; rm .N.swx; rm .N.swp; new .N.swp; chmod .N.swp; empty 4913; rm 4913; mv N > N~; write N; sync N; chmod N; rm N~; rm .N.swp"),
    saver("vim, backup kept", "new .N.swp; empty 4913; rm 4913; mv N > N~; write N; sync N; chmod N; rm .N.swp").leaves("N~"),
    saver("vim, backupcopy=yes", "new .N.swp; old N~; times N~; write N; sync N; chmod N; rm N~; rm .N.swp"),
    saver("nano", "new .N.swp; write N; sync N; rm .N.swp"),
    saver("nano -B", "new .N.swp; old N~; chmod N~; sync N~; times N~; write N; sync N; rm .N.swp").leaves("N~"),
    saver("emacs", "ln .#N; mv N > N~; write N; touch N; rm .#N; chmod N").leaves("N~"),
    saver("emacs, backup by copying", "ln .#N; old N~; times N~; write N; rm .#N; chmod N").leaves("N~"),
    saver("emacs, file-precious", "new tmpAb1x9Z; mv tmpAb1x9Z > N; chmod N"),
    saver("sed -i", "new sedAb1x9Z; chmod sedAb1x9Z; mv sedAb1x9Z > N"),
    saver("sed -i.bak", "new sedAb1x9Z; mv N > N.bak; mv sedAb1x9Z > N").leaves("N.bak"),
    saver("perl -pi", "new XXaB1cD2; chmod XXaB1cD2; mv XXaB1cD2 > N"),
    saver("perl -pi.bak", "new XXaB1cD2; link N > N.bak; mv N > N.bak; mv XXaB1cD2 > N").leaves("N.bak"),
    saver("exiftool", "new N_exiftool_tmp; chmod N_exiftool_tmp; mv N > N_original; mv N_exiftool_tmp > N").leaves("N_original"),
    saver("exiftool -P", "new N_exiftool_tmp; times N_exiftool_tmp; mv N > N_original; mv N_exiftool_tmp > N").leaves("N_original"),
    saver("exiftool -overwrite_original", "new N_exiftool_tmp; chmod N_exiftool_tmp; mv N_exiftool_tmp > N"),
    saver("exiftool -overwrite_original_in_place", "new N_exiftool_tmp; patch N; rm N_exiftool_tmp"),
    saver("exiv2", "write N; write STEM.xmp").leaves("STEM.xmp"),
    saver("jhead", "mv N > N.t; write N; chmod N; times N; rm N.t"),
    saver("jpegoptim", "new jpegoptim-0-4711.Ab1x9Z.tmp; chmod jpegoptim-0-4711.Ab1x9Z.tmp; mv jpegoptim-0-4711.Ab1x9Z.tmp > N"),
    saver("mogrify", "mv N > N~; half N; write N; rm N~"),
    saver("convert", "half N; write N"),
    saver("ffmpeg -y, faststart", "write N; patch N"),
    saver("Inkscape, PIL, cwebp, node", "write N"),
    saver("kwrite", "new .N.kate-swp; write N; rm .N.kate-swp"),
    saver("mkvpropedit", "patch N").named("a.mkv"),
    saver("GIMP, export", "half N; write N"),
    saver("gedit, GIMP, gio save", "taken N; touch N; new .goutputstream-AB12CD; chmod .goutputstream-AB12CD; sync .goutputstream-AB12CD; mv .goutputstream-AB12CD > N"),
    saver("gio save -b", "taken N; touch N; new .goutputstream-AB12CD; sync .goutputstream-AB12CD; link N > N~; mv N > N~; mv .goutputstream-AB12CD > N").leaves("N~"),
    saver("gio copy over", "taken N; touch N; new .goutputstream-AB12CD; mv .goutputstream-AB12CD > N; times N"),
    saver("g_file_set_contents", "new N.Xk3f9Q; sync N.Xk3f9Q; mv N.Xk3f9Q > N"),
    saver("QSaveFile", "new N.XkPqRs; chmod N.XkPqRs; sync N.XkPqRs; mv N.XkPqRs > N"),
    saver("Krita", "old N~; chmod N~; new N.XkPqRs; sync N.XkPqRs; mv N.XkPqRs > N").leaves("N~").named("a.kra"),
    saver("LibreOffice", "new .~lock.N#; touch N; new lu4711ab1x.tmp; sync lu4711ab1x.tmp; taken N; mv lu4711ab1x.tmp > N; chmod N; touch N; sync N; rm .~lock.N#").named("a.odt"),
    saver("Blender", "write N@; mv N > N1; mv N@ > N").leaves("N1").named("a.blend"),
    saver("Blender, again", "old N1; write N@; rm N1; mv N > N1; mv N@ > N").leaves("N1").named("a.blend"),
    saver("darktable", "half N; half N; write N; half N.xmp; write N.xmp; write N.xmp").leaves("N.xmp"),
    saver("VS Code", "write N; sync N"),
    saver("VS Code, atomic", "new N.vsctmp; mv N.vsctmp > N"),
    saver("cp", "write N; times N"),
    saver("cp --backup=numbered", "mv N > N.~1~; new N").leaves("N.~1~"),
    saver("cp --remove-destination", "rm N; new N"),
    saver("install", "rm N; new N; chmod N"),
    saver("tar x", "taken N; rm N; new N; times N; chmod N"),
    saver("unzip -o", "rm N; new N; chmod N; times N"),
    saver("zip -u", "new ziAb1x9Z; rm N; mv ziAb1x9Z > N").named("a.zip"),
    saver("rsync", "new .N.Ab1x9Z; chmod .N.Ab1x9Z; times .N.Ab1x9Z; mv .N.Ab1x9Z > N"),
    saver("rsync --inplace", "patch N; times N; chmod N"),
    saver("rsync --delay-updates", "new .N.Ab1x9Z; mkdir .~tmp~; mv .N.Ab1x9Z > .~tmp~/N; mv .~tmp~/N > N; rmdir .~tmp~"),
    saver("rsync --partial-dir", "mkdir .rsync-partial; new .rsync-partial/N; times .rsync-partial/N; mv .rsync-partial/N > N; rmdir .rsync-partial"),
    saver("rsync --backup", "new .N.Ab1x9Z; link N > N~; mv N > N~; mv .N.Ab1x9Z > N").leaves("N~"),
    saver("curl -O, wget", "write N; times N"),
    saver("rclone", "new N.Ab1x9Zq2.partial; mv N.Ab1x9Zq2.partial > N; times N"),
    saver("Chromium", "new N.crdownload; sync N.crdownload; mv N.crdownload > N; chmod N"),
    saver("KDE, copy over", "write N.part; chmod N.part; times N.part; rm N; mv N.part > N"),
    saver("Samba, put over", "touch N; patch N; xattr N; times N"),
    saver("Word", "new ~$N; new ~WRD0001.tmp; xattr ~WRD0001.tmp; mv N > ~WRL0002.tmp; mv ~WRD0001.tmp > N; xattr N; rm ~WRL0002.tmp; rm ~$N").named("a.doc"),
    saver("Excel", "new ~$N; new 1A2B3C4D; rm N; mv 1A2B3C4D > N; rm ~$N").named("a.xls"),
    saver("ReplaceFile", "new STEM123.tmp; mv N > N~RF1a2b3c.TMP; mv STEM123.tmp > N; rm N~RF1a2b3c.TMP"),
    saver("Photoshop", "new psAB12.tmp; rm N; mv psAB12.tmp > N").named("a.psd"),
    saver("NSDocument", "mkdir (A Document Being Saved By TextEdit); new (A Document Being Saved By TextEdit)/N; mv N > N.sb-1a2b3c4d-AbCdEf; mv (A Document Being Saved By TextEdit)/N > N; rm N.sb-1a2b3c4d-AbCdEf; rmdir (A Document Being Saved By TextEdit)"),
    saver("Syncthing", "new .syncthing.N.tmp; times .syncthing.N.tmp; mv .syncthing.N.tmp > N"),
    saver("SQLite", "new N-journal; patch N; sync N; rm N-journal").named("a.db"),
    saver("one that nobody knows", "new whatever.png; mv whatever.png > N"),
    saver("one that nobody knows, with a backup", "mv N > zzz.old123; write N; rm zzz.old123").told_by_time(),
    saver("one that writes the same again", "old N").versions(1),
    saver("one that opens and closes", "touch N; taken N").versions(1),
];

const OLD: &[u8] = b"the bytes that were there before";
const NEW: &[u8] = b"what the program has saved, which is longer than that";

/// What Samba and a person have set on the file before: its attributes, a stream that Finder or Explorer wrote, a note.
const ATTRIBUTES: [(&str, &str); 3] = [
    ("user.DOSATTRIB", "0x22"),
    ("user.DosStream.Zone.Identifier:$DATA", "[ZoneTransfer]\0"),
    ("user.note", "keep me"),
];
/// What a desktop has set that is the record.
const RECORDED: [(&str, &str); 2] = [("user.baloo.rating", "8"), ("user.dublincore.title", "Blue hour")];
/// What Samba sets while it saves.
const SAMBA_SETS: &str = "0x20";

/// Where a program saves: a folder of `library/`, or a view.
const PLACES: [&str; 2] = ["luna", "/by/tag/beach"];

/// `new F`: made, written. `empty F`: made. `taken F`: making it is EEXIST. `touch F`: opened for writing and closed. `write F`, `half F`: cut or
/// made, and written, or half of it. `patch F`: written from its beginning, cut behind the end. `old F`: holds the old bytes. `mv A > B`, `rm`,
/// `mkdir`, `rmdir`, `chmod`, `sync`; `ln F`: a symlink; `link A > B`: refused; `times F`: an old mtime; `xattr F`: as Samba.
fn step(me: &User, place: &str, line: &str) -> FsResult<()> {
    let (verb, rest) = line.split_once(' ').unwrap();
    let below = |name: &str| format!("{place}/{name}");
    let (from, to) = rest.split_once(" > ").unwrap_or((rest, ""));
    let path = below(from);
    let any = OpenMode { write: true, ..OpenMode::default() };
    let excl = OpenMode { exclusive: true, ..any };
    let set = |set: SetAttr| me.mount.setattr(&me.caller, me.find(&path)?, set).map(drop);
    match verb {
        "new" => {
            let file = me.create(&path, excl)?;
            file.write(0, NEW)?;
            file.close()
        }
        "empty" => me.create(&path, excl)?.close(),
        "taken" => match me.create(&path, excl) {
            Err(FsError::Exists) => Ok(()),
            Err(e) => Err(e),
            Ok(_) => Err(FsError::Invalid("what is there must not be made anew")),
        },
        "touch" => me.open(&path, any)?.close(),
        "write" => me.write(&path, NEW),
        "half" => me.write(&path, &NEW[..NEW.len() / 2]),
        "old" => me.write(&path, OLD),
        "patch" => {
            let file = me.open(&path, any)?;
            file.write(0, NEW)?;
            set(SetAttr { size: Some(NEW.len() as u64), fh: Some(file.fh), ..SetAttr::default() })?;
            file.close()
        }
        "mv" => me.rename(&path, &below(to)),
        "rm" => me.unlink(&path),
        "mkdir" => me.mkdir(&path),
        "rmdir" => me.rmdir(&path),
        "chmod" => set(SetAttr { mode: Some(0o640), ..SetAttr::default() }),
        "times" => {
            set(SetAttr { mtime: Some(TimeChange::At(Timestamp::from_secs(1_500_000_000))), ..SetAttr::default() })
        }
        "sync" => {
            let file = me.open(&path, any)?;
            me.mount.fsync(&me.caller, file.fh, false)?;
            file.close()
        }
        "xattr" => {
            me.mount.setxattr(&me.caller, me.find(&path)?, b"user.DOSATTRIB", SAMBA_SETS.as_bytes(), XattrMode::Any)
        }
        "ln" => {
            let (parent, name) = me.split(&path)?;
            me.mount.symlink(&me.caller, parent, name, b"user@host.4711:1790000000").map(drop)
        }
        "link" => {
            let (to, ino) = (below(to), me.find(&path)?);
            let (parent, name) = me.split(&to)?;
            match me.mount.link(&me.caller, ino, parent, name) {
                Err(FsError::NotPermitted(_)) => Ok(()),
                Err(e) => Err(e),
                Ok(_) => Err(FsError::Invalid("hard links must be refused")),
            }
        }
        _ => panic!("no such step: {line}"),
    }
}

/// What happens behind a step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Between {
    Nothing,
    /// Longer than the tunnel.
    Pause(usize),
    Restart(usize),
}

/// Where the asset is now: its path, or that it is in the trash.
fn whereabouts(world: &World, id: &str) -> String {
    let id = id.parse().unwrap();
    let found = world.library().catalog.read(|tx| -> Result<_, damfs::catalog::CatalogError> {
        let asset = tx.asset(id)?.expect("an asset is never lost");
        match (asset.trashed, asset.node) {
            (Some(_), _) => Ok("trash".to_owned()),
            (None, Some(node)) => Ok(damfs::ops::folders::path_of(tx, node)?.unwrap_or_default()),
            (None, None) => Ok("nowhere".to_owned()),
        }
    });
    found.unwrap()
}

fn expect(what: &str, got: String, wanted: String) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got}, not {wanted}")) }
}

fn replay(saver: &Saver, place: &str, between: Between) -> Result<(), String> {
    // Hundreds of libraries, and none has to survive: in memory, where there is a place for it.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let mut world = World::new(dir.path());
    let in_library = format!("luna/{}", saver.name);
    let id = {
        let me = world.me();
        me.mkdir("luna").unwrap();
        me.write(&in_library, OLD).unwrap();
        world.wait(3);
        world.library().settle().unwrap();
        me.tag(&in_library, "beach");
        let ino = me.find(&in_library).unwrap();
        for (name, value) in ATTRIBUTES.into_iter().chain(RECORDED) {
            me.mount.setxattr(&me.caller, ino, name.as_bytes(), value.as_bytes(), XattrMode::Any).unwrap();
        }
        me.id(&in_library)
    };
    world.wait(3_600);
    let mut absent = false;
    for (n, line) in saver.steps.split("; ").enumerate() {
        let me = world.me();
        let line = saver.names(line);
        let late = place != "luna" && matches!(between, Between::Pause(p) if p < n);
        match step(&me, place, &line) {
            Ok(()) => {}
            // In a view a name that was set aside is back by itself after the tunnel, and the backup is gone.
            Err(FsError::NotFound) if late && line.starts_with("rm ") => {}
            Err(FsError::Exists) if late && line == format!("new {}", saver.name) => {
                return expect("id", whereabouts(&world, &id), format!("library/{in_library}"));
            }
            Err(e) => return Err(format!("`{line}`: {e}")),
        }
        if between == Between::Pause(n) {
            absent = me.find(&format!("{place}/{}", saver.name)).is_err() || (saver.told_by_time && n < 2);
            world.wait(20);
        }
        drop(me);
        if between == Between::Restart(n) {
            world.open();
        }
    }
    world.wait(20);
    world.library().settle().unwrap();

    let me = world.me();
    let bytes = |path: &str| me.read(path).map(|b| String::from_utf8(b).unwrap()).unwrap_or_else(|e| e.to_string());
    let new = if saver.versions == 1 { OLD } else { NEW };
    let new = String::from_utf8(new.to_vec()).unwrap();
    if absent {
        // The name was gone for longer than the tunnel: the asset went where its bytes went, and a new one took the name.
        let at = whereabouts(&world, &id);
        if !(at == "trash" || at.starts_with("library/luna/")) {
            return Err(format!("the asset is at {at}"));
        }
        let path = if place == "luna" { in_library } else { format!("{place}/{}", saver.name) };
        return expect("bytes", bytes(&path), new);
    }
    expect("id", whereabouts(&world, &id), format!("library/{in_library}"))?;
    expect("id at the name", me.id(&in_library), id)?;
    expect("bytes", bytes(&in_library), new.clone())?;
    expect("bytes in the view", bytes(&format!("/by/tag/beach/{}", saver.name)), new)?;
    let record = world.show(&in_library);
    expect("tags", record["tag"].to_string(), json!(["beach"]).to_string())?;
    let (stars, title) = (&record["stars"], &record["properties"]["title"]);
    expect("stars and title", format!("{stars} {title}"), "8 \"Blue hour\"".to_owned())?;
    let ino = me.find(&in_library).unwrap();
    for (name, old) in ATTRIBUTES {
        let set = name == "user.DOSATTRIB" && saver.steps.contains("xattr");
        let value = me.mount.getxattr(&me.caller, ino, name.as_bytes()).unwrap_or_default();
        expect(name, String::from_utf8(value).unwrap(), if set { SAMBA_SETS.into() } else { old.into() })?;
    }
    let versions = world.versions(&in_library);
    let one_more = usize::from(matches!(between, Between::Pause(_)) && saver.versions > 1);
    if !(saver.versions..=saver.versions + one_more).contains(&versions) {
        return Err(format!("{versions} versions"));
    }
    let mut left: Vec<String> = saver.names(saver.leaves).split_whitespace().map(str::to_owned).collect();
    left.push(saver.name.to_owned());
    left.sort();
    let mut there = me.names(place);
    there.retain(|name| !["+and", ".nomedia", ".trackerignore"].contains(&name.as_str()));
    expect("names", format!("{there:?}"), format!("{left:?}"))?;
    expect("faults", world.faults().to_string(), "[]".to_owned())
}

fn replay_all(between: impl Fn(usize) -> Vec<Between>) {
    let mut wrong = Vec::new();
    for saver in &SAVERS {
        for place in PLACES.into_iter().filter(|place| !saver.told_by_time || *place == "luna") {
            for between in between(saver.steps.split("; ").count()) {
                if let Err(e) = replay(saver, place, between) {
                    wrong.push(format!("{} in {place}, {between:?}: {e}", saver.who));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_saver_keeps_the_asset() {
    replay_all(|_| vec![Between::Nothing]);
}

#[test]
fn no_pause_in_a_save_loses_the_asset() {
    replay_all(|steps| (0..steps - 1).map(Between::Pause).collect());
}

#[test]
fn no_restart_in_a_save_loses_the_asset() {
    replay_all(|steps| (0..steps - 1).map(Between::Restart).collect());
}

/// Regression: what is shown in a tag's view for a tag below it had the view's own tag instead, once a saver had removed and made it again,
/// or beside it, once a temporary with an ordinary name was renamed over it.
#[test]
fn a_saver_in_a_tags_view_keeps_the_tag_below_it() {
    let savers = [
        "rm N; new N",
        "new N.Xk3f9Q; rm N; mv N.Xk3f9Q > N",
        "new b.png; rm N; mv b.png > N",
        "new b.png; mv b.png > N",
    ];
    for steps in savers {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path());
        let me = world.me();
        me.mkdir("luna").unwrap();
        me.write("luna/a.png", OLD).unwrap();
        world.library().settle().unwrap();
        me.tag("luna/a.png", "sea/beach,sea/north,red");
        let id = me.id("luna/a.png");
        for line in steps.replace('N', "a.png").split("; ") {
            step(&me, "/by/tag/sea", line).unwrap();
        }
        world.wait(20);
        world.library().settle().unwrap();
        assert_eq!(me.id("luna/a.png"), id, "{steps}");
        assert_eq!(world.show("luna/a.png")["tag"], json!(["red", "sea/beach", "sea/north"]), "{steps}");
        assert_eq!(world.faults(), json!([]), "{steps}");
    }
}
