/* The executable's own file. */
#ifndef OWN_FILE_H
#define OWN_FILE_H

/* A descriptor of it, to read. On failure -1, with errno, and `*tried` is the last place that was looked at. */
int open_own_file(const char **tried);

#endif
