//! Clips for the platforms: pending until they are made, made in a sandbox, and gone with the verdict.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use crate::harness::*;

/// A studio with one clip, `library/luna/a.mp4`, made by ffmpeg itself.
fn studio(source: &str) -> Studio {
    let s = Studio::mounted();
    clip(&s, "a.mp4", source);
    s
}

const SHORT: &str = "-f lavfi -i testsrc2=duration=0.6:size=320x240:rate=25 -f lavfi -i sine=duration=0.6";
/// What takes a minute or more to render.
const LONG: &str = "-f lavfi -i testsrc2=duration=55:size=640x360:rate=30";

fn clip(s: &Studio, name: &str, source: &str) {
    let from = s.path("in");
    fs::create_dir_all(&from).unwrap();
    sh(&format!("ffmpeg -v error -y {source} -preset ultrafast -metadata comment=secret {}/{name}", from.display()));
    s.import(&from, &["--into", "luna", "--set", "rating=safe"]);
    fs::remove_dir_all(&from).unwrap();
}

fn approve(s: &Studio, file: &str, platform: &str) {
    s.dam(["set", &format!("library/luna/{file}"), &format!("status.{platform}=approved")]);
}

fn appears(file: &Path) -> PathBuf {
    wait_until(&format!("{} is rendered", file.display()), || file.exists());
    file.to_owned()
}

/// The encoders that this machine runs for a library: their descriptors lie in its folder.
fn encoders(s: &Studio) -> usize {
    let run = s.library().join("run");
    let is_ours = |process: &Path| {
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        // Only what has become the encoder: the sandbox and the prober have other names.
        name.trim() == "ffmpeg" && fs::read_link(process.join("fd/0")).is_ok_and(|master| master.starts_with(&run))
    };
    fs::read_dir("/proc").unwrap().filter(|process| is_ours(&process.as_ref().unwrap().path())).count()
}

#[test]
fn approval_renders_a_clip_which_is_pending_until_then() {
    let mut s = studio(SHORT);
    let placement = s.mnt("platforms/facebook/reel");
    assert!(names(&placement).is_empty());
    approve(&s, "a.mp4", "facebook");
    let export = appears(&placement.join("a.mp4"));
    assert_eq!(names(&placement), ["a.mp4"], "nothing is pending any more");
    assert!(!placement.join("a.mp4.pending").exists());
    let (stat, bytes) = (fs::metadata(&export).unwrap(), fs::read(&export).unwrap());
    assert_eq!(stat.len(), bytes.len() as u64);
    assert!(!bytes.windows(6).any(|six| six == b"secret"));
    let told =
        sh(&format!("ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 {}", export.display()));
    assert_eq!(told.lines().collect::<Vec<_>>(), ["h264,1080,1920", "aac"]);
    assert_eq!(fs::write(&export, b"x").unwrap_err().raw_os_error(), Some(libc::EROFS));
    assert_eq!(fs::remove_file(&export).unwrap_err().raw_os_error(), Some(libc::EPERM));
    assert_eq!(xattr(&export, "user.dam.id"), Some(s.id("library/luna/a.mp4")));
    s.remount();
    let after = fs::metadata(&export).unwrap();
    assert_eq!((stat.ino(), stat.len(), stat.mtime()), (after.ino(), after.len(), after.mtime()));
    assert!(fs::read(&export).unwrap() == bytes);
    let out = s.path("out");
    sh(&format!("rsync -a {}/ {}/", placement.display(), out.display()));
    assert!(!sh(&format!("rsync -ai {}/ {}/", placement.display(), out.display())).contains(">f"));
    let whence = s.dam(["whence".as_ref(), s.path("out/a.mp4").as_os_str()]);
    assert!(whence.contains("library/luna/a.mp4, version 1 (current), for facebook/reel"), "{whence}");
    // No placement for pictures shows it, and none for clips a picture.
    assert!(names(&s.mnt("platforms/facebook/feed_image")).is_empty());
}

#[test]
fn what_is_generated_is_declared_so() {
    let s = studio(SHORT);
    s.dam(["set", "library/luna/a.mp4", "likeness=synthetic"]);
    approve(&s, "a.mp4", "snapchat");
    let export = appears(&s.mnt("platforms/snapchat/story_video/a.mp4"));
    let said = sh(&format!("exiftool -s3 -n -XMP-iptcExt:DigitalSourceType {}", export.display()));
    assert!(said.trim().ends_with("trainedAlgorithmicMedia"), "{said}");
    assert!(appears(&s.mnt("platforms/snapchat/spotlight_video/a.mp4")).exists(), "the same recipe, another placement");
}

#[test]
fn a_pending_clip_tells_how_far_it_is_and_is_stopped_with_its_verdict() {
    let mut s = studio(LONG);
    approve(&s, "a.mp4", "tiktok");
    let note = s.mnt("platforms/tiktok/video/a.mp4.pending");
    wait_until("it is being rendered", || encoders(&s) == 1);
    let text = fs::read_to_string(&note).unwrap();
    assert!(text.starts_with("clip      a.mp4\nfor       tiktok/video\nrendered  "), "{text}");
    assert!(text.contains(" %"), "{text}");
    assert_eq!(fs::metadata(&note).unwrap().len(), text.len() as u64);
    assert!(!s.mnt("platforms/tiktok/video/a.mp4").exists());
    let status = fs::read_to_string(s.mnt(".dam/status")).unwrap();
    assert!(status.contains("wait to be rendered") && status.contains("a.mp4 for tiktok/"), "{status}");
    let why = s.dam(["why", "library/luna/a.mp4"]);
    assert!(why.contains("platforms/tiktok/video") && why.contains("render"), "{why}");
    s.dam(["member", "add", "rita", "--role", "client-reviewer", "--scope", "client=acme"]);
    let hers = s.mount("hers", &["--as", "rita"]);
    let told = fs::read_to_string(hers.join(".dam/status")).unwrap();
    assert!(!told.contains("tiktok") && !told.contains("clips"), "{told}");
    assert_eq!(names(&hers.join("platforms/tiktok/video")), [""; 0]);
    assert!(!hers.join("platforms/tiktok/video/a.mp4.pending").exists());
    s.dam(["set", "library/luna/a.mp4", "status.tiktok=rejected", "-m", "not this one"]);
    wait_until("the encoder has ended", || encoders(&s) == 0);
    assert!(!note.exists());
    // Whoever waits for it hears of its end a moment later.
    wait_until("nothing is being rendered", || !fs::read_to_string(s.mnt(".dam/status")).unwrap().contains("tiktok/"));
}

/// Regression by design: the plain bytes of a sealed library lie in files without names, which end with the daemon however it ends.
#[test]
fn a_killed_daemon_leaves_no_encoder_and_no_plain_bytes() {
    let mut s = studio(LONG);
    approve(&s, "a.mp4", "tiktok");
    wait_until("it is being rendered", || encoders(&s) == 1);
    s.kill_daemon();
    wait_until("the encoder has ended", || encoders(&s) == 0);
    let left = sh(&format!("grep -rl --binary-files=text ftypisom {} || true", s.library().display()));
    assert_eq!(left, "");
    s.mount("mnt", &[]);
    wait_until("the next daemon begins again", || encoders(&s) == 1);
    s.dam(["unmount".as_ref(), s.path("mnt").as_os_str()]);
    assert_eq!(encoders(&s), 0, "and a clean end waits for no encoder");
}

#[test]
fn what_cannot_be_rendered_is_not_listed_and_is_tried_once() {
    let s = studio("-f lavfi -i testsrc2=duration=65:size=64x64:rate=1");
    let whole = fs::read(s.mnt("library/luna/a.mp4")).unwrap();
    fs::write(s.mnt("library/luna/cut.mp4"), &whole[..whole.len() / 3]).unwrap();
    s.settle();
    for file in ["a.mp4", "cut.mp4"] {
        approve(&s, file, "snapchat");
    }
    let placement = s.mnt("platforms/snapchat/story_video");
    wait_until("both have failed", || names(&placement).is_empty());
    let why = s.dam(["why", "library/luna/a.mp4"]);
    assert!(why.contains("a clip of 65.0 s where 60 s are taken; cut it first"), "{why}");
    let why = s.dam(["why", "platforms/snapchat/story_video/cut.mp4"]);
    assert!(why.contains("damaged"), "{why}");
    let reason = fs::read_to_string(s.mnt(".dam/why/platforms/snapchat/story_video/a.mp4")).unwrap();
    assert!(reason.contains("not in platforms/snapchat/story_video: "), "{reason}");
    let errors = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
    assert_eq!(errors.matches("a.mp4 for snapchat/story_video").count(), 1, "{errors}");
}

/// What the machine cannot do just now is told and says nothing of the clip.
#[test]
fn a_passing_failure_is_told_and_not_remembered() {
    let mut s = studio(SHORT);
    s.remount();
    let extents = s.library().join("store/extents");
    let aside = s.path("aside");
    fs::rename(&extents, &aside).unwrap();
    approve(&s, "a.mp4", "tiktok");
    wait_until("the failure is told", || {
        s.dam(["why", "library/luna/a.mp4"]).contains("could not be rendered just now")
    });
    let pending = s.mnt("platforms/tiktok/video/a.mp4.pending");
    assert!(pending.exists());
    fs::rename(&aside, &extents).unwrap();
    s.dam(["tag", "add", "again", "library/luna/a.mp4"]);
    appears(&s.mnt("platforms/tiktok/video/a.mp4"));
    assert!(!pending.exists());
}

/// A clip whose bytes are lost is made again; until then its reader is told to come back.
/// Clips take too long to be made again: none goes that may be looked at.
#[test]
fn a_clip_stays_while_it_circulates_whatever_the_budget() {
    let mut s = studio(SHORT);
    approve(&s, "a.mp4", "facebook");
    let export = appears(&s.mnt("platforms/facebook/reel/a.mp4"));
    let bytes = fs::read(&export).unwrap();
    s.unmount();
    let info = s.library().join("damfs.toml");
    let text = fs::read_to_string(&info).unwrap();
    fs::write(&info, text.replace("renditions_max = \"20G\"", "renditions_max = \"1K\"")).unwrap();
    let other = s.library().join("store/renditions/no/nobodys-render");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, [0; 4096]).unwrap();
    s.mount("mnt", &[]);
    wait_until("what is nobody's goes", || !other.exists());
    assert!(fs::read(&export).unwrap() == bytes);
    s.dam(["set", "library/luna/a.mp4", "status.facebook=rejected", "-m", "not this one"]);
    s.remount();
    let kept = format!("find {} -type f", s.library().join("store/renditions").display());
    wait_until("it goes with its verdict", || sh(&kept).is_empty());
}

#[test]
fn a_lost_clip_is_rendered_again() {
    let mut s = studio(SHORT);
    approve(&s, "a.mp4", "facebook");
    let export = appears(&s.mnt("platforms/facebook/reel/a.mp4"));
    let bytes = fs::read(&export).unwrap();
    wait_until("all are made", || s.mnt("platforms/facebook/feed_video/a.mp4").exists());
    s.unmount();
    for part in sh(&format!("find {}/store/renditions -type f", s.library().display())).lines() {
        fs::write(part, b"not what it was").unwrap();
    }
    // Nobody renders it again before it is read.
    let away = "case \"$*\" in *-encoders) exec /usr/bin/ffmpeg \"$@\";; esac\nexit 127";
    s.mount_with(&[("ffmpeg", away), PROBER]);
    assert_eq!(fs::read(&export).unwrap_err().raw_os_error(), Some(libc::EAGAIN));
    s.remount();
    wait_until("it is there again", || fs::read(&export).is_ok_and(|again| again == bytes));
}

const PROBER: (&str, &str) = ("ffprobe", "exec /usr/bin/ffprobe \"$@\"");

/// A decoder that a file makes crash takes nothing else down, and is not given that file again.
#[test]
fn an_encoder_that_crashes_costs_one_clip() {
    let mut s = studio(SHORT);
    let crash = "exec /usr/bin/python3 -I -c 'import ctypes; ctypes.string_at(0)'";
    let script = format!("case \"$*\" in *-encoders) exec /usr/bin/ffmpeg \"$@\";; esac\n{crash}");
    s.mount_with(&[("ffmpeg", &script), PROBER]);
    approve(&s, "a.mp4", "tiktok");
    wait_until("it is not pending any more", || {
        s.dam(["why", "library/luna/a.mp4"]).contains("ffmpeg died of signal 11")
    });
    assert_eq!(names(&s.mnt("platforms/tiktok/video")), [""; 0]);
    let errors = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
    assert_eq!(errors.matches("a.mp4 for tiktok/video").count(), 1, "{errors}");
    assert!(s.mnt("library/luna/a.mp4").exists());
}

/// What writes other bytes than the row asks for is not shown, whatever it says of itself.
#[test]
fn what_an_encoder_made_is_judged_before_it_is_shown() {
    let mut s = studio(SHORT);
    // It keeps the size of the clip.
    let script = "case \"$*\" in *-encoders) exec /usr/bin/ffmpeg \"$@\";; esac\n\
                  exec /usr/bin/ffmpeg -nostdin -v error -y -f mov -i /proc/self/fd/0 -c copy -f mp4 /proc/self/fd/1";
    s.mount_with(&[("ffmpeg", script), PROBER]);
    approve(&s, "a.mp4", "tiktok");
    wait_until("it was judged", || {
        s.dam(["why", "library/luna/a.mp4"]).contains("not what was asked for: 320x240 pixels")
    });
    assert_eq!(names(&s.mnt("platforms/tiktok/video")), [""; 0]);
}

#[test]
fn without_ffmpeg_no_placement_for_clips_is_there_and_why_says_so() {
    let mut s = studio(SHORT);
    s.mount_with(&[]);
    approve(&s, "a.mp4", "facebook");
    assert!(!names(&s.mnt("platforms/facebook")).contains(&"reel".to_owned()));
    assert!(!s.mnt("platforms/facebook/reel/a.mp4.pending").exists());
    let why = s.dam(["why", "library/luna/a.mp4"]);
    assert!(why.contains("ffmpeg is not there; install ffmpeg"), "{why}");
    let status = fs::read_to_string(s.mnt(".dam/status")).unwrap();
    assert!(status.contains("clips     none are rendered: ffmpeg is not there"), "{status}");
}

/// What the sandbox leaves to the program, asked by a program that tries.
#[test]
fn the_sandbox_reads_its_input_writes_its_output_and_does_nothing_else() {
    let s = Studio::new();
    let daemon = PathBuf::from(env!("CARGO_BIN_EXE_dam")).with_file_name("dam-mountd");
    let (secret, input, output) = (s.path("secret"), s.path("input"), s.path("output"));
    fs::write(&secret, "secret").unwrap();
    fs::write(&input, "input").unwrap();
    let script = "
import os, resource, signal, socket, sys
def tried(what, act):
    try: act(); print(what, 'done')
    except OSError as e: print(what, os.strerror(e.errno))
print(open('/proc/self/fd/0').read())
tried('secret', lambda: open(sys.argv[1]))
tried('folder', lambda: os.listdir(os.path.dirname(sys.argv[1])))
tried('make', lambda: open(sys.argv[1] + '2', 'w'))
tried('change', lambda: open('/proc/self/fd/0', 'w'))
tried('socket', lambda: socket.socket())
tried('kill', lambda: os.kill(os.getppid(), 0))
tried('owner', lambda: os.chown('/proc/self/fd/1', 1, 1))
tried('mode', lambda: os.chmod(sys.argv[1], 0o666))
tried('time', lambda: os.utime(sys.argv[1]))
tried('attribute', lambda: os.setxattr(sys.argv[1], 'user.x', b'x'))
tried('length', lambda: os.truncate(sys.argv[1], 0))
tried('limits', lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (5, 5)))
tried('own limits', lambda: resource.getrlimit(resource.RLIMIT_NOFILE))
tried('long', lambda: os.pwrite(1, b'x', 1 << 30))
sys.stdout.flush()
";
    let sandboxed_for = |seconds: &str, script: &str, parent: &str| {
        let mut command = std::process::Command::new(&daemon);
        command.args(["sandbox", "--parent", parent, "--cpu-seconds", seconds, "--file-bytes", "1000000"]);
        command.args(["/usr/bin/python3", "-I", "-c", script]).arg(&secret);
        command.stdin(fs::File::open(&input).unwrap());
        command.stdout(fs::File::options().create(true).truncate(true).write(true).read(true).open(&output).unwrap());
        command.output().unwrap()
    };
    let sandboxed = |script: &str, parent: &str| sandboxed_for("60", script, parent);
    let me = std::process::id().to_string();
    let out = sandboxed(script, &me);
    let told = fs::read_to_string(&output).unwrap();
    let expected = [
        "input",
        "secret Permission denied",
        "folder Permission denied",
        "make Permission denied",
        "change Permission denied",
        "socket Operation not permitted",
        "kill Operation not permitted",
        "owner Operation not permitted",
        "mode Operation not permitted",
        "time Operation not permitted",
        "attribute Operation not permitted",
        "length Operation not permitted",
        "limits Operation not permitted",
        "own limits done",
        "long File too large",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected, "{}", text(&out));
    let orphan = sandboxed("print('ran')", "1");
    assert!(
        !orphan.status.success() && text(&orphan).contains("dam-mountd sandbox: the daemon has ended"),
        "{}",
        text(&orphan)
    );
    assert_eq!(fs::read_to_string(&output).unwrap(), "", "nothing was run");
    // Regression: killed by its limit it looked as if somebody had killed it, and was run again and again.
    assert_eq!(sandboxed_for("1", "while True: pass", &me).status.signal(), Some(libc::SIGXCPU));
}
