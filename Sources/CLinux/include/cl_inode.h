// What a file server asks of inodes: by (directory, one name) or by a descriptor that holds them, never by a longer path.
// Each returns -errno on failure.
#ifndef CLINUX_INODE_H
#define CLINUX_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// What statfs(2) tells.
struct cl_statfs {
    uint64_t type;
    uint64_t blocks;
    uint64_t blocks_free;
    uint64_t blocks_available;
    uint64_t files;
    uint64_t files_free;
    uint32_t block_size;
    uint32_t fragment_size;
    uint32_t name_length;
};

/// A time for cl_set_times; nanoseconds may be CL_UTIME_NOW or CL_UTIME_OMIT.
struct cl_time {
    int64_t seconds;
    int64_t nanoseconds;
};

extern const int64_t CL_UTIME_NOW;
extern const int64_t CL_UTIME_OMIT;

// By directory and name.
int cl_mkdirat(int directory, const char *_Nonnull name, uint32_t mode);
/// mknodat(2) with the device as FUSE sends it (new_encode_dev).
int cl_mknodat(int directory, const char *_Nonnull name, uint32_t mode, uint32_t device);
int cl_symlinkat(const char *_Nonnull target, int directory, const char *_Nonnull name);
int cl_unlinkat(int directory, const char *_Nonnull name, bool is_directory);
int cl_renameat2(
    int from, const char *_Nonnull old_name, int to, const char *_Nonnull new_name, uint32_t flags);

// By a descriptor that holds the inode, O_PATH allowed. `process_fds` is a descriptor of /proc/self/fd.
/// Opens the held inode anew, O_CLOEXEC added. Symbolic links are not followed: the inode itself is opened.
int cl_reopen(int process_fds, int fd, int flags);
/// Holds the inode of an open file, O_PATH and O_CLOEXEC.
int cl_hold(int process_fds, int fd);
/// Gives the held inode another name.
int cl_link_held(int process_fds, int fd, int directory, const char *_Nonnull name);
ssize_t cl_readlink_held(int fd, char *_Nonnull buffer, size_t size);
int cl_chmod_held(int process_fds, int fd, uint32_t mode);
/// An id of 2^32-1 leaves what is there.
int cl_chown_held(int fd, uint32_t uid, uint32_t gid);
int cl_set_times(int fd, struct cl_time access, struct cl_time modification);
int cl_fstatfs(int fd, struct cl_statfs *_Nonnull out);

// By an open file.
int cl_ftruncate(int fd, int64_t size);
int cl_fsync(int fd, bool data_only);
int cl_syncfs(int fd);
int cl_fallocate(int fd, uint32_t mode, int64_t offset, int64_t length);
int64_t cl_lseek(int fd, int64_t offset, int whence);
ssize_t cl_copy_file_range(int source, int64_t source_offset, int target, int64_t target_offset, size_t length);
/// pwritev2(2) with RWF_APPEND: at the end of the file, whatever is written to it meanwhile.
ssize_t cl_appendv(int fd, const struct iovec *_Nonnull parts, int count);

/// Nanoseconds of CLOCK_REALTIME_COARSE, the clock of file timestamps.
int64_t cl_file_clock(void);
/// The soft limit of open files.
uint64_t cl_file_limit(void);

#endif
