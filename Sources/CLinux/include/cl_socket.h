// Unix sockets and descriptor passing: the CMSG_* macros do not import, and sockaddr needs transparent unions.
#ifndef CLINUX_SOCKET_H
#define CLINUX_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CL_MAX_PASSED_FDS 32

/// A connected pair of stream sockets, close-on-exec.
int cl_socketpair(int *_Nonnull first, int *_Nonnull second);
/// A listening stream socket at `path`, of mode 0600 from the start; -ENAMETOOLONG past sun_path's 107 bytes.
int cl_listen_unix(const char *_Nonnull path, int backlog);
int cl_connect_unix(const char *_Nonnull path);
/// The same, but where the listener's queue is full it waits for `timeout_ms` at most: -EAGAIN then.
int cl_connect_unix_within(const char *_Nonnull path, int timeout_ms);
/// 0 where a process holds a unix socket at `path`, whatever its kind and however long its backlog; -ECONNREFUSED where the
/// one that did has gone, or another -errno. Neither blocks nor is seen by that process.
int cl_probe_unix(const char *_Nonnull path);
int cl_accept(int fd);
int cl_shutdown_socket(int fd);
/// Credentials of the peer of a unix socket (SO_PEERCRED); 0, or -errno.
int cl_peer_credentials(int fd, pid_t *_Nonnull pid, uid_t *_Nonnull uid, gid_t *_Nonnull gid);

/// Reads up to `length` bytes and the descriptors passed with the first of them (close-on-exec). Returns the bytes read, 0
/// at the end of the stream, or -errno. `*fd_count` gives the room in `fds` and takes the number received; any that do not
/// fit, or all of them when the kernel had to truncate, are closed and -EMSGSIZE is returned; -EMFILE where it had to because
/// this process may have no more.
ssize_t cl_receive(int fd, void *_Nonnull buffer, size_t length, int *_Nullable fds, unsigned *_Nullable fd_count);
/// Sends `length` bytes with `fd_count` descriptors attached to the first byte; never raises SIGPIPE. Bytes sent, or -errno.
ssize_t cl_send(int fd, const void *_Nonnull buffer, size_t length, const int *_Nullable fds, unsigned fd_count);

#endif
