/* PyInstaller's archive, which archive.S links in from the file that build/freeze.py passes as ARCHIVE. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdint.h>

extern const unsigned char archive[];
extern const uint64_t archive_size; /* bytes */

/* Makes the archive's modules known to CPython as frozen modules. Returns the name of the script among them, which is the program,
 * or NULL. */
const char *register_modules(void);

#endif
