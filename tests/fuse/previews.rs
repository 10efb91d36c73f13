//! Who may view a clip and not download it, on a real mount under a user id of his own: he plays a marked preview where the clip is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::*;
use crate::users::*;

const VERA: u32 = 47_106;
const SIZE: &str = "4194304 8192";

const ROLES: &str = r#"
[role.viewer.allow]
list = "*"
view = "*"
"#;

/// A mount of a plain gray clip with a tone, and one that others reach too, among them vera, who may view alone.
fn studio() -> (Studio, PathBuf) {
    let mut s = Studio::new();
    let roles = s.path("roles.toml");
    fs::write(&roles, s.dam(["policy", "show"]) + ROLES).unwrap();
    s.dam(["policy".as_ref(), "apply".as_ref(), roles.as_os_str()]);
    s.mount("mnt", &[]);
    let from = s.path("in");
    fs::create_dir_all(&from).unwrap();
    let sources = "-f lavfi -i color=gray:duration=2:size=1280x720:rate=25 -f lavfi -i sine=duration=2";
    sh(&format!(
        "ffmpeg -v error -y {sources} -pix_fmt yuv420p -preset ultrafast -metadata comment=planted -metadata:s:a title=planted {}/a.mp4",
        from.display()
    ));
    s.import(&from, &["--into", "luna", "--set", "rating=safe"]);
    s.dam(["member", "add", "vera", "--uid", &VERA.to_string(), "--role", "viewer"]);
    let shared = s.mount("shared", &["--shared"]);
    (s, shared)
}

fn by_vera(line: &str) -> String {
    let (ok, said) = as_user(VERA, line);
    assert!(ok, "{line}: {said}");
    said.trim().to_owned()
}

/// The first frame of a stream from some second on, in gray, as she sees it.
fn frame(s: &Studio, file: &Path, stream: &str, at: &str) -> Vec<u8> {
    let room = s.path("room");
    let _ = fs::create_dir(&room);
    set_mode(&room, 0o777);
    let out = room.join("frame.gray");
    let _ = fs::remove_file(&out);
    by_vera(&format!(
        "ffmpeg -v error -ss {at} -i {} -map {stream} -frames:v 1 -pix_fmt gray -f rawvideo {}",
        file.display(),
        out.display()
    ));
    fs::read(out).unwrap()
}

#[test]
fn who_may_only_view_a_clip_plays_a_marked_preview() {
    let (mut s, shared) = studio();
    let file = shared.join("library/luna/a.mp4");
    let (at, original) = (file.display().to_string(), fs::read(&file).unwrap());
    let stat = |at: &str| by_vera(&format!("stat -c '%s %b' {at}"));
    assert_eq!(stat(&at), SIZE, "known before anything is made");
    let told = by_vera(&format!("ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 {at}"));
    assert_eq!(told.lines().collect::<Vec<_>>(), ["h264,640,360", "aac", "mjpeg,640,360"]);
    let length: f64 =
        by_vera(&format!("ffprobe -v error -show_entries format=duration -of csv=p=0 {at}")).parse().unwrap();
    assert!((length - 2.0).abs() < 0.1, "{length}");
    assert_eq!(by_vera(&format!("ffmpeg -v error -i {at} -map 0 -f null - 2>&1")), "", "it plays to its end");
    // Gray alone but for the mark, which is on each frame and on the cover.
    for (stream, second) in [("0:v:0", "0"), ("0:v:0", "1.5"), ("0:v:1", "0")] {
        let shown = frame(&s, &file, stream, second);
        assert_eq!(shown.len(), 640 * 360);
        let other = shown.iter().filter(|p| (i32::from(**p) - 126).abs() > 25).count();
        assert!(other * 50 > shown.len() && other * 2 < shown.len(), "{stream} {second}: {other}");
    }
    assert_eq!(by_vera(&format!("wc -c < {at}; grep -c planted {at} || true")), "4194304\n0");
    let version = shared.join("versions/luna/a.mp4/1.mp4").display().to_string();
    by_vera(&format!("cmp {at} {version} && cmp {at} {}/by/kind/video/a.mp4", shared.display()));
    let (id, denied) =
        (by_vera(&format!("getfattr --only-values -n user.dam.id {at}")), as_user(VERA, &format!("echo x >> {at}")));
    assert!(!id.is_empty() && !denied.0);
    let known = by_vera(&format!("stat -c '%i %s %y' {at}; sha256sum < {at}"));
    s.unmount();
    s.mount("mnt", &[]);
    let shared = s.mount("shared", &["--shared"]);
    assert_eq!(known, by_vera(&format!("stat -c '%i %s %y' {at}; sha256sum < {at}")), "as it was after a restart");
    assert!(fs::read(shared.join("library/luna/a.mp4")).unwrap() == original, "and its owner has it whole");
}

#[test]
fn a_preview_is_made_before_who_is_to_judge_a_clip_reads_it() {
    let (s, _) = studio();
    let kept = format!("find {}/store -path '*/renditions/*' -type f", s.library().display());
    assert_eq!(sh(&kept), "");
    s.dam(["set", "library/luna/a.mp4", "stage=client-approval"]);
    wait_until("its preview is made", || !sh(&kept).is_empty());
}

#[test]
fn without_ffmpeg_a_clip_that_may_only_be_viewed_says_why() {
    let (mut s, _) = studio();
    s.mount_with(&[]);
    let shared = s.mount("shared", &["--shared"]);
    let at = shared.join("library/luna/a.mp4").display().to_string();
    assert_eq!(by_vera(&format!("stat -c '%s %b' {at}")), SIZE, "its size does not hang on what is installed");
    let (ok, said) = as_user(VERA, &format!("cat {at} > /dev/null"));
    assert!(!ok && said.contains("not supported"), "{said}");
    let said = by_vera(&format!("cat {}/.dam/errors", shared.display()));
    assert!(said.contains("there is no preview of a.mp4: ffmpeg is not there; install ffmpeg"), "{said}");
}
