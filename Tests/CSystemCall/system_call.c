#include "CSystemCall.h"

#include <string.h>
#include <unistd.h>

long csc_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result = syscall(number, a, b, c, d, e, f);
    return result < 0 ? -errno : result;
}

long csc_fork(void)
{
    pid_t child = fork();
    return child < 0 ? -errno : child;
}

const char *csc_errno_name(int error)
{
    return strerrorname_np(error);
}
