#define _GNU_SOURCE
#include "cl_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

const int CL_O_PATH = O_PATH;
const int CL_O_DIRECT = O_DIRECT;
const int CL_O_NOATIME = O_NOATIME;
const int CL_O_TMPFILE = O_TMPFILE;
const int CL_AT_EMPTY_PATH = AT_EMPTY_PATH;
const int CL_AT_FDCWD = AT_FDCWD;

int cl_open_without_links(const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_NO_SYMLINKS};
    long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    // Linux before 5.6: at least not the last one.
    if (fd < 0 && errno == ENOSYS) fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

int cl_open_beneath(int directory, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd;
    int tries = 32;
    // A rename anywhere on the host at the same moment leaves the kernel in doubt about a `..` in a link.
    do
        fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && --tries > 0)));
    return fd < 0 ? -errno : (int)fd;
}

// What to give statx(2) for no name: an empty one costs it a look at this process's memory, but Linux before 6.11 takes no null.
static _Atomic(const char *) no_name = NULL;

static int look(int directory, const char *name, struct statx *out)
{
    const unsigned wanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
    // Looking at a name must mount nothing behind it.
    if (name)
        return statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, wanted, out);
    const int flags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
    const char *none = atomic_load_explicit(&no_name, memory_order_relaxed);
    // Not by glibc's function, which may not be given a null.
    int result = (int)syscall(SYS_statx, directory, none, flags, wanted, out);
    if (result == 0 || none || errno != EFAULT)
        return result;
    atomic_store_explicit(&no_name, "", memory_order_relaxed);
    return (int)syscall(SYS_statx, directory, "", flags, wanted, out);
}

int cl_statx(int directory, const char *name, struct cl_statx *out)
{
    struct statx s;
    if (look(directory, name, &s) < 0)
        return -errno;
    out->mask = s.stx_mask;
    out->blksize = s.stx_blksize;
    out->attributes = s.stx_attributes;
    out->nlink = s.stx_nlink;
    out->uid = s.stx_uid;
    out->gid = s.stx_gid;
    out->mode = s.stx_mode;
    out->ino = s.stx_ino;
    out->size = s.stx_size;
    out->blocks = s.stx_blocks;
    out->atime_sec = s.stx_atime.tv_sec;
    out->atime_nsec = s.stx_atime.tv_nsec;
    out->btime_sec = s.stx_btime.tv_sec;
    out->btime_nsec = s.stx_btime.tv_nsec;
    out->ctime_sec = s.stx_ctime.tv_sec;
    out->ctime_nsec = s.stx_ctime.tv_nsec;
    out->mtime_sec = s.stx_mtime.tv_sec;
    out->mtime_nsec = s.stx_mtime.tv_nsec;
    out->rdev_major = s.stx_rdev_major;
    out->rdev_minor = s.stx_rdev_minor;
    out->dev_major = s.stx_dev_major;
    out->dev_minor = s.stx_dev_minor;
    out->mnt_id = s.stx_mnt_id;
    out->attributes_mask = s.stx_attributes_mask;
    return 0;
}

int cl_openat(int directory, const char *name, int flags, unsigned mode)
{
    int fd;
    do
        fd = openat(directory, name, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

ssize_t cl_read(int fd, void *buffer, size_t length)
{
    ssize_t n;
    do
        n = read(fd, buffer, length);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t cl_write(int fd, const void *buffer, size_t length)
{
    ssize_t n;
    do
        n = write(fd, buffer, length);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t cl_preadv(int fd, const struct iovec *parts, int count, int64_t offset)
{
    ssize_t n;
    do
        // Of one piece it is a sixth less work for the kernel.
        n = count == 1 ? pread(fd, parts->iov_base, parts->iov_len, offset) : preadv(fd, parts, count, offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t cl_pwritev(int fd, const struct iovec *parts, int count, int64_t offset)
{
    ssize_t n;
    do
        n = count == 1 ? pwrite(fd, parts->iov_base, parts->iov_len, offset) : pwritev(fd, parts, count, offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}
