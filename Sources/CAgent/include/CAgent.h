// The calls that the agent makes of libc and Linux.
#ifndef CAGENT_H
#define CAGENT_H
#endif
