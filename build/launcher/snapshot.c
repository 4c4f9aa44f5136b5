/* Writing the snapshot. See snapshot.h. */
#include "snapshot.h"

#include <pthread.h>
#include <stdio.h>

int snapshot_made SNAPSHOT = 0;
/* CPython's objects below this address are immortal (build/python_patches.py). */
uintptr_t _Py_snapshot_end SNAPSHOT = 0;

/* The linker's names for the ends of the sections. */
#define ENDS(section) extern unsigned char __start_##section[], __stop_##section[];
ENDS(py_data)
ENDS(py_runtime)
ENDS(py_bss)
ENDS(py_heap)

static const struct section {
    const char *name;
    const unsigned char *start, *end;
} sections[] = {
    {"py_data", __start_py_data, __stop_py_data},
    {"py_runtime", __start_py_runtime, __stop_py_runtime},
    {"py_bss", __start_py_bss, __stop_py_bss},
    {"py_heap", __start_py_heap, __stop_py_heap},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

int write_snapshot(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return -1;
    forget_freed_blocks();
    snapshot_made = 1;
    for (int i = 0; i < SECTIONS; i++)
        if ((uintptr_t)sections[i].end > _Py_snapshot_end)
            _Py_snapshot_end = (uintptr_t)sections[i].end;
    for (int i = 0; i < SECTIONS; i++) {
        size_t length = (size_t)(sections[i].end - sections[i].start);
        if (fwrite(sections[i].start, 1, length, file) != length)
            return -1;
        size_t in_use = sections[i].start == __start_py_heap ? heap_used : length;
        printf("%s %p %zu %zu\n", sections[i].name, (const void *)sections[i].start, length, in_use);
    }
    return fclose(file) || fflush(stdout) ? -1 : 0;
}

/* CPython's pthread_self. The real one is an address that differs from run to run, and CPython leaves it in the memory of freed
 * objects. The snapshot must be the same in every build. */
pthread_t python_pthread_self(void)
{
    return snapshot_made ? pthread_self() : 1;
}
