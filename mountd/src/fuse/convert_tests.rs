#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;

fn at(secs: i64, nanos: u32) -> Timestamp {
    Timestamp::from_nanos(secs * NANOS + i64::from(nanos))
}

/// fuser 0.18's own decoding of a time that the kernel sends.
fn as_fuser_decodes(secs: i64, nanos: u32) -> SystemTime {
    if secs >= 0 {
        UNIX_EPOCH + Duration::new(secs.unsigned_abs(), nanos)
    } else {
        UNIX_EPOCH - Duration::new(secs.unsigned_abs(), nanos)
    }
}

#[test]
fn times_survive_the_kernel() {
    for (secs, nanos) in [(0, 0), (1, 5), (-1, 0), (-2, 800_000_000), (-1, 999_999_999), (9_000_000_000, 1)] {
        assert_eq!(timestamp(as_fuser_decodes(secs, nanos)), at(secs, nanos), "{secs} s and {nanos} ns");
    }
    // The other way, fuser is right: a time before the epoch is a real SystemTime.
    assert_eq!(system_time(at(-2, 800_000_000)), UNIX_EPOCH - Duration::from_millis(1200));
    assert_eq!(system_time(at(3, 7)), UNIX_EPOCH + Duration::new(3, 7));
    assert_eq!(timestamp(as_fuser_decodes(i64::MAX, 0)).as_nanos(), i64::MAX, "far times saturate");
    assert_eq!(timestamp(as_fuser_decodes(-i64::MAX, 0)).as_nanos(), i64::MIN);
}

#[test]
fn open_flags_are_decoded_once() {
    let mode = open_mode(libc::O_RDWR | libc::O_TRUNC | libc::O_APPEND);
    assert!(mode.read && mode.write && mode.truncate && !mode.exclusive);
    let mode = open_mode(libc::O_RDONLY);
    assert!(mode.read && !mode.write && !mode.truncate);
    let mode = open_mode(libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL);
    assert!(!mode.read && mode.write && mode.exclusive);
    let mode = open_mode(libc::O_ACCMODE);
    assert!(mode.read && mode.write, "access mode 3 needs the right to both");
}

#[test]
fn renames_know_no_exchange() {
    assert!(!no_replace(RenameFlags::empty()).unwrap());
    assert!(no_replace(RenameFlags::RENAME_NOREPLACE).unwrap());
    for flags in [RenameFlags::RENAME_EXCHANGE, RenameFlags::RENAME_WHITEOUT, RenameFlags::from_bits_retain(1 << 9)] {
        assert_eq!(no_replace(flags).unwrap_err().errno(), libc::EINVAL);
    }
}

#[test]
fn attributes_keep_their_bits() {
    let ours = Attr {
        ino: u64::MAX - 1,
        kind: FileKind::Fifo,
        size: 5,
        blocks: 8,
        mode: 0o10_4755,
        uid: 1,
        gid: 2,
        nlink: 1,
        atime: at(-2, 1),
        mtime: at(2, 3),
        ctime: at(4, 5),
    };
    let theirs = attr(&ours);
    assert_eq!((theirs.ino.0, theirs.kind, theirs.perm), (u64::MAX - 1, FileType::NamedPipe, 0o4755));
    assert_eq!((theirs.size, theirs.blocks, theirs.uid, theirs.gid, theirs.nlink), (5, 8, 1, 2, 1));
    assert_eq!(theirs.mtime, UNIX_EPOCH + Duration::new(2, 3));
    assert_eq!(negative().ino.0, 0);
    assert_eq!((bare(9, FileKind::Dir).ino.0, bare(9, FileKind::Dir).kind), (9, FileType::Directory));
}

#[test]
fn special_files_and_seeks() {
    assert_eq!(special(libc::S_IFIFO | 0o600).unwrap(), Special::Fifo);
    assert_eq!(special(libc::S_IFSOCK).unwrap(), Special::Socket);
    assert_eq!(special(libc::S_IFREG).unwrap(), Special::File);
    assert_eq!(special(libc::S_IFBLK).unwrap(), Special::Device);
    assert!(special(libc::S_IFDIR).is_err());
    assert_eq!(seek(libc::SEEK_HOLE).unwrap(), Seek::Hole);
    assert_eq!(seek(libc::SEEK_DATA).unwrap(), Seek::Data);
    assert_eq!(seek(libc::SEEK_END).unwrap_err().errno(), libc::EINVAL);
}

#[test]
fn xattrs_answer_length_value_or_erange() {
    assert_eq!(xattr_answer(vec![1, 2, 3], 0).unwrap(), XattrAnswer::Length(3));
    assert_eq!(xattr_answer(vec![1, 2, 3], 3).unwrap(), XattrAnswer::Value(vec![1, 2, 3]));
    assert_eq!(xattr_answer(vec![1, 2, 3], 2).unwrap_err().errno(), libc::ERANGE);
    assert_eq!(xattr_answer(vec![], 0).unwrap(), XattrAnswer::Length(0));
    assert_eq!(xattr_mode(libc::XATTR_CREATE).unwrap(), XattrMode::Create);
    assert_eq!(xattr_mode(libc::XATTR_REPLACE).unwrap(), XattrMode::Replace);
    assert!(xattr_mode(libc::XATTR_CREATE | libc::XATTR_REPLACE).is_err());
}

#[test]
fn set_attr_drops_the_file_type_and_keeps_what_is_unset() {
    let set = set_attr(Some(0o100_644), None, Some(7), None, Some(TimeOrNow::Now), None, Some(3));
    assert_eq!((set.mode, set.uid, set.gid, set.size, set.fh), (Some(0o644), None, Some(7), None, Some(3)));
    assert!(matches!(set.atime, Some(TimeChange::Now)) && set.mtime.is_none());
}

#[test]
fn one_lifetime_for_two_is_the_shorter() {
    let a = Attr { ino: 1, ..plain() };
    let entry = Entry { attr: a, entry_ttl: Duration::from_secs(9), attr_ttl: Duration::ZERO };
    assert_eq!(shared_ttl(&entry), Duration::ZERO);
}

fn plain() -> Attr {
    Attr {
        ino: 1,
        kind: FileKind::File,
        size: 0,
        blocks: 0,
        mode: 0,
        uid: 0,
        gid: 0,
        nlink: 1,
        atime: Timestamp::EPOCH,
        mtime: Timestamp::EPOCH,
        ctime: Timestamp::EPOCH,
    }
}

#[test]
fn only_who_writes_waits_at_close() {
    let opened = |flushes| Opened { fh: 1, keep_cache: false, direct_io: false, forget_attr: false, flushes };
    assert_eq!(fopen_flags(&opened(false)), FopenFlags::FOPEN_NOFLUSH);
    assert_eq!(fopen_flags(&opened(true)), FopenFlags::empty());
}
