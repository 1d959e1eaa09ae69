/*
 * A name server that changes its mind, as a library for LD_PRELOAD: what real ones can do with a
 * TTL of 0, without the need to be root.
 *
 * NAMES_SCRIPT is a file of lines "NAME ANSWER ANSWER ...", an ANSWER being numeric addresses with
 * commas between them. The first look-up of a name gets the first answer, and so on; the last one
 * stays. Each look-up adds the name to the file NAMES_LOG, whichever process makes it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static unsigned count_lookup(const char *name)
{
    char line[256];
    unsigned before = 0;
    FILE *log = fopen(getenv("NAMES_LOG"), "a+");
    if (log == NULL)
        abort();
    while (fgets(line, sizeof line, log) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        before += strcmp(line, name) == 0;
    }
    fprintf(log, "%s\n", name);
    fclose(log);
    return before;
}

/* The answer to a look-up that has so many before it; 0 if the script does not know the name. */
static int find_answer(const char *name, unsigned before, char *answer, size_t size)
{
    char line[1024];
    int found = 0;
    FILE *script = fopen(getenv("NAMES_SCRIPT"), "r");
    if (script == NULL)
        abort();
    while (!found && fgets(line, sizeof line, script) != NULL) {
        char *rest = NULL;
        char *word = strtok_r(line, " \n", &rest);
        if (word == NULL || strcmp(word, name) != 0)
            continue;
        for (unsigned i = 0; i <= before && (word = strtok_r(NULL, " \n", &rest)) != NULL; i++) {
            snprintf(answer, size, "%s", word);
            found = 1;
        }
    }
    fclose(script);
    return found;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    Lookup *real = (Lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
    char answer[256];
    /* Only what a name server would be asked. */
    if (name == NULL || (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0) ||
        !find_answer(name, 0, answer, sizeof answer))
        return real(name, service, hints, result);
    find_answer(name, count_lookup(name), answer, sizeof answer);

    struct addrinfo numeric = hints != NULL ? *hints : (struct addrinfo){0};
    numeric.ai_flags |= AI_NUMERICHOST;
    *result = NULL;
    struct addrinfo **last = result;
    char *rest = NULL;
    for (char *address = strtok_r(answer, ",", &rest); address != NULL;
         address = strtok_r(NULL, ",", &rest)) {
        int error = real(address, service, &numeric, last);
        if (error != 0)
            return error;
        while (*last != NULL)
            last = &(*last)->ai_next;
    }
    return 0;
}
