/* The executable's own main().
 *
 * PyInstaller's stock bootloader unpacks a shared libpython into a temporary directory and starts a second process. A probe can
 * afford neither: its root file system is read-only, it may be killed at any moment, and it has a tenth of a core. So CPython is
 * linked in, one process opens no file, and the modules are PyInstaller's archive in the section `pydata` of this file, which
 * CPython imports as frozen modules.
 *
 * CPython's start and the imports would be four fifths of every run. They happen once, when the executable is made. What they
 * leave in memory (snapshot.h) is written into the executable, and a run resumes from there. docs/launcher.md has the picture.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "checksum.h"
#include "failure.h"
#include "interpreter.h"
#include "process.h"
#include "snapshot.h"

enum { LARGE_BLOCK = 128 << 10 }; /* bytes; where the C library begins as well */

static _Noreturn void make_snapshot(const char *path)
{
    start_python(register_modules());
    if (passing_blocks)
        fail(EXIT_INTERNAL, "internal error: ", "the snapshot would lack a large block");
    if (write_snapshot(path))
        fail(EXIT_INTERNAL, "internal error: cannot write ", path);
    _exit(0);
}

/* CPython does not check its first allocations when it is resumed. And large blocks, such as parts of an answer, are to go back to
 * the kernel when they are freed, however large an earlier one was. */
static void set_up_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    void *volatile block = malloc(1); /* the C library asks the kernel for more at once */
    if (!block)
        fail_without_memory();
    free(block);
}

/* Returns whether a flag asks for something that needs the whole executable undamaged: for what it is, or for a copy of it. */
static int wants_check(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *flag = argv[i] + strspn(argv[i], "-");
        if (flag > argv[i] && (!strncmp(flag, "version", 7) || !strncmp(flag, "install", 7)))
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    guard_descriptors();
    set_signals();
    /* It has to be asked for by name: in a damaged file snapshot_made may be 0. */
    if (!snapshot_made && argc == 3 && !strcmp(argv[1], "make-snapshot"))
        make_snapshot(argv[2]);
    if (wants_check(argc, argv) && !is_whole(0, UINTPTR_MAX, 0))
        fail_damaged();
    set_up_memory();
    resume_python();
    run_program(argc, argv);
}
