#include "CAgent.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>

int agent_errno(void) { return errno; }

static int outcome(int result) { return result < 0 ? -errno : result; }

int agent_open(const char *path, int flags) { return outcome(open(path, flags | O_CLOEXEC, 0600)); }

int agent_pipe(int ends[2]) { return outcome(pipe2(ends, O_CLOEXEC)); }

int agent_make_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    return flags < 0 ? -errno : outcome(fcntl(descriptor, F_SETFL, flags | O_NONBLOCK));
}

int agent_readable_bytes(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) < 0 ? -errno : count;
}

int agent_load_module(int descriptor, int flags) {
    return outcome((int)syscall(SYS_finit_module, descriptor, "", flags));
}

int agent_bring_up_loopback(void) {
    int socket_descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_descriptor < 0) return -errno;
    struct ifreq request = {.ifr_name = "lo"};
    int result = ioctl(socket_descriptor, SIOCGIFFLAGS, &request);
    if (result == 0) {
        request.ifr_flags |= IFF_UP;
        result = ioctl(socket_descriptor, SIOCSIFFLAGS, &request);
    }
    result = outcome(result);
    close(socket_descriptor);
    return result;
}

int64_t agent_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// What is needed of <linux/stat.h>'s struct statx, which this C library does not know yet.
struct times_of_file {
    uint64_t before[8];
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t padding;
    uint64_t behind[22];
};

int agent_take_time(const char *path) {
    const int force_sync = 0x2000, access_time = 0x20;
    struct timespec asked, told;
    struct times_of_file file;
    clock_gettime(CLOCK_MONOTONIC, &asked);
    const int result = (int)syscall(SYS_statx, AT_FDCWD, path, force_sync, access_time, &file);
    if (result < 0) return -errno;
    clock_gettime(CLOCK_MONOTONIC, &told);
    const int64_t nanoseconds = (told.tv_sec - asked.tv_sec) * 1000000000 + told.tv_nsec - asked.tv_nsec + file.nanoseconds;
    const struct timespec now = {file.seconds + nanoseconds / 1000000000, nanoseconds % 1000000000};
    return outcome((int)syscall(SYS_clock_settime, CLOCK_REALTIME, &now));
}

/// <linux/netlink.h> is not to be had without the C library's headers beside it.
struct netlink_address {
    sa_family_t family;
    uint16_t padding;
    uint32_t process;
    uint32_t groups;
};

int agent_open_device_events(void) {
    const int kobject_uevent = 15;
    int descriptor = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, kobject_uevent);
    if (descriptor < 0) return -errno;
    // Group 1: the kernel's own words, and nobody else's.
    struct netlink_address kernel = {.family = AF_NETLINK, .groups = 1};
    if (bind(descriptor, (struct sockaddr *)&kernel, sizeof kernel) == 0) return descriptor;
    int error = errno;
    close(descriptor);
    return -error;
}

int agent_probe_file_system(const char *path) {
    struct statfs status;
    return statfs(path, &status) < 0 ? -errno : 0;
}

int agent_is_directory(const char *path) {
    struct stat status;
    return stat(path, &status) < 0 ? -errno : S_ISDIR(status.st_mode);
}

int agent_remove_empty(const char *path) {
    struct stat status;
    if (lstat(path, &status) < 0) return -1;
    if (!S_ISREG(status.st_mode)) return rmdir(path);
    return status.st_size == 0 ? unlink(path) : -1;
}
