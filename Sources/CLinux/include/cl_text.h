// The width of text in a terminal: wcwidth(3) in a UTF-8 locale, whatever locale the process has.
#ifndef CLINUX_TEXT_H
#define CLINUX_TEXT_H

#include <stdint.h>

/// The columns that a code point takes: 0 to 2; -1 for one that is no printable character.
int cl_scalar_width(uint32_t scalar);

#endif
