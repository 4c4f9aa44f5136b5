/* Name resolution by the C library, kept from the container's settings.
 *
 * A static C library would load the plug-ins that the container's nsswitch.conf names, and crash where they are of another
 * version. __nss_configure_lookup prevents that, but reads the file first. So it is called when the first name is looked up,
 * and a run that looks up none does not pay for it. The linker sends CPython's calls here (build/freeze.py).
 *
 * Some environment variables of the C library's resolver write to stderr, redirect a name, or (a long LOCALDOMAIN) end in a
 * failed assertion. Go's resolver knows none of them.
 */
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver.h"

extern int __nss_configure_lookup(const char *database, const char *services);
extern int __real_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
extern struct servent *__real_getservbyname(const char *, const char *);

static const char *const harmful_variables[] = {
    "HOSTALIASES", "LOCALDOMAIN", "RESOLV_HOST_CONF", "RESOLV_MULTI", "RESOLV_REORDER", "RESOLV_ADD_TRIM_DOMAINS",
    "RESOLV_OVERRIDE_TRIM_DOMAINS",
};

extern char **environ;
static char **received; /* the environment before any variable was removed; NULL: none was */

char **received_environment(void)
{
    return received ? received : environ;
}

static void configure_resolver(void)
{
    size_t count = 0;
    while (environ[count])
        count++;
    received = malloc((count + 1) * sizeof *received);
    if (received)
        memcpy(received, environ, (count + 1) * sizeof *received);
    for (size_t i = 0; i < sizeof harmful_variables / sizeof *harmful_variables; i++)
        unsetenv(harmful_variables[i]);
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("services", "files");
}

static pthread_once_t resolver_configured = PTHREAD_ONCE_INIT;

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    pthread_once(&resolver_configured, configure_resolver);
    return __real_getaddrinfo(host, port, hints, found);
}

struct servent *__wrap_getservbyname(const char *name, const char *protocol)
{
    pthread_once(&resolver_configured, configure_resolver);
    return __real_getservbyname(name, protocol);
}
