// Pseudoterminals.
#ifndef AGENT_TERMINAL_H
#define AGENT_TERMINAL_H

#include <stdint.h>

/// Opens a pseudoterminal: the master, then the slave.
int agent_open_terminal(int ends[2]);

/// Sets a terminal's size.
int agent_set_terminal_size(int descriptor, uint16_t rows, uint16_t columns);

/// The byte that ends input on a terminal, ctrl-D unless somebody changed it.
uint8_t agent_terminal_end_of_file(int descriptor);

#endif
