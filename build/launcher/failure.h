/* Ending the process from C. */
#ifndef FAILURE_H
#define FAILURE_H

/* The exit codes that are decided here. The program has the whole table, and a test compares. */
enum { EXIT_DIAL = 2, EXIT_INTERNAL = 101, EXIT_DAMAGED = 102, EXIT_SIGNAL = 128 };

/* Writes one line, `what` and `more`, to stderr and ends the process. */
_Noreturn void fail(int code, const char *what, const char *more);

/* Ends a process that has too little memory. */
_Noreturn void fail_without_memory(void);

/* Ends a process whose executable is damaged. */
_Noreturn void fail_damaged(void);

/* Ends the process with the Python exception that is set; without one, for a program that returned. */
_Noreturn void fail_by_exception(void);

#endif
