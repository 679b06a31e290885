#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "mtl_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__) && defined(O_TMPFILE)
int mtl_open_unnamed(const char *folder, unsigned mode) {
    const int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (descriptor < 0) return -1;
    // Without /proc it could not be named later.
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    if (access(link, F_OK) == 0) return descriptor;
    close(descriptor);
    return -1;
}

int mtl_name_unnamed(int descriptor, const char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}
#else
int mtl_open_unnamed(const char *folder, unsigned mode) {
    (void)folder, (void)mode;
    return -1;
}

int mtl_name_unnamed(int descriptor, const char *path) {
    (void)descriptor, (void)path;
    errno = ENOTSUP;
    return -1;
}
#endif

int mtl_bypass_cache(int descriptor, int on) {
#if defined(O_DIRECT)
    const int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(descriptor, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
#elif defined(F_NOCACHE)
    return fcntl(descriptor, F_NOCACHE, on);
#else
    (void)descriptor, (void)on;
    errno = ENOTSUP;
    return -1;
#endif
}

int mtl_write_all(int descriptor, const void *bytes, long count) {
    const char *next = bytes;
    while (count > 0) {
        const ssize_t written = write(descriptor, next, (size_t)count);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
            if (poll(&ready, 1, -1) < 0 && errno != EINTR) return -1;
            continue;
        }
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        next += written;
        count -= written;
    }
    return 0;
}

#define PLACES 64

// A handler may only read words that are there whole.
static _Atomic(char *) partials[PLACES];

int mtl_partial_add(const char *path) {
    char *copy = strdup(path);
    if (!copy) return -1;
    for (int place = 0; place < PLACES; place++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&partials[place], &none, copy)) return place;
    }
    free(copy);
    return -1;
}

void mtl_partial_remove(int place) {
    if (place < 0 || place >= PLACES) return;
    free(atomic_exchange(&partials[place], NULL));
}

static void say(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        const ssize_t written = write(STDERR_FILENO, text, left);
        if (written <= 0) return;
        text += written;
        left -= (size_t)written;
    }
}

static atomic_int holds;
static atomic_int held;

void mtl_hold_interrupts(int on) {
    atomic_store(&holds, on);
    if (!on) atomic_store(&held, 0);
}

int mtl_held_interrupt(void) { return atomic_load(&held); }

static void watch(int number);

// A folder with its files. To read a folder takes memory, which a signal's handler may not ask for, and a fork would call what
// libraries have asked to be called before it; another process does neither here.
static void remove_folder(const char *path) {
    char *const words[] = {"rm", "-rf", "--", (char *)path, NULL};
    char *const none[] = {NULL};
    pid_t process;
    if (posix_spawn(&process, "/bin/rm", NULL, NULL, words, none) == 0) waitpid(process, NULL, 0);
}

static void interrupted(int number) {
    int none = 0;
    if (number != SIGHUP && atomic_load(&holds) && atomic_compare_exchange_strong(&held, &none, number)) {
        watch(number);
        return;
    }
    for (int place = 0; place < PLACES; place++) {
        char *path = atomic_exchange(&partials[place], NULL);
        if (path && unlink(path) && (errno == EISDIR || errno == EPERM)) remove_folder(path);
    }
    if (isatty(STDERR_FILENO)) say("\r\033[K");
    say(number == SIGINT    ? "Interrupted (SIGINT)"
        : number == SIGTERM ? "Ended by SIGTERM"
                            : "Ended by SIGHUP");
    say("; no file is left half-written.\n");
    // The handler was taken off before it was called, so that this ends the process as if there had been none.
    raise(number);
}

static void watch(int number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupted;
    action.sa_flags = SA_RESETHAND | SA_NODEFER | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void mtl_watch_interrupts(void) {
    const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    for (int index = 0; index < 3; index++) {
        struct sigaction action;
        if (sigaction(ends[index], NULL, &action) || action.sa_handler == SIG_IGN) continue;
        watch(ends[index]);
    }
    signal(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN);
#endif
}

struct beginning {
    void *(*body)(void *);
    void *context;
    char name[16];
};

static void *begin(void *argument) {
    struct beginning *beginning = argument;
    void *(*body)(void *) = beginning->body;
    void *context = beginning->context;
#if defined(__linux__)
    pthread_setname_np(pthread_self(), beginning->name);
#elif defined(__APPLE__)
    pthread_setname_np(beginning->name);
#endif
    free(beginning);
    return body(context);
}

int mtl_thread_start(pthread_t *thread, void *(*body)(void *), void *context, const char *name) {
    struct beginning *beginning = calloc(1, sizeof *beginning);
    if (!beginning) return ENOMEM;
    beginning->body = body;
    beginning->context = context;
    strncpy(beginning->name, name, sizeof beginning->name - 1);
    const int error = pthread_create(thread, NULL, begin, beginning);
    if (error) free(beginning);
    return error;
}
