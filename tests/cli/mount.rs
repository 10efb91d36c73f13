//! What `dam mount` and `dam unmount` say before anything is mounted. Real mounts are in `tests/fuse`.

use std::fs;

use crate::lab::Lab;

/// Without /dev/fuse that is what is said first, and that is right.
fn says(lab: &Lab, code: i32, args: &[&str], word: &str) {
    if !std::path::Path::new("/dev/fuse").exists() {
        assert!(lab.fails(1, args).contains("/dev/fuse"));
        return;
    }
    let said = lab.fails(code, args);
    assert!(said.contains(word), "{said}");
}

#[test]
fn the_mountpoint_is_looked_at_first() {
    let lab = Lab::new();
    let library = lab.library();
    let library = library.to_str().unwrap();
    says(&lab, 3, &["mount", library, "nowhere"], "mkdir -p");
    lab.file("full/x", b"1");
    says(&lab, 1, &["mount", library, "full"], "not empty");
    says(&lab, 1, &["mount", library, "full/x"], "not a folder");
    fs::create_dir(lab.library().join("mnt")).unwrap();
    says(&lab, 2, &["mount", library, "studio/mnt"], "lie in one another");
    says(&lab, 1, &["mount", library, "/proc"], "/proc");
}

#[test]
fn a_folder_that_is_no_library_is_not_mounted() {
    let lab = Lab::empty();
    fs::create_dir(lab.path("mnt")).unwrap();
    assert!(lab.fails(3, &["mount", "nothing", "mnt"]).contains("dam init"));
    lab.fails(2, &["mount", "nothing"]);
    lab.fails(2, &["mount", "nothing", "mnt", "--shared", "--as", "anna"]);
}

#[test]
fn nothing_mounted_is_not_found() {
    let lab = Lab::empty();
    assert!(lab.fails(3, &["unmount", "nowhere"]).contains("dam status"));
}

/// Regression: an answer was waited for without end, and another version's was not understood.
#[test]
fn a_daemon_of_another_version_is_named() {
    use damfs::ops::proto::{PROTOCOL, Request, Response};
    use damfs::ops::wire;
    let lab = Lab::new();
    let listener = wire::listen(&lab.library()).unwrap();
    let daemon = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        assert!(matches!(wire::receive::<Request>(&stream).unwrap(), Some((Request::Hello, None))));
        let value = serde_json::json!({ "protocol": PROTOCOL + 1, "version": "9.9.9", "pid": 4242, "news": true });
        wire::send(&stream, &Response::Done { value }, None).unwrap();
    });
    let said = lab.fails(1, &["find", "kind=image"]);
    assert!(said.contains("9.9.9") && said.contains("kill 4242"), "{said}");
    daemon.join().unwrap();
}
