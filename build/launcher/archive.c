/* Reading PyInstaller's archive. See archive.h.
 *
 * The format is the CArchive of PyInstaller's archive/writers.py. At its end is a cookie: magic[8], length of the archive, offset
 * and length of the table of contents, Python version, library name[64]. An entry of the table is its own length, offset, stored
 * length, length, compressed?, type, name. Integers are big-endian.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <marshal.h>
#include <stdlib.h>
#include <zlib.h>

#include "internal/pycore_import.h"

#include "archive.h"
#include "checksum.h"
#include "failure.h"
#include "snapshot.h"

enum { COOKIE = 88, COOKIE_TOC = 12, COOKIE_TOC_LENGTH = 16 };
enum { ENTRY_LENGTH = 0, ENTRY_OFFSET = 4, ENTRY_STORED = 8, ENTRY_SIZE = 12, ENTRY_COMPRESSED = 16, ENTRY_TYPE = 17, ENTRY_NAME = 18 };
enum { MAX_MODULES = 500 };
static struct _frozen modules[MAX_MODULES + 1] SNAPSHOT = {{0}}; /* with their code as it is stored, compressed */
static struct {
    uint32_t sum; /* of the code as it is stored */
    uint32_t size; /* of the code, in bytes */
} codes[MAX_MODULES] SNAPSHOT = {{0}};

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
        if (count == MAX_MODULES || !entry[ENTRY_COMPRESSED])
            fail(EXIT_INTERNAL, "internal error: ", "the archive has too many modules, or one that is not compressed");
        modules[count].name = (const char *)entry + ENTRY_NAME;
        modules[count].code = archive + big_endian(entry + ENTRY_OFFSET);
        modules[count].size = (int)big_endian(entry + ENTRY_STORED);
        modules[count].is_package = type == 'M';
        codes[count].sum = checksum(modules[count].code, (size_t)modules[count].size);
        codes[count].size = big_endian(entry + ENTRY_SIZE);
        if (type == 's')
            script = modules[count].name;
        count++;
    }
    _PyImport_FrozenBootstrap = modules; /* the first table that CPython looks in */
    return script;
}

/* CPython calls this for a module's code (build/python_patches.py). Returns the code object, or NULL with an exception. */
PyObject *load_code(const char *stored, Py_ssize_t stored_size)
{
    int i = 0;
    while (modules[i].name && modules[i].code != (const unsigned char *)stored)
        i++;
    if (!modules[i].name || checksum(stored, (size_t)stored_size) != codes[i].sum)
        fail_damaged();
    uLongf size = codes[i].size;
    unsigned char *code = malloc(size);
    int result = code ? uncompress(code, &size, (const unsigned char *)stored, (uLong)stored_size) : Z_MEM_ERROR;
    if (result != Z_OK && result != Z_MEM_ERROR)
        fail_damaged();
    PyObject *loaded = result == Z_OK ? PyMarshal_ReadObjectFromString((const char *)code, (Py_ssize_t)size) : PyErr_NoMemory();
    free(code);
    return loaded;
}
