/* The executable's own file. */
#ifndef OWN_FILE_H
#define OWN_FILE_H

/* Returns a descriptor for reading. On failure returns -1 and sets errno; `*tried` is the last place that was tried. */
int open_own_file(const char **tried);

#endif
