/* Recognising damage to the executable. See checksum.h.
 *
 * build/snapshot.py knows the finished executable, and writes a row for each of its sections here. No run adds up all of them, since
 * that would cost more than the whole call: a run with -version or -install does, and a module of the archive has a sum of its own
 * (archive.c).
 */
#include "checksum.h"

#include <string.h>
#include <zlib.h>

struct part {
    uint64_t start, length, sum;
    uint64_t changes; /* whether the C library changes it before main() begins */
};

/* Volatile, because the compiler sees no code that writes there. */
static const volatile struct {
    struct part parts[40]; /* those that are not needed are zero */
    uint64_t sum; /* of the parts */
} table __attribute__((section("py_sums"), used)) = {0};

uint32_t checksum(const void *bytes, size_t length)
{
    return (uint32_t)crc32_z(0, bytes, length);
}

int is_whole(uintptr_t from, uintptr_t to, ptrdiff_t moved)
{
    if (checksum((const void *)table.parts, sizeof table.parts) != table.sum)
        return 0;
    uintptr_t here = (uintptr_t)&table;
    if (here >= from && here < to && memcmp((const void *)(here + (uintptr_t)moved), (const void *)here, sizeof table))
        return 0; /* another program's table */
    for (size_t i = 0; i < sizeof table.parts / sizeof *table.parts && table.parts[i].start; i++) {
        uintptr_t start = table.parts[i].start;
        if (start >= from && start < to && (moved || !table.parts[i].changes)
            && checksum((const void *)(start + (uintptr_t)moved), table.parts[i].length) != table.parts[i].sum)
            return 0;
    }
    return 1;
}
