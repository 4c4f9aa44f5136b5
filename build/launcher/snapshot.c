/* Writing the snapshot, and recognising damage to it. See snapshot.h. */
#include "snapshot.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

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

/* A damaged module or snapshot could make CPython do anything. So the 32-bit words of both are distributed to eight lanes, and each
 * lane has two running sums of 64 bits, which no change of a single word can wrap around. They always detect one or two flipped
 * bits and two swapped words, and almost always any other damage, at the speed of memory. build/snapshot.py computes the same
 * sums and writes them here: over the archive first, then over the sections in their order, each padded with zeros to a multiple
 * of 32 bytes. */
typedef uint64_t lanes __attribute__((vector_size(32)));
typedef lanes lanes_anywhere __attribute__((may_alias, aligned(1)));
struct sums {
    lanes low, lows, high, highs; /* of the lower halves, and of the higher */
};
const volatile struct sums expected __attribute__((section("py_sums"))) = {{0}};

static inline __attribute__((always_inline)) void add_words(struct sums *sums, const lanes *words)
{
    sums->low += *words & UINT32_MAX;
    sums->lows += sums->low;
    sums->high += *words >> 32;
    sums->highs += sums->high;
}

/* One register of AVX2 holds the 64-bit sums of four lanes. Nearly every machine has AVX2; the others take twice as long. */
static __attribute__((target_clones("avx2", "default"))) void add(struct sums *all, const unsigned char *from, const unsigned char *to)
{
    struct sums sums = *all;
    lanes words = {0};
    for (; to - from >= (ptrdiff_t)sizeof words; from += sizeof words) {
        words = *(const lanes_anywhere *)from;
        add_words(&sums, &words);
    }
    if (to > from) {
        words = (lanes){0};
        memcpy(&words, from, (size_t)(to - from));
        add_words(&sums, &words);
    }
    *all = sums;
}

int is_whole(ptrdiff_t moved)
{
    struct sums sums = {{0}};
    add(&sums, archive, archive + archive_size);
    /* They are volatile, so they lie among the variables, and `moved` applies to them as well. */
    struct sums wanted = *(const volatile struct sums *)((const volatile unsigned char *)&expected + moved);
    for (int i = 0; i < SECTIONS; i++)
        add(&sums, sections[i].start + moved, sections[i].end + moved);
    return !memcmp(&sums, &wanted, sizeof sums);
}
