/* Finding the executable's own file, for who wants to copy it. See own_file.h.
 *
 * Linux knows two ways to it. /proc may be missing, or be something else's; the path by which the program was started may be
 * relative, or lead to another file by now. So what is found is compared with what runs.
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

#include "snapshot.h"

/* The linker's name for the beginning of the file, which is mapped with the first segment. */
extern const Elf64_Ehdr __ehdr_start;

/* Whether a file's bytes are those that run here. A segment that may be written has changed since it was mapped: of it, the
 * checksum covers what is CPython's, which is nearly all. */
static int holds_this_program(const unsigned char *file)
{
    const Elf64_Phdr *segment = (const Elf64_Phdr *)((const unsigned char *)&__ehdr_start + __ehdr_start.e_phoff);
    for (int i = 0; i < __ehdr_start.e_phnum; i++, segment++) {
        if (segment->p_type != PT_LOAD)
            continue;
        uintptr_t here = segment->p_vaddr, there = (uintptr_t)file + segment->p_offset;
        if (segment->p_flags & PF_W ? !is_whole((ptrdiff_t)(there - here))
                                    : memcmp((const void *)here, (const void *)there, segment->p_filesz))
            return 0;
    }
    return 1;
}

static int is_this_program(int file)
{
    /* The headers of the sections come last in it. */
    size_t size = __ehdr_start.e_shoff + (size_t)__ehdr_start.e_shnum * __ehdr_start.e_shentsize;
    struct stat found;
    if (fstat(file, &found) || !S_ISREG(found.st_mode) || (size_t)found.st_size < size)
        return 0;
    void *mapped = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (mapped == MAP_FAILED)
        return 0;
    int same = holds_this_program(mapped);
    munmap(mapped, size);
    return same;
}

int open_own_file(const char **tried)
{
    const char *places[] = {"/proc/self/exe", (const char *)getauxval(AT_EXECFN)};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        *tried = places[i] ? places[i] : "";
        int file = open(*tried, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is not waited for */
        if (file < 0)
            continue;
        if (is_this_program(file))
            return file;
        close(file);
        errno = ENOENT; /* this one is not there */
    }
    return -1;
}
