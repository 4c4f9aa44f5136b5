/* What the launcher asks of the operating system: descriptors, signals, a write that ends in time. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stddef.h>

/* Opens those of the descriptors 0-2 that are closed. Ends the process where that is impossible. */
void guard_descriptors(void);

/* Makes SIGTERM and SIGINT end the process, and SIGPIPE do nothing. */
void set_signals(void);

/* Writes as much as possible within so many seconds. When they are over, the process ends with the exit code. */
void write_in_time(int descriptor, const char *data, size_t length, double seconds, int exit_code_when_late);

/* Replaces those of the descriptors 0-2 that are directories by pipes without another end. */
void replace_directories(void);

#endif
