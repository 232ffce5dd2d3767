#define _GNU_SOURCE
#include "cl_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int cl_socketpair(int *first, int *second)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    *first = fds[0];
    *second = fds[1];
    return 0;
}

static int unix_address(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);
    if (length == 0)
        return -EINVAL;
    if (length >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    return 0;
}

int cl_listen_unix(const char *path, int backlog)
{
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (error < 0)
        return error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    // The mode that bind(2) makes the file with, less the umask.
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, backlog) < 0) {
        error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

// Waits for room in the listener's queue for `timeout_ms` at most; for ever if it is 0.
static int connect_unix(const char *path, int timeout_ms)
{
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (error < 0)
        return error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    // connect(2) waits for room in the queue as long as a send may.
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    if ((timeout_ms > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

int cl_connect_unix(const char *path) { return connect_unix(path, 0); }

int cl_connect_unix_within(const char *path, int timeout_ms) { return connect_unix(path, timeout_ms < 1 ? 1 : timeout_ms); }

int cl_probe_unix(const char *path)
{
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (error < 0)
        return error;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    // A socket of another kind refuses a datagram one by its kind: the queue of connections is never looked at.
    error = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EPROTOTYPE ? -errno : 0;
    close(fd);
    return error;
}

int cl_accept(int fd)
{
    int connection;
    do
        connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    while (connection < 0 && errno == EINTR);
    return connection < 0 ? -errno : connection;
}

int cl_shutdown_socket(int fd) { return shutdown(fd, SHUT_RDWR) < 0 ? -errno : 0; }

int cl_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid)
{
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
        return -errno;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

ssize_t cl_receive(int fd, void *buffer, size_t length, int *fds, unsigned *fd_count)
{
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(CL_MAX_PASSED_FDS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = buffer, .iov_len = length};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t received;
    do
        received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);

    unsigned room = fds && fd_count ? *fd_count : 0, taken = 0, refused = 0, arrived = 0;
    int lost = 0;
    if (received >= 0) {
        lost = message.msg_flags & MSG_CTRUNC;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                continue;
            size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            arrived += count;
            for (size_t i = 0; i < count; i++) {
                int passed;
                memcpy(&passed, CMSG_DATA(c) + i * sizeof(int), sizeof passed);
                if (taken < room && !lost) {
                    fds[taken++] = passed;
                } else {
                    close(passed);
                    refused++;
                }
            }
        }
        if (lost)
            refused++;
    } else {
        received = -errno;
    }
    if (refused) {
        while (taken > 0)
            close(fds[--taken]);
        // There was room for more of them: it is this process that can have no more.
        received = lost && arrived < CL_MAX_PASSED_FDS ? -EMFILE : -EMSGSIZE;
    }
    if (fd_count)
        *fd_count = taken;
    return received;
}

ssize_t cl_send(int fd, const void *buffer, size_t length, const int *fds, unsigned fd_count)
{
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(CL_MAX_PASSED_FDS * sizeof(int))];
    } control;
    if (fd_count > CL_MAX_PASSED_FDS)
        return -EINVAL;
    struct iovec part = {.iov_base = (void *)buffer, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}
