#include "CAgent.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>

int agent_open_terminal(int ends[2]) {
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return -errno;
    int unlocked = 0;
    int slave = -1;
    if (ioctl(master, TIOCSPTLCK, &unlocked) == 0) slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) {
        int reason = errno;
        close(master);
        return -reason;
    }
    ends[0] = master;
    ends[1] = slave;
    return 0;
}

int agent_set_terminal_size(int descriptor, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(descriptor, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

uint8_t agent_terminal_end_of_file(int descriptor) {
    struct termios attributes;
    return tcgetattr(descriptor, &attributes) < 0 ? 4 : attributes.c_cc[VEOF];
}
