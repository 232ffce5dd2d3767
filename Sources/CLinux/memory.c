#define _GNU_SOURCE
#include "cl_memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int cl_map_shared(int fd, uint64_t offset, size_t length, void **address)
{
    void *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    if (p == MAP_FAILED)
        return -errno;
    *address = p;
    return 0;
}

int cl_unmap(void *address, size_t length) { return munmap(address, length) < 0 ? -errno : 0; }

int cl_memfd(const char *name, uint64_t size)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}
