/* Ending the process from C. See failure.h. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <unistd.h>

#include "failure.h"

_Noreturn void fail(int code, const char *what, const char *more)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%s%.180s\n", what, more);
    if (length < 0 || write(STDERR_FILENO, line, (size_t)length) < 0)
        _exit(code); /* the exit code matters more than the line */
    _exit(code);
}

_Noreturn void fail_without_memory(void)
{
    fail(EXIT_DIAL, "error: out of memory\n", "hint: raise the container's memory limit, or ulimit -v");
}

_Noreturn void fail_damaged(void)
{
    fail(EXIT_DAMAGED, "error: this executable is damaged: ", "fetch it again, and compare its checksum");
}

#if PY_VERSION_HEX < 0x030C0000 /* 3.12 has this function, and warns of those that it replaces */
static PyObject *PyErr_GetRaisedException(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    return value;
}
#endif

_Noreturn void fail_by_exception(void)
{
    if (PyErr_ExceptionMatches(PyExc_MemoryError))
        fail_without_memory();
    PyObject *raised = PyErr_GetRaisedException();
    PyObject *text = raised ? PyUnicode_FromFormat("%s: %S", Py_TYPE(raised)->tp_name, raised) : NULL;
    const char *words = text ? PyUnicode_AsUTF8(text) : NULL;
    fail(EXIT_INTERNAL, "internal error: ", words ? words : "the program ended without ending the process");
}
