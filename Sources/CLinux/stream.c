#define _GNU_SOURCE
#include "cl_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

// What a blocking write to a peer takes at once when poll(2) has said that there is room (PIPE_BUF, pipe(7)).
enum { small_write = 4096 };

int cl_stream_kind(int fd)
{
    struct stat s;
    if (fstat(fd, &s) < 0)
        return -errno;
    if (isatty(fd))
        return CL_STREAM_TERMINAL;
    if (S_ISREG(s.st_mode) || S_ISBLK(s.st_mode))
        return CL_STREAM_FILE;
    if (S_ISSOCK(s.st_mode))
        return CL_STREAM_SOCKET;
    // The memory devices: null, zero, full, random.
    if (S_ISCHR(s.st_mode) && major(s.st_rdev) == 1)
        return CL_STREAM_FILE;
    return CL_STREAM_PIPE;
}

int cl_reopen_terminal(int fd)
{
    struct stat before, after;
    if (fstat(fd, &before) < 0)
        return -errno;
    if (before.st_rdev == makedev(5, 2))
        return -ENXIO;
    int mode = fcntl(fd, F_GETFL);
    if (mode < 0)
        return -errno;
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, (mode & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (again < 0)
        return -errno;
    if (fstat(again, &after) < 0 || after.st_rdev != before.st_rdev) {
        close(again);
        return -ENXIO;
    }
    return again;
}

// Only for descriptors whose open file cannot be told not to wait: 1 when it is ready for `events`, else 0.
static int ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, 0) > 0;
}

static bool cannot_promise(ssize_t result) { return result < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL); }

ssize_t cl_read_available(int fd, int kind, void *buffer, size_t length)
{
    ssize_t n;
    do {
        if (kind == CL_STREAM_SOCKET) {
            n = recv(fd, buffer, length, MSG_DONTWAIT);
        } else if (kind == CL_STREAM_PIPE) {
            struct iovec part = {.iov_base = buffer, .iov_len = length};
            n = preadv2(fd, &part, 1, -1, RWF_NOWAIT);
            if (cannot_promise(n))
                n = ready(fd, POLLIN) ? read(fd, buffer, length) : (errno = EAGAIN, -1);
        } else if (kind == CL_STREAM_TERMINAL) {
            n = ready(fd, POLLIN) ? read(fd, buffer, length) : (errno = EAGAIN, -1);
        } else {
            n = read(fd, buffer, length);
        }
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t cl_write_available(int fd, int kind, const void *buffer, size_t length)
{
    const size_t small = length < small_write ? length : small_write;
    ssize_t n;
    do {
        if (kind == CL_STREAM_SOCKET) {
            n = send(fd, buffer, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else if (kind == CL_STREAM_PIPE) {
            struct iovec part = {.iov_base = (void *)buffer, .iov_len = length};
            n = pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
            if (cannot_promise(n))
                n = ready(fd, POLLOUT) ? write(fd, buffer, small) : (errno = EAGAIN, -1);
        } else if (kind == CL_STREAM_TERMINAL) {
            n = ready(fd, POLLOUT) ? write(fd, buffer, small) : (errno = EAGAIN, -1);
        } else {
            n = write(fd, buffer, length);
        }
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int cl_shutdown_writing(int fd) { return shutdown(fd, SHUT_WR) < 0 ? -errno : 0; }

void cl_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

char *const *cl_environment(void) { return environ; }
