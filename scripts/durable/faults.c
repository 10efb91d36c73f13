/* Makes one call of a process fail: loaded into dam-mountd by faults.sh. Calls that change files below FAULTS_BELOW are counted over all
 * threads, in one row; FAULTS_CONTROL names the file that says which of them fails, and how. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
    _Atomic int armed;
    _Atomic int error;
    /* Calls that still pass. */
    _Atomic int pass;
    /* Whether every call from there on fails. */
    _Atomic int lasting;
    _Atomic int hits;
    char last[200];
};

static struct control *control;
static const char *below;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULTS_CONTROL");
    below = getenv("FAULTS_BELOW");
    int fd = path && below ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) control = map;
    close(fd);
}

/* The daemon's log and its socket are no part of the library's data. */
static int counts(const char *path) {
    size_t len = strlen(below);
    return strncmp(path, below, len) == 0 && strncmp(path + len, "/run/", 5) != 0;
}

/* Whether the call fails; errno is set then. */
static int fails(const char *call, const char *path) {
    if (!control || !atomic_load(&control->armed) || !counts(path)) return 0;
    if (atomic_fetch_sub(&control->pass, 1) > 0) return 0;
    if (atomic_fetch_add(&control->hits, 1) > 0 && !atomic_load(&control->lasting)) return 0;
    snprintf(control->last, sizeof control->last, "%s %s", call, path);
    errno = atomic_load(&control->error);
    return 1;
}

static int fd_fails(const char *call, int fd) {
    if (!control || !atomic_load(&control->armed)) return 0;
    char link[40], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len < 0) return 0;
    path[len] = 0;
    return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON_FD(ret, name, params, args) \
    ret name params { return fd_fails(#name, fd) ? -1 : REAL(name) args; }

ON_FD(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))
ON_FD(ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
ON_FD(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at))
ON_FD(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
ON_FD(ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at))
ON_FD(int, fsync, (int fd), (fd))
ON_FD(int, fdatasync, (int fd), (fd))
ON_FD(int, syncfs, (int fd), (fd))
ON_FD(int, ftruncate, (int fd, off_t len), (fd, len))
ON_FD(int, ftruncate64, (int fd, off64_t len), (fd, len))
ON_FD(int, fallocate64, (int fd, int mode, off64_t at, off64_t len), (fd, mode, at, len))

#define ON_PATH(name, params, args) \
    int name params { return fails(#name, path) ? -1 : REAL(name) args; }

ON_PATH(unlink, (const char *path), (path))
ON_PATH(rename, (const char *path, const char *to), (path, to))
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode))

static int opens_to_change(int flags) {
    return (flags & (O_CREAT | O_TRUNC)) || (flags & O_ACCMODE) != O_RDONLY;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        return opens_to_change(flags) && fails(#name, path) ? -1 : REAL(name)(path, flags, mode); \
    }

OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        return opens_to_change(flags) && fails(#name, path) ? -1 : REAL(name)(at, path, flags, mode); \
    }

OPENAT(openat)
OPENAT(openat64)
