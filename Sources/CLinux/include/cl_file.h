// File calls that glibc's Swift module lacks (it is built without _GNU_SOURCE), each -errno on failure.
#ifndef CLINUX_FILE_H
#define CLINUX_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// struct iovec under a name that is this module's alone: which module Swift takes the struct itself to be from differs
/// between debug and release builds, and with it whether a public import of this one counts as used.
typedef struct iovec cl_iovec;

/// What statx(2) tells, in the widths of the kernel's struct statx.
struct cl_statx {
    uint32_t mask;
    uint32_t blksize;
    uint64_t attributes;
    uint32_t nlink;
    uint32_t uid;
    uint32_t gid;
    uint32_t mode;
    uint64_t ino;
    uint64_t size;
    uint64_t blocks;
    int64_t atime_sec;
    int64_t btime_sec;
    int64_t ctime_sec;
    int64_t mtime_sec;
    uint32_t atime_nsec;
    uint32_t btime_nsec;
    uint32_t ctime_nsec;
    uint32_t mtime_nsec;
    uint32_t rdev_major;
    uint32_t rdev_minor;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint64_t mnt_id;
    uint64_t attributes_mask;
};

/// Opens a path on which no component is a symbolic link; -ELOOP where one is. Corresponds to openat2(2) with
/// RESOLVE_NO_SYMLINKS. The descriptor, close-on-exec, or -errno.
int cl_open_without_links(const char *_Nonnull path, int flags);
/// Opens a path below `directory`; -EXDEV where a `..`, a symbolic link or a path that is absolute leads out of it. Corresponds
/// to openat2(2) with RESOLVE_BENEATH. The descriptor, close-on-exec, or -errno.
int cl_open_beneath(int directory, const char *_Nonnull path, int flags);
/// statx(2) of `name` below `directory` without following a symlink, or of `directory` itself when `name` is NULL. Asks
/// for the basic fields, the birth time and the mount id.
int cl_statx(int directory, const char *_Nullable name, struct cl_statx *_Nonnull out);
/// openat(2), O_CLOEXEC added.
int cl_openat(int directory, const char *_Nonnull name, int flags, unsigned mode);
ssize_t cl_read(int fd, void *_Nonnull buffer, size_t length);
ssize_t cl_write(int fd, const void *_Nonnull buffer, size_t length);
ssize_t cl_preadv(int fd, const struct iovec *_Nonnull parts, int count, int64_t offset);
ssize_t cl_pwritev(int fd, const struct iovec *_Nonnull parts, int count, int64_t offset);

extern const int CL_O_PATH;
extern const int CL_O_DIRECT;
extern const int CL_O_NOATIME;
extern const int CL_O_TMPFILE;
extern const int CL_AT_EMPTY_PATH;
extern const int CL_AT_FDCWD;

#endif
