#include "CAgent.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int agent_become_init(void) {
    umask(022);
    // The kernel leaves 4096 descriptors to PID 1's children, too few for builds; the soft limit stays as it is, for
    // programs that use select(2).
    struct rlimit files = {.rlim_cur = 1024, .rlim_max = 524288};
    prlimit(0, RLIMIT_NOFILE, &files, NULL);
    // From here on the keyboard's ctrl-alt-del is SIGINT.
    reboot(RB_DISABLE_CAD);
    signal(SIGPIPE, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    if (sigprocmask(SIG_BLOCK, &all, NULL) < 0) return -errno;
    int descriptor = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int agent_next_signal(int descriptor) {
    struct signalfd_siginfo information;
    ssize_t count = read(descriptor, &information, sizeof information);
    return count == (ssize_t)sizeof information ? (int)information.ssi_signo : 0;
}

/// Gives a fresh child the signals that a program expects: none blocked, none ignored.
static void reset_signals(void) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void give_up(int report, enum agent_stage stage) {
    struct agent_report content = {.stage = stage, .error = errno};
    // A report that cannot be written has no other way: the exit status says the rest.
    ssize_t count = write(report, &content, sizeof content);
    _exit(count == (ssize_t)sizeof content ? 127 : 126);
}

/// Executes the first candidate that is there. One that is there and may not be run is the better reason to give.
static void execute(const struct agent_command *command) {
    int reason = ENOENT;
    for (char *const *candidate = command->candidates; *candidate != NULL; candidate++) {
        execve(*candidate, command->arguments, command->environment);
        if (errno == ENOENT || errno == ENOTDIR) continue;
        reason = errno;
        if (errno != EACCES) break;
    }
    errno = reason;
}

/// Closes what a child has of other commands' pipes. Should it hang before its exec, as on a share whose host does not
/// answer, they must still come to their ends.
static void close_from(int first) {
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    for (int descriptor = first; descriptor < 1024; descriptor++) close(descriptor);
}

static void run_child(const struct agent_command *command) {
    setsid();
    reset_signals();
    if (command->has_terminal && ioctl(command->input, TIOCSCTTY, 0) < 0) give_up(command->report, AGENT_STAGE_PREPARE);
    if (dup2(command->input, 0) < 0 || dup2(command->output, 1) < 0 || dup2(command->error_output, 2) < 0)
        give_up(command->report, AGENT_STAGE_PREPARE);
    int report = command->report;
    if (report != 3 && dup3(report, 3, O_CLOEXEC) == 3) report = 3;
    if (report == 3) close_from(4);
    if (chdir(command->directory) < 0 && !(command->directory_is_optional && chdir("/") == 0))
        give_up(report, AGENT_STAGE_DIRECTORY);
    execute(command);
    give_up(report, AGENT_STAGE_EXECUTE);
}

pid_t agent_spawn(const struct agent_command *command) {
    // Not vfork: a program on a share is loaded by the launcher, and PID 1 must not wait for that.
    pid_t process = fork();
    if (process == 0) run_child(command);
    return process < 0 ? -errno : process;
}

pid_t agent_fork(void) {
    pid_t process = fork();
    if (process == 0) {
        reset_signals();
        close_from(3);
    }
    return process < 0 ? -errno : process;
}

struct agent_exit agent_reap(void) {
    int status = 0;
    struct agent_exit result = {.process = waitpid(-1, &status, WNOHANG)};
    if (result.process <= 0) return result;
    result.was_signalled = WIFSIGNALED(status);
    result.value = result.was_signalled ? WTERMSIG(status) : WEXITSTATUS(status);
    return result;
}
