/* Reading PyInstaller's archive. See archive.h.
 *
 * The format is the CArchive of PyInstaller's archive/writers.py. At its end is a cookie: magic[8], length of the archive, offset
 * and length of the table of contents, Python version, library name[64]. An entry of the table is its own length, offset, stored
 * length, length, compressed?, type, name. Integers are big-endian.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "internal/pycore_import.h"

#include "archive.h"
#include "checksum.h"
#include "failure.h"
#include "snapshot.h"

enum { COOKIE = 88, COOKIE_TOC = 12, COOKIE_TOC_LENGTH = 16 };
enum { ENTRY_LENGTH = 0, ENTRY_OFFSET = 4, ENTRY_SIZE = 8, ENTRY_TYPE = 17, ENTRY_NAME = 18 };
enum { MAX_MODULES = 500 };
static struct _frozen modules[MAX_MODULES + 1] SNAPSHOT = {{0}};
static uint32_t sums[MAX_MODULES] SNAPSHOT = {0}; /* of their code */

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

const char *register_modules(void)
{
    const unsigned char *cookie = archive + archive_size - COOKIE;
    const unsigned char *entry = archive + big_endian(cookie + COOKIE_TOC);
    const unsigned char *last = entry + big_endian(cookie + COOKIE_TOC_LENGTH);
    const char *script = NULL;
    int count = 0;
    for (; entry < last; entry += big_endian(entry + ENTRY_LENGTH)) {
        char type = (char)entry[ENTRY_TYPE];
        if (type != 'm' && type != 'M' && type != 's') /* module, package, script */
            continue;
        if (count == MAX_MODULES)
            fail(EXIT_INTERNAL, "internal error: ", "too many modules");
        modules[count].name = (const char *)entry + ENTRY_NAME;
        modules[count].code = archive + big_endian(entry + ENTRY_OFFSET);
        modules[count].size = (int)big_endian(entry + ENTRY_SIZE);
        modules[count].is_package = type == 'M';
        sums[count] = checksum(modules[count].code, (size_t)modules[count].size);
        if (type == 's')
            script = modules[count].name;
        count++;
    }
    _PyImport_FrozenBootstrap = modules; /* the first table that CPython looks in */
    return script;
}

/* CPython calls this before it runs a module's code (build/python_patches.py). */
void check_module(const char *code, Py_ssize_t size)
{
    for (int i = 0; modules[i].name; i++)
        if (modules[i].code == (const unsigned char *)code && modules[i].size == size
            && checksum(code, (size_t)size) == sums[i])
            return;
    fail_damaged();
}
