//! Listings: they end, they are true at once, places in them can be kept, and they tell nothing of what is hidden.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::harness::*;

/// Runs a Perl program, whose directory functions are the system's own.
fn perl(program: &str, arguments: &[&Path]) -> Vec<String> {
    let out = std::process::Command::new("perl").args(["-e", program]).args(arguments).output().unwrap();
    assert!(out.status.success(), "{program}\n{}", text(&out));
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A folder of small files that are no pictures, made in a moment.
fn filled(s: &Studio, folder: &str, files: u32) {
    let dir = s.mnt(format!("library/{folder}"));
    fs::create_dir_all(&dir).unwrap();
    for n in 0..files {
        fs::write(dir.join(format!("f{n:05}.txt")), b"x").unwrap();
    }
}

/// A folder of links, made in less than that: the C library asks for 128 KiB of names at once, and a listing under way needs more.
fn linked(s: &Studio, folder: &str, links: u32) {
    let dir = s.mnt(format!("library/{folder}"));
    fs::create_dir_all(&dir).unwrap();
    for n in 0..links {
        std::os::unix::fs::symlink("x", dir.join(format!("f{n:05}-{}", "n".repeat(100)))).unwrap();
    }
}

#[test]
fn a_listing_ends_while_its_names_are_renamed() {
    let s = Studio::mounted();
    linked(&s, "many", 1_500);
    let program = r#"
        opendir(D, $ARGV[0]) or die; $n = 0;
        while (my $name = readdir D) {
            next if $name =~ /^\./;
            $n++; die "no end" if $n > 3000;
            rename("$ARGV[0]/$name", "$ARGV[0]/r$n-$name") or die "$name: $!";
        }
        print "$n\n";"#;
    assert_eq!(perl(program, &[&s.mnt("library/many")]), ["1500"], "each name once");
    assert_eq!(names(&s.mnt("library/many")).len(), 1_500);
}

#[test]
fn places_in_a_listing_can_be_kept_and_gone_back_to() {
    let s = Studio::mounted();
    filled(&s, "many", 300);
    s.dam(["tag", "add", "beach", "library/many/f00001.txt"]);
    let program = r#"
        for $dir (@ARGV) {
            opendir(D, $dir) or die;
            my (@at, @names);
            while (1) { my $at = telldir D; my $name = readdir D; last unless defined $name; push @at, $at; push @names, $name }
            for $i (reverse 0 .. $#names) {
                seekdir(D, $at[$i]); my $again = readdir D;
                die "$dir: $names[$i] became $again" if $again ne $names[$i];
            }
            print scalar(@names), "\n";
        }"#;
    s.settle();
    let dirs = [s.mnt("library/many"), s.mnt("find/kind=other")];
    for _ in 0..2 {
        let dirs: Vec<&Path> = dirs.iter().map(std::path::PathBuf::as_path).collect();
        assert_eq!(perl(program, &dirs)[0], "302");
    }
}

#[test]
fn a_kept_listing_is_true_at_once_after_a_change_elsewhere() {
    let mut s = Studio::mounted();
    let other = s.mount("other", &["--shared"]);
    filled(&s, "many", 50);
    s.settle();
    s.dam(["tag", "add", "beach", "library/many/f00001.txt"]);
    let (view, folder) = (s.mnt("by/tag/beach"), s.mnt("library/many"));
    let marked = |names: Vec<String>| names.into_iter().filter(|n| !n.starts_with('+')).collect::<Vec<_>>();
    for round in 2..12 {
        // Twice, so that the kernel answers the second from what it kept.
        for _ in 0..2 {
            assert_eq!(marked(names(&view)).len(), round - 1);
            assert_eq!(names(&folder).len(), 50 + round - 2);
        }
        s.dam(["tag", "add", "beach", &format!("library/many/f{round:05}.txt")]);
        fs::write(other.join(format!("library/many/new{round}.txt")), b"y").unwrap();
        assert_eq!(marked(names(&view)).len(), round, "the view, round {round}");
        assert!(names(&folder).contains(&format!("new{round}.txt")), "the folder, round {round}");
    }
    fs::remove_file(other.join("library/many/new2.txt")).unwrap();
    assert!(!names(&folder).contains(&"new2.txt".into()));
}

/// What he may know stays in his mount's kernel, and is taken from it for an open directory that is rewound, too.
#[test]
fn a_kept_listing_of_who_may_not_know_all_is_true_at_once() {
    let mut s = Studio::mounted();
    filled(&s, "both", 30);
    s.settle();
    for n in 0..30 {
        let brand = if n % 3 == 0 { "client=globex" } else { "client=acme" };
        s.dam(["set", &format!("library/both/f{n:05}.txt"), brand]);
    }
    s.dam(["member", "add", "eddy", "--uid", "47102", "--role", "editor", "--scope", "client=acme"]);
    let hers = s.mount("hers", &["--as", "eddy"]);
    let dirs = [hers.join("library/both"), hers.join("find/kind=other")];
    let files = |dir: &Path| names(dir).iter().filter(|name| name.starts_with('f')).count();
    for n in 1..6 {
        let file = format!("library/both/f{:05}.txt", n * 3 + 1);
        let program = format!(
            r#"
            for (@ARGV) {{
                opendir($d, $_) or die; push @d, $d;
                $said .= grep(/^f/, readdir $d) . " "; rewinddir $d; $said .= grep(/^f/, readdir $d) . " ";
            }}
            system("HOME={home} DAM_LIBRARY={lib} {dam} set {file} client=globex >/dev/null") == 0 or die;
            for (@d) {{ rewinddir $_; $said .= grep(/^f/, readdir $_) . " " }}
            print "$said\n";"#,
            home = s.dir.path().display(),
            lib = s.library().display(),
            dam = env!("CARGO_BIN_EXE_dam"),
        );
        let (had, has) = (21 - n, 20 - n);
        assert_eq!(perl(&program, &[&dirs[0], &dirs[1]]), [format!("{had} {had} {had} {had} {has} {has} ")]);
        for dir in &dirs {
            assert_eq!((files(dir), files(dir)), (has, has), "{}", dir.display());
        }
    }
    s.dam(["set", "library/both/f00000.txt", "client=acme"]);
    for dir in &dirs {
        assert_eq!(files(dir), 16, "{}", dir.display());
    }
}

#[test]
fn a_new_word_is_listed_at_once_and_gone_at_once() {
    let s = Studio::mounted();
    let tags = s.mnt("by/tag");
    for _ in 0..3 {
        assert_eq!(names(&tags), Vec::<String>::new());
        fs::create_dir(tags.join("fresh")).unwrap();
        assert_eq!(names(&tags), ["fresh"]);
        assert_eq!(names(&tags), ["fresh"]);
        fs::remove_dir(tags.join("fresh")).unwrap();
    }
}

#[test]
fn a_rewound_listing_is_a_new_one() {
    let s = Studio::mounted();
    filled(&s, "many", 20);
    s.settle();
    s.dam(["tag", "add", "beach", "library/many/f00001.txt"]);
    let (view, dam) = (s.mnt("by/tag/beach"), env!("CARGO_BIN_EXE_dam"));
    let program = format!(
        r#"
        opendir(D, $ARGV[0]) or die; $a = grep(/^f/, readdir D);
        system("HOME={home} DAM_LIBRARY={lib} {dam} tag add beach library/many/f00002.txt >/dev/null") == 0 or die;
        rewinddir D; $b = grep(/^f/, readdir D);
        print "$a $b\n";"#,
        home = s.dir.path().display(),
        lib = s.library().display(),
    );
    assert_eq!(perl(&program, &[&view]), ["1 2"]);
}

#[test]
fn what_an_old_listing_names_is_not_believed() {
    let mut s = Studio::mounted();
    let other = s.mount("other", &["--shared"]);
    linked(&s, "many", 1_500);
    let program = r#"
        opendir(D, $ARGV[0]) or die; readdir D for 1 .. 3;
        my $last = "f01499-" . "n" x 100;
        unlink "$ARGV[1]/$last" or die; select(undef, undef, undef, 0.3);
        my @rest = readdir D;
        print -l "$ARGV[0]/$last" ? "there" : "gone", "\n";"#;
    assert_eq!(perl(program, &[&s.mnt("library/many"), &other.join("library/many")]), ["gone"]);
}

#[test]
fn cookies_tell_nothing_of_hidden_names() {
    let mut s = Studio::mounted();
    filled(&s, "both", 40);
    s.settle();
    for n in (0..40).step_by(7) {
        s.dam(["set", &format!("library/both/f{n:05}.txt"), "client=acme"]);
    }
    s.dam(["member", "add", "eddy", "--uid", "47102", "--role", "editor", "--scope", "client=acme"]);
    sh("flock /run/damfs-test-users sh -c 'id dameddy >/dev/null 2>&1 || useradd -m -u 47102 dameddy'");
    let at = s.mount("shared", &["--shared"]);
    for dir in [at.join("library/both"), at.join("find/kind=other")] {
        let program = "opendir(D, shift) or die; while (defined($n = readdir D)) { print telldir(D), qq( $n\\n) }";
        let line = format!("perl -e '{program}' {}", dir.display());
        let out = std::process::Command::new("su").args(["dameddy", "-s", "/bin/sh", "-c", &line]).output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
        let cookies: Vec<u64> = String::from_utf8(out.stdout)
            .unwrap()
            .lines()
            .filter_map(|l| l.split_once(' '))
            .filter(|(_, name)| name.starts_with('f'))
            .map(|(cookie, _)| cookie.parse().unwrap())
            .collect();
        assert_eq!(cookies.len(), 6);
        assert!(cookies.windows(2).all(|w| w[1] == w[0] + 1), "{}: {cookies:?}", dir.display());
    }
}

/// Regression: a directory opened before a right was withdrawn went on naming what was hidden since.
#[test]
fn a_withdrawn_right_ends_a_listing_under_way() {
    let mut s = Studio::mounted();
    let from = s.path("in");
    fs::create_dir(&from).unwrap();
    for n in 0..900u16 {
        let [high, low] = n.to_be_bytes();
        fs::write(from.join(format!("{}-{n:03}.png", "f".repeat(190))), png(2 + u32::from(high), 2, low)).unwrap();
    }
    s.import(&from, &["--into", "both", "--set", "client=acme"]);
    s.dam(["member", "add", "eddy", "--uid", "47102", "--role", "editor", "--scope", "client=acme"]);
    sh("flock /run/damfs-test-users sh -c 'id dameddy >/dev/null 2>&1 || useradd -m -u 47102 dameddy'");
    let at = s.mount("shared", &["--shared"]);
    for dir in ["library/both", "find/kind=image"] {
        let listed: Vec<_> = fs::read_dir(s.mnt(dir)).unwrap().map(|e| e.unwrap().file_name()).collect();
        let [.., kept, last] = listed.as_slice() else { panic!("{listed:?}") };
        let (kept, last) = (kept.to_str().unwrap(), last.to_str().unwrap());
        let go = s.path(format!("go-{}", dir.len()));
        let program = "opendir(D, shift) or die; readdir D for 1 .. 3; $| = 1; print qq(ready\n); \
                       select(undef, undef, undef, 0.02) until -e $ARGV[0]; print qq($_\n) for readdir D";
        let line = format!("perl -e '{program}' {} {}", at.join(dir).display(), go.display());
        let mut reader = std::process::Command::new("su")
            .args(["dameddy", "-s", "/bin/sh", "-c", &line])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = std::io::BufReader::new(reader.stdout.take().unwrap());
        let mut ready = String::new();
        std::io::BufRead::read_line(&mut said, &mut ready).unwrap();
        s.dam(["set", &format!("library/both/{last}"), "client=globex"]);
        fs::write(&go, b"").unwrap();
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
        assert!(reader.wait().unwrap().success());
        assert!(rest.contains(kept), "{dir}: the rest is named");
        assert!(!rest.contains(last), "{dir}: {last} is still named");
    }
}

#[test]
fn twenty_thousand_names_in_one_folder() {
    let s = Studio::mounted();
    let folder = s.mnt("library/many");
    fs::create_dir(&folder).unwrap();
    for n in 0..20_000 {
        std::os::unix::fs::symlink(format!("{n}"), folder.join(format!("f{n:05}"))).unwrap();
    }
    let listed: BTreeSet<String> = names(&folder).into_iter().collect();
    assert_eq!(listed.len(), 20_000);
    assert_eq!(sh(&format!("ls -U {} | wc -l", folder.display())).trim(), "20000");
    let sizes = sh(&format!("find {} -type l -printf '%s\\n' | sort -n | uniq -c", folder.display()));
    assert_eq!(
        sizes.split_whitespace().collect::<Vec<_>>(),
        "10 1 90 2 900 3 9000 4 10000 5".split(' ').collect::<Vec<_>>()
    );
}

#[test]
fn labels_and_acls_are_refused_as_unsupported_so_that_ls_asks_once() {
    let s = Studio::mounted();
    fs::write(s.mnt("library/a.txt"), b"x").unwrap();
    for name in ["security.selinux", "system.posix_acl_access", "trusted.x"] {
        let (ok, said) = try_sh(&format!("getfattr -n {name} {}", s.mnt("library/a.txt").display()));
        assert!(!ok && said.contains("not supported"), "{name}: {said}");
    }
}
