// The vandal: damages what writers meet in, their queue and locks, while they use it.
//
// Nothing rests on those files: they may be cut, overwritten, replaced or removed at any
// time, and the worst is that somebody commits alone, or waits a little.
#include "k9.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADS_SIZE = 65536, // Before the intents: everything that has a meaning by itself.
    SCRIBBLE_MAX = 200,
    FOUND_MAX = 16,
};

struct found {
    char paths[FOUND_MAX][K9_PATH_SIZE + 512];
    bool queue[FOUND_MAX];
    size_t count;
};

static void find(const struct k9_run *run, struct found *out)
{
    char directory[K9_PATH_SIZE + 32];

    snprintf(directory, sizeof(directory), "%s%s", run->dir,
             run->path_table ? "/table/metadata" : "");
    DIR *d = opendir(directory);
    out->count = 0;
    for (struct dirent *e = d ? readdir(d) : NULL; e && out->count < FOUND_MAX;
         e = readdir(d)) {
        bool queue = strstr(e->d_name, "-group") != NULL;
        bool lock = strstr(e->d_name, "lock") != NULL;
        if (strncmp(e->d_name, ".datashard-", 11) == 0 && (queue || lock) &&
            !strstr(e->d_name, ".tmp")) {
            snprintf(out->paths[out->count], sizeof(out->paths[0]), "%s/%s", directory,
                     e->d_name);
            out->queue[out->count++] = queue;
        }
    }
    if (d) {
        closedir(d);
    }
}

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = k9_mix(*random);
    return *random % below;
}

static void scribble(int fd, uint64_t *random, uint64_t offset)
{
    uint8_t bytes[SCRIBBLE_MAX];
    size_t size = 1 + draw(random, SCRIBBLE_MAX);

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)draw(random, 256);
    }
    if (pwrite(fd, bytes, size, (off_t)offset) != (ssize_t)size) {
        k9_die("scribbling");
    }
}

static void damage(int fd, const char *path, uint64_t *random)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        k9_die(path);
    }
    uint64_t size = st.st_size > 0 ? (uint64_t)st.st_size : 1;
    uint64_t place = draw(random, HEADS_SIZE);
    switch (draw(random, 5)) {
    case 0:
    case 1:
        if (ftruncate(fd, (off_t)(draw(random, 2) * place)) != 0) {
            k9_die(path);
        }
        break;
    case 2:
        scribble(fd, random, draw(random, size));
        break;
    case 3:
        scribble(fd, random, place);
        break;
    default:
        unlink(path);
        break;
    }
}

void k9_vandal(const struct k9_run *run, uint64_t *random)
{
    static struct found f;

    find(run, &f);
    if (f.count == 0) {
        return;
    }
    size_t which = draw(random, f.count);
    for (size_t i = 0; !f.queue[which] && i < f.count && draw(random, 4) > 0; i++) {
        which = (which + 1) % f.count; // The queue is what is worth it, mostly.
    }
    if (!f.queue[which]) {
        unlink(f.paths[which]);
        return;
    }
    int fd = open(f.paths[which], O_RDWR);
    if (fd >= 0) { // Replaced this very moment: another time, then.
        damage(fd, f.paths[which], random);
        close(fd);
    }
}
