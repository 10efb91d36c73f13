# As much of io_uring as it takes to try it: one request at a time, by raw system calls, whose numbers are the same on every processor.
import ctypes, errno, mmap, os, struct

libc = ctypes.CDLL(None, use_errno=True)
SETUP, ENTER, REGISTER = 425, 426, 427
FALLOCATE, OPENAT, STATX, READ, WRITE, SPLICE, RENAMEAT, UNLINKAT = 17, 18, 21, 22, 23, 30, 35, 36
FSETXATTR, SETXATTR, FGETXATTR, GETXATTR = 41, 42, 43, 44
AT_FDCWD = -100
FIXED_FILE = 1


class Ring:
    def __init__(self):
        params = bytearray(120)
        struct.pack_into('I', params, 0, 4)
        buffer = (ctypes.c_char * 120).from_buffer(params)
        self.fd = libc.syscall(SETUP, 4, buffer)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), 'io_uring_setup')
        words = struct.unpack_from('30I', params)
        sq_entries, cq_entries = words[0], words[1]
        self.tail, self.mask, self.array = words[11], words[12], words[16]
        self.cq_head, self.cq_tail, self.cq_mask, self.cqes = words[20], words[21], words[22], words[25]
        shared = dict(flags=mmap.MAP_SHARED | mmap.MAP_POPULATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        self.sq = mmap.mmap(self.fd, self.array + sq_entries * 4, offset=0, **shared)
        self.cq = mmap.mmap(self.fd, self.cqes + cq_entries * 16, offset=0x8000000, **shared)
        self.sqes = mmap.mmap(self.fd, sq_entries * 64, offset=0x10000000, **shared)

    def register_files(self, fds):
        files = (ctypes.c_int * len(fds))(*fds)
        if libc.syscall(REGISTER, self.fd, 2, files, len(fds)) < 0:
            raise OSError(ctypes.get_errno(), 'io_uring_register')

    def ask(self, code, fd, addr=0, length=0, off=0, how=0, flags=0, splice_fd=0, addr3=0):
        """What the kernel answers to one request; an error is raised as the system call would."""
        word = lambda ring, at: struct.unpack_from('I', ring, at)[0]
        tail = word(self.sq, self.tail)
        slot = tail & word(self.sq, self.mask)
        sqe = struct.pack('BBHiQQIIQHHiQQ', code, flags, 0, fd, off, addr, length, how, 0, 0, 0, splice_fd, addr3, 0)
        self.sqes[slot * 64:slot * 64 + 64] = sqe
        struct.pack_into('I', self.sq, self.array + slot * 4, slot)
        struct.pack_into('I', self.sq, self.tail, tail + 1)
        if libc.syscall(ENTER, self.fd, 1, 1, 1, None, 0) < 0:
            raise OSError(ctypes.get_errno(), 'io_uring_enter')
        head = word(self.cq, self.cq_head)
        assert head != word(self.cq, self.cq_tail)
        answer = struct.unpack_from('i', self.cq, self.cqes + (head & word(self.cq, self.cq_mask)) * 16 + 8)[0]
        struct.pack_into('I', self.cq, self.cq_head, head + 1)
        if answer < 0:
            raise OSError(-answer, 'io_uring')
        return answer

    # The calls.

    def open(self, path, flags=os.O_RDONLY):
        return self.ask(OPENAT, AT_FDCWD, addr=address(os.fsencode(path)), how=flags)

    def size(self, path):
        told = ctypes.create_string_buffer(256)
        self.ask(STATX, AT_FDCWD, address(os.fsencode(path)), 0x7ff, ctypes.addressof(told))
        return struct.unpack_from('Q', told, 40)[0]

    def read(self, fd, count, at=0, flags=0):
        into = ctypes.create_string_buffer(count)
        took = self.ask(READ, fd, ctypes.addressof(into), count, at, flags=flags)
        return into.raw[:took]

    def write(self, fd, data, at=0, flags=0):
        return self.ask(WRITE, fd, address(data), len(data), at, flags=flags)

    def splice(self, fd, count):
        out, into = os.pipe()
        try:
            return os.read(out, self.ask(SPLICE, into, 0, count, (1 << 64) - 1, splice_fd=fd))
        finally:
            os.close(out), os.close(into)

    def getxattr(self, path, name):
        into = ctypes.create_string_buffer(4096)
        took = self.ask(GETXATTR, 0, address(name), 4096, ctypes.addressof(into), addr3=address(os.fsencode(path)))
        return into.raw[:took]

    def fgetxattr(self, fd, name):
        into = ctypes.create_string_buffer(4096)
        took = self.ask(FGETXATTR, fd, address(name), 4096, ctypes.addressof(into))
        return into.raw[:took]

    def setxattr(self, path, name, value):
        self.ask(SETXATTR, 0, address(name), len(value), address(value), addr3=address(os.fsencode(path)))

    def fsetxattr(self, fd, name, value):
        self.ask(FSETXATTR, fd, address(name), len(value), address(value))

    def fallocate(self, fd, count):
        self.ask(FALLOCATE, fd, count, 0, 0)

    def unlink(self, path):
        self.ask(UNLINKAT, AT_FDCWD, address(os.fsencode(path)))

    def rename(self, path, to):
        new = address(os.fsencode(to))
        self.ask(RENAMEAT, AT_FDCWD, address(os.fsencode(path)), AT_FDCWD & 0xffffffff, new)


# What requests point to, until the program ends.
kept = []


def address(data):
    kept.append(ctypes.create_string_buffer(data))
    return ctypes.addressof(kept[-1])


def ring():
    """A ring, or nothing where the kernel lets nobody have one."""
    try:
        return Ring()
    except OSError as e:
        if e.errno in (errno.EPERM, errno.ENOSYS):
            return None
        raise
