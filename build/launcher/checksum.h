/* Checksums over the executable, which recognise damage. */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Returns CRC-32 of these bytes. */
uint32_t checksum(const void *bytes, size_t length);

/* Returns whether all parts of the executable between two addresses have the bytes that it was made with. `moved`: how many bytes
 * after their own place the parts to check are mapped, because a run soon changes its own. */
int is_whole(uintptr_t from, uintptr_t to, ptrdiff_t moved);

#endif
