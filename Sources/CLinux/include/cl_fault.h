// Memory that somebody else can take away: a page of a mapped file that was made shorter raises SIGBUS (mmap(2)) in whoever
// touches it, and there is no asking before.
#ifndef CLINUX_FAULT_H
#define CLINUX_FAULT_H

#include <stddef.h>
#include <stdint.h>

/// From now on a thread that touches a missing page from `base` on finds one of zeros there and goes on. `page` is the size
/// of the mapping's pages. The signal is the process's: the first call takes SIGBUS, and what is about other memory
/// aborts. 0; -ENOSPC when a thousand ranges are watched.
int cl_guard_region(void *_Nonnull base, size_t length, size_t page);
/// To be called before the range is unmapped.
void cl_unguard_region(void *_Nonnull base);
/// How many pages of the range that begins at `base` were missing.
uint64_t cl_region_faults(const void *_Nonnull base);
/// How many pages of any range were missing since the process began.
uint64_t cl_all_region_faults(void);

/// From now on a thread that aborts, traps or touches memory that is none ends the process by that signal, as the kernel does
/// it. Swift's runtime, where it finds its crash reporter, has begun the process with handlers that ask the kernel for what
/// the filter of a worker thread forbids: the crash would look like that. 0, or -errno.
int cl_leave_crashes_to_kernel(void);

#endif
