/* What the launcher asks of the operating system. See process.h; probe/process.py does the same for an ordinary Python. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "failure.h"

/* If one of 0-2 is closed, the next descriptor to be opened takes its number: the socket would become stderr, and the verdict
 * would go to the server. The root directory exists even where /dev/null does not; writing to it fails, which is enough. */
void guard_descriptors(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF && open("/", O_RDONLY) < 0)
            _exit(EXIT_INTERNAL);
}

static void end_by_signal(int signal_number)
{
    _exit(EXIT_SIGNAL + signal_number);
}

/* As PID 1 of a container a process has no default actions for signals, so the actions are explicit. They are in C because
 * Python runs its handlers between bytecodes, and a resolver that hangs never returns to bytecode. */
void set_signals(void)
{
    static const int ending[] = {SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = end_by_signal};
    sigset_t unblocked;
    sigemptyset(&unblocked);
    sigaddset(&unblocked, SIGALRM); /* for write_in_time, which alone sets an alarm */
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        sigaction(ending[i], &action, NULL);
        sigaddset(&unblocked, ending[i]);
    }
    sigprocmask(SIG_UNBLOCK, &unblocked, NULL); /* the parent may have blocked them */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL); /* a closed stderr must not change the exit code */
}

#define MIN_WRITE_SECONDS 0.05 /* as in probe/process.py */
static volatile sig_atomic_t code_when_late;

static void end_late(int unused)
{
    _exit(code_when_late);
}

/* The alarm belongs to this function: it is armed at the start and disarmed at the end. */
void write_in_time(int descriptor, const char *data, size_t length, double seconds, int exit_code_when_late)
{
    double limit = seconds < MIN_WRITE_SECONDS ? MIN_WRITE_SECONDS : seconds;
    suseconds_t wait = (suseconds_t)(limit * 1e6);
    struct itimerval timer = {.it_value = {.tv_sec = wait / 1000000, .tv_usec = wait % 1000000}};
    struct sigaction action = {.sa_handler = end_late};
    code_when_late = exit_code_when_late;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    while (length > 0) {
        ssize_t written = write(descriptor, data, length);
        if (written < 0)
            break; /* closed or full: the exit code still tells the result */
        data += written;
        length -= (size_t)written;
    }
    timer.it_value = (struct timeval){0};
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* CPython refuses a standard stream that is a directory, which guard_descriptors() may have opened. It accepts a pipe, and
 * writing to a pipe without another end fails as well. */
void replace_directories(void)
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
