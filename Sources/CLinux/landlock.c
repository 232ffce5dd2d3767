#define _GNU_SOURCE
#include "cl_landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// As of Landlock's versions 4 and 6 (linux/landlock.h); Debian 12's header has version 1.
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};
enum {
    ruleset_version = 1 << 0,
    net_bind_tcp = 1 << 0,
    net_connect_tcp = 1 << 1,
    scope_abstract_unix_socket = 1 << 0,
    scope_signal = 1 << 1,
};

int cl_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, ruleset_version);
    return version < 0 ? -errno : (int)version;
}

int cl_landlock_beyond_files(void)
{
    const int version = cl_landlock_version();
    if (version < 4)
        return -EOPNOTSUPP;
    struct ruleset rules = {.handled_access_net = net_bind_tcp | net_connect_tcp};
    if (version >= 6)
        rules.scoped = scope_abstract_unix_socket | scope_signal;
    // An older kernel takes what it does not know only if it is not there.
    const size_t size = version >= 6 ? sizeof rules : 2 * sizeof(uint64_t);
    long ruleset = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0)
        return -errno;
    long result = syscall(SYS_landlock_restrict_self, (int)ruleset, 0);
    const int error = result < 0 ? -errno : 0;
    close((int)ruleset);
    return error;
}
