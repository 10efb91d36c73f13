//! The leak suite of who may view and not download: neither bytes nor size nor hash of an original reach him, whatever he reads them with, on a
//! shared mount and on his own, before, while and after the owner has warmed every cache, and when his right to the bytes ends.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::*;
use crate::leaks::{HELD, none_came_out, tried, tries};
use crate::users::*;

const VERA: u32 = 47_105;

const ROLES: &str = r#"
[role.viewer.allow]
list = "*"
view = "*"
"#;

/// A picture of noise: its size is its own, and no part of it is in another file.
fn noise(side: u32, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let picture = image::RgbImage::from_fn(side, side, |_, _| image::Rgb([next(), next(), next()]));
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// A clip of noise, by a coder that its preview is not written by, with words at both ends.
fn noisy_clip(s: &Studio, seed: u32) -> Vec<u8> {
    let made = s.path("noise.mp4");
    let said = format!("planted{seed}").repeat(20);
    sh(&format!(
        "ffmpeg -v error -y -f lavfi -i color=gray:duration=1:size=320x240:rate=10 -vf noise=alls=100:allf=t:all_seed={seed} -c:v mpeg4 -q:v 3 \
         -metadata title={said} -metadata comment={said} -metadata:s:v handler_name={said} {}",
        made.display()
    ));
    let mut bytes = fs::read(&made).unwrap();
    // Behind the clip, where players read nothing.
    bytes.extend(noise(8, seed));
    bytes
}

/// What would give the bytes away: parts of them, their size, and hashes of them.
fn secrets_of(s: &Studio, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut secrets: Vec<Vec<u8>> =
        [100, bytes.len() / 3, bytes.len() / 2, bytes.len() - 60].map(|at| bytes[at..at + 16].to_vec()).into();
    secrets.push(bytes.len().to_string().into_bytes());
    secrets.push((bytes.len().div_ceil(512) * 512).to_string().into_bytes());
    let file = s.path("original");
    fs::write(&file, bytes).unwrap();
    for sum in ["sha256sum", "sha1sum", "md5sum", "b2sum"] {
        let told = sh(&format!("{sum} {}", file.display()));
        secrets.push(told.split(' ').next().unwrap().as_bytes().to_vec());
    }
    secrets
}

/// Whether a secret is in an answer. A number counts whole alone: the digits of a size are in some time by chance.
fn tells(got: &[u8], secret: &[u8]) -> bool {
    let is_digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
    let is_number = secret.iter().all(u8::is_ascii_digit);
    got.windows(secret.len()).enumerate().any(|(at, part)| {
        let within =
            is_digit(at.checked_sub(1).and_then(|before| got.get(before))) || is_digit(got.get(at + secret.len()));
        part == secret && !(is_number && within)
    })
}

/// A picture and a clip of two versions, a sound and one more in the trash, of which vera may see marked pictures; and what would give them away.
fn studio() -> (Studio, PathBuf, Vec<Vec<u8>>) {
    let mut s = Studio::new();
    let roles = s.path("roles.toml");
    fs::write(&roles, s.dam(["policy", "show"]) + ROLES).unwrap();
    s.dam(["policy".as_ref(), "apply".as_ref(), roles.as_os_str()]);
    let mnt = s.mount("mnt", &[]);
    let originals = [noise(500, 1), noise(510, 2), noise(520, 3), noise(530, 4)];
    let [first, second, gone, sound] = &originals;
    fs::create_dir(mnt.join("library/acme")).unwrap();
    fs::write(mnt.join("library/acme/n.png"), first).unwrap();
    fs::write(mnt.join("library/acme/gone.png"), gone).unwrap();
    fs::write(mnt.join("library/acme/sound.bin"), sound).unwrap();
    let clips = [noisy_clip(&s, 5), noisy_clip(&s, 6)];
    fs::write(mnt.join("library/acme/c.mp4"), &clips[0]).unwrap();
    s.settle();
    fs::write(mnt.join("library/acme/n.png"), second).unwrap();
    fs::write(mnt.join("library/acme/c.mp4"), &clips[1]).unwrap();
    let hash = "0123456789abcdef0123456789abcdef";
    sh(&format!("setfattr -n user.shatag.sha256 -v {hash} {}", mnt.join("library/acme/n.png").display()));
    s.settle();
    s.dam(["set", "library/acme/n.png", "status.instagram=approved", "client=acme"]);
    fs::remove_file(mnt.join("library/acme/gone.png")).unwrap();
    s.settle();
    wait_until("it is in the trash", || names(&mnt.join("trash")).iter().any(|name| name.starts_with("20")));
    let mut secrets: Vec<Vec<u8>> = originals.iter().chain(&clips).flat_map(|bytes| secrets_of(&s, bytes)).collect();
    secrets.extend([b"planted5".to_vec(), b"planted6".to_vec()]);
    secrets.push(hash.as_bytes().to_vec());
    for asset in ["library/acme/n.png", "library/acme/sound.bin", "library/acme/c.mp4"] {
        for version in s.show(asset)["versions"].as_array().unwrap() {
            secrets.push(version["content"].as_str().unwrap().as_bytes().to_vec());
        }
    }
    s.dam(["member", "add", "vera", "--uid", &VERA.to_string(), "--role", "viewer"]);
    (s, mnt, secrets)
}

/// The secrets, for the program that tries.
fn written(s: &Studio, secrets: &[Vec<u8>]) -> PathBuf {
    let file = s.path("secrets");
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    fs::write(&file, secrets.iter().map(hex).collect::<Vec<_>>().join("\n")).unwrap();
    set_mode(&file, 0o644);
    file
}

fn own(s: &mut Studio) -> String {
    own_mount(s, VERA, "vera").display().to_string()
}

/// Where something of them stands.
fn places(mnt: &Path) -> Vec<String> {
    let day = names(&mnt.join("trash")).into_iter().find(|name| name.starts_with("20")).unwrap();
    let mut places: Vec<String> = [
        "library/acme/n.png",
        "library/acme/../acme/n.png",
        "library/acme",
        "by/kind/image/n.png",
        "by/client/acme/n.png",
        "by/format/png/+and/client/acme/n.png",
        "find/kind=image/n.png",
        "review/draft/n.png",
        "versions/acme/n.png",
        "versions/acme/n.png/1.png",
        "versions/acme/n.png/2.png",
        "records/acme/n.png.json",
        ".dam/why/library/acme/n.png",
        ".dam/status",
        ".dam/errors",
        "platforms/instagram/post_square/n.jpg",
        "library/acme/sound.bin",
        "versions/acme/sound.bin/1.bin",
        "records/acme/sound.bin.json",
        "library/acme/c.mp4",
        "versions/acme/c.mp4/1.mp4",
        "records/acme/c.mp4.json",
    ]
    .map(str::to_owned)
    .into();
    places.extend([format!("trash/{day}/gone.png"), "find/state=trashed/gone.png".to_owned()]);
    places
}

/// Every way ends in an error, or in something that has nothing of the original.
const FINE: [&str; 13] = [
    "NOTHING", "ENOENT", "EACCES", "EISDIR", "ENOTDIR", "ENODATA", "EINVAL", "ENOTSUP", "EXDEV", "ENOTTY", "ENXIO",
    "ENODEV", "ESTALE",
];

#[test]
fn a_viewer_gets_nothing_of_an_original_by_any_means() {
    let (mut s, mnt, secrets) = studio();
    let shared = s.mount("shared", &["--shared"]);
    let vera = own(&mut s);
    let (places, program, file) = (places(&mnt).join(" "), tries(&s), written(&s, &secrets));
    let shared_at = shared.display().to_string();
    let mut count = 0;
    let mut all = |phase: &str| {
        for at in [&shared_at, &vera] {
            let line = format!("{program} viewed {at} {} {places}", file.display());
            let ended = tried(VERA, &line, &FINE);
            assert!(ended["NOTHING"] > 100, "{phase}: he does see something: {ended:?}");
            count += ended.values().sum::<usize>();
        }
    };
    all("before");
    let warm = || {
        let at = &shared_at;
        sh(&format!(
            "cat {at}/library/acme/* {at}/versions/acme/*/* {at}/records/acme/* > /dev/null; ls -lR {at}/by > /dev/null"
        ))
    };
    let ended = std::sync::atomic::AtomicBool::new(false);
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                warm();
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| all("while")));
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        done
    });
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    warm();
    all("after");
    s.unmount();
    s.mount("mnt", &[]);
    s.mount("shared", &["--shared"]);
    own(&mut s);
    all("after a restart");
    let (ok, said) = as_user(VERA, &format!("wc -c < {shared_at}/library/acme/c.mp4"));
    assert!(ok && said.trim() == "4194304", "of the clip she has had a preview: {said}");
    none_came_out("viewing", count, 2_800);
    let whole = fs::read(shared.join("library/acme/n.png")).unwrap();
    assert_eq!(whole, noise(510, 2), "and its owner has it whole");
}

#[test]
fn no_answer_of_a_command_tells_a_viewer_size_or_hash() {
    let (mut s, _mnt, secrets) = studio();
    let shared = s.mount("shared", &["--shared"]);
    let into = s.path("into");
    fs::create_dir(&into).unwrap();
    sh(&format!("chown {VERA} {}", into.display()));
    let dam = format!("HOME={} DAM_LIBRARY={} {}", into.display(), s.library().display(), env!("CARGO_BIN_EXE_dam"));
    let mut count = 0;
    let targets = [
        "library/acme/n.png",
        "library/acme/c.mp4",
        "library/acme/sound.bin",
        "versions/acme/n.png/1.png",
        &s.show("library/acme/n.png")["id"].to_string(),
    ];
    let of_one = [
        "show",
        "show --json",
        "versions",
        "versions --json",
        "diff",
        "diff --json",
        "why",
        "similar",
        "similar --json",
        "log",
        "log --json",
        "log --reads --json",
        "meta diff",
        "meta diff --json",
        "whence",
        "thin",
        "restore",
        "undo",
    ];
    let of_all = [
        "find --json",
        "find --json --sort size",
        "find --columns size,path",
        "find --sort size,desc --columns name,size",
        "find --json state=trashed",
        "audit metadata --json",
        "audit access --json",
        "review list --json",
        "undo --list",
        "undo --list --json",
        "status --json",
        "log --json",
        "log --reads --json",
        "saved --json",
        "glossary --json",
        &format!("scout --json {}", into.display()),
        &format!("records export {}/records", into.display()),
        &format!("export kind=image instagram/post_square {}/exports", into.display()),
        &format!("thumbs {}/library", shared.display()),
    ]
    .map(str::to_owned);
    let lines = targets.iter().flat_map(|target| of_one.map(|line| format!("{line} {target}"))).chain(of_all);
    for line in lines {
        let (_, said) = as_user(VERA, &format!("{dam} {line}"));
        for secret in &secrets {
            assert!(
                !tells(said.as_bytes(), secret),
                "{} in the answer to {line}: {said}",
                String::from_utf8_lossy(secret)
            );
        }
        count += 1;
    }
    for secret in secrets.iter().filter(|secret| secret.is_ascii()) {
        let secret = String::from_utf8_lossy(secret);
        let number = secret.bytes().all(|b| b.is_ascii_digit());
        let what = if number {
            format!("-P -e '(?<![0-9]){secret}(?![0-9])'")
        } else {
            format!("-F -e '{}'", secret.replace('\'', "'\\''"))
        };
        let found = try_sh(&format!("LC_ALL=C grep -rla {what} {}", into.display()));
        assert!(!found.0, "{secret} in {}", found.1);
    }
    none_came_out("viewing by commands", count, 80);
}

/// Who might read the bytes and may see a marked picture from now on.
#[test]
fn what_was_open_ends_when_no_more_than_a_view_is_left() {
    let (mut s, ..) = studio();
    let shared = s.mount("shared", &["--shared"]);
    s.dam(["member", "set", "vera", "--role", "content-creator"]);
    let vera = own(&mut s);
    let room = s.path("room");
    fs::create_dir(&room).unwrap();
    set_mode(&room, 0o777);
    fs::write(room.join("still-known"), b"").unwrap();
    let at = [vera.clone(), shared.display().to_string()];
    let files = at.each_ref().map(|at| format!("{at}/library/acme/n.png {at}/library/acme/c.mp4")).join(" ");
    let line = format!("{} held {} {files}", tries(&s), room.display());
    let holder = std::thread::spawn(move || tried(VERA, &line, &HELD));
    wait_until("he has them open", || room.join("ready").exists() || holder.is_finished());
    s.dam(["member", "set", "vera", "--role", "viewer"]);
    fs::write(room.join("withdrawn"), b"").unwrap();
    let ended = holder.join().unwrap();
    none_came_out("held by a viewer", ended.values().sum(), 4 * 22);
    for file in [format!("{vera}/library/acme/n.png"), shared.join("library/acme/n.png").display().to_string()] {
        let (ok, said) = as_user(VERA, &format!("stat -c %s {file}; head -c 2 {file} | od -An -tx1"));
        assert!(ok && said.contains("262144") && said.contains("ff d8"), "{said}");
    }
    for at in at {
        let clip = format!("{at}/library/acme/c.mp4");
        let (ok, said) = as_user(VERA, &format!("stat -c %s {clip}; head -c 8 {clip} | tail -c 4"));
        assert!(ok && said.contains("4194304") && said.contains("ftyp"), "{said}");
    }
}
