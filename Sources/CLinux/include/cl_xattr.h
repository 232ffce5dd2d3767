// Extended attributes of an open file, fgetxattr(2) and its family, and of an inode held by an O_PATH descriptor, which
// those refuse: through its name in /proc/self/fd, which is no path that anybody else could have laid.
#ifndef CLINUX_XATTR_H
#define CLINUX_XATTR_H

#include <stddef.h>
#include <sys/types.h>

ssize_t cl_fgetxattr(int fd, const char *_Nonnull name, void *_Nullable value, size_t size);
ssize_t cl_flistxattr(int fd, char *_Nullable list, size_t size);

/// The longest value and the longest list of names that Linux has, in bytes.
#define CL_XATTR_VALUE_MAX 65536

ssize_t cl_getxattr_held(int fd, const char *_Nonnull name, void *_Nullable value, size_t size);
/// Of `name` below `directory`, a link itself.
ssize_t cl_getxattr_at(
    int directory, const char *_Nonnull name, const char *_Nonnull attribute, void *_Nullable value, size_t size);
ssize_t cl_listxattr_held(int fd, char *_Nullable list, size_t size);
int cl_setxattr_held(int fd, const char *_Nonnull name, const void *_Nullable value, size_t size, int flags);
int cl_removexattr_held(int fd, const char *_Nonnull name);

#endif
