#ifndef MTL_FILES_H
#define MTL_FILES_H

#include <pthread.h>

// A file without a name in a folder, to be written; -1 where the system or the file system has none.
int mtl_open_unnamed(const char *folder, unsigned mode);

// Gives such a file a name that nothing has yet; -1 with errno.
int mtl_name_unnamed(int descriptor, const char *path);

// From now on (1) what is written to a file goes past the system's cache, in whole blocks at whole blocks; -1 where it cannot.
int mtl_bypass_cache(int descriptor, int on);

// Writes all bytes, polling if the descriptor is non-blocking; -1 with errno.
int mtl_write_all(int descriptor, const void *bytes, long count);

// Files and folders that are to be removed if the process is interrupted: a place for a copy of the path, -1 where there is none left.
int mtl_partial_add(const char *path);
void mtl_partial_remove(int place);

// SIGINT, SIGTERM and SIGHUP remove those files, say so on the standard error and end the process as the signal does, a second
// signal at once. SIGPIPE and SIGXFSZ become errors of what writes. Signals that are ignored already stay so.
void mtl_watch_interrupts(void);

// From now on (1) the first SIGINT or SIGTERM ends nothing, and is there to be asked for; a second one ends the process at once.
void mtl_hold_interrupts(int on);
// The signal that came meanwhile, 0 for none.
int mtl_held_interrupt(void);

// Starts a thread; an error number where that cannot be.
int mtl_thread_start(pthread_t *thread, void *(*body)(void *), void *context, const char *name);

#endif
