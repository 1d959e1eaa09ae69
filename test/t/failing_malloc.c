// For tests: an allocator that fails. While the file named by FAILING_MALLOC holds a number, so many
// requests for large chunks, of whatever process, are refused.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int is_to_fail(size_t size) {
    static __thread int busy = 0;
    const char *path = getenv("FAILING_MALLOC");
    if (size < 2048 || busy || path == NULL)
        return 0;
    busy = 1;
    int fails = 0;
    const int file = open(path, O_RDWR | O_CLOEXEC);
    if (file >= 0) {
        char text[32] = "";
        if (read(file, text, sizeof text - 1) > 0 && atoi(text) > 0) {
            const int size_left = snprintf(text, sizeof text, "%d", atoi(text) - 1);
            fails = ftruncate(file, 0) == 0 && pwrite(file, text, size_left, 0) == size_left;
        }
        close(file);
    }
    busy = 0;
    return fails;
}

void *malloc(size_t size) {
    static void *(*next)(size_t) = NULL;
    if (next == NULL)
        next = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    return is_to_fail(size) ? NULL : next(size);
}
