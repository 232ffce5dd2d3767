// File descriptors as such: eventfd, pipes, flags, polling, limits. Corresponds to eventfd(2), pipe2(2), fcntl(2), poll(2).
#ifndef CLINUX_DESCRIPTOR_H
#define CLINUX_DESCRIPTOR_H

#include <stdint.h>
#include <stdbool.h>
#include <poll.h>

int cl_close(int fd);
int cl_eventfd(unsigned initial, bool nonblocking);
/// Blocks until the counter of an eventfd is not zero and resets it; 0, or -errno.
int cl_eventfd_wait(int fd);
/// Resets the counter of an eventfd, whoever has made it blocking, and never waits; 0, or -errno.
int cl_eventfd_drain(int fd);
/// 0 for an eventfd or another file without a type, -EINVAL for what else there is, or -errno.
int cl_require_eventfd(int fd);
/// Adds one to an eventfd's counter; 0, or -errno. Waits where the counter is full and somebody has made it blocking.
int cl_eventfd_signal(int fd);
/// Both ends are close-on-exec.
int cl_pipe(int *_Nonnull read_end, int *_Nonnull write_end);
int cl_duplicate(int fd);
/// Has `fd`, which is open, stand for the open file of `other`: dup3(2).
int cl_replace(int fd, int other);
int cl_set_nonblocking(int fd, bool on);
int cl_poll(struct pollfd *_Nonnull fds, unsigned count, int timeout_ms);
/// Raises the limit of open files as far as this process may, for root past the hard limit, and returns it, or -errno.
long cl_raise_file_limit(void);
/// Makes room for so many descriptors in the kernel's table of this process, as far as the limit allows. When the table
/// grows in a process with threads, whoever opens the file waits for every CPU to have noticed: some 10 ms.
void cl_reserve_descriptors(int count);
/// The name of an errno value ("ENOENT"), or NULL for one that has none.
const char *_Nullable cl_errno_name(int error);

#endif
