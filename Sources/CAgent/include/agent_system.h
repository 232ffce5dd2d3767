// Errno, time, files, modules and the network interface that every guest has.
#ifndef AGENT_SYSTEM_H
#define AGENT_SYSTEM_H

#include <stdint.h>

/// The calling thread's errno.
int agent_errno(void);

/// Opens a file, always with O_CLOEXEC.
int agent_open(const char *path, int flags);

/// Makes a pipe whose ends do not outlive an exec: the end to read from, then the end to write to.
int agent_pipe(int ends[2]);

/// Makes a descriptor's reads and writes return EAGAIN where they would wait.
int agent_make_nonblocking(int descriptor);

/// The number of bytes that wait to be read.
int agent_readable_bytes(int descriptor);

/// Loads a kernel module from an open file; flags as in finit_module(2).
int agent_load_module(int descriptor, int flags);

/// Sets the interface `lo` up.
int agent_bring_up_loopback(void);

/// Opens the kernel's events about devices, never to be waited for in a read. See netlink(7), NETLINK_KOBJECT_UEVENT.
int agent_open_device_events(void);

/// Asks the file system at a path itself whether it is there, and no cache; 0, or -errno.
int agent_probe_file_system(const char *path);

/// 1 where a path leads to a directory, 0 where it leads to something else, or -errno.
int agent_is_directory(const char *path);

/// Takes an empty directory or an empty regular file away; 0, or -1 for anything else.
int agent_remove_empty(const char *path);

/// Milliseconds on a clock that no one sets.
int64_t agent_milliseconds(void);
/// Sets the time of day to when a file was last read, asked of its file system now, and what has passed since it was asked; 0,
/// or -errno.
int agent_take_time(const char *_Nonnull path);

#endif
