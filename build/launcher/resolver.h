/* Name resolution by the C library. */
#ifndef RESOLVER_H
#define RESOLVER_H

/* The environment as the process received it, with the variables that the resolver must not see. */
char **received_environment(void);

#endif
