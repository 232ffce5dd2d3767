#define _GNU_SOURCE
#include "cl_guest.h"

#include "cl_fault.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int cl_map_guest_region(int fd, uint64_t offset, uint64_t size, void **base, size_t *length, void **address)
{
    uint64_t end;
    if (__builtin_add_overflow(offset, size, &end) || end > INT64_MAX)
        return -EOVERFLOW;
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (S_ISREG(status.st_mode) && (uint64_t)status.st_size < end)
        return -ENXIO;

    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct statfs file_system;
    if (fstatfs(fd, &file_system) == 0 && file_system.f_type == HUGETLBFS_MAGIC && file_system.f_bsize > 0)
        page = (uint64_t)file_system.f_bsize;

    uint64_t start = offset - offset % page;
    uint64_t bytes = end - start;
    if (bytes == 0 || bytes > INT64_MAX - page)
        return -EOVERFLOW;
    bytes = (bytes + page - 1) / page * page;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, (off_t)start);
    if (p == MAP_FAILED)
        return -errno;
    const int error = cl_guard_region(p, bytes, page);
    if (error < 0) {
        munmap(p, bytes);
        return error;
    }
    madvise(p, bytes, MADV_DONTDUMP);
    *base = p;
    *length = bytes;
    *address = (char *)p + (offset - start);
    return 0;
}

int cl_unmap_guest_region(void *base, size_t length)
{
    cl_unguard_region(base);
    return munmap(base, length) < 0 ? -errno : 0;
}

int cl_epoll_create(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cl_epoll_add(int epoll, int fd, bool edge)
{
    struct epoll_event event = {.events = EPOLLIN | (edge ? EPOLLET : 0), .data = {.fd = fd}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int cl_epoll_remove(int epoll, int fd)
{
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

int cl_epoll_wait(int epoll, int timeout_ms)
{
    struct epoll_event events[2];
    for (;;) {
        int n = epoll_wait(epoll, events, 2, timeout_ms);
        if (n >= 0)
            return n;
        if (errno != EINTR)
            return -errno;
    }
}
