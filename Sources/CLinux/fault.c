#define _GNU_SOURCE
#include "cl_fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { limit = 1024 };
enum state { empty, busy, watched };

struct range {
    atomic_int state;
    _Atomic(uintptr_t) base;
    atomic_size_t length, page;
    _Atomic(uint64_t) faults;
};

// Found by a signal handler, which may take no lock.
static struct range ranges[limit];
static _Atomic(uint64_t) all_faults;

static struct range *find(uintptr_t address)
{
    for (int i = 0; i < limit; i++) {
        struct range *range = &ranges[i];
        if (atomic_load(&range->state) != watched)
            continue;
        const uintptr_t base = atomic_load(&range->base);
        if (address >= base && address - base < atomic_load(&range->length))
            return range;
    }
    return NULL;
}

static void mend(int signal, siginfo_t *info, void *context)
{
    const int error = errno;
    struct range *range = info->si_code > 0 ? find((uintptr_t)info->si_addr) : NULL;
    if (range) {
        const uintptr_t base = atomic_load(&range->base);
        const size_t page = atomic_load(&range->page);
        const uintptr_t start = base + ((uintptr_t)info->si_addr - base) / page * page;
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
        if (mmap((void *)start, page, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED) {
            atomic_fetch_add(&range->faults, 1);
            atomic_fetch_add(&all_faults, 1);
            errno = error;
            return;
        }
    }
    static const char text[] = "sheaf: a bus error\n";
    if (write(2, text, sizeof text - 1) < 0) { /* Then nobody hears of it. */ }
    // By a signal that a filtered thread may send itself, unlike another sigaction(2).
    abort();
}

static void take_signal(void)
{
    struct sigaction action = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

int cl_leave_crashes_to_kernel(void)
{
    static const int crashes[] = {SIGABRT, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
    const struct sigaction none = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        if (sigaction(crashes[i], &none, NULL) < 0)
            return -errno;
    pthread_once(&once, take_signal);
    return 0;
}

int cl_guard_region(void *base, size_t length, size_t page)
{
    pthread_once(&once, take_signal);
    for (int i = 0; i < limit; i++) {
        int expected = empty;
        if (!atomic_compare_exchange_strong(&ranges[i].state, &expected, busy))
            continue;
        atomic_store(&ranges[i].base, (uintptr_t)base);
        atomic_store(&ranges[i].length, length);
        atomic_store(&ranges[i].page, page);
        atomic_store(&ranges[i].faults, 0);
        atomic_store(&ranges[i].state, watched);
        return 0;
    }
    return -ENOSPC;
}

void cl_unguard_region(void *base)
{
    struct range *range = find((uintptr_t)base);
    if (range)
        atomic_store(&range->state, empty);
}

uint64_t cl_region_faults(const void *base)
{
    struct range *range = find((uintptr_t)base);
    return range ? atomic_load(&range->faults) : 0;
}

uint64_t cl_all_region_faults(void) { return atomic_load(&all_faults); }
