// Extended attributes of an open file: fgetxattr(2) and its family.
#ifndef CLINUX_XATTR_H
#define CLINUX_XATTR_H

#include <stddef.h>
#include <sys/types.h>

ssize_t cl_fgetxattr(int fd, const char *_Nonnull name, void *_Nullable value, size_t size);
ssize_t cl_flistxattr(int fd, char *_Nullable list, size_t size);

#endif
