// Locks that belong to an open file and not to a process: fcntl(2) F_OFD_*, flock(2). Each call returns at once, and -errno
// on failure, -EAGAIN when somebody else's lock is in the way.
#ifndef CLINUX_LOCK_H
#define CLINUX_LOCK_H

#include <stdint.h>

/// Sets or takes away a lock on `length` bytes from `start`, to the end of any file if 0. `type` is F_RDLCK, F_WRLCK or
/// F_UNLCK.
int cl_lock_range(int fd, int type, int64_t start, int64_t length);
/// Finds a lock that would be in the way of one like that, and replaces the arguments by what it is like; `type` is
/// F_UNLCK when there is none.
int cl_find_lock(int fd, int *_Nonnull type, int64_t *_Nonnull start, int64_t *_Nonnull length);
/// flock(2) with LOCK_NB, of F_RDLCK, F_WRLCK or F_UNLCK.
int cl_lock_file(int fd, int type);

#endif
