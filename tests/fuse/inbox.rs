//! The inbox: a generator pointed at it writes slowly; what is complete is filed and reported.

use std::fs;
use std::io::Write;
use std::time::Duration;

use crate::harness::*;

#[test]
fn a_slow_writer_is_waited_for_and_its_picture_filed() {
    let s = Studio::mounted();
    let picture = png(200, 200, 1);
    let mut f = fs::File::create(s.mnt("inbox/render_0001.png")).unwrap();
    for part in picture.chunks(picture.len() / 4 + 1) {
        f.write_all(part).unwrap();
        f.flush().unwrap();
        std::thread::sleep(Duration::from_millis(700));
    }
    assert_eq!(names(&s.mnt("inbox")), [".report", "render_0001.png"], "still being written");
    drop(f);
    wait_until("the file is filed", || s.find("kind=image").len() == 1);
    let filed = s.find("kind=image").remove(0);
    assert!(filed.starts_with("library/Unsorted/") && filed.ends_with("/render_0001.png"), "{filed}");
    assert_eq!(fs::read(s.mnt(&filed)).unwrap(), picture);
    wait_until("the inbox is empty", || names(&s.mnt("inbox")) == [".report"]);
    let report = fs::read_to_string(s.mnt("inbox/.report")).unwrap();
    assert!(report.contains("render_0001.png") && report.contains("filed") && report.contains(&filed), "{report}");
}

#[test]
fn what_is_known_is_not_filed_twice_and_what_is_no_picture_is_told() {
    let s = Studio::mounted();
    fs::write(s.mnt("library/a.png"), png(32, 32, 1)).unwrap();
    s.settle();
    fs::write(s.mnt("inbox/again.png"), png(32, 32, 1)).unwrap();
    wait_until("the duplicate is reported", || {
        fs::read_to_string(s.mnt("inbox/.report")).unwrap().contains("duplicate")
    });
    assert_eq!(s.find("kind=image").len(), 1);
    assert!(!s.mnt("inbox/again.png").exists());
}
