// Processes: signals as a descriptor, children from fork to the status they leave.
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/// Prepares PID 1: its signals come by the descriptor returned, ctrl-alt-del is one of them, limits are a server's.
int agent_become_init(void);

/// The next signal's number; 0 when there is none.
int agent_next_signal(int descriptor);

/// How far a child came that could not run its command.
enum agent_stage {
    AGENT_STAGE_PREPARE = 0,
    AGENT_STAGE_DIRECTORY = 1,
    AGENT_STAGE_EXECUTE = 2,
};

/// What a child writes to its report descriptor where it cannot run its command.
struct agent_report {
    int32_t stage;
    int32_t error;
};

/// A command to run. The lists end with a null pointer.
struct agent_command {
    /// Files to execute, the first that is there.
    char *const *candidates;
    char *const *arguments;
    char *const *environment;
    /// Where it starts, and whether it may start in `/` where that is not to be had.
    const char *directory;
    int directory_is_optional;
    /// Its three standard streams.
    int input, output, error_output;
    /// Set where `input` is a terminal, to be the controlling one.
    int has_terminal;
    /// Where an `agent_report` goes; closed by the exec that works.
    int report;
};

/// Starts a command in a session of its own; its pid.
pid_t agent_spawn(const struct agent_command *command);

/// fork(2), with the child's signals as they were before `agent_become_init`, and none of the agent's files but the console.
pid_t agent_fork(void);

/// A child that has ended.
struct agent_exit {
    /// 0 when there is none yet, -1 when there are no children at all.
    pid_t process;
    int was_signalled;
    int value;
};

/// Takes one ended child, without waiting.
struct agent_exit agent_reap(void);

#endif
