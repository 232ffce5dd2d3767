// What a thread may reach, whatever its credentials allow (landlock(7)).
#ifndef CLINUX_LANDLOCK_H
#define CLINUX_LANDLOCK_H

/// The version of the kernel's Landlock, from 1 on; -errno where it has none (ENOSYS) or does not use it (EOPNOTSUPP).
int cl_landlock_version(void);
/// Takes from the calling thread, and all that it starts, what has nothing to do with files: TCP (from version 4), and
/// abstract unix sockets and signals of other threads (from version 6). Needs no_new_privs. 0; -EOPNOTSUPP where the
/// kernel can do none of that; or -errno.
int cl_landlock_beyond_files(void);

#endif
