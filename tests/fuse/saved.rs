//! `saved/` from a shell.

use std::fs;

use crate::harness::*;

#[test]
fn queries_are_kept_by_a_link_or_by_the_name_of_a_folder() {
    let s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for (n, name) in (1..).zip(["a.png", "b.png"]) {
        fs::write(from.join(name), png(64, 96, n)).unwrap();
    }
    s.import(&from, &["--into", "luna", "--set", "persona=luna"]);
    s.dam(["tag", "add", "sea", "library/luna/a.png"]);
    let mnt = s.mnt("");
    let sh = |line: &str| sh(&format!("set -e; cd {}; {line}", mnt.display()));
    assert_eq!(sh("ln -s ../find/tag=sea saved/sea; ls saved/sea"), "a.png\n");
    assert_eq!(sh("ln -s $PWD/find/persona=luna saved/moons; ls saved; ls saved/moons/+and/tag"), "moons\nsea\nsea\n");
    assert_eq!(
        sh("mkdir saved/persona=luna,tag=sea; mv saved/persona=luna,tag=sea saved/both; ls saved/both"),
        "a.png\n"
    );
    assert_eq!(sh("mkdir 'saved/New Folder'; mv 'saved/New Folder' saved/tag=sea; ls saved/tag=sea"), "a.png\n");
    sh("mv saved/tag=sea saved/again; cp library/luna/b.png saved/again/");
    // What a copy is turns out behind its close.
    wait_until("the copy is in both", || {
        sh("ls saved/again saved/both") == "saved/again:\na.png\nb.png\n\nsaved/both:\na.png\nb.png\n"
    });
    assert_eq!(sh("cd saved/again; rm b.png; ls; cd ../..; ls library/luna"), "a.png\na.png\nb.png\n");
    assert_eq!(
        sh("mkdir saved/not.tag=sea; mv -T saved/not.tag=sea saved/again; ls saved/again; ls saved"),
        "b.png\nagain\nboth\nmoons\nsea\n"
    );
    assert_eq!(sh("rmdir saved/both saved/moons; ls saved; ls library/luna"), "again\nsea\na.png\nb.png\n");
    let (done, said) = try_sh(&format!("ln -s ../by/tag/sea {}/saved/x", mnt.display()));
    assert!(!done && said.contains("not permitted"), "{said}");
    // What a command does shows at once.
    s.dam(["save", "sea", "not.tag=sea"]);
    assert_eq!(sh("ls saved/sea"), "b.png\n");
    s.dam(["save", "--remove", "sea"]);
    assert_eq!(sh("ls saved"), "again\n");
    let (done, said) = try_sh(&format!("ls {}/saved/sea", mnt.display()));
    assert!(!done && said.contains("No such file"), "{said}");
}
