#define _GNU_SOURCE
#include "cl_xattr.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
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

#define HELD_PATH_SIZE sizeof "/proc/self/fd/2147483647"

static const char *held_path(char *path, int fd)
{
    snprintf(path, HELD_PATH_SIZE, "/proc/self/fd/%d", fd);
    return path;
}

ssize_t cl_getxattr_held(int fd, const char *name, void *value, size_t size)
{
    char path[HELD_PATH_SIZE];
    ssize_t n = getxattr(held_path(path, fd), name, value, size);
    return n < 0 ? -errno : n;
}

ssize_t cl_getxattr_at(int directory, const char *name, const char *attribute, void *value, size_t size)
{
    char path[HELD_PATH_SIZE + 1 + NAME_MAX];
    if (snprintf(path, sizeof path, "/proc/self/fd/%d/%s", directory, name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    ssize_t n = lgetxattr(path, attribute, value, size);
    return n < 0 ? -errno : n;
}

ssize_t cl_listxattr_held(int fd, char *list, size_t size)
{
    char path[HELD_PATH_SIZE];
    ssize_t n = listxattr(held_path(path, fd), list, size);
    return n < 0 ? -errno : n;
}

int cl_setxattr_held(int fd, const char *name, const void *value, size_t size, int flags)
{
    char path[HELD_PATH_SIZE];
    return setxattr(held_path(path, fd), name, value, size, flags) < 0 ? -errno : 0;
}

int cl_removexattr_held(int fd, const char *name)
{
    char path[HELD_PATH_SIZE];
    return removexattr(held_path(path, fd), name) < 0 ? -errno : 0;
}
