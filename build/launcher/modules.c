/* The modules that are built into CPython.
 *
 * CPython's own tables (Modules/config.c, Python/frozen.c) name everything that it was built with, and so would keep everything in
 * the executable. These are the modules in C that the program needs, and the parts of the standard library that it uses. All
 * frozen modules come from the archive, importlib's two included; archive.c sets their table.
 */
#include <Python.h>

#include "internal/pycore_import.h"

#define MODULES(use) \
    use(_abc) use(_codecs) use(_collections) use(_functools) use(_imp) use(_io) use(_json) use(_launcher) use(_locale) \
    use(_operator) use(_random) use(_signal) use(_socket) use(_sre) use(_ssl) use(_stat) use(_string) use(_struct) \
    use(_thread) use(_weakref) use(atexit) use(binascii) use(errno) use(gc) use(itertools) use(math) use(posix) \
    use(select) use(time) use(zlib)

#define DECLARE(name) extern PyObject *PyInit_##name(void);
MODULES(DECLARE)
extern PyObject *PyMarshal_Init(void);
extern PyObject *_PyWarnings_Init(void);

#define ENTRY(name) {#name, PyInit_##name},
struct _inittab _PyImport_Inittab[] = {
    MODULES(ENTRY)
    {"marshal", PyMarshal_Init},
    {"_warnings", _PyWarnings_Init},
    {"builtins", NULL}, /* CPython's start makes these two */
    {"sys", NULL},
    {NULL, NULL},
};

static const struct _frozen none[] = {{NULL}};
static const struct _module_alias aliases[] = {
    {"_frozen_importlib", "importlib._bootstrap"},
    {"_frozen_importlib_external", "importlib._bootstrap_external"},
    {NULL, NULL},
};
const struct _frozen *_PyImport_FrozenBootstrap = none, *_PyImport_FrozenStdlib = none, *_PyImport_FrozenTest = none;
const struct _module_alias *_PyImport_FrozenAliases = aliases;
const struct _frozen *PyImport_FrozenModules = NULL;

#if PY_VERSION_HEX < 0x030D0000
/* CPython's start interns the strings of code that was compiled to C. There is none here, and from 3.13 on there is none at all. */
int _Py_Deepfreeze_Init(void)
{
    return 0;
}

void _Py_Deepfreeze_Fini(void)
{
}
#endif

/* The file system is not searched, so there are no paths to compute. */
PyStatus _PyConfig_InitPathConfig(PyConfig *config, int compute)
{
    return PyStatus_Ok();
}
