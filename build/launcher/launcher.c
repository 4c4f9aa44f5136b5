/* The executable's own main().
 *
 * PyInstaller's stock bootloader unpacks a shared libpython into a temporary directory and starts a second process. A probe can
 * afford neither: a read-only root, a kill at any moment and a tenth of a core are its daily life. So CPython is linked in, one
 * process opens no file, and the modules are PyInstaller's archive in the section `pydata` of this very file, handed to CPython
 * as frozen modules.
 *
 * And nothing is done twice: CPython's start and the imports, which would be four fifths of every run, happen once, when the
 * executable is made. What they leave in memory (snapshot.h) is written into the executable, and a run goes on from there.
 * docs/launcher.md has the picture.
 *
 * Nothing outside has a say: no PYTHON* variable, no site directory, no locale.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "internal/pycore_import.h"

#include "archive.h"
#include "own_file.h"
#include "snapshot.h"

/* The exit codes that end here; probe/verdict.py has the whole table, and a test compares. */
enum { EXIT_INTERNAL = 101, EXIT_DAMAGED = 102, EXIT_SIGNAL = 128 };

/* One write, whatever comes of it: the exit code is what counts. */
static _Noreturn void fail(int code, const char *what, const char *more)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%s%.180s\n", what, more);
    if (length < 0 || write(STDERR_FILENO, line, (size_t)length) < 0)
        _exit(code);
    _exit(code);
}

/* Descriptors and signals, before anything is opened; probe/process.py does the same for an ordinary Python. */

/* A descriptor of 0-2 that is closed would be given to the first socket, and a line for people would go to the server. The root
 * directory is there even where /dev/null is not; writing to it fails, which is all that is wanted. */
static void guard_descriptors(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF && open("/", O_RDONLY) < 0)
            _exit(EXIT_INTERNAL);
}

static void end_by_signal(int signal_number)
{
    _exit(EXIT_SIGNAL + signal_number);
}

/* As PID 1 of a container a process has no default action for signals, so the actions are spelled out, and in C: Python's
 * handlers wait for the interpreter's next look, and a resolver that hangs never looks. */
static void set_signals(void)
{
    static const int ending[] = {SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = end_by_signal};
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGALRM);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        sigaction(ending[i], &action, NULL);
        sigaddset(&ours, ending[i]);
    }
    sigprocmask(SIG_UNBLOCK, &ours, NULL); /* a parent may have blocked them */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL); /* a reader of stderr who went away changes no verdict */
}

/* Names of hosts and ports. A static C library would load the plug-ins that the container's nsswitch.conf names, and crash on a
 * version mismatch. To be told otherwise it first reads that file, which a run that asks for no name is spared; so it is told
 * when the first name is asked for, and the linker (build/freeze.py) leads CPython's questions here.
 *
 * Of the variables that the C library's resolver minds, these write to stderr, lead a name elsewhere, or (LOCALDOMAIN, when it is
 * long) end in a failed assertion. Go's resolver knows none of them. */

extern int __nss_configure_lookup(const char *database, const char *services);
extern int __real_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
extern struct servent *__real_getservbyname(const char *, const char *);

static const char *const meddling[] = {"HOSTALIASES", "LOCALDOMAIN", "RESOLV_HOST_CONF", "RESOLV_MULTI", "RESOLV_REORDER",
                                       "RESOLV_ADD_TRIM_DOMAINS", "RESOLV_OVERRIDE_TRIM_DOMAINS"};

static void set_resolver(void)
{
    for (size_t i = 0; i < sizeof meddling / sizeof *meddling; i++)
        unsetenv(meddling[i]);
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("services", "files");
}

static pthread_once_t resolver_set = PTHREAD_ONCE_INIT;

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted, struct addrinfo **found)
{
    pthread_once(&resolver_set, set_resolver);
    return __real_getaddrinfo(host, port, wanted, found);
}

struct servent *__wrap_getservbyname(const char *name, const char *protocol)
{
    pthread_once(&resolver_set, set_resolver);
    return __real_getservbyname(name, protocol);
}

/* OpenSSL, when it is first used. Left to itself it reads openssl.cnf, and the container's may name providers that a static library
 * cannot load. Nor are its tables of error texts and of ciphers' names filled, which nobody here asks for. */

extern SSL_CTX *__real_SSL_CTX_new(const SSL_METHOD *);

SSL_CTX *__wrap_SSL_CTX_new(const SSL_METHOD *method)
{
    const uint64_t without = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS;
    OPENSSL_init_ssl(without | OPENSSL_INIT_NO_LOAD_SSL_STRINGS, NULL);
    return __real_SSL_CTX_new(method);
}

/* The module `_launcher`: what probe/process.py is where an ordinary Python runs the program. */

static PyObject *prepare(PyObject *self, PyObject *unused)
{
    Py_RETURN_NONE; /* main() has done it */
}

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

#define LEAST 0.05 /* seconds that writing may take, as in probe/process.py */
static volatile sig_atomic_t code_when_late;

static void end_late(int unused)
{
    _exit(code_when_late);
}

static PyObject *write_in_time(PyObject *self, PyObject *arguments)
{
    int descriptor, code;
    const char *data;
    Py_ssize_t length;
    double seconds;
    if (!PyArg_ParseTuple(arguments, "iy#di", &descriptor, &data, &length, &seconds, &code))
        return NULL;
    suseconds_t wait = seconds < LEAST ? (suseconds_t)(LEAST * 1e6) : (suseconds_t)(seconds * 1e6);
    struct itimerval timer = {.it_value = {.tv_sec = wait / 1000000, .tv_usec = wait % 1000000}};
    struct sigaction action = {.sa_handler = end_late};
    code_when_late = code;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    while (length > 0) {
        ssize_t written = write(descriptor, data, (size_t)length);
        if (written < 0)
            break; /* closed, full, or read by nobody any more: the exit code still tells */
        data += written;
        length -= written;
    }
    timer.it_value = (struct timeval){0};
    setitimer(ITIMER_REAL, &timer, NULL);
    Py_RETURN_NONE;
}

static PyObject *own_file(PyObject *self, PyObject *unused)
{
    const char *tried;
    int file = open_own_file(&tried);
    return file < 0 ? PyErr_SetFromErrnoWithFilename(PyExc_OSError, tried) : PyLong_FromLong(file);
}

static PyObject *end(PyObject *self, PyObject *code)
{
    _exit((int)PyLong_AsLong(code));
}

/* CPython refuses a standard stream that is a directory, as guard_descriptors() may have made it. A pipe without another end does
 * as well: writing to it fails. */
static void replace_directories(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++) {
        struct stat found;
        int ends[2];
        if (fstat(descriptor, &found) || !S_ISDIR(found.st_mode) || pipe(ends))
            continue;
        dup2(ends[0], descriptor);
        close(ends[0]);
        close(ends[1]);
    }
}

/* The rest of CPython's initialisation: import paths (none), codecs, standard streams. It takes nearly as long as a whole call (2.6 of
 * 3.3 ms on 2026-11-22), so it waits for the first one who needs the standard library. */
static PyObject *complete(PyObject *self, PyObject *unused)
{
    replace_directories();
    PyStatus status = Py_IsInitialized() ? PyStatus_Ok() : _Py_InitializeMain();
    if (PyStatus_Exception(status))
        return PyErr_Format(PyExc_RuntimeError, "CPython cannot be initialised: %s", status.err_msg);
    Py_RETURN_NONE;
}

/* Gives a context of `_ssl` a certificate chain and its private key (PKCS #8), both in DER, from memory: `_ssl` itself takes files
 * alone. Whatever the bytes are, the answer is whether they were of use; OpenSSL sees that the key is the certificate's. The context's
 * SSL_CTX is the first thing in it. */
static PyObject *identify(PyObject *self, PyObject *arguments)
{
    struct {
        PyObject_HEAD
        SSL_CTX *made;
    } *context;
    const unsigned char *certificates, *key;
    Py_ssize_t certificates_length, key_length;
    if (!PyArg_ParseTuple(arguments, "Oy#y#", &context, &certificates, &certificates_length, &key, &key_length))
        return NULL;
    if (strcmp(Py_TYPE(context)->tp_name, "_ssl._SSLContext"))
        return PyErr_Format(PyExc_TypeError, "a context of _ssl is wanted");
    const unsigned char *end = certificates + certificates_length;
    X509 *own = d2i_X509(NULL, &certificates, (long)certificates_length), *next = own;
    STACK_OF(X509) *others = sk_X509_new_null();
    while (next && others && certificates < end) {
        next = d2i_X509(NULL, &certificates, (long)(end - certificates));
        if (next && !sk_X509_push(others, next)) {
            X509_free(next);
            next = NULL;
        }
    }
    PKCS8_PRIV_KEY_INFO *packed = d2i_PKCS8_PRIV_KEY_INFO(NULL, &key, (long)key_length);
    EVP_PKEY *private_key = packed ? EVP_PKCS82PKEY(packed) : NULL;
    int well = next && others && private_key && SSL_CTX_use_cert_and_key(context->made, own, private_key, others, 1) == 1;
    PKCS8_PRIV_KEY_INFO_free(packed);
    EVP_PKEY_free(private_key);
    sk_X509_pop_free(others, X509_free);
    X509_free(own);
    ERR_clear_error();
    return PyBool_FromLong(well);
}

static PyMethodDef methods[] SNAPSHOT = {
    {"complete", complete, METH_NOARGS, NULL},
    {"prepare", prepare, METH_NOARGS, NULL},
    {"environment", environment, METH_O, NULL},
    {"write", write_in_time, METH_VARARGS, NULL},
    {"own_file", own_file, METH_NOARGS, NULL},
    {"end", end, METH_O, NULL},
    {"identify", identify, METH_VARARGS, NULL},
    {NULL},
};
static struct PyModuleDef module SNAPSHOT = {PyModuleDef_HEAD_INIT, "_launcher", NULL, 0, methods};

PyMODINIT_FUNC PyInit__launcher(void)
{
    return PyModule_Create(&module);
}

/* The archive: CArchive, the format of PyInstaller's archive/writers.py. At its end is a cookie: magic[8], length of the
 * archive, offset and length of the table of contents, Python version, library name[64]; an entry of the table is its own
 * length, offset, stored length, length, compressed?, type, name. Integers are big-endian. */
enum { COOKIE = 88, COOKIE_TOC = 12, COOKIE_TOC_LENGTH = 16 };
enum { ENTRY_LENGTH = 0, ENTRY_OFFSET = 4, ENTRY_SIZE = 8, ENTRY_TYPE = 17, ENTRY_NAME = 18 };
enum { MOST_MODULES = 500 };
static struct _frozen modules[MOST_MODULES + 1] SNAPSHOT = {{0}};

static uint32_t number(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Makes the archive's modules known to CPython; gives the name of the script in it, which is the program. */
static const char *read_archive(void)
{
    const unsigned char *cookie = archive + archive_size - COOKIE;
    const unsigned char *entry = archive + number(cookie + COOKIE_TOC);
    const unsigned char *last = entry + number(cookie + COOKIE_TOC_LENGTH);
    const char *script = NULL;
    int count = 0;
    for (; entry < last; entry += number(entry + ENTRY_LENGTH)) {
        char type = (char)entry[ENTRY_TYPE];
        if (type != 'm' && type != 'M' && type != 's') /* module, package, script */
            continue;
        if (count == MOST_MODULES)
            fail(EXIT_INTERNAL, "internal error: ", "too many modules");
        modules[count].name = (const char *)entry + ENTRY_NAME;
        modules[count].code = archive + number(entry + ENTRY_OFFSET);
        modules[count].size = (int)number(entry + ENTRY_SIZE);
        modules[count].is_package = type == 'M';
        if (type == 's')
            script = modules[count].name;
        count++;
    }
    _PyImport_FrozenBootstrap = modules; /* the first table that CPython looks in */
    return script;
}

/* CPython. */

#if PY_VERSION_HEX < 0x030C0000 /* 3.12 brought it, and a warning for the use of what was there before */
static PyObject *PyErr_GetRaisedException(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    return value;
}
#endif

static _Noreturn void fail_by_exception(void)
{
    PyObject *raised = PyErr_GetRaisedException();
    PyObject *text = raised ? PyUnicode_FromFormat("%s: %S", Py_TYPE(raised)->tp_name, raised) : NULL;
    const char *words = text ? PyUnicode_AsUTF8(text) : NULL;
    fail(EXIT_INTERNAL, "internal error: ", words ? words : "the program ended without ending the process");
}

static void check(PyStatus status)
{
    if (PyStatus_Exception(status))
        fail(EXIT_INTERNAL, "internal error: ", status.err_msg ? status.err_msg : "CPython does not start");
}

/* CPython's core alone: no import paths, no codecs, no `site`. */
static void start_python(void)
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
    config.module_search_paths_set = 1; /* an empty list: nothing is looked for in the file system */
    config.use_frozen_modules = 1;
    /* The order of a snapshot's dictionaries is settled when it is made, so the seed is no secret. What a server sends becomes
     * the key of a dictionary in one place, the header fields, whose number is bounded. */
    config.use_hash_seed = 1;
    config.hash_seed = 0;
    wchar_t **places[] = {&config.home, &config.prefix, &config.exec_prefix, &config.base_prefix, &config.base_exec_prefix,
                          &config.executable, &config.base_executable, &config.program_name, &config.stdlib_dir};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        check(PyConfig_SetString(&config, places[i], L"/")); /* spares the search for a Python installation */
    check(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
#if PY_VERSION_HEX >= 0x030D0000 /* since then it is done for the standard streams, and no more when it is first needed */
    extern PyStatus _PyCodec_InitRegistry(PyInterpreterState *);
    check(_PyCodec_InitRegistry(PyInterpreterState_Get()));
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

/* The snapshot. */

enum { THREAD_STACK = 256 << 10 };
static PyObject *program SNAPSHOT = NULL;
static PyThreadState *main_thread SNAPSHOT = NULL;

/* Goes as far as every run goes alike, and writes what that left in memory to a file. */
static _Noreturn void make_snapshot(const char *path)
{
    const char *script = read_archive();
    start_python();
    /* Else it would be RLIMIT_STACK: too little for the resolver in some places, and too much for RLIMIT_AS in others. */
    PyThread_set_stacksize(THREAD_STACK);
    if (!script || PyImport_ImportFrozenModule(script) < 1)
        fail_by_exception();
    PyObject *name = PyUnicode_FromString(script), *imported = PyImport_GetModule(name);
    program = imported ? PyObject_GetAttrString(imported, "run") : NULL;
    if (!program)
        fail_by_exception();
    PyGC_Collect();
    PyGC_Disable(); /* a run is one call: what it allocates is bounded, and reference counts free it */
    PyOS_BeforeFork();
    main_thread = PyEval_SaveThread(); /* from 3.13 on, which thread state is current is known outside of the snapshot */
    /* Behind the top are frames that have ended, and in them addresses of the stack. */
    memset(main_thread->datastack_top, 0, (size_t)((char *)main_thread->datastack_limit - (char *)main_thread->datastack_top));
    main_thread->native_thread_id = 0; /* differs from run to run, and so would the bytes */
    if (write_snapshot(path))
        fail(EXIT_INTERNAL, "internal error: cannot write ", path);
    _exit(0);
}

/* Goes on from the snapshot: for CPython it is as if the process had been forked from the one that made it. */
static void resume_snapshot(void)
{
    main_thread->thread_id = PyThread_get_thread_ident();
    PyEval_RestoreThread(main_thread);
    PyOS_AfterFork_Child();
}

int main(int argc, char **argv)
{
    guard_descriptors();
    set_signals();
    /* Asked for by name: a damaged file may have forgotten that the snapshot was made. */
    if (!snapshot_made && argc == 3 && !strcmp(argv[1], "make-snapshot"))
        make_snapshot(argv[2]);
    if (!is_whole(0))
        fail(EXIT_DAMAGED, "error: this executable is damaged: ", "fetch it again, and compare its checksum");
    resume_snapshot();
    set_arguments(argc, argv);
    PyObject_CallNoArgs(program);
    fail_by_exception(); /* the program ends the process itself */
}
