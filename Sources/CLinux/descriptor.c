#define _GNU_SOURCE
#include "cl_descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int cl_close(int fd) { return close(fd) < 0 ? -errno : 0; }

int cl_eventfd(unsigned initial, bool nonblocking)
{
    int fd = eventfd(initial, EFD_CLOEXEC | (nonblocking ? EFD_NONBLOCK : 0));
    return fd < 0 ? -errno : fd;
}

int cl_eventfd_wait(int fd)
{
    uint64_t value;
    for (;;) {
        ssize_t n = read(fd, &value, sizeof value);
        if (n == sizeof value)
            return 0;
        if (n >= 0)
            return -EIO;
        if (errno != EINTR)
            return -errno;
    }
}

int cl_eventfd_drain(int fd)
{
    uint64_t value;
    const struct iovec part = {.iov_base = &value, .iov_len = sizeof value};
    // Not by O_NONBLOCK, which whoever has the same open file can take away.
    ssize_t n = preadv2(fd, &part, 1, -1, RWF_NOWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return n == sizeof value ? 0 : -EIO;
}

int cl_require_eventfd(int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    return (status.st_mode & S_IFMT) == 0 ? 0 : -EINVAL;
}

int cl_eventfd_signal(int fd)
{
    const uint64_t one = 1;
    for (;;) {
        ssize_t n = write(fd, &one, sizeof one);
        if (n == sizeof one)
            return 0;
        if (n >= 0)
            return -EIO;
        // A full counter is a pending wake-up: nothing is lost.
        if (errno == EAGAIN)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

int cl_pipe(int *read_end, int *write_end)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    *read_end = fds[0];
    *write_end = fds[1];
    return 0;
}

int cl_duplicate(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}

int cl_replace(int fd, int other) { return dup3(other, fd, O_CLOEXEC) < 0 ? -errno : 0; }

int cl_set_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int cl_poll(struct pollfd *fds, unsigned count, int timeout_ms)
{
    int n = poll(fds, count, timeout_ms);
    return n < 0 ? -errno : n;
}

// The most that fs.nr_open lets any process have; the kernel's default where it cannot be read.
static rlim_t open_file_ceiling(void)
{
    char text[32];
    int fd = open("/proc/sys/fs/nr_open", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 1024 * 1024;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return 1024 * 1024;
    text[length] = 0;
    return strtoul(text, NULL, 10);
}

long cl_raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    struct rlimit wanted = {.rlim_cur = open_file_ceiling(), .rlim_max = open_file_ceiling()};
    // Only root gets past the hard limit.
    if (wanted.rlim_max > limit.rlim_max && setrlimit(RLIMIT_NOFILE, &wanted) == 0)
        return (long)wanted.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    return (long)limit.rlim_cur;
}

void cl_reserve_descriptors(int count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)count > limit.rlim_cur)
        count = (int)limit.rlim_cur;
    // The table never shrinks. An eventfd, to have something that surely is open.
    int any = eventfd(0, EFD_CLOEXEC);
    int highest = any < 0 ? -1 : fcntl(any, F_DUPFD_CLOEXEC, count - 1);
    if (highest >= 0)
        close(highest);
    if (any >= 0)
        close(any);
}

const char *cl_errno_name(int error) { return strerrorname_np(error); }
