// Byte streams that other processes share with us: reading and writing without ever blocking, and without O_NONBLOCK, which
// would reach everybody who holds the same open file (the shell that lent us its terminal, say).
#ifndef CLINUX_STREAM_H
#define CLINUX_STREAM_H

#include <stddef.h>
#include <sys/types.h>

enum cl_stream_kind {
    CL_STREAM_FILE,     /* regular files, block devices, /dev/null: always ready, never waits for a peer */
    CL_STREAM_TERMINAL, /* a terminal */
    CL_STREAM_SOCKET,   /* a socket */
    CL_STREAM_PIPE,     /* pipes, FIFOs and everything else that has a peer */
};

/// What `fd` is, or -errno.
int cl_stream_kind(int fd);
/// Another open file description of the terminal `fd`, non-blocking, or -errno (-ENXIO for the controlling side of a
/// pseudoterminal, which opens as a new pair).
int cl_reopen_terminal(int fd);
/// Reads what is there: bytes, 0 at the end, -EAGAIN when there is nothing, or -errno.
ssize_t cl_read_available(int fd, int kind, void *_Nonnull buffer, size_t length);
/// Writes what there is room for: bytes, -EAGAIN when there is none, or -errno. Raises SIGPIPE for a pipe without reader,
/// never for a socket.
ssize_t cl_write_available(int fd, int kind, const void *_Nonnull buffer, size_t length);
/// Ends the writing direction of a socket: shutdown(2), SHUT_WR.
int cl_shutdown_writing(int fd);
/// Ignores SIGPIPE in this process.
void cl_ignore_broken_pipes(void);
/// The environment of this process: environ(7).
char *_Nullable const *_Nonnull cl_environment(void);

#endif
