#define _GNU_SOURCE
#include "cl_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// In the child of vfork: it shares the parent's memory, so it touches nothing but its own arguments and makes only system
// calls. Every `source` is first moved above all targets, so that no dup2 overwrites one that is still to come.
static int prepare_child(
    pid_t parent, const struct cl_fd_mapping *map, unsigned map_count, unsigned flags, int *moved)
{
    struct sigaction plain;
    memset(&plain, 0, sizeof plain);
    plain.sa_handler = SIG_DFL;
    for (int s = 1; s < _NSIG; s++)
        sigaction(s, &plain, NULL);
    if (!(flags & CL_SPAWN_OUTLIVES)) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
            return errno;
        if (getppid() != parent)
            return ESRCH;
    }
    if (flags & CL_SPAWN_NEW_SESSION && setsid() < 0)
        return errno;
    int floor = 3;
    for (unsigned i = 0; i < map_count; i++)
        if (map[i].target >= floor)
            floor = map[i].target + 1;
    for (unsigned i = 0; i < map_count; i++) {
        moved[i] = fcntl(map[i].source, F_DUPFD_CLOEXEC, floor);
        if (moved[i] < 0)
            return errno;
    }
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return errno;
    for (unsigned i = 0; i < map_count; i++)
        if (dup2(moved[i], map[i].target) < 0)
            return errno;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return 0;
}

pid_t cl_spawn(
    const char *path, char *const *arguments, char *const *environment, const struct cl_fd_mapping *map,
    unsigned map_count, unsigned flags)
{
    enum { max_map = 64 };
    int moved[max_map];
    if (map_count > max_map)
        return -E2BIG;

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t parent = getpid();
    volatile int failure = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        failure = prepare_child(parent, map, map_count, flags, moved);
        if (failure == 0) {
            execve(path, arguments, environment);
            failure = errno;
        }
        _exit(127);
    }
    int fork_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return -fork_error;
    if (failure) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return -failure;
    }
    return pid;
}

bool cl_is_ignored(int signal)
{
    struct sigaction action;
    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int cl_unblock_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    return -pthread_sigmask(SIG_SETMASK, &none, NULL);
}

int cl_kill(pid_t pid, int signal) { return kill(pid, signal) < 0 ? -errno : 0; }

int cl_wait(pid_t pid, int *status, bool block)
{
    pid_t waited;
    do
        waited = waitpid(pid, status, block ? 0 : WNOHANG);
    while (waited < 0 && errno == EINTR);
    if (waited < 0)
        return -errno;
    return waited == 0 ? -EAGAIN : 0;
}

int cl_exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
int cl_term_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : -1; }
