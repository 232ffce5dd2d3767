// The terminal: raw mode, window size, ptys. TIOC* numbers are built by macros that do not import.
#ifndef CLINUX_TERMINAL_H
#define CLINUX_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

bool cl_is_terminal(int fd);
/// Saves the terminal's settings in `*saved` and makes it raw; 0, or -errno.
int cl_make_raw(int fd, struct termios *_Nonnull saved);
int cl_restore_terminal(int fd, const struct termios *_Nonnull saved);
int cl_window_size(int fd, uint16_t *_Nonnull rows, uint16_t *_Nonnull columns);
int cl_set_window_size(int fd, uint16_t rows, uint16_t columns);
/// A pseudoterminal's controlling side, close-on-exec, and the path of its other side in `path` (at least 32 bytes).
int cl_open_pty(char *_Nonnull path, unsigned path_size);

#endif
