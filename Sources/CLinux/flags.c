#define _GNU_SOURCE
#include "cl_flags.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

_Static_assert(sizeof(struct cl_fsxattr) == sizeof(struct fsxattr), "struct fsxattr");

const uint32_t CL_FS_IOC_GETFLAGS = FS_IOC_GETFLAGS;
const uint32_t CL_FS_IOC_SETFLAGS = FS_IOC_SETFLAGS;
const uint32_t CL_FS_IOC_FSGETXATTR = FS_IOC_FSGETXATTR;
const uint32_t CL_FS_IOC_FSSETXATTR = FS_IOC_FSSETXATTR;

static int status(int result) { return result < 0 ? -errno : 0; }

int cl_get_flags(int fd, uint32_t *flags)
{
    // The kernel writes an int, whatever the number says.
    int value = 0;
    int result = status(ioctl(fd, FS_IOC_GETFLAGS, &value));
    *flags = (uint32_t)value;
    return result;
}

int cl_set_flags(int fd, uint32_t flags)
{
    int value = (int)flags;
    return status(ioctl(fd, FS_IOC_SETFLAGS, &value));
}

int cl_get_fsxattr(int fd, struct cl_fsxattr *attributes)
{
    return status(ioctl(fd, FS_IOC_FSGETXATTR, attributes));
}

int cl_set_fsxattr(int fd, const struct cl_fsxattr *attributes)
{
    return status(ioctl(fd, FS_IOC_FSSETXATTR, attributes));
}
