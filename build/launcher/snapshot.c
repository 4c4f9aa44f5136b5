/* Writing the snapshot, and knowing it again. See snapshot.h. */
#include "snapshot.h"

#include <pthread.h>
#include <stdio.h>

#include "archive.h"

int snapshot_made SNAPSHOT = 0;

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
    snapshot_made = 1;
    for (int i = 0; i < SECTIONS; i++) {
        size_t length = (size_t)(sections[i].end - sections[i].start);
        if (fwrite(sections[i].start, 1, length, file) != length)
            return -1;
        printf("%s %p %zu\n", sections[i].name, (const void *)sections[i].start, length);
    }
    return fclose(file) || fflush(stdout) ? -1 : 0;
}

/* CPython's pthread_self. The real one is an address that differs from run to run, and CPython leaves it behind in the memory of
 * objects that are long gone; what is snapshot must be the same in every build. */
pthread_t python_pthread_self(void)
{
    return snapshot_made ? pthread_self() : 1;
}

/* A damaged module or snapshot could make CPython do anything at all. Two running sums over 64-bit words notice every flipped
 * bit and every exchange, at the speed of memory. build/freeze.py computes them in the same way, and writes them here: over the
 * archive first, then over the sections in their order, each taken as whole words with zeros behind its end. */
struct sums {
    uint64_t sum, sum_of_sums;
};
const volatile struct sums expected __attribute__((section("py_sums"))) = {0, 0};

static struct sums add(struct sums sums, const unsigned char *from, const unsigned char *to)
{
    for (const uint64_t *word = (const uint64_t *)from; (const unsigned char *)(word + 1) <= to; word++) {
        sums.sum += *word;
        sums.sum_of_sums += sums.sum;
    }
    uint64_t last = 0;
    for (size_t i = 0, rest = (size_t)(to - from) % sizeof last; i < rest; i++)
        last |= (uint64_t)to[-(ptrdiff_t)rest + (ptrdiff_t)i] << 8 * i;
    sums.sum += last;
    sums.sum_of_sums += sums.sum;
    return sums;
}

int is_whole(void)
{
    struct sums sums = add((struct sums){0, 0}, archive, archive + archive_size);
    for (int i = 0; i < SECTIONS; i++)
        sums = add(sums, sections[i].start, sections[i].end);
    return sums.sum == expected.sum && sums.sum_of_sums == expected.sum_of_sums;
}
