#define _GNU_SOURCE
#include "cl_inode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define NUMBER_SIZE sizeof "2147483647"

const int64_t CL_UTIME_NOW = UTIME_NOW;
const int64_t CL_UTIME_OMIT = UTIME_OMIT;

static int status(int result)
{
    return result < 0 ? -errno : result;
}

static const char *number(char *text, int fd)
{
    snprintf(text, NUMBER_SIZE, "%d", fd);
    return text;
}

int cl_mkdirat(int directory, const char *name, uint32_t mode)
{
    return status(mkdirat(directory, name, mode));
}

int cl_mknodat(int directory, const char *name, uint32_t mode, uint32_t device)
{
    unsigned major = (device & 0xfff00) >> 8;
    unsigned minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    return status(mknodat(directory, name, mode, makedev(major, minor)));
}

int cl_symlinkat(const char *target, int directory, const char *name)
{
    return status(symlinkat(target, directory, name));
}

int cl_unlinkat(int directory, const char *name, bool is_directory)
{
    return status(unlinkat(directory, name, is_directory ? AT_REMOVEDIR : 0));
}

int cl_renameat2(int from, const char *old_name, int to, const char *new_name, uint32_t flags)
{
    return status(renameat2(from, old_name, to, new_name, flags));
}

int cl_reopen(int process_fds, int fd, int flags)
{
    char name[NUMBER_SIZE];
    int opened;
    do
        opened = openat(process_fds, number(name, fd), flags | O_CLOEXEC);
    while (opened < 0 && errno == EINTR);
    return status(opened);
}

int cl_hold(int process_fds, int fd)
{
    // Not looked up in /proc, where every new number costs an inode: half the time of opening it there.
    long held = syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH | O_CLOEXEC);
    // A container's filter may refuse it as a call that can mount.
    return held < 0 ? cl_reopen(process_fds, fd, O_PATH) : (int)held;
}

int cl_link_held(int process_fds, int fd, int directory, const char *name)
{
    char source[NUMBER_SIZE];
    return status(linkat(process_fds, number(source, fd), directory, name, AT_SYMLINK_FOLLOW));
}

ssize_t cl_readlink_held(int fd, char *buffer, size_t size)
{
    ssize_t n = readlinkat(fd, "", buffer, size);
    return n < 0 ? -errno : n;
}

int cl_chmod_held(int process_fds, int fd, uint32_t mode)
{
    char name[NUMBER_SIZE];
    return status(fchmodat(process_fds, number(name, fd), mode, 0));
}

int cl_chown_held(int fd, uint32_t uid, uint32_t gid)
{
    return status(fchownat(fd, "", uid, gid, AT_EMPTY_PATH));
}

int cl_set_times(int fd, struct cl_time access, struct cl_time modification)
{
    struct timespec times[2] = {
        { .tv_sec = access.seconds, .tv_nsec = access.nanoseconds },
        { .tv_sec = modification.seconds, .tv_nsec = modification.nanoseconds },
    };
    return status(utimensat(fd, "", times, AT_EMPTY_PATH));
}

int cl_fstatfs(int fd, struct cl_statfs *out)
{
    struct statfs s;
    if (fstatfs(fd, &s) < 0)
        return -errno;
    out->type = (uint64_t)s.f_type;
    out->blocks = s.f_blocks;
    out->blocks_free = s.f_bfree;
    out->blocks_available = s.f_bavail;
    out->files = s.f_files;
    out->files_free = s.f_ffree;
    out->block_size = (uint32_t)s.f_bsize;
    out->fragment_size = (uint32_t)s.f_frsize;
    out->name_length = (uint32_t)s.f_namelen;
    return 0;
}

int cl_ftruncate(int fd, int64_t size)
{
    int result;
    do
        result = ftruncate(fd, size);
    while (result < 0 && errno == EINTR);
    return status(result);
}

int cl_fsync(int fd, bool data_only)
{
    int result;
    do
        result = data_only ? fdatasync(fd) : fsync(fd);
    while (result < 0 && errno == EINTR);
    return status(result);
}

int cl_syncfs(int fd)
{
    return status(syncfs(fd));
}

int cl_fallocate(int fd, uint32_t mode, int64_t offset, int64_t length)
{
    int result;
    do
        result = fallocate(fd, (int)mode, offset, length);
    while (result < 0 && errno == EINTR);
    return status(result);
}

int64_t cl_lseek(int fd, int64_t offset, int whence)
{
    int64_t found = lseek(fd, offset, whence);
    return found < 0 ? -errno : found;
}

ssize_t cl_copy_file_range(int source, int64_t source_offset, int target, int64_t target_offset, size_t length)
{
    loff_t from = source_offset, to = target_offset;
    ssize_t n;
    do
        n = copy_file_range(source, &from, target, &to, length, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t cl_appendv(int fd, const struct iovec *parts, int count)
{
    ssize_t n;
    do
        n = pwritev2(fd, parts, count, 0, RWF_APPEND);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int64_t cl_file_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec * 1000000000l + now.tv_nsec;
}

uint64_t cl_file_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 1024 : limit.rlim_cur;
}
