/* The snapshot: the memory of CPython that the executable was made with.
 *
 * When the executable is made, it runs once as far as all runs are alike, and writes CPython's variables and heap to a file.
 * build/snapshot.py puts these bytes into the executable in place of the initial ones. A run finds them mapped like any
 * initialised data: pages that it does not touch cost nothing.
 *
 * Why this is safe:
 *  - The snapshot holds only CPython's own memory. Its variables are in sections of their own (build/python_object.py renames
 *    them), and its malloc is that of heap.c. The C library, OpenSSL and the kernel's view of the process start anew in every run.
 *  - The executable is linked to fixed addresses, so every pointer in the snapshot stays valid.
 *  - Nothing is open at that time: no thread, file, socket, lock or signal handler of Python's.
 * - CPython learns that it was forked (PyOS_AfterFork_Child), which means just that: the same memory in a new process.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

/* For variables outside of CPython that belong to the snapshot. They need an initial value; those without lie elsewhere. */
#define SNAPSHOT __attribute__((section("py_data")))

/* 0 in the executable that makes the snapshot, 1 in the one that resumes from it. */
extern int snapshot_made;

/* Bytes of the heap in use; the executable is linked a second time with a heap of just that size. */
extern size_t heap_used;

/* How many blocks outside of it CPython has. There must be none when the snapshot is taken. */
extern size_t passing_blocks;

/* Empties the heap's list of free blocks, whose order may differ from build to build. No run takes blocks from it. */
void forget_freed_blocks(void);

/* Writes the sections, one after another, to a new file, and prints a line for each: name, address, length, and how many bytes of
 * it are in use. Returns 0, or -1. */
int write_snapshot(const char *path);

#endif
