// Shared memory: mmap(2), memfd_create(2).
#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// Maps `length` bytes of `fd` from `offset`, shared, readable and writable. 0 and the address in `*address`, or -errno.
int cl_map_shared(int fd, uint64_t offset, size_t length, void *_Nullable *_Nonnull address);
int cl_unmap(void *_Nonnull address, size_t length);
/// An anonymous memory file of `size` bytes, close-on-exec.
int cl_memfd(const char *_Nonnull name, uint64_t size);

#endif
