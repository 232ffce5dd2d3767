#define _GNU_SOURCE
#include "cl_seccomp.h"

#include "cl_thread.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// si_code of a SIGSYS that a filter raised (asm-generic/siginfo.h); libc has it from glibc 2.38 on.
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

int cl_load_filter(const void *instructions, unsigned short count)
{
    struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)instructions};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

// A signal is the process's, and so is this.
static struct cl_forbidden_call first;
static atomic_int taken, is_known;
static atomic_int notice_fd = -1;
static atomic_uint patience;
static atomic_int final_status = 128 + SIGSYS;

static size_t append(char *line, size_t used, const char *text)
{
    const size_t length = strlen(text);
    memcpy(line + used, text, length);
    return used + length;
}

static size_t append_number(char *line, size_t used, unsigned number)
{
    char digits[12];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        line[used++] = digits[--count];
    return used;
}

// Runs on the thread that made the call, in its place. Only calls that every filter allows: write, poll, exit_group. Any
// other one, made with SIGSYS blocked as it is here, has the kernel end the process.
static void end_of_thread(int signal, siginfo_t *info, void *context)
{
    (void)context;
    const char *name = cl_own_thread_name();
    const int number = info->si_code == SYS_SECCOMP ? info->si_syscall : -1;
    if (atomic_exchange(&taken, 1) == 0) {
        first.number = number;
        // Asked of the kernel it would be one call more to allow.
        first.thread = cl_own_thread_id();
        memcpy(first.name, name, sizeof first.name);
        atomic_store(&is_known, 1);
    }
    const int notice = atomic_load(&notice_fd);
    if (notice >= 0) {
        const uint64_t one = 1;
        if (write(notice, &one, sizeof one) == sizeof one) {
            const unsigned limit = atomic_load(&patience);
            for (unsigned waited = 0; waited < limit; waited += 100)
                poll(NULL, 0, 100);
        }
    }
    char line[160];
    size_t used = append(line, 0, "sheaf: thread ");
    used = append(line, used, name);
    used = append(line, used, number < 0 ? " got signal " : " made the system call ");
    used = append_number(line, used, (unsigned)(number < 0 ? signal : number));
    used = append(line, used, number < 0 ? "\n" : ", which its seccomp filter forbids\n");
    if (write(2, line, used) < 0) { /* Then nobody hears of it. */ }
    _exit(atomic_load(&final_status));
}

int cl_catch_forbidden_calls(void)
{
    struct sigaction action = {.sa_sigaction = end_of_thread, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;
}

void cl_tell_of_forbidden_calls(int notice, unsigned patience_ms, int status)
{
    atomic_store(&patience, patience_ms);
    atomic_store(&final_status, notice < 0 ? 128 + SIGSYS : status);
    atomic_store(&notice_fd, notice);
}

bool cl_first_forbidden_call(struct cl_forbidden_call *call)
{
    if (!atomic_load(&is_known))
        return false;
    *call = first;
    return true;
}
