// Directory streams: getdents64(2), whose records end in a flexible array.
#ifndef CLINUX_DIRECTORY_H
#define CLINUX_DIRECTORY_H

#include <stddef.h>
#include <sys/types.h>

/// Fills `buffer` with struct linux_dirent64 records. Bytes filled, 0 at the end, or -errno.
ssize_t cl_getdents(int fd, void *_Nonnull buffer, size_t length);

#endif
