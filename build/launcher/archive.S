/* An allocated section, so that nothing has to be opened at run time to read it; PyInstaller's pyi-archive_viewer finds the
 * archive in the executable as in one of PyInstaller's own. */
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
