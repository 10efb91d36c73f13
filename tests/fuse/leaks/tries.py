# What somebody tries who wants to know more than he may: each way to reach a thing, for each thing. Prints a line per try: how it ended.
#
#   tries.py hidden MOUNT THING...        things that he may not list
#   tries.py kept MOUNT THING...          things that he may list, and no more than read
#   tries.py held ROOM FILE...            files that he has open while the right to them ends
#   tries.py handles MOUNT HANDLE...      handles of things that somebody else was given
#   tries.py viewed MOUNT SECRETS THING.. things of which he may not have the bytes: whether what he gets has one of the secrets
#   tries.py handle THING                 no try: prints its handle
import ctypes, errno, fcntl, mmap, os, re, struct, subprocess, sys, tempfile, time
import uring

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100


def call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)


class Handle(ctypes.Structure):
    _fields_ = [('bytes', ctypes.c_uint), ('type', ctypes.c_int), ('data', ctypes.c_ubyte * 128)]


def handle_of(path):
    handle = Handle(bytes=128)
    call('name_to_handle_at', AT_FDCWD, os.fsencode(path), ctypes.byref(handle), ctypes.byref(ctypes.c_int()), 0)
    return '%d:%s' % (handle.type, bytes(handle.data[:handle.bytes]).hex())


def by_handle(mount, text, flags):
    kind, data = text.split(':')
    data = bytes.fromhex(data)
    handle = Handle(bytes=len(data), type=int(kind))
    ctypes.memmove(handle.data, data, len(data))
    at = os.open(mount, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fd = libc.open_by_handle_at(at, ctypes.byref(handle), flags)
    finally:
        os.close(at)
    if fd < 0:
        raise OSError(ctypes.get_errno(), 'open_by_handle_at')
    return fd


def opened(path, use, flags=os.O_RDONLY):
    fd = os.open(path, flags)
    try:
        return use(fd)
    finally:
        os.close(fd)


def again(fd, flags=os.O_RDONLY):
    os.close(os.open('/proc/self/fd/%d' % fd, flags))


def sent(fd):
    out, into = os.pipe()
    try:
        os.sendfile(into, fd, 0, 4)
    finally:
        os.close(out), os.close(into)


def copied(fd):
    target = os.open('/dev/shm', os.O_TMPFILE | os.O_RDWR)
    try:
        os.copy_file_range(fd, target, 4, 0)
    finally:
        os.close(target)


def spliced(fd):
    out, into = os.pipe()
    try:
        os.splice(fd, into, 4, offset_src=0)
    finally:
        os.close(out), os.close(into)


def mapped(fd):
    mmap.mmap(fd, 4, prot=mmap.PROT_READ)[0:4]


def ended(what):
    try:
        what()
    except OSError as e:
        return errno.errorcode[e.errno]
    return 'OK'


class Alike(Exception):
    pass


def onto(mine, path):
    """A place may have a word of its own for every rename into it; then it has the same for a name that is not there."""
    if '/library/' in path:
        try:
            return os.rename(mine, path)
        except FileExistsError:
            # The stated limit: where he may make names, a hidden one is taken.
            raise Alike
    there = ended(lambda: os.rename(mine, path))
    if there not in ('ENOENT', 'EACCES') and there != 'OK' and there == ended(lambda: os.rename(mine, path + '0')):
        raise Alike
    if there != 'OK':
        raise OSError(getattr(errno, there), 'rename')


def linked(path):
    """By a symbolic link of his own that leads there."""
    with tempfile.TemporaryDirectory() as own:
        os.symlink(path, own + '/link')
        os.stat(own + '/link')


# The mount that is looked at.
top = '/'


def from_beside(path):
    """From a folder that he may stand in."""
    own = os.path.join(top, 'library/acme')
    beside = os.open(own, os.O_PATH)
    try:
        os.stat(os.path.relpath(path, own), dir_fd=beside)
    finally:
        os.close(beside)


def extents(fd):
    """Which parts of it the disk has."""
    fcntl.ioctl(fd, 0xC020660B, bytearray(struct.pack('QQIIII', 0, 1 << 40, 0, 0, 8, 0) + bytes(8 * 56)))


ring = uring.ring()
if not ring:
    print('NOTE\tthe kernel lets nobody use io_uring: its ways were not tried', flush=True)

# Looks at a thing by its path.
LOOKS = {
    'stat': os.stat,
    'lstat': os.lstat,
    'access': lambda p: call('access', os.fsencode(p), 0),
    'statvfs': os.statvfs,
    'readlink': os.readlink,
    'listdir': os.listdir,
    'chdir': os.chdir,
    'listxattr': os.listxattr,
    'getxattr id': lambda p: os.getxattr(p, 'user.dam.id'),
    'getxattr tags': lambda p: os.getxattr(p, 'user.xdg.tags'),
    'open': lambda p: opened(p, lambda fd: None),
    'open O_PATH': lambda p: opened(p, lambda fd: None, os.O_PATH),
    'open O_PATH again': lambda p: opened(p, again, os.O_PATH),
    'open O_DIRECTORY': lambda p: opened(p, lambda fd: None, os.O_DIRECTORY),
    'read': lambda p: opened(p, lambda fd: os.read(fd, 4)),
    'mmap': lambda p: opened(p, mapped),
    'sendfile': lambda p: opened(p, sent),
    'copy_file_range': lambda p: opened(p, copied),
    'splice': lambda p: opened(p, spliced),
    'inotify': lambda p: call('inotify_add_watch', libc.inotify_init(), os.fsencode(p), 0x2),
    'name_to_handle_at': handle_of,
    'below': lambda p: os.stat(p + '/x'),
    'dots': lambda p: os.stat(p + '/../' + os.path.basename(p)),
    'own link': linked,
    'from beside': from_beside,
    'seek data': lambda p: opened(p, lambda fd: os.lseek(fd, 0, os.SEEK_DATA)),
    'fiemap': lambda p: opened(p, extents),
}
if ring:
    LOOKS.update({
        'uring openat': lambda p: os.close(ring.open(p)),
        'uring openat O_PATH': lambda p: os.close(ring.open(p, os.O_PATH)),
        'uring statx': ring.size,
        'uring getxattr': lambda p: ring.getxattr(p, b'user.dam.id'),
        'uring read': lambda p: opened(p, lambda fd: ring.read(fd, 4)),
    })

# Changes it, or takes it somewhere.
DEEDS = {
    'open to write': lambda p: opened(p, lambda fd: None, os.O_WRONLY),
    'open O_RDWR': lambda p: opened(p, lambda fd: None, os.O_RDWR),
    'open O_TRUNC': lambda p: opened(p, lambda fd: None, os.O_WRONLY | os.O_TRUNC),
    'truncate': lambda p: os.truncate(p, 0),
    'chmod': lambda p: os.chmod(p, 0o600),
    'utime': lambda p: os.utime(p, (1, 1)),
    'setxattr': lambda p: os.setxattr(p, 'user.x', b'y'),
    'setxattr tags': lambda p: os.setxattr(p, 'user.xdg.tags', b'mine'),
    'removexattr': lambda p: os.removexattr(p, 'user.xdg.tags'),
    'unlink': os.unlink,
}
if ring:
    DEEDS.update({
        'uring openat to write': lambda p: os.close(ring.open(p, os.O_WRONLY)),
        'uring setxattr': lambda p: ring.setxattr(p, b'user.x', b'y'),
        'uring renameat': lambda p: ring.rename(p, p + '.moved'),
        'uring unlinkat': ring.unlink,
    })


def row(name, thing, what):
    try:
        what()
        came = 'OK'
    except Alike:
        came = 'ALIKE'
    except OSError as e:
        came = errno.errorcode[e.errno]
    print('%s\t%s\t%s' % (came, name, thing), flush=True)


def hidden(mount, things):
    global top
    top = mount
    own = os.path.join(mount, 'library/acme')
    into = os.path.join(own, 'taken.png')
    mine = os.path.join(own, 'acme.png')
    deeds = dict(LOOKS, **DEEDS)
    deeds['rename out'] = lambda p: os.rename(p, into)
    deeds['rename onto'] = lambda p: onto(mine, p)
    deeds['rename below'] = lambda p: os.rename(mine, p + '/acme.png')
    deeds['link'] = lambda p: os.link(p, into)
    deeds['rmdir'] = os.rmdir
    deeds['mkdir below'] = lambda p: os.mkdir(p + '/x')
    deeds['create below'] = lambda p: opened(p + '/x', lambda fd: None, os.O_CREAT | os.O_WRONLY)
    for thing in things:
        path = os.path.join(mount, thing)
        for name, deed in deeds.items():
            row(name, thing, lambda: deed(path))


def kept(mount, things):
    for thing in things:
        path = os.path.join(mount, thing)
        deeds = dict(DEEDS)
        deeds['rename'] = lambda p: os.rename(p, p + '.moved')
        for name, deed in deeds.items():
            row(name, thing, lambda: deed(path))


def touched(pages):
    child = os.fork()
    if child == 0:
        pages[0:4]
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def held(room, files):
    """What is left of open files when the right to them is gone."""
    fds = [os.open(file, os.O_RDWR) for file in files]
    maps = [mmap.mmap(fd, 0, prot=mmap.PROT_READ) for fd in fds]
    paths = [os.open(file, os.O_PATH) for file in files]
    assert all(os.pread(fd, 4, 0) == pages[0:4] for fd, pages in zip(fds, maps))
    if ring:
        ring.register_files(fds)
        assert all(ring.read(at, 4, flags=uring.FIXED_FILE) == pages[0:4] for at, pages in enumerate(maps))
    open(room + '/ready', 'w').close()
    while not os.path.exists(room + '/withdrawn'):
        time.sleep(0.02)
    for at, (file, fd, pages, path) in enumerate(zip(files, fds, maps, paths)):
        ways = {
            'pread': lambda: os.pread(fd, 4, 0),
            'pread behind': lambda: os.pread(fd, 4, 1 << 14),
            'pwrite': lambda: os.pwrite(fd, b'x', 0),
            'sendfile': lambda: sent(fd),
            'copy_file_range': lambda: os.copy_file_range(fd, fd, 4, 0, 1 << 13),
            'splice': lambda: spliced(fd),
            'mmap anew': lambda: signalled(mmap.mmap(fd, 4, prot=mmap.PROT_READ)),
            'mapped before': lambda: signalled(pages),
            'ftruncate': lambda: os.ftruncate(fd, 1),
            'fallocate': lambda: os.posix_fallocate(fd, 0, 1 << 20),
            'fstat': lambda: os.fstat(fd),
            'fgetxattr': lambda: os.getxattr(fd, 'user.dam.id'),
            'fsetxattr': lambda: os.setxattr(fd, 'user.x', b'y'),
            'flistxattr': lambda: os.listxattr(fd),
            'fchmod': lambda: os.fchmod(fd, 0o600),
            'futimens': lambda: os.utime(fd, (1, 1)),
            '/proc/self/fd': lambda: again(fd),
            '/proc/self/fd to write': lambda: again(fd, os.O_RDWR),
            '/proc/self/fd of O_PATH': lambda: again(path),
            'stat of O_PATH': lambda: os.fstat(path),
            'seek data': lambda: os.lseek(fd, 0, os.SEEK_DATA),
            'seek hole': lambda: os.lseek(fd, 0, os.SEEK_HOLE),
        }
        if ring:
            ways.update({
                'uring read': lambda: ring.read(fd, 4),
                'uring read of a fixed file': lambda: ring.read(at, 4, flags=uring.FIXED_FILE),
                'uring read behind': lambda: ring.read(at, 4, 1 << 14, flags=uring.FIXED_FILE),
                'uring write': lambda: ring.write(at, b'x', flags=uring.FIXED_FILE),
                'uring splice': lambda: ring.splice(fd, 4),
                'uring fgetxattr': lambda: ring.fgetxattr(fd, b'user.dam.id'),
                'uring fsetxattr': lambda: ring.fsetxattr(fd, b'user.x', b'y'),
                'uring fallocate': lambda: ring.fallocate(fd, 1 << 20),
            })
        if not os.path.exists(room + '/still-known'):
            ways.update({'stat': lambda: os.stat(file), 'open': lambda: opened(file, lambda fd: None)})
        for name, way in ways.items():
            row(name, file, way)


def handles(mount, texts):
    for text in texts:
        row('open_by_handle_at', text, lambda: os.close(by_handle(mount, text, os.O_RDONLY)))
        row('open_by_handle_at to write', text, lambda: os.close(by_handle(mount, text, os.O_RDWR)))
        try:
            fd = by_handle(mount, text, os.O_PATH)
        except OSError as e:
            print('%s\topen_by_handle_at O_PATH\t%s' % (errno.errorcode[e.errno], text), flush=True)
            continue
        # The kernel knows the inode and asks nobody: nothing comes of it.
        name = '/proc/self/fd/%d' % fd
        for way, try_it in {
            'fstat': lambda: os.fstat(fd),
            'open again': lambda: again(fd),
            'open again to write': lambda: again(fd, os.O_RDWR),
            'getxattr': lambda: os.getxattr(name, 'user.dam.id'),
            'listxattr': lambda: os.listxattr(name),
            'listdir': lambda: os.listdir(name),
            'truncate': lambda: os.truncate(name, 0),
            'chmod': lambda: os.chmod(name, 0o600),
            'utime': lambda: os.utime(name, (1, 1)),
            'setxattr': lambda: os.setxattr(name, 'user.x', b'y'),
            'below': lambda: os.stat('x', dir_fd=fd),
        }.items():
            row('handle, ' + way, text, try_it)
        os.close(fd)


def words(*told):
    return ' '.join(str(word) for word in told).encode()


def everything(fd):
    size = os.fstat(fd).st_size
    return os.pread(fd, size + (1 << 20), 0)


def through(fd, move):
    """What a call that moves bytes from file to file moves."""
    target = os.open('/dev/shm', os.O_TMPFILE | os.O_RDWR)
    try:
        while move(target):
            pass
        return os.pread(target, 1 << 24, 0)
    finally:
        os.close(target)


def piped(fd):
    out, into = os.pipe()
    try:
        got, at = b'', 0
        while True:
            count = os.splice(fd, into, 1 << 16, offset_src=at)
            if not count:
                return got
            got, at = got + os.read(out, count), at + count
    finally:
        os.close(out), os.close(into)


def mapped_whole(fd):
    if not os.fstat(fd).st_size:
        return b''
    with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as pages:
        return pages[:]


def ringed(fd):
    got = b''
    while True:
        part = ring.read(fd, 1 << 16, len(got))
        if not part:
            return got
        got += part


# What each way gets of a thing.
GETS = {
    'stat': lambda p: words(os.stat(p).st_size, os.stat(p).st_blocks * 512, os.stat(p).st_blocks),
    'lstat': lambda p: words(os.lstat(p).st_size),
    'listing': lambda p: words(*(e.stat().st_size for e in os.scandir(os.path.dirname(p)))),
    'ls': lambda p: subprocess.run(['ls', '-lsi', '--block-size=1', p], capture_output=True).stdout,
    'du': lambda p: subprocess.run(['du', '-b', p], capture_output=True).stdout,
    'read': lambda p: opened(p, everything),
    'end': lambda p: opened(p, lambda fd: words(os.lseek(fd, 0, os.SEEK_END))),
    'hole': lambda p: opened(p, lambda fd: words(os.lseek(fd, 0, os.SEEK_HOLE))),
    'fiemap': lambda p: opened(p, extents),
    'mmap': lambda p: opened(p, mapped_whole),
    'sendfile': lambda p: opened(p, lambda fd: through(fd, lambda to: os.sendfile(to, fd, None, 1 << 20))),
    'copy_file_range': lambda p: opened(p, lambda fd: through(fd, lambda to: os.copy_file_range(fd, to, 1 << 20))),
    'splice': lambda p: opened(p, piped),
    'O_PATH again': lambda p: opened(p, lambda fd: opened('/proc/self/fd/%d' % fd, everything), os.O_PATH),
    'O_DIRECT': lambda p: opened(p, everything, os.O_DIRECT),
    'attributes': lambda p: words(*((n, os.getxattr(p, n)) for n in os.listxattr(p) + ['user.dam.id'])),
    'hash attribute': lambda p: os.getxattr(p, 'user.shatag.sha256'),
    'names within': lambda p: words(*os.listdir(p)),
}
if ring:
    GETS.update({
        'uring statx': lambda p: words(ring.size(p)),
        'uring read': lambda p: opened(p, ringed),
        'uring hash attribute': lambda p: ring.getxattr(p, b'user.shatag.sha256'),
    })


def tells(got, secret):
    """A number counts whole alone: the digits of a size are in some inode number by chance."""
    return re.search(rb'(?<![0-9])%s(?![0-9])' % secret, got) if secret.isdigit() else secret in got


def viewed(mount, secrets, things):
    """Secrets: a line each, bytes in hexadecimal."""
    secrets = [bytes.fromhex(line) for line in open(secrets)]
    for thing in things:
        path = os.path.join(mount, thing)
        for name, get in GETS.items():
            try:
                got = get(path) or b''
                came = 'LEAK' if any(tells(got, secret) for secret in secrets) else 'NOTHING'
            except OSError as e:
                came = errno.errorcode[e.errno]
            print('%s\t%s\t%s' % (came, name, thing), flush=True)


def signalled(pages):
    if touched(pages) == 7:
        raise OSError(errno.EACCES, 'SIGBUS')


if __name__ == '__main__':
    kind, args = sys.argv[1], sys.argv[2:]
    if kind == 'hidden':
        hidden(args[0], args[1:])
    elif kind == 'kept':
        kept(args[0], args[1:])
    elif kind == 'held':
        held(args[0], args[1:])
    elif kind == 'handles':
        handles(args[0], args[1:])
    elif kind == 'viewed':
        viewed(args[0], args[1], args[2:])
    else:
        print(handle_of(args[0]))
