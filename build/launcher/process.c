/* What the launcher asks of the operating system. See process.h; probe/process.py does the same for an ordinary Python. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "failure.h"
#include "resolver.h"

/* What the process was started with, for a command that replaces it. */
static struct {
    char closed[3];
    sigset_t mask;
    struct sigaction actions[5];
} received;

/* If one of 0-2 is closed, the next descriptor to be opened takes its number: the socket would become stderr, and the verdict
 * would go to the server. The root directory exists even where /dev/null does not; writing to it fails, which is enough. */
void guard_descriptors(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
            if (open("/", O_RDONLY) < 0)
                _exit(EXIT_INTERNAL);
            received.closed[descriptor] = 1;
        }
}

static volatile sig_atomic_t exit_code_of_signals = -1;

static void end_by_signal(int signal_number)
{
    _exit(exit_code_of_signals < 0 ? EXIT_SIGNAL + signal_number : exit_code_of_signals);
}

void set_exit_code_of_signals(int code)
{
    exit_code_of_signals = code;
}

/* As PID 1 of a container a process has no default actions for signals, so the actions are explicit. They are in C because
 * Python runs its handlers between bytecodes, and a resolver that hangs never returns to bytecode. */
void set_signals(void)
{
    static const int ending[] = {SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = end_by_signal};
    sigset_t unblocked;
    sigemptyset(&unblocked);
    sigaddset(&unblocked, SIGALRM); /* for arm_alarm */
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        sigaction(ending[i], &action, &received.actions[i]);
        sigaddset(&unblocked, ending[i]);
    }
    sigprocmask(SIG_UNBLOCK, &unblocked, &received.mask); /* the parent may have blocked them */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, &received.actions[2]); /* neither a closed stderr ... */
    sigaction(SIGXFSZ, &action, &received.actions[3]); /* ... nor a limit of file size must change the exit code */
    sigaction(SIGALRM, NULL, &received.actions[4]);
}

/* The alarm. A run with a deadline arms it once as a backstop against code that looks at no clock, such as a C library that
 * opens a FIFO as the time zone; writing the lines arms it again for itself. What happens when it rings depends on the phase that
 * the run is in. */

#define MIN_WRITE_SECONDS 0.05 /* as in probe/process.py */

static struct {
    int exit_code;
    size_t length;
    char lines[1024];
} phase;

void enter_phase(int exit_code, const char *lines, size_t length)
{
    phase.length = 0; /* in this order, because the alarm may ring in between */
    phase.exit_code = exit_code;
    length = length < sizeof phase.lines ? length : sizeof phase.lines;
    memcpy(phase.lines, lines, length);
    phase.length = length;
}

/* `YYYY/MM/DD HH:MM:SS ` of the current time in UTC: reading the time zone may be what hangs. The calendar's arithmetic is that of
 * Howard Hinnant's civil_from_days. */
static size_t write_timestamp(char *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long days = now.tv_sec / 86400, seconds = now.tv_sec % 86400;
    long since = days + 719468, era = since / 146097, of_era = since - era * 146097;
    long year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    long day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    long shifted = (5 * day_of_year + 2) / 153, month = shifted + (shifted < 10 ? 3 : -9);
    const long numbers[] = {year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1,
                            seconds / 3600, seconds / 60 % 60, seconds % 60};
    static const char after[] = "// :: ";
    size_t length = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (i == 0) {
            to[length++] = (char)('0' + numbers[0] / 1000);
            to[length++] = (char)('0' + numbers[0] / 100 % 10);
        }
        to[length++] = (char)('0' + numbers[i] / 10 % 10);
        to[length++] = (char)('0' + numbers[i] % 10);
        to[length++] = after[i];
    }
    return length;
}

/* Only calls that are safe in a signal handler. A pipe that is full is not waited for. */
static void end_late(int unused)
{
    char text[2 * sizeof phase.lines];
    size_t length = 0;
    for (size_t at = 0; at < phase.length && length + 64 < sizeof text; at++) {
        if (at == 0 || phase.lines[at - 1] == '\n')
            length += write_timestamp(text + length);
        text[length++] = phase.lines[at];
    }
    struct pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (length && poll(&writable, 1, 0) == 1 && write(STDERR_FILENO, text, length) < 0)
        _exit(phase.exit_code);
    _exit(phase.exit_code);
}

void arm_alarm(double seconds)
{
    long wait = (long)(seconds * 1e6);
    struct itimerval timer = {.it_value = {.tv_sec = wait / 1000000, .tv_usec = wait % 1000000}};
    struct sigaction action = {.sa_handler = end_late};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

void write_in_time(int descriptor, const char *data, size_t length, double seconds, int exit_code_when_late)
{
    enter_phase(exit_code_when_late, "", 0);
    arm_alarm(seconds < MIN_WRITE_SECONDS ? MIN_WRITE_SECONDS : seconds);
    while (length > 0) {
        ssize_t written = write(descriptor, data, length);
        if (written < 0)
            break; /* closed or full: the exit code still tells the result */
        data += written;
        length -= (size_t)written;
    }
    static const struct itimerval disarmed;
    setitimer(ITIMER_REAL, &disarmed, NULL);
}

/* The environment is restored by its owner, resolver.c. */
int execute(char *const command[])
{
    static const int changed[] = {SIGTERM, SIGINT, SIGPIPE, SIGXFSZ, SIGALRM};
    static const struct itimerval disarmed;
    setitimer(ITIMER_REAL, &disarmed, NULL); /* it survives execve */
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++)
        sigaction(changed[i], &received.actions[i], NULL);
    sigprocmask(SIG_SETMASK, &received.mask, NULL);
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (received.closed[descriptor])
            close(descriptor);
    char **environment = received_environment();
    if (!*command[0])
        return ENOENT; /* or each folder of PATH would be tried */
    if (strchr(command[0], '/')) {
        execve(command[0], command, environment);
        return errno;
    }
    int problem = ENOENT;
    const char *path = getenv("PATH");
    for (const char *folder = path ? path : "/usr/local/bin:/bin:/usr/bin"; folder; ) {
        size_t length = strcspn(folder, ":");
        char file[4096];
        if (snprintf(file, sizeof file, "%.*s%s%s", (int)length, folder, length ? "/" : "", command[0]) < (int)sizeof file) {
            execve(file, command, environment);
            if (errno != ENOENT && errno != ENOTDIR)
                problem = errno;
        }
        folder = folder[length] ? folder + length + 1 : NULL;
    }
    return problem;
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
