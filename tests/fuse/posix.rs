//! What POSIX and Linux promise of files, asked of the kernel on `library/` in the words of the calls themselves.

use crate::harness::*;

/// Runs a Python program in `library/`, with `libc` and `raises(errno, call, ...)` at hand. `after` runs in another mount.
fn python(s: &mut Studio, program: &str, after: &str) {
    const BEFORE: &str = "import ctypes, errno, fcntl, mmap, os, stat, sys
libc = ctypes.CDLL(None, use_errno=True)
def ok(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), 'refused')
    return result
def raises(number, call, *args, **more):
    try:
        call(*args, **more)
    except OSError as e:
        assert e.errno == number, (errno.errorcode[e.errno], errno.errorcode[number])
    else:
        raise AssertionError('not refused with ' + errno.errorcode[number])
def fallocate(f, mode, offset, length):
    ok(libc.fallocate(f, mode, ctypes.c_long(offset), ctypes.c_long(length)))
def rename2(a, b, flags):
    ok(libc.renameat2(-100, a.encode(), -100, b.encode(), flags))
os.chdir(sys.argv[1])
";
    let file = s.path("posix.py");
    for (n, program) in [program, after].into_iter().enumerate() {
        if n == 1 {
            s.settle();
            s.remount();
        }
        std::fs::write(&file, format!("{BEFORE}{program}")).unwrap();
        sh(&format!("python3 {} {}", file.display(), s.mnt("library").display()));
    }
}

#[test]
fn flags_of_open() {
    let program = "
open('a', 'wb').write(b'0123456789')
os.symlink('a', 'link')
raises(errno.EEXIST, os.open, 'a', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
raises(errno.EEXIST, os.open, 'link', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
raises(errno.ELOOP, os.open, 'link', os.O_RDONLY | os.O_NOFOLLOW)
raises(errno.ENOTDIR, os.open, 'a', os.O_RDONLY | os.O_DIRECTORY)
raises(errno.EISDIR, os.open, '.', os.O_WRONLY)
one, two = (os.open('a', os.O_WRONLY | os.O_APPEND) for _ in range(2))
for f in (one, two, one):
    os.lseek(f, 0, os.SEEK_SET); os.write(f, b'x')
assert open('a', 'rb').read() == b'0123456789xxx'
keep = os.open('a', os.O_RDONLY)
os.close(os.open('a', os.O_WRONLY | os.O_TRUNC))
assert os.fstat(keep).st_size == 0
";
    python(&mut Studio::mounted(), program, "assert open('a', 'rb').read() == b''");
}

#[test]
fn space_is_reserved_punched_and_zeroed() {
    let program = "
KEEP, PUNCH, COLLAPSE, ZERO = 1, 2, 8, 16
f = os.open('a', os.O_RDWR | os.O_CREAT)
size = lambda: os.fstat(f).st_size
os.write(f, b'd' * 300000)
fallocate(f, 0, 0, 400000); assert size() == 400000
fallocate(f, KEEP, 400000, 100000); assert size() == 400000
fallocate(f, PUNCH | KEEP, 65536, 131072); assert size() == 400000
fallocate(f, ZERO, 390000, 20000); assert size() == 410000
fallocate(f, ZERO | KEEP, 0, 10); assert size() == 410000
raises(errno.EOPNOTSUPP, fallocate, f, COLLAPSE, 0, 65536)
expected = b'\\0' * 10 + b'd' * 65526 + b'\\0' * 131072 + b'd' * 103392 + b'\\0' * 110000
assert os.pread(f, 500000, 0) == expected
os.ftruncate(f, 200000); os.ftruncate(f, 1 << 26)
assert os.pread(f, 100, 199990) == b'd' * 10 + b'\\0' * 90
hole = os.lseek(f, 0, os.SEEK_HOLE); assert hole < 1 << 26, hole
assert os.lseek(f, 0, os.SEEK_DATA) < 200000
raises(errno.ENXIO, os.lseek, f, 1 << 26, os.SEEK_DATA)
assert os.fstat(f).st_blocks * 512 < 1 << 24
";
    let after = "
f = os.open('a', os.O_RDONLY)
assert os.fstat(f).st_size == 1 << 26 and os.pread(f, 20, 199990) == b'd' * 10 + b'\\0' * 10
";
    python(&mut Studio::mounted(), program, after);
}

#[test]
fn direct_and_mapped_bytes_are_the_files() {
    let program = "
f = os.open('a', os.O_RDWR | os.O_CREAT | os.O_DIRECT)
page = mmap.mmap(-1, 8192); page[:] = b'p' * 8192
assert os.writev(f, [page]) == 8192
os.lseek(f, 4096, os.SEEK_SET); os.readv(f, [page]); assert page[:4096] == b'p' * 4096
g = os.open('a', os.O_RDWR)
m = mmap.mmap(g, 8192); m[0:6] = b'mapped'; m.flush()
os.pwrite(g, b'plain', 100); assert m[100:105] == b'plain'
os.lseek(f, 0, os.SEEK_SET); os.readv(f, [page]); assert page[:6] == b'mapped' and page[100:105] == b'plain'
";
    let after = "d = open('a', 'rb').read(); assert len(d) == 8192 and d[:6] == b'mapped' and d[100:105] == b'plain'";
    python(&mut Studio::mounted(), program, after);
}

/// More wait for a lock than the daemon has loops; whoever does not is served meanwhile.
#[test]
fn who_waits_for_a_lock_keeps_nobody_waiting() {
    let program = "
import subprocess
open('a', 'wb').write(b'x' * 100)
wait = '''
import fcntl, os, sys
f = open('a', 'r+b')
fcntl.flock(f, fcntl.LOCK_EX) if sys.argv[1] == 'flock' else fcntl.lockf(f, fcntl.LOCK_EX, 10, int(sys.argv[2]))
os.write(1, b'y')
'''
whole, part = open('a', 'r+b'), open('a', 'r+b')
fcntl.flock(whole, fcntl.LOCK_EX); fcntl.lockf(part, fcntl.LOCK_EX, 100, 0)
start = lambda kind, n: subprocess.Popen([sys.executable, '-c', wait, kind, str(n)], stdout=subprocess.PIPE)
waiting = [start('flock', n) for n in range(20)] + [start('lockf', n) for n in range(20)]
for n in range(200):
    open(f'f{n}', 'wb').write(b'served'); assert open(f'f{n}', 'rb').read() == b'served'; os.rename(f'f{n}', f'g{n}')
raises(errno.EAGAIN, fcntl.flock, open('a', 'rb'), fcntl.LOCK_EX | fcntl.LOCK_NB)
assert all(child.poll() is None for child in waiting)
fcntl.flock(whole, fcntl.LOCK_UN); fcntl.lockf(part, fcntl.LOCK_UN, 100, 0)
assert all(child.communicate()[0] == b'y' for child in waiting)
";
    python(&mut Studio::mounted(), program, "");
}

#[test]
fn names_are_moved_as_the_flags_say() {
    let program = "
NOREPLACE, EXCHANGE = 1, 2
for name in ('a', 'b'): open(name, 'w').write(name)
raises(errno.EEXIST, rename2, 'a', 'b', NOREPLACE)
raises(errno.EINVAL, rename2, 'a', 'b', EXCHANGE)
rename2('a', 'c', NOREPLACE)
old = open('b'); os.rename('c', 'b'); assert old.read() == 'b' and open('b').read() == 'a'
assert os.fstat(old.fileno()).st_nlink in (0, 1)
os.makedirs('x/y'); os.mkdir('z'); inside = open('x/y/f', 'w'); os.rename('x/y', 'z/y'); inside.write('moved'); inside.close()
assert open('z/y/f').read() == 'moved' and os.listdir('x') == []
raises(errno.EINVAL, os.rename, 'z', 'z/y/z')
raises(errno.ENOTEMPTY, os.rename, 'x', 'z')
raises(errno.ENOTDIR, os.rename, 'x', 'b'); raises(errno.EISDIR, os.rename, 'b', 'x')
d = os.open('z', os.O_RDONLY); os.fsync(d)
";
    python(&mut Studio::mounted(), program, "assert open('z/y/f').read() == 'moved' and open('b').read() == 'a'");
}

#[test]
fn paths_are_deeper_than_the_longest_that_can_be_named() {
    let program = "
name, depth, d = 'd' * 200, 40, os.open('.', os.O_RDONLY)
for n in range(depth):
    os.mkdir(name, dir_fd=d); d = os.open(name, os.O_RDONLY, dir_fd=d)
f = os.open('bottom', os.O_WRONLY | os.O_CREAT, dir_fd=d); os.write(f, b'deep'); os.close(f)
raises(errno.ENAMETOOLONG, os.stat, '/'.join([name] * depth))
";
    let after = "
name, depth, d, above = 'd' * 200, 40, os.open('.', os.O_RDONLY), []
for n in range(depth):
    above.append(d); d = os.open(name, os.O_RDONLY, dir_fd=d)
assert os.read(os.open('bottom', os.O_RDONLY, dir_fd=d), 9) == b'deep'
os.unlink('bottom', dir_fd=d)
for d in reversed(above): os.rmdir(name, dir_fd=d)
assert os.listdir('.') == []
";
    python(&mut Studio::mounted(), program, after);
}

#[test]
fn attributes_up_to_the_kernels_limits() {
    let program = "
open('a', 'w').close()
os.setxattr('a', 'user.big', b'v' * 65536)
raises(errno.E2BIG, os.setxattr, 'a', 'user.more', b'v' * 65537)
os.removexattr('a', 'user.big')
# 256 names of 255 bytes, each with its NUL, are 64 KiB.
for n in range(256): os.setxattr('a', f'user.{n:0250}', str(n).encode())
assert len(os.listxattr('a')) == 256
raises(errno.ERANGE, os.setxattr, 'a', 'user.' + 'n' * 251, b'')
os.setxattr('a', f'user.{7:0250}', b'')
raises(errno.EEXIST, os.setxattr, 'a', f'user.{7:0250}', b'x', os.XATTR_CREATE)
raises(errno.ENODATA, os.setxattr, 'a', 'user.none', b'x', os.XATTR_REPLACE)
raises(errno.EOPNOTSUPP, os.getxattr, 'a', 'security.x')
os.setxattr('.', 'user.folder', b'f')
open('b', 'w').close(); os.setxattr('b', 'user.big', b'w' * 65536)
";
    let after = "
assert len(os.listxattr('a')) == 256 and os.getxattr('a', f'user.{9:0250}') == b'9' and os.getxattr('a', f'user.{7:0250}') == b''
assert os.getxattr('b', 'user.big') == b'w' * 65536 and os.getxattr('.', 'user.folder') == b'f'
";
    python(&mut Studio::mounted(), program, after);
}

#[test]
fn times_are_kept_to_the_nanosecond() {
    let program = "
OMIT, NOW = (1 << 30) - 2, (1 << 30) - 1
class spec(ctypes.Structure): _fields_ = [('s', ctypes.c_long), ('n', ctypes.c_long)]
def set(name, atime, mtime): ok(libc.utimensat(-100, name.encode(), (spec * 2)(spec(*atime), spec(*mtime)), 0))
open('a', 'w').write('x')
before = os.stat('a').st_ctime_ns
set('a', (1, 2), (1614834367, 123456789))
now = os.stat('a'); assert (now.st_atime_ns, now.st_mtime_ns) == (1000000002, 1614834367123456789) and now.st_ctime_ns > before
set('a', (0, OMIT), (4102444800, 999999999))
now = os.stat('a'); assert (now.st_atime_ns, now.st_mtime_ns) == (1000000002, 4102444800999999999)
set('a', (-1, 5), (0, OMIT)); assert os.stat('a').st_mtime_ns == 4102444800999999999
set('a', (0, OMIT), (1614834367, 1))
folder = os.stat('.'); open('b', 'w').close(); assert os.stat('.').st_mtime_ns > folder.st_mtime_ns
folder = os.stat('.'); os.chmod('b', 0o600); assert os.stat('.').st_mtime_ns == folder.st_mtime_ns
os.unlink('b'); assert os.stat('.').st_mtime_ns > folder.st_mtime_ns
";
    python(&mut Studio::mounted(), program, "assert os.stat('a').st_mtime_ns == 1614834367000000001");
}
