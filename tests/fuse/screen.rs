//! The first screen on a real mount: the daemon's own thread asks, and `mv` on the board is held to what it is told.

use std::fs;

use crate::harness::*;

#[test]
fn the_daemon_asks_about_what_waits_and_a_mv_is_held_to_the_answer() {
    let mut s = Studio::new();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for (name, seed) in [("good.png", 1), ("bad.png", 2)] {
        fs::write(from.join(name), png(64, 64, seed)).unwrap();
    }
    s.import(&from, &["--into", "luna"]);
    // By what the record says, when all of the bytes have come: a PNG ends with its IEND.
    let program = s.path("screen");
    let script = "#!/bin/sh\nIFS= read -r line\ntail -c 8 | head -c 4 | grep -q IEND || exit 1\n\
        case $line in *bad.png*) echo '{\"answer\":\"refuse\",\"reason\":\"six fingers\"}';; *) echo '{\"answer\":\"pass\"}';; esac\n";
    fs::write(&program, script).unwrap();
    set_mode(&program, 0o755);
    let info = s.library().join("damfs.toml");
    let said = fs::read_to_string(&info).unwrap();
    fs::write(&info, format!("{said}\n[screen]\ncommand = [\"{}\"]\n", program.display())).unwrap();
    s.mount("mnt", &[]);
    let (code, said) = s.dam_fails(["set", "library/luna/good.png", "status.x=approved"]);
    assert!(code == 4 && said.contains("it was not screened"), "{said}");
    s.dam(["review", "submit", "library/luna/good.png", "library/luna/bad.png"]);
    let why = |name: &str| s.dam(["why", name]);
    wait_until("both were looked at", || {
        why("library/luna/good.png").contains("the screen: pass") && why("library/luna/bad.png").contains("six fingers")
    });
    assert!(s.dam(["review", "list"]).contains("screen: refuse, six fingers"));
    let moved = |name: &str| {
        let to = s.mnt("review/approved").join(name);
        fs::rename(s.mnt("review/internal-review").join(name), to).map_err(|e| e.raw_os_error())
    };
    assert_eq!(moved("bad.png"), Err(Some(libc::EPERM)));
    assert!(fs::read_to_string(s.mnt(".dam/errors")).unwrap().contains("the screen refuses it: six fingers"));
    moved("good.png").unwrap();
    s.dam(["set", "library/luna/good.png", "status.x=approved"]);
    assert!(s.dam(["review", "screen", "library/luna/bad.png"]).contains("screen: refuse, six fingers"));
}
