#define _GNU_SOURCE
#include "cl_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool cl_is_terminal(int fd) { return isatty(fd) == 1; }

int cl_make_raw(int fd, struct termios *saved)
{
    if (tcgetattr(fd, saved) < 0)
        return -errno;
    struct termios raw = *saved;
    cfmakeraw(&raw);
    return cl_restore_terminal(fd, &raw);
}

int cl_restore_terminal(int fd, const struct termios *saved)
{
    int result;
    // At once: to wait for output that a stalled terminal never takes would hold up the whole control plane.
    do
        result = tcsetattr(fd, TCSANOW, saved);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int cl_window_size(int fd, uint16_t *rows, uint16_t *columns)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return -errno;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

int cl_set_window_size(int fd, uint16_t rows, uint16_t columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int cl_open_pty(char *path, unsigned path_size)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = 0;
    if (grantpt(fd) < 0 || unlockpt(fd) < 0)
        error = -errno;
    else
        error = -ptsname_r(fd, path, path_size);
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}
