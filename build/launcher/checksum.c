/* Recognising damage to the executable. See checksum.h.
 *
 * build/snapshot.py knows the finished executable, and writes a row for each of its sections here. No run adds up all of them, since
 * that would cost more than the whole call: a run with -version or -install does, and a module of the archive has a sum of its own
 * (archive.c).
 */
#include "checksum.h"

#include <zlib.h>

enum { MAX_PARTS = 40 };

struct part {
    uint64_t start, length, sum;
    uint64_t changes; /* whether the C library has changed it before main() begins */
};

/* Volatile, because the compiler sees nobody write there. */
static const volatile struct part parts[MAX_PARTS] __attribute__((section("py_sums"), used)) = {{0}};

uint32_t checksum(const void *bytes, size_t length)
{
    return (uint32_t)crc32_z(0, bytes, length);
}

/* The linker's names for the ends of what is mapped. */
extern const unsigned char __ehdr_start[], edata[];

int is_whole(uintptr_t from, uintptr_t to, ptrdiff_t moved)
{
    int known = 0;
    for (int i = 0; i < MAX_PARTS && parts[i].start; i++) {
        uintptr_t start = parts[i].start, length = parts[i].length;
        /* The row itself may be damaged. */
        if (start < (uintptr_t)__ehdr_start || start > (uintptr_t)edata || length > (uintptr_t)edata - start)
            return 0;
        known++;
        if (start < from || start >= to || (parts[i].changes && !moved))
            continue;
        if (checksum((const void *)(start + (uintptr_t)moved), length) != parts[i].sum)
            return 0;
    }
    return known > 0;
}
