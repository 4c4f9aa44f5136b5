/* Starting CPython, and resuming it from the snapshot. See interpreter.h.
 *
 * Nothing outside has a say: no PYTHON* variable, no site directory, no locale.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "internal/pycore_runtime.h"

#include "failure.h"
#include "interpreter.h"
#include "snapshot.h"

/* Of the threads that CPython starts, in bytes. The default is RLIMIT_STACK: in some places too little for the resolver, in
 * others too much for RLIMIT_AS. */
enum { THREAD_STACK = 256 << 10 };
static PyObject *program SNAPSHOT = NULL;
static PyThreadState *main_thread SNAPSHOT = NULL;

/* close_arenas.c has these, in CPython 3.11. */
extern void _PyObject_WipeFreed(void) __attribute__((weak));
extern void _PyObject_CloseArenas(void) __attribute__((weak));

static void check(PyStatus status)
{
    if (PyStatus_Exception(status))
        fail(EXIT_INTERNAL, "internal error: ", status.err_msg ? status.err_msg : "CPython does not start");
}

/* Starts CPython's core: no import paths, no codecs, no `site`. */
static void start_core(void)
{
    PyPreConfig pre;
    PyPreConfig_InitIsolatedConfig(&pre);
    pre.utf8_mode = 1;
    pre.configure_locale = 0;
    check(Py_PreInitialize(&pre));

    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config._init_main = 0;
    config.site_import = config.write_bytecode = config.parse_argv = config.install_signal_handlers = 0;
    config.module_search_paths_set = 1; /* to an empty list: the file system is not searched */
    config.use_frozen_modules = 1;
    /* The order of the snapshot's dictionaries is fixed when it is made, so the seed is not secret. In one place data from a server
     * becomes the key of a dictionary: header fields, whose number is bounded. */
    config.use_hash_seed = 1;
    config.hash_seed = 0;
    wchar_t **places[] = {&config.home, &config.prefix, &config.exec_prefix, &config.base_prefix, &config.base_exec_prefix,
                          &config.executable, &config.base_executable, &config.program_name, &config.stdlib_dir};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        check(PyConfig_SetString(&config, places[i], L"/")); /* avoids the search for a Python installation */
    check(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
#if PY_VERSION_HEX >= 0x030D0000 /* from 3.13 on this is done for the standard streams, and no longer on first use */
    extern PyStatus _PyCodec_InitRegistry(PyInterpreterState *);
    check(_PyCodec_InitRegistry(PyInterpreterState_Get()));
#endif
}

/* A probe is one call: what it allocates is bounded, and reference counts free it. A command that lasts calls gc.enable(), and the
 * collector then leaves the snapshot's objects alone. */
static void set_collector_aside(void)
{
    PyObject *gc = PyImport_ImportModule("gc");
    PyGC_Collect(); /* which empties the lists of free objects as well */
    PyObject *frozen = gc ? PyObject_CallMethod(gc, "freeze", NULL) : NULL;
    if (!frozen)
        fail_by_exception();
    PyGC_Disable();
}

void start_python(const char *script)
{
    if (_PyObject_WipeFreed)
        _PyObject_WipeFreed();
    start_core();
    PyThread_set_stacksize(THREAD_STACK);
    if (!script || PyImport_ImportFrozenModule(script) < 1)
        fail_by_exception();
    PyObject *name = PyUnicode_FromString(script), *imported = PyImport_GetModule(name);
    program = imported ? PyObject_GetAttrString(imported, "run") : NULL;
    if (!program)
        fail_by_exception();
    set_collector_aside();
    PyOS_BeforeFork();
    main_thread = PyEval_SaveThread(); /* from 3.13 on, the current thread state is kept outside of the snapshot */
    /* Above the top of the stack are frames that have ended, with addresses that differ from build to build. */
    memset(main_thread->datastack_top, 0, (size_t)((char *)main_thread->datastack_limit - (char *)main_thread->datastack_top));
    main_thread->native_thread_id = 0; /* differs from build to build as well */
    if (_PyObject_CloseArenas)
        _PyObject_CloseArenas();
}

void resume_python(void)
{
    main_thread->thread_id = PyThread_get_thread_ident();
    PyEval_RestoreThread(main_thread);
    PyOS_AfterFork_Child();
    /* After a fork the thread would still have this value, by which CPython recognises a thread that calls back from other code.
     * Without it CPython would make a thread state for each of OpenSSL's callbacks. */
#if PY_VERSION_HEX < 0x030C0000
    PyThread_tss_set(&_PyRuntime.gilstate.autoTSSkey, main_thread);
#else
    PyThread_tss_set(&_PyRuntime.autoTSSkey, main_thread);
#endif
}

static void set_arguments(int argc, char **argv)
{
    PyObject *arguments = PyList_New(argc);
    for (int i = 0; arguments && i < argc; i++) {
        PyObject *argument = PyUnicode_DecodeFSDefault(argv[i]);
        if (argument)
            PyList_SET_ITEM(arguments, i, argument);
        else
            Py_CLEAR(arguments);
    }
    if (!arguments || PySys_SetObject("argv", arguments))
        fail_by_exception();
}

_Noreturn void run_program(int argc, char **argv)
{
    set_arguments(argc, argv);
    PyObject_CallNoArgs(program);
    fail_by_exception();
}
