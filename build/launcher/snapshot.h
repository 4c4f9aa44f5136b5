/* The memory of CPython that the executable was made with.
 *
 * When the executable is made it runs once, as far as all runs are alike, and writes to a file what that changed: the variables
 * of CPython and its heap. build/freeze.py puts these bytes into the executable in the place of the initial ones. A run finds
 * them mapped like any initialised data: pages that it does not touch cost nothing.
 *
 * What makes that safe:
 *  - Only CPython's own memory is taken. Its variables are in sections of their own (build/python_source.py renames them), and
 *    its malloc is heap.c's. The C library, OpenSSL and the kernel's view of the process start afresh in every run.
 *  - The executable is linked to fixed addresses, so that every pointer in the snapshot stays right.
 *  - Nothing is open then: no thread, file, socket, lock or signal handler of Python's.
 *  - CPython is told that it was forked (PyOS_AfterFork_Child), which is its own word for "same memory, new process".
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

/* For variables outside of CPython that belong to the snapshot. They need an initial value: what has none lies elsewhere. */
#define SNAPSHOT __attribute__((section("py_data")))

/* 0 in the executable that makes the snapshot, 1 in the one that runs from it. */
extern int snapshot_made;

/* Bytes of the heap that are taken; the executable is linked a second time with a heap of just that size. */
extern size_t heap_used;

/* Writes the sections, one after another, to a new file, and prints a line for each: name, address, length, and how much of it is
 * in use. Returns 0, or -1. */
int write_snapshot(const char *path);

/* Whether the archive and the snapshot are still the bytes that the executable was made with. `moved`: how many bytes behind its
 * own place the snapshot is that is looked at; in a run the own one has changed soon. */
int is_whole(ptrdiff_t moved);

#endif
