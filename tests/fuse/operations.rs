//! Every operation on `library/`, as programs do it.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};

use crate::harness::*;

#[test]
fn files_are_written_read_and_changed() {
    let s = Studio::mounted();
    let path = s.mnt("library/a.bin");
    fs::write(&path, b"hello").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"hello");
    let mut f = OpenOptions::new().append(true).open(&path).unwrap();
    f.write_all(b" world").unwrap();
    drop(f);
    assert_eq!(fs::read(&path).unwrap(), b"hello world");
    let f = OpenOptions::new().write(true).open(&path).unwrap();
    f.write_at(b"J", 0).unwrap();
    f.set_len(5).unwrap();
    f.set_len(8).unwrap();
    f.sync_all().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"Jello\0\0\0");
    assert_eq!(fs::metadata(&path).unwrap().len(), 8);
    let e = OpenOptions::new().write(true).create_new(true).open(&path).unwrap_err();
    assert_eq!(e.kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn bytes_are_the_same_before_and_after_the_version_and_a_remount() {
    let mut s = Studio::mounted();
    let data: Vec<u8> = (0..3_000_000u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    fs::write(s.mnt("library/big.bin"), &data).unwrap();
    let before = fs::metadata(s.mnt("library/big.bin")).unwrap();
    s.settle();
    let after = fs::metadata(s.mnt("library/big.bin")).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
    assert!(fs::read(s.mnt("library/big.bin")).unwrap() == data);
    s.remount();
    let again = fs::metadata(s.mnt("library/big.bin")).unwrap();
    assert_eq!(
        (after.ino(), after.mtime(), after.mtime_nsec(), after.ctime(), after.ctime_nsec(), after.len()),
        (again.ino(), again.mtime(), again.mtime_nsec(), again.ctime(), again.ctime_nsec(), again.len()),
    );
    assert!(fs::read(s.mnt("library/big.bin")).unwrap() == data);
}

#[test]
fn folders_are_made_moved_and_removed() {
    let s = Studio::mounted();
    fs::create_dir_all(s.mnt("library/a/b/c")).unwrap();
    fs::write(s.mnt("library/a/b/c/x.txt"), b"x").unwrap();
    let e = fs::remove_dir(s.mnt("library/a/b/c")).unwrap_err();
    assert_eq!(e.kind(), std::io::ErrorKind::DirectoryNotEmpty);
    fs::rename(s.mnt("library/a/b"), s.mnt("library/moved")).unwrap();
    assert_eq!(fs::read(s.mnt("library/moved/c/x.txt")).unwrap(), b"x");
    fs::remove_dir(s.mnt("library/a")).unwrap();
    assert_eq!(names(&s.mnt("library")), ["moved"]);
}

#[test]
fn modes_times_links_and_attributes_are_kept() {
    let mut s = Studio::mounted();
    let path = s.mnt("library/a.txt");
    fs::write(&path, b"x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    sh(&format!("touch -d '2021-03-04 05:06:07.123456789 UTC' {}", path.display()));
    sh(&format!("chown 1234:2345 {}", path.display()));
    sh(&format!("setfattr -n user.note -v hello {}", path.display()));
    symlink("a.txt", s.mnt("library/link")).unwrap();
    s.settle();
    s.remount();
    let m = fs::metadata(&path).unwrap();
    assert_eq!(m.permissions().mode() & 0o7777, 0o640);
    assert_eq!((m.mtime(), m.mtime_nsec()), (1_614_834_367, 123_456_789));
    assert_eq!((m.uid(), m.gid(), m.nlink()), (1234, 2345, 1));
    assert_eq!(xattr(&path, "user.note").unwrap(), "hello");
    assert_eq!(fs::read_link(s.mnt("library/link")).unwrap().to_str(), Some("a.txt"));
    assert_eq!(fs::read(s.mnt("library/link")).unwrap(), b"x");
}

#[test]
fn an_open_file_outlives_its_name() {
    let s = Studio::mounted();
    let path = s.mnt("library/a.txt");
    fs::write(&path, b"first").unwrap();
    let mut f = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    f.seek(SeekFrom::End(0)).unwrap();
    f.write_all(b" second").unwrap();
    f.seek(SeekFrom::Start(0)).unwrap();
    let mut got = String::new();
    f.read_to_string(&mut got).unwrap();
    assert_eq!(got, "first second");
    assert_eq!(f.metadata().unwrap().len(), 12);
}

#[test]
fn what_cannot_be_honoured_is_refused_with_the_agreed_errno() {
    let s = Studio::mounted();
    fs::write(s.mnt("library/a.txt"), b"x").unwrap();
    let errno = |r: std::io::Result<()>| r.unwrap_err().raw_os_error().unwrap();
    assert_eq!(errno(fs::hard_link(s.mnt("library/a.txt"), s.mnt("library/b.txt"))), libc::EPERM);
    let tmpfile = OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open(s.mnt("library")).map(drop);
    assert_eq!(errno(tmpfile), libc::EOPNOTSUPP);
    let (ok, said) = try_sh(&format!("mknod {} c 1 3", s.mnt("library/dev").display()));
    assert!(!ok && said.contains("not permitted"), "{said}");
    assert_eq!(errno(fs::write(s.mnt("platforms/nowhere.txt"), b"x")), libc::EROFS);
    assert_eq!(errno(fs::create_dir(s.mnt("versions/x"))), libc::EROFS);
    let errors = fs::read_to_string(s.mnt(".dam/errors")).unwrap();
    assert!(errors.contains("versions/ keeps what was"), "{errors}");
}

#[test]
fn space_is_that_of_the_disk() {
    let s = Studio::mounted();
    let here = sh(&format!("stat -f -c '%b %S' {}", s.library().display()));
    let there = sh(&format!("stat -f -c '%b %S' {}", s.mnt("library").display()));
    assert_eq!(here, there);
    assert_eq!(sh(&format!("findmnt -no FSTYPE {}", s.mnt("").display())).trim(), "fuse.damfs");
    let source = sh(&format!("findmnt -no SOURCE {}", s.mnt("").display()));
    assert_eq!(source.trim(), s.library().to_str().unwrap());
}

#[test]
fn odd_names_and_many_files_are_fine() {
    let s = Studio::mounted();
    let long = "x".repeat(255);
    fs::write(s.mnt("library").join(&long), b"x").unwrap();
    assert_eq!(
        fs::write(s.mnt("library").join("y".repeat(256)), b"").unwrap_err().raw_os_error(),
        Some(libc::ENAMETOOLONG)
    );
    let bytes = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff\xfe odd \n name");
    fs::write(s.mnt("library").join(bytes), b"odd").unwrap();
    fs::create_dir(s.mnt("library/many")).unwrap();
    for i in 0..500 {
        fs::write(s.mnt(format!("library/many/f{i:04}.txt")), b"x").unwrap();
    }
    assert_eq!(names(&s.mnt("library/many")).len(), 500);
    for i in (0..500).step_by(2) {
        fs::remove_file(s.mnt(format!("library/many/f{i:04}.txt"))).unwrap();
    }
    assert_eq!(names(&s.mnt("library/many")).len(), 250);
    assert_eq!(fs::read(s.mnt("library").join(bytes)).unwrap(), b"odd");
}

#[test]
fn holes_locks_and_maps_work() {
    let s = Studio::mounted();
    let path = s.mnt("library/a.bin");
    let script = format!(
        "import mmap, fcntl, os\n\
         p = {path:?}\n\
         f = open(p, 'w+b'); f.truncate(1 << 20); f.seek(500000); f.write(b'mid'); f.flush()\n\
         fcntl.flock(f, fcntl.LOCK_EX); fcntl.lockf(f, fcntl.LOCK_EX, 10, 0)\n\
         m = mmap.mmap(f.fileno(), 1 << 20); m[0:5] = b'start'; assert m[500000:500003] == b'mid'; m.flush(); m.close()\n\
         os.posix_fallocate(f.fileno(), 0, 2 << 20)\n\
         assert os.fstat(f.fileno()).st_size == 2 << 20\n\
         f.close()\n\
         d = open(p, 'rb').read(); assert d[:5] == b'start' and d[500000:500003] == b'mid' and len(d) == 2 << 20\n",
        path = path.to_str().unwrap()
    );
    let file = s.path("maps.py");
    fs::write(&file, script).unwrap();
    sh(&format!("python3 {}", file.display()));
}

/// The kernel keeps locks by itself: no close has to wait for the daemon to let go of one.
#[test]
fn a_lock_of_who_only_reads_ends_when_he_closes() {
    let s = Studio::mounted();
    let path = s.mnt("library/a.txt");
    fs::write(&path, b"locked").unwrap();
    let script = format!(
        "import fcntl, os, subprocess, sys\n\
         p = {path:?}\n\
         ask = [sys.executable, '-c', 'import fcntl, sys; f = open(sys.argv[1], \"r+b\"); fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)', p]\n\
         free = lambda: subprocess.run(ask, stderr=subprocess.DEVNULL).returncode == 0\n\
         first, second = open(p, 'rb'), open(p, 'rb')\n\
         fcntl.lockf(first, fcntl.LOCK_SH); assert not free()\n\
         second.close(); assert free(), 'closing any descriptor lets go, as POSIX has it'\n\
         fcntl.flock(first, fcntl.LOCK_EX); first.close()\n\
         third = open(p, 'rb'); fcntl.flock(third, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        path = path.to_str().unwrap()
    );
    let file = s.path("locks.py");
    fs::write(&file, script).unwrap();
    sh(&format!("python3 {}", file.display()));
}

#[test]
fn a_map_of_a_file_opened_for_appending_is_written_in_place() {
    let s = Studio::mounted();
    let path = s.mnt("library/a.log");
    let script = format!(
        "import mmap, fcntl, os\n\
         p = {path:?}\n\
         open(p, 'wb').write(b'a' * 10000)\n\
         f = os.open(p, os.O_RDWR | os.O_APPEND)\n\
         m = mmap.mmap(f, 10000); m[0:5] = b'start'; m.flush(); m.close()\n\
         assert os.fstat(f).st_size == 10000, os.fstat(f).st_size\n\
         os.pwrite(f, b'end', 0)\n\
         fcntl.fcntl(f, fcntl.F_SETFL, fcntl.fcntl(f, fcntl.F_GETFL) & ~os.O_APPEND)\n\
         os.pwrite(f, b'S', 0); os.close(f)\n\
         d = open(p, 'rb').read(); assert d == b'Start' + b'a' * 9995 + b'end', (len(d), d[:8], d[-8:])\n",
        path = path.to_str().unwrap()
    );
    let file = s.path("append.py");
    fs::write(&file, script).unwrap();
    sh(&format!("python3 {}", file.display()));
}

/// Regression: the store linked its files into place, which exFAT and others refuse, as does `library/`.
#[test]
fn a_store_works_where_there_are_no_hard_links() {
    use damfs::blob::{BlobName, BlobStore, LocalStore, Put};
    let s = Studio::mounted();
    let folder = s.mnt("library/store");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("one"), b"1").unwrap();
    assert!(fs::hard_link(folder.join("one"), folder.join("two")).is_err());
    let store = LocalStore::open(&folder).unwrap();
    let name = BlobName::new("extents/abcdef").unwrap();
    assert_eq!(store.put_if_absent(&name, b"first").unwrap(), Put::Stored);
    assert_eq!(store.put_if_absent(&name, b"second").unwrap(), Put::Existed);
    assert_eq!(store.stat(&name).unwrap(), Some(5));
}

#[test]
fn more_files_are_being_written_than_the_daemon_may_have_open() {
    let mut s = Studio::mounted();
    sh(&format!("prlimit --pid {} --nofile=600:600", s.daemon()));
    let name = |i: usize| if i.is_multiple_of(2) { format!("library/f{i}.bak") } else { format!("library/f{i}.txt") };
    for i in 0..400 {
        fs::write(s.mnt(name(i)), format!("file {i}")).unwrap();
    }
    for i in 0..400 {
        assert_eq!(fs::read_to_string(s.mnt(name(i))).unwrap(), format!("file {i}"));
    }
    OpenOptions::new().append(true).open(s.mnt(name(0))).unwrap().write_all(b" again").unwrap();
    s.settle();
    s.remount();
    assert_eq!(fs::read_to_string(s.mnt(name(0))).unwrap(), "file 0 again");
    assert_eq!(s.versions("library/f1.txt"), 1);
}

#[test]
fn what_is_closed_on_one_mount_is_read_whole_on_another() {
    let mut s = Studio::mounted();
    s.dam(["member", "add", "bob", "--uid", "47150", "--role", "admin"]);
    let other = s.mount("bob", &["--as", "bob"]).join("library/a.bin");
    let here = s.mnt("library/a.bin");
    fs::write(&other, b"0").unwrap();
    let (mut failed, rounds) = (0, 1_500);
    for round in 0..rounds {
        // The kernel here has just been told attributes that are about to be old.
        fs::metadata(&here).unwrap();
        let bytes = vec![u8::try_from(round % 251).unwrap(); 1_000 + (round * 7_919) % 9_000];
        fs::write(&other, &bytes).unwrap();
        failed += usize::from(fs::read(&here).unwrap() != bytes);
    }
    assert_eq!(failed, 0, "of {rounds}");
}

#[test]
fn a_full_disk_can_be_emptied_through_the_mount() {
    let s = Studio::new();
    let (disk, at) = (s.path("disk"), s.path("full"));
    for dir in [&disk, &at] {
        fs::create_dir(dir).unwrap();
    }
    sh(&format!("mount -t tmpfs -o size=64m tmpfs {}", disk.display()));
    let filled = std::panic::catch_unwind(|| {
        let library = disk.join("studio");
        let dam = |args: &[&std::ffi::OsStr]| {
            let out = s.command(args).env("DAM_LIBRARY", &library).output().unwrap();
            assert!(out.status.success(), "{}", text(&out));
        };
        dam(&["init".as_ref(), library.as_ref()]);
        dam(&["mount".as_ref(), library.as_ref(), at.as_ref()]);
        wait_until("space is kept back", || library.join("run/reserve").exists());
        fs::create_dir(at.join("library/full")).unwrap();
        let bytes = vec![7u8; 100_000];
        let mut made = 0;
        // Names take space, too: until not even an empty file fits.
        while fs::write(at.join(format!("library/full/{made}.bin")), &bytes).is_ok() {
            made += 1;
        }
        while fs::write(at.join(format!("library/full/{made}.empty")), b"").is_ok() {
            made += 1;
        }
        fs::create_dir(at.join("library/other")).unwrap();
        fs::rename(at.join("library/full/0.bin"), at.join("library/other/0.bin")).unwrap();
        fs::remove_dir_all(at.join("library/full")).unwrap();
        assert_eq!(names(&at.join("library")), ["other"]);
        dam(&["unmount".as_ref(), at.as_ref()]);
    });
    let _ = std::process::Command::new("umount").arg("-l").arg(&at).output();
    let _ = std::process::Command::new("umount").arg("-l").arg(&disk).output();
    filled.unwrap();
}

#[test]
fn what_has_lost_its_name_is_a_file_for_those_who_have_it_open() {
    let s = Studio::mounted();
    let script = format!(
        "import os\n\
         os.chdir({dir:?})\n\
         def gone(f):\n\
         \x20   st = os.fstat(f); assert st.st_nlink == 0 and st.st_size == 4, st\n\
         \x20   os.fchmod(f, 0o600); assert os.fstat(f).st_mode & 0o7777 == 0o600\n\
         \x20   os.utime(f, ns=(1, 2)); assert os.fstat(f).st_mtime_ns == 2\n\
         \x20   os.setxattr(f, 'user.x', b'y'); assert os.getxattr(f, 'user.x') == b'y'\n\
         \x20   os.pwrite(f, b'more', 4); assert os.pread(f, 9, 0) == b'bytemore' and os.fstat(f).st_size == 8\n\
         \x20   os.close(f)\n\
         for name in ('.a.swp', 'a.txt'):\n\
         \x20   f = os.open(name, os.O_RDWR | os.O_CREAT); os.write(f, b'byte'); os.unlink(name); gone(f)\n\
         f = os.open('b.txt', os.O_RDWR | os.O_CREAT); os.write(f, b'byte')\n\
         open('.b.txt.Xk3f9Q', 'w').write('new'); os.rename('.b.txt.Xk3f9Q', 'b.txt'); gone(f)\n\
         os.mkdir('d'); d = os.open('d', os.O_RDONLY); os.rmdir('d')\n\
         os.fstat(d); assert os.listdir(d) == []; os.close(d)\n",
        dir = s.mnt("library").to_str().unwrap()
    );
    let file = s.path("gone.py");
    fs::write(&file, script).unwrap();
    sh(&format!("python3 {}", file.display()));
    assert_eq!(fs::read(s.mnt("library/b.txt")).unwrap(), b"new");
    s.settle();
    s.dam(["fsck"]);
}

/// Regression: neither the group nor the bit was passed on.
#[test]
fn a_folder_with_the_group_bit_gives_its_group_to_what_is_made_in_it() {
    let s = Studio::mounted();
    let shared = s.mnt("library/shared");
    fs::create_dir(&shared).unwrap();
    std::os::unix::fs::chown(&shared, None, Some(4_321)).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o2775)).unwrap();
    fs::create_dir(shared.join("below")).unwrap();
    fs::write(shared.join("below/a.txt"), b"x").unwrap();
    let (below, file) =
        (fs::metadata(shared.join("below")).unwrap(), fs::metadata(shared.join("below/a.txt")).unwrap());
    assert_eq!((below.gid(), below.mode() & 0o2000, file.gid()), (4_321, 0o2000, 4_321));
}

/// Regression: a descriptor that can only read cut nothing.
#[test]
fn opening_for_reading_with_truncation_cuts() {
    let s = Studio::mounted();
    let path = s.mnt("library/a.txt");
    fs::write(&path, b"hello").unwrap();
    sh(&format!("perl -e 'use Fcntl; sysopen(F, shift, O_RDONLY | O_TRUNC) or die $!' {}", path.display()));
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}

/// Regression: both were EBADF on what is not a file of the tree.
#[test]
fn versions_can_be_synced_and_searched_for_holes() {
    let s = Studio::mounted();
    fs::write(s.mnt("library/a.txt"), b"hello").unwrap();
    s.settle();
    let version = s.mnt("versions/a.txt/1.txt");
    let f = fs::File::open(&version).unwrap();
    f.sync_all().unwrap();
    sh(&format!("cp --sparse=always {} {}", version.display(), s.path("copy").display()));
    sh(&format!(
        "python3 -c 'import os,sys; f=os.open(sys.argv[1],0); assert os.lseek(f,1,os.SEEK_DATA)==1; assert os.lseek(f,0,os.SEEK_HOLE)==5' {}",
        version.display()
    ));
}

#[test]
fn a_directory_has_one_link() {
    let s = Studio::mounted();
    fs::create_dir_all(s.mnt("library/a/b")).unwrap();
    for dir in ["", "library", "library/a", "by", "by/tag"] {
        assert_eq!(fs::metadata(s.mnt(dir)).unwrap().nlink(), 1, "{dir}");
    }
}
