/* PyInstaller's archive, linked in by archive.S from the file that build/freeze.py gives as ARCHIVE. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdint.h>

extern const unsigned char archive[];
extern const uint64_t archive_size; /* bytes */

#endif
