/* Runs programs one after the other, and prints what each run cost.
 *
 *     measure [CGROUP_PROCS] < plan
 *
 * A line of the plan is a run: NAME, PAUSE in microseconds before it, PROGRAM, ARGUMENT..., separated by tabs. The
 * line that answers it, separated by spaces: NAME, wall time in ns, CPU time (user and system) in us, peak memory in
 * KiB, page faults without and with a read from the disk, exit code (for a signal: its negative number).
 *
 * A program gets no environment, and /dev/null for its three standard streams. If CGROUP_PROCS is given, it joins that
 * control group first. The wall time begins at its exec, since joining can take milliseconds.
 *
 * The kernel counts the memory that a process had before its exec into its peak, and a vforked child has its parent's.
 * Therefore this is not part of the Python program, and does its work in a forked copy of itself, which begins with
 * hardly any memory. The last line, `runner` and KiB, says what that came to: no program is seen to need less.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_LINE = 4096, MOST_ARGUMENTS = 32 };

/* Written by the vforked child, which shares this memory. */
static struct timespec begun;
static const char *volatile failed;
static volatile int failed_with;

static void die(const char *what, int error)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(error));
    exit(1);
}

static void child_dies(const char *what)
{
    failed = what;
    failed_with = errno;
    _exit(127);
}

static long long nanoseconds(struct timespec time)
{
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long microseconds(struct timeval time)
{
    return time.tv_sec * 1000000LL + time.tv_usec;
}

static pid_t start(char **argv, int nowhere, int group)
{
    static char *no_environment[] = {NULL};
    pid_t pid = vfork();
    if (pid < 0)
        die("vfork", errno);
    if (pid > 0)
        return pid;
    for (int stream = 0; stream < 3; stream++)
        if (dup2(nowhere, stream) < 0)
            child_dies("dup2");
    if (group >= 0 && write(group, "0", 1) != 1)            /* 0 is whoever writes it */
        child_dies("joining the control group");
    clock_gettime(CLOCK_MONOTONIC, &begun);
    execve(argv[0], argv, no_environment);
    child_dies(argv[0]);
    return -1;
}

static void run(const char *name, char **argv, int nowhere, int group)
{
    struct rusage used;
    struct timespec ended;
    int status;
    pid_t pid = start(argv, nowhere, group);
    if (wait4(pid, &status, 0, &used) != pid)
        die("wait4", errno);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    if (failed)
        die(failed, failed_with);
    printf("%s %lld %lld %ld %ld %ld %d\n", name, nanoseconds(ended) - nanoseconds(begun),
           microseconds(used.ru_utime) + microseconds(used.ru_stime), used.ru_maxrss, used.ru_minflt, used.ru_majflt,
           WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

static int work(int argc, char **argv)
{
    static char line[LONGEST_LINE];
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC), group = -1;
    if (nowhere < 0)
        die("/dev/null", errno);
    if (argc > 1 && (group = open(argv[1], O_WRONLY | O_CLOEXEC)) < 0)
        die(argv[1], errno);

    while (fgets(line, sizeof line, stdin)) {
        char *words[MOST_ARGUMENTS + 1], *rest = line;
        int count = 0;
        line[strcspn(line, "\n")] = '\0';
        while (count < MOST_ARGUMENTS && (words[count] = strsep(&rest, "\t")))
            count++;
        words[count] = NULL;
        if (count < 3 || rest)
            die("a line of the plan is cut short or too long", EINVAL);
        usleep(atoi(words[1]));
        run(words[0], words + 2, nowhere, group);
    }

    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    printf("runner %ld\n", own.ru_maxrss);
    return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
    int status;
    pid_t worker = fork();
    if (worker < 0)
        die("fork", errno);
    if (worker == 0)
        return work(argc, argv);
    return waitpid(worker, &status, 0) == worker && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
