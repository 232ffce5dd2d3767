// System calls as the kernel has them, for a program that checks what the kernel answers: no libc in between that retries,
// emulates, or does to all threads what was asked for one. And the numbers of the kernel's interface that Swift's own module
// of libc lacks, because that is built without _GNU_SOURCE.
#ifndef CSYSTEMCALL_H
#define CSYSTEMCALL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>

/// syscall(2), but -errno on failure.
long csc_call(long number, long a, long b, long c, long d, long e, long f);

/// fork(2) of a process with one thread: the child's id, 0 in the child, or -errno.
long csc_fork(void);

/// The name of an errno value ("ENOENT"), or NULL for one that has none.
const char *_Nullable csc_errno_name(int error);

// Of the kernel's headers, which cannot be included beside libc's.
enum csc_fallocate {
    CSC_KEEP_SIZE = 0x01,
    CSC_PUNCH_HOLE = 0x02,
    CSC_COLLAPSE_RANGE = 0x08,
    CSC_ZERO_RANGE = 0x10,
    CSC_INSERT_RANGE = 0x20,
    CSC_UNSHARE_RANGE = 0x40,
};
enum csc_rename { CSC_NOREPLACE = 1, CSC_EXCHANGE = 2, CSC_WHITEOUT = 4 };
enum csc_seek { CSC_SEEK_SET = 0, CSC_SEEK_CUR = 1, CSC_SEEK_END = 2, CSC_SEEK_DATA = 3, CSC_SEEK_HOLE = 4 };
// What the importer cannot evaluate.
enum csc_open { CSC_O_TMPFILE = O_TMPFILE };
enum csc_time { CSC_UTIME_NOW = UTIME_NOW, CSC_UTIME_OMIT = UTIME_OMIT };

#endif
