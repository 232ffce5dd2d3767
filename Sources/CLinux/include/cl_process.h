// Child processes: vfork must not be called from Swift, and the wait macros do not import.
#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/// One line of a child's descriptor map: `source` of this process becomes `target` there.
struct cl_fd_mapping {
    int source;
    int target;
};

enum cl_spawn_flag {
    CL_SPAWN_NEW_SESSION = 1, /* it leads a session of its own, without a terminal */
    CL_SPAWN_OUTLIVES = 2,    /* it is not killed when its parent ends */
};

/// Starts `path` with `arguments` and `environment`, with exactly the descriptors of `map` (every other one is
/// close-on-exec there), default signal handlers and an empty signal mask. The child is sent SIGKILL when the thread that
/// called this ends (PR_SET_PDEATHSIG), unless it outlives that: call it from the main thread. Returns the pid, or -errno of
/// what failed, exec included.
pid_t cl_spawn(
    const char *_Nonnull path, char *_Nullable const *_Nonnull arguments, char *_Nullable const *_Nonnull environment,
    const struct cl_fd_mapping *_Nullable map, unsigned map_count, unsigned flags);

/// Whether the calling process ignores a signal, as one started by nohup(1) ignores SIGHUP.
bool cl_is_ignored(int signal);
/// Lets every signal through to the calling thread, whatever mask it was started with.
int cl_unblock_signals(void);
int cl_kill(pid_t pid, int signal);
/// Waits for a child. 0 and its raw status, or -errno.
int cl_wait(pid_t pid, int *_Nonnull status, bool block);
/// -1 when the status is not that of a child that exited.
int cl_exit_code(int status);
/// -1 when the status is not that of a child that a signal ended.
int cl_term_signal(int status);

#endif
