#define _GNU_SOURCE
#include "cl_directory.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t cl_getdents(int fd, void *buffer, size_t length)
{
    long n = syscall(SYS_getdents64, fd, buffer, length);
    return n < 0 ? -errno : n;
}
