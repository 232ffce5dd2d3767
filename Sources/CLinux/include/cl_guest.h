// What serving a guest's rings takes: mapping its memory, waiting for its kicks. Corresponds to mmap(2), epoll(7).
#ifndef CLINUX_GUEST_H
#define CLINUX_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Maps `size` bytes of `fd` from byte `offset`, shared, readable and writable, kept out of core dumps. The mapping starts
/// and ends on the page size of the file's own file system (hugetlbfs refuses any other): `*base` and `*length` are what
/// to unmap, `*address` is the byte at `offset`. 0, or -errno; -EOVERFLOW when offset and size do not fit an off_t, -ENXIO
/// when a file on disk or in memory is shorter than that, -ENOSPC when too many regions are mapped already.
///
/// A page that its owner takes away afterwards, by making the file shorter, costs nobody a SIGBUS: see cl_fault.h.
int cl_map_guest_region(
    int fd, uint64_t offset, uint64_t size, void *_Nullable *_Nonnull base, size_t *_Nonnull length,
    void *_Nullable *_Nonnull address);

/// Unmaps a region, by what ``cl_map_guest_region`` called its base and length. 0, or -errno.
int cl_unmap_guest_region(void *_Nonnull base, size_t length);

/// An epoll instance, close-on-exec, or -errno.
int cl_epoll_create(void);
/// Adds `fd` for reading; with `edge` one wake-up per write and the counter need not be read. 0, or -errno.
int cl_epoll_add(int epoll, int fd, bool edge);
int cl_epoll_remove(int epoll, int fd);
/// Waits for any of the descriptors; -1 waits without end. The number that are ready (0 after the time), or -errno. Goes
/// back to sleep after a signal.
int cl_epoll_wait(int epoll, int timeout_ms);

#endif
