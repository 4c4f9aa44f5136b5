/* The module `_launcher`: what the program uses instead of probe/process.py when it runs from the executable. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "openssl.h"
#include "own_file.h"
#include "process.h"
#include "snapshot.h"

/* prepare(): nothing is left to do, because main() has done it. */
static PyObject *prepare(PyObject *self, PyObject *unused)
{
    Py_RETURN_NONE;
}

/* environment(prefix) -> dict: the variables whose names begin with the prefix; names and values are bytes. */
static PyObject *environment(PyObject *self, PyObject *prefix)
{
    const char *wanted = PyBytes_AsString(prefix);
    PyObject *found = wanted ? PyDict_New() : NULL;
    for (char **variable = environ; found && *variable; variable++) {
        const char *equals = strchr(*variable, '=');
        if (!equals || strncmp(*variable, wanted, strlen(wanted)))
            continue;
        PyObject *name = PyBytes_FromStringAndSize(*variable, equals - *variable);
        PyObject *value = PyBytes_FromString(equals + 1);
        if (!name || !value || PyDict_SetItem(found, name, value))
            Py_CLEAR(found);
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    return found;
}

/* write(descriptor, data, seconds, exit_code_when_late) */
static PyObject *write_data(PyObject *self, PyObject *arguments)
{
    int descriptor, code;
    const char *data;
    Py_ssize_t length;
    double seconds;
    if (!PyArg_ParseTuple(arguments, "iy#di", &descriptor, &data, &length, &seconds, &code))
        return NULL;
    write_in_time(descriptor, data, (size_t)length, seconds, code);
    Py_RETURN_NONE;
}

/* arm(seconds) */
static PyObject *arm(PyObject *self, PyObject *seconds)
{
    double wait = PyFloat_AsDouble(seconds);
    if (wait == -1.0 && PyErr_Occurred())
        return NULL;
    arm_alarm(wait);
    Py_RETURN_NONE;
}

/* enter(exit_code, lines) */
static PyObject *enter(PyObject *self, PyObject *arguments)
{
    int code;
    const char *lines;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(arguments, "iy#", &code, &lines, &length))
        return NULL;
    enter_phase(code, lines, (size_t)length);
    Py_RETURN_NONE;
}

/* exit_on_signal(exit_code) */
static PyObject *exit_on_signal(PyObject *self, PyObject *code)
{
    set_exit_code_of_signals((int)PyLong_AsLong(code));
    Py_RETURN_NONE;
}

/* execute(command) -> errno, if the command cannot replace the process; a list of bytes */
static PyObject *execute_command(PyObject *self, PyObject *command)
{
    Py_ssize_t count = PyList_Check(command) ? PyList_GET_SIZE(command) : 0;
    char **arguments = count ? calloc((size_t)count + 1, sizeof *arguments) : NULL;
    if (!arguments)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++)
        if (!(arguments[i] = PyBytes_AsString(PyList_GET_ITEM(command, i))))
            return NULL;
    return PyLong_FromLong(execute(arguments));
}

/* own_file() -> a descriptor of the executable, to read */
static PyObject *own_file(PyObject *self, PyObject *unused)
{
    const char *tried;
    int file = open_own_file(&tried);
    return file < 0 ? PyErr_SetFromErrnoWithFilename(PyExc_OSError, tried) : PyLong_FromLong(file);
}

/* end(exit_code) */
static PyObject *end(PyObject *self, PyObject *code)
{
    _exit((int)PyLong_AsLong(code));
}

/* Short of memory, CPython does not fail well in the middle of its initialisation. So this much must be free; it is not used. */
enum { INITIALISATION_BYTES = 4 << 20 };

/* complete(): does the rest of CPython's initialisation: import paths (none), codecs, standard streams. Whoever needs the standard
 * library calls it first; a plain call does without. */
static PyObject *complete(PyObject *self, PyObject *unused)
{
    if (Py_IsInitialized())
        Py_RETURN_NONE;
    void *room = mmap(NULL, INITIALISATION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return PyErr_NoMemory();
    munmap(room, INITIALISATION_BYTES);
    replace_directories();
    PyStatus status = _Py_InitializeMain();
    if (PyStatus_Exception(status))
        return PyErr_Format(PyExc_RuntimeError, "CPython cannot be initialised: %s", status.err_msg);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] SNAPSHOT = {
    {"complete", complete, METH_NOARGS, NULL},
    {"prepare", prepare, METH_NOARGS, NULL},
    {"environment", environment, METH_O, NULL},
    {"arm", arm, METH_O, NULL},
    {"enter", enter, METH_VARARGS, NULL},
    {"exit_on_signal", exit_on_signal, METH_O, NULL},
    {"write", write_data, METH_VARARGS, NULL},
    {"execute", execute_command, METH_O, NULL},
    {"own_file", own_file, METH_NOARGS, NULL},
    {"end", end, METH_O, NULL},
    {"identify", use_identity, METH_VARARGS, NULL},
    {NULL},
};
static struct PyModuleDef module SNAPSHOT = {PyModuleDef_HEAD_INIT, "_launcher", NULL, 0, methods};

PyMODINIT_FUNC PyInit__launcher(void)
{
    return PyModule_Create(&module);
}
