/* The section is allocated, so a run reads it without opening a file. PyInstaller's pyi-archive_viewer finds the archive in the
 * executable as it does in PyInstaller's own. */
        .section pydata, "a", @progbits
        .balign 64
        .globl  archive
archive:
        .incbin ARCHIVE
archive_end:
        .balign 64

        .section .rodata
        .balign 8
        .globl  archive_size
archive_size:
        .quad   archive_end - archive

        .section .note.GNU-stack, "", @progbits
