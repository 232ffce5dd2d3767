// What Swift cannot express of Linux, one header per subject. Every wrapper returns -errno on failure, so that no caller
// reads the thread's errno and a FUSE reply needs no translation.
#ifndef CLINUX_H
#define CLINUX_H

#include "cl_atomics.h"
#include "cl_credentials.h"
#include "cl_descriptor.h"
#include "cl_directory.h"
#include "cl_fault.h"
#include "cl_file.h"
#include "cl_flags.h"
#include "cl_guest.h"
#include "cl_inode.h"
#include "cl_landlock.h"
#include "cl_lock.h"
#include "cl_memory.h"
#include "cl_process.h"
#include "cl_seccomp.h"
#include "cl_socket.h"
#include "cl_stream.h"
#include "cl_terminal.h"
#include "cl_text.h"
#include "cl_thread.h"
#include "cl_xattr.h"

#endif
