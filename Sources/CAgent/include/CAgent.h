// What the agent calls of libc and Linux. Plain functions come to Swift from musl's own headers; those below are what
// Swift cannot say itself: errno, variadic functions, macros, and what happens between fork and exec.
// All of them return -errno where they fail.
#ifndef CAGENT_H
#define CAGENT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent_process.h"
#include "agent_system.h"
#include "agent_terminal.h"

#endif
