/* Finding the executable's own file, which -install copies. See own_file.h.
 *
 * Linux has two ways to it. /proc may be missing or fake; the path by which the program was started may be relative, or may lead
 * to another file by now. So the file that is found is compared with the program that runs.
 */
#include "own_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checksum.h"

/* The linker's name for the start of the file, which is mapped with the first segment. */
extern const Elf64_Ehdr __ehdr_start;

/* Returns whether a file's bytes are those that run here. A writable segment has changed since it was mapped, and is compared by
 * its checksums. */
static int holds_this_program(const unsigned char *file)
{
    const Elf64_Phdr *segment = (const Elf64_Phdr *)((const unsigned char *)&__ehdr_start + __ehdr_start.e_phoff);
    for (int i = 0; i < __ehdr_start.e_phnum; i++, segment++) {
        if (segment->p_type != PT_LOAD)
            continue;
        uintptr_t here = segment->p_vaddr, there = (uintptr_t)file + segment->p_offset;
        if (segment->p_flags & PF_W ? !is_whole(here, here + segment->p_filesz, (ptrdiff_t)(there - here))
                                    : memcmp((const void *)here, (const void *)there, segment->p_filesz))
            return 0;
    }
    return 1;
}

/* Sets errno where it returns 0. */
static int is_this_program(int file)
{
    /* The section headers come last in the file. */
    size_t size = __ehdr_start.e_shoff + (size_t)__ehdr_start.e_shnum * __ehdr_start.e_shentsize;
    struct stat found;
    if (fstat(file, &found))
        return 0;
    void *mapped = MAP_FAILED;
    int same = 0;
    if (S_ISREG(found.st_mode) && (size_t)found.st_size >= size) {
        mapped = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (mapped == MAP_FAILED)
            return 0;
        same = holds_this_program(mapped);
        munmap(mapped, size);
    }
    errno = ENOENT; /* if this is another file: the executable is not there */
    return same;
}

int open_own_file(const char **tried)
{
    const char *places[] = {"/proc/self/exe", (const char *)getauxval(AT_EXECFN)};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        *tried = places[i] ? places[i] : "";
        int file = open(*tried, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* does not wait for a pipe */
        if (file < 0)
            continue;
        if (is_this_program(file))
            return file;
        int error = errno;
        close(file);
        errno = error;
        if (error != ENOENT)
            break; /* it cannot be read, here or elsewhere */
    }
    return -1;
}
