// Sees every system call that chosen threads of this process make, and lets it pass: seccomp's user notification.
#ifndef COBSERVER_H
#define COBSERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

/// A call that is allowed to threads under a list: its number, and at most one argument's bits; `mask` is 0 where there is no
/// condition.
struct co_rule {
    unsigned list;
    long number;
    unsigned argument;
    uint64_t mask, value;
};

/// Starts the thread that is asked; once in a process. 0, or an errno.
int co_begin(const struct co_rule *_Nonnull rules, unsigned count);
/// Has every further call of the calling thread seen, as one under this list. Needs no_new_privs. 0, or an errno.
int co_observe_this_thread(unsigned list);
/// How often a rule's call was made by an observed thread.
uint64_t co_uses(unsigned rule);
/// The numbers of up to `limit` different calls that no rule of the thread's list has; how many there are.
unsigned co_strangers(long *_Nonnull numbers, unsigned limit);
/// Makes any system call on the calling thread.
long co_call(long number, long a, long b, long c, long d, long e, long f);

#endif
