/* What a static C library does before main(), kept from ending a run for faults of its surroundings.
 *
 * Most of it serves dlopen() and unwinding, neither of which happens here: the C library finds out the folder of the executable
 * (and aborts where /proc/self/exe is a link to a relative path, as it may be after a chroot), allocates the list of folders to
 * search (and dereferences a null pointer if there is no memory), and allocates an index of the code. Without the list and the
 * index dlopen() finds nothing, and unwinding is slower. The linker sends the C library's calls here (build/freeze.py). */
#include <elf.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* The linker's name for the start of the file, which is mapped with the first segment. */
extern const Elf64_Ehdr __ehdr_start;

const char *__wrap__dl_get_origin(void)
{
    return (const char *)-1; /* unknown */
}

void __wrap__dl_init_paths(const char *folders, const char *source, const char *prepended, const char *mask)
{
}

void __wrap__dl_find_object_init(void)
{
}

/* Makes the segment read-only that only the start has to write to. That is a precaution, and the C library's own function ends the
 * process where a security policy forbids it. */
void __wrap__dl_protect_relro(void *link_map)
{
    const uintptr_t page = -(uintptr_t)getauxval(AT_PAGESZ); /* all bits but those of a place in a page */
    const Elf64_Phdr *segment = (const Elf64_Phdr *)((const unsigned char *)&__ehdr_start + __ehdr_start.e_phoff);
    for (int i = 0; i < __ehdr_start.e_phnum; i++, segment++) {
        uintptr_t start = segment->p_vaddr & page, end = (segment->p_vaddr + segment->p_memsz) & page;
        if (segment->p_type == PT_GNU_RELRO && mprotect((void *)start, end - start, PROT_READ))
            break; /* it stays writable */
    }
}
