#define _GNU_SOURCE
#include "cl_xattr.h"

#include <errno.h>
#include <sys/xattr.h>

ssize_t cl_fgetxattr(int fd, const char *name, void *value, size_t size)
{
    ssize_t n = fgetxattr(fd, name, value, size);
    return n < 0 ? -errno : n;
}

ssize_t cl_flistxattr(int fd, char *list, size_t size)
{
    ssize_t n = flistxattr(fd, list, size);
    return n < 0 ? -errno : n;
}
