# What somebody tries who wants to know more than he may: each way to reach a thing, for each thing. Prints a line per try: how it ended.
#
#   tries.py hidden MOUNT THING...        things that he may not list
#   tries.py kept MOUNT THING...          things that he may list, and no more than read
#   tries.py held ROOM FILE...            files that he has open while the right to them ends
import ctypes, errno, fcntl, mmap, os, sys, time

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100


def call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)


class Handle(ctypes.Structure):
    _fields_ = [('bytes', ctypes.c_uint), ('type', ctypes.c_int), ('data', ctypes.c_ubyte * 128)]


def handle_of(path):
    call('name_to_handle_at', AT_FDCWD, os.fsencode(path), ctypes.byref(Handle(bytes=128)), ctypes.byref(ctypes.c_int()), 0)


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
}

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
    open(room + '/ready', 'w').close()
    while not os.path.exists(room + '/withdrawn'):
        time.sleep(0.02)
    for file, fd, pages, path in zip(files, fds, maps, paths):
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
            'stat': lambda: os.stat(file),
            'open': lambda: opened(file, lambda fd: None),
        }
        for name, way in ways.items():
            row(name, file, way)


def signalled(pages):
    if touched(pages) == 7:
        raise OSError(errno.EACCES, 'SIGBUS')


if __name__ == '__main__':
    kind, args = sys.argv[1], sys.argv[2:]
    if kind == 'hidden':
        hidden(args[0], args[1:])
    elif kind == 'kept':
        kept(args[0], args[1:])
    else:
        held(args[0], args[1:])
