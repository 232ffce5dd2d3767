#define _GNU_SOURCE
#include "cl_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

int cl_lock_range(int fd, int type, int64_t start, int64_t length)
{
    struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    int result;
    do
        result = fcntl(fd, F_OFD_SETLK, &lock);
    while (result < 0 && errno == EINTR);
    if (result >= 0)
        return 0;
    return errno == EACCES ? -EAGAIN : -errno;
}

int cl_find_lock(int fd, int *type, int64_t *start, int64_t *length)
{
    struct flock lock = {.l_type = (short)*type, .l_whence = SEEK_SET, .l_start = *start, .l_len = *length};
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return -errno;
    *type = lock.l_type;
    *start = lock.l_start;
    *length = lock.l_len;
    return 0;
}

int cl_lock_file(int fd, int type)
{
    int operation = type == F_RDLCK ? LOCK_SH : type == F_WRLCK ? LOCK_EX : LOCK_UN;
    int result;
    do
        result = flock(fd, operation | LOCK_NB);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}
