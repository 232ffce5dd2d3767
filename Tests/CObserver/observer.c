#define _GNU_SOURCE
#include "CObserver.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { most_threads = 64, most_rules = 128, most_strangers = 64 };

static struct co_rule rules[most_rules];
static unsigned rule_count;
static _Atomic(uint64_t) uses[most_rules];
static long strangers[most_strangers];
static atomic_uint stranger_count;
// A thread's descriptor plus one; 0 where there is none.
static atomic_int listeners[most_threads];
static atomic_uint lists[most_threads];

static void note(unsigned list, const struct seccomp_data *data)
{
    bool known = false;
    for (unsigned i = 0; i < rule_count; i++)
        if (rules[i].list == list && rules[i].number == data->nr
            && (data->args[rules[i].argument] & rules[i].mask) == rules[i].value) {
            atomic_fetch_add(&uses[i], 1);
            known = true;
        }
    const unsigned count = atomic_load(&stranger_count);
    if (known || count == most_strangers)
        return;
    for (unsigned i = 0; i < count; i++)
        if (strangers[i] == data->nr)
            return;
    strangers[count] = data->nr;
    atomic_store(&stranger_count, count + 1);
}

static void answer(int slot)
{
    const int fd = atomic_load(&listeners[slot]) - 1;
    union {
        struct seccomp_notif call;
        char room[512];
    } request;
    union {
        struct seccomp_notif_resp answer;
        char room[512];
    } response;
    memset(&request, 0, sizeof request);
    memset(&response, 0, sizeof response);
    if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
        return;
    note(atomic_load(&lists[slot]), &request.call.data);
    response.answer.id = request.call.id;
    response.answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

// Allocates nothing: an observed thread may stand still inside of malloc.
static void *observe(void *unused)
{
    (void)unused;
    for (;;) {
        struct pollfd polls[most_threads];
        int slots[most_threads], count = 0;
        for (int i = 0; i < most_threads; i++)
            if (atomic_load(&listeners[i]) > 0) {
                slots[count] = i;
                polls[count++] = (struct pollfd){.fd = atomic_load(&listeners[i]) - 1, .events = POLLIN};
            }
        if (poll(polls, (nfds_t)count, 1) <= 0)
            continue;
        for (int i = 0; i < count; i++) {
            if (polls[i].revents & POLLIN)
                answer(slots[i]);
            else if (polls[i].revents & POLLHUP) {
                close(polls[i].fd);
                atomic_store(&listeners[slots[i]], 0);
            }
        }
    }
    return NULL;
}

int co_begin(const struct co_rule *given, unsigned count)
{
    if (count > most_rules)
        return E2BIG;
    memcpy(rules, given, count * sizeof *given);
    rule_count = count;
    pthread_t thread;
    return pthread_create(&thread, NULL, observe, NULL);
}

int co_observe_this_thread(unsigned list)
{
    int slot = 0;
    // -1 while the descriptor is made.
    for (int expected = 0; !atomic_compare_exchange_strong(&listeners[slot], &expected, -1); expected = 0)
        if (++slot == most_threads)
            return ENFILE;
    atomic_store(&lists[slot], list);
    struct sock_filter everything = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    struct sock_fprog program = {.len = 1, .filter = &everything};
    const long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    atomic_store(&listeners[slot], fd < 0 ? 0 : (int)fd + 1);
    return fd < 0 ? errno : 0;
}

uint64_t co_uses(unsigned rule) { return rule < rule_count ? atomic_load(&uses[rule]) : 0; }

unsigned co_strangers(long *numbers, unsigned limit)
{
    const unsigned count = atomic_load(&stranger_count);
    for (unsigned i = 0; i < count && i < limit; i++)
        numbers[i] = strangers[i];
    return count;
}

long co_call(long number, long a, long b, long c, long d, long e, long f) { return syscall(number, a, b, c, d, e, f); }
