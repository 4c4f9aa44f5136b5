/* Starting CPython, and resuming it from the snapshot. */
#ifndef INTERPRETER_H
#define INTERPRETER_H

/* Goes as far as all runs are alike: starts CPython, imports the script, prepares for the snapshot. Ends the process on failure. */
void start_python(const char *script);

/* Resumes CPython in a run, as if the process had been forked from the one that made the snapshot. */
void resume_python(void);

/* Runs the program with these arguments. It ends the process itself. */
_Noreturn void run_program(int argc, char **argv);

#endif
