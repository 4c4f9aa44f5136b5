/* The heap of CPython, whose calls of malloc, free, mmap and so on lead here (build/python_object.py renames them).
 *
 * While the snapshot is made, all memory comes from one block that is part of it. This allocator runs for milliseconds, once, when
 * the executable is built: it need not be fast, but it has to pack its blocks well and place them alike in every build. A run of
 * the probe never returns that memory, and gets new memory from the C library.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snapshot.h"

/* build/freeze.py sets PAGE_SIZE. The executable is linked twice: first with room to spare, then with the size that turned out to
 * be used. */
#ifndef HEAP_SIZE
#define HEAP_SIZE (8 << 20)
#endif

enum { ALIGNMENT = 16 };
/* A block of this size, such as a buffer for a file, is not meant to stay. It comes from the C library, lest it leave a hole. */
enum { PASSING = 1 << 18 };

/* Precedes each block, in ALIGNMENT bytes so that the block is aligned as well. */
struct head {
    size_t size; /* of the block without this head; a multiple of ALIGNMENT */
    struct head *next; /* of a free block */
};

static unsigned char heap[HEAP_SIZE] __attribute__((section("py_heap"), aligned(PAGE_SIZE))) = {0};
size_t heap_used SNAPSHOT = 0;
size_t passing_blocks = 0;
static struct head *free_blocks SNAPSHOT = NULL;

static int in_heap(const void *block)
{
    return (const unsigned char *)block >= heap && (const unsigned char *)block < heap + HEAP_SIZE;
}

static void *take(size_t size, size_t alignment, size_t head)
{
    size_t at = ((heap_used + head + alignment - 1) & ~(alignment - 1));
    if (size > HEAP_SIZE || at + size > HEAP_SIZE) {
        static const char full[] = "HEAP_SIZE is too small\n";
        _exit(write(STDERR_FILENO, full, sizeof full - 1) < 0 ? 1 : 2);
    }
    heap_used = at + size;
    return heap + at;
}

void *python_malloc(size_t size)
{
    if (snapshot_made)
        return malloc(size);
    if (size >= PASSING) {
        passing_blocks++;
        return malloc(size);
    }
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    for (struct head **link = &free_blocks; *link; link = &(*link)->next) {
        struct head *found = *link;
        if (found->size >= size && found->size <= size + size / 4) { /* only a good fit, because the rest of it would be lost */
            *link = found->next;
            found->next = NULL;
            return found + 1;
        }
    }
    struct head *block = (struct head *)take(size, ALIGNMENT, sizeof *block) - 1;
    block->size = size;
    return block + 1;
}

void python_free(void *block)
{
    if (!in_heap(block)) {
        passing_blocks -= block != NULL;
        free(block);
    } else if (!snapshot_made) {
        struct head *freed = (struct head *)block - 1;
        memset(block, 0, freed->size); /* old content, such as addresses of the stack, would differ between builds */
        freed->next = free_blocks;
        free_blocks = freed;
    }
}

void *python_calloc(size_t count, size_t size)
{
    if (snapshot_made)
        return calloc(count, size);
    if (size && count > HEAP_SIZE / size)
        return NULL;
    void *block = python_malloc(count * size);
    return memset(block, 0, count * size);
}

void *python_realloc(void *block, size_t size)
{
    if (!block)
        return python_malloc(size);
    if (!in_heap(block))
        return realloc(block, size);
    size_t old = ((struct head *)block - 1)->size;
    if (old >= size) {
        if (!snapshot_made)
            memset((char *)block + size, 0, old - size);
        return block;
    }
    void *larger = python_malloc(size);
    if (!larger)
        return NULL;
    memcpy(larger, block, old);
    python_free(block);
    return larger;
}

void forget_freed_blocks(void)
{
    for (struct head *next, *block = free_blocks; block; block = next) {
        next = block->next;
        block->next = NULL;
    }
    free_blocks = NULL;
}

/* CPython keeps small objects in arenas that it maps. */

void *python_mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
    if (snapshot_made)
        return mmap(address, length, protection, flags, descriptor, offset);
    return take(length, PAGE_SIZE, 0);
}

int python_munmap(void *address, size_t length)
{
    return in_heap(address) ? 0 : munmap(address, length);
}
