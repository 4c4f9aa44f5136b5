/* What the launcher asks of the operating system: descriptors, signals, a write that ends in time. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stddef.h>

/* Opens those of the descriptors 0-2 that are closed. Ends the process where that is impossible. */
void guard_descriptors(void);

/* Makes SIGTERM and SIGINT end the process, and SIGPIPE do nothing. */
void set_signals(void);

/* Makes SIGTERM and SIGINT end the process with that code instead of 143 and 130: they are how a server is told to end. */
void set_exit_code_of_signals(int code);

/* What the alarm does from now on: it writes the lines to stderr, each with a timestamp in UTC, and ends the process. */
void enter_phase(int exit_code, const char *lines, size_t length);

/* Lets the alarm ring after so many seconds. */
void arm_alarm(double seconds);

/* Writes as much as possible within so many seconds. When they are over, the process ends with the exit code. */
void write_in_time(int descriptor, const char *data, size_t length, double seconds, int exit_code_when_late);

/* Replaces the process by a command, found through PATH, with signals, descriptors and environment as they were received.
 * Returns the errno if that is impossible. */
int execute(char *const command[]);

/* Replaces those of the descriptors 0-2 that are directories by pipes without another end. */
void replace_directories(void);

#endif
