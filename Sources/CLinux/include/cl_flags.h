// What lsattr(1) and chattr(1) show and change of an open file: ioctl_iflags(2), and the same with more to it, as XFS began
// it. Each returns 0, or -errno.
#ifndef CLINUX_FLAGS_H
#define CLINUX_FLAGS_H

#include <stdint.h>

/// struct fsxattr of <linux/fs.h>.
struct cl_fsxattr {
    uint32_t xflags;
    uint32_t extent_size;
    uint32_t extent_count;
    uint32_t project;
    uint32_t cow_extent_size;
    uint32_t padding[2];
};

/// FS_IOC_GETFLAGS and FS_IOC_SETFLAGS.
int cl_get_flags(int fd, uint32_t *_Nonnull flags);
int cl_set_flags(int fd, uint32_t flags);
/// FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR.
int cl_get_fsxattr(int fd, struct cl_fsxattr *_Nonnull attributes);
int cl_set_fsxattr(int fd, const struct cl_fsxattr *_Nonnull attributes);

extern const uint32_t CL_FS_IOC_GETFLAGS;
extern const uint32_t CL_FS_IOC_SETFLAGS;
extern const uint32_t CL_FS_IOC_FSGETXATTR;
extern const uint32_t CL_FS_IOC_FSSETXATTR;

#endif
