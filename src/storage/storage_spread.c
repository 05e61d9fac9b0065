#include "storage/storage_spread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "storage/storage_path.h"
#include "storage/storage_posix.h"

#define BASE "/" DSI_STORAGE_HIDDEN "spread"

int dsi_spread_next(struct dsi_spread *s)
{
    if (s->refused || s->slow < DSI_SPREAD_AFTER) {
        return DSI_SPREAD_HERE;
    }
    if (s->left == 0) { // Any to begin with: processes are not to go side by side.
        s->way = s->begun ? (s->way + 1) % DSI_SPREAD_WAYS
                          : (unsigned)(dsi_random_u64() % DSI_SPREAD_WAYS);
        s->begun = true;
        s->left = DSI_SPREAD_TURN;
        s->slow_there = 0;
    }
    s->left--;
    return (int)s->way;
}

// How many slow files in a row make a way be left (4).
static unsigned patience(const struct dsi_spread *s)
{
    unsigned over = s->slow_ways > DSI_SPREAD_TRIED ? s->slow_ways - DSI_SPREAD_TRIED : 0;

    return over < DSI_SPREAD_DOUBLED ? (unsigned)DSI_SPREAD_LEAST << over
                                     : DSI_SPREAD_TURN;
}

static void judge_way(struct dsi_spread *s, int64_t ns)
{
    if (ns <= DSI_SPREAD_LONG_NS) {
        s->slow_there = 0;
        s->slow_ways = 0;
    } else if (++s->slow_there >= patience(s)) {
        s->left = 0;
        s->slow_ways++;
    }
}

void dsi_spread_made(struct dsi_spread *s, int where, int64_t ns)
{
    if (where != DSI_SPREAD_HERE) {
        s->refused = s->refused || ns == 0;
        judge_way(s, ns);
    } else if (ns <= DSI_SPREAD_SLOW_NS) {
        s->slow = 0;
    } else if (s->slow < DSI_SPREAD_AFTER) {
        s->slow++;
    }
}

// Makes the directory in which `path` is, then the directory `path`.
static int make_way(char *path)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    char *slash = strrchr(path, '/');

    *slash = '\0';
    int code = posix->mkdir_spread(path, 0777);
    *slash = '/';
    if (code < 0 && code != -EEXIST) {
        return code;
    }
    code = posix->mkdir(path, 0777);
    return code == -EEXIST ? 0 : code;
}

int dsi_spread_open(const char *dir, int where)
{
    const struct dsi_posix_ops *posix = dsi_posix();

    if (where == DSI_SPREAD_HERE) {
        return posix->open_unnamed(dir, 0666);
    }
    size_t size = strlen(dir) + sizeof BASE + 16;
    char *path = dsi_malloc(size);
    if (!path) {
        return -ENOMEM;
    }
    snprintf(path, size, "%s" BASE "/%d", dir, where);
    int fd = posix->open_unnamed(path, 0666);
    if (fd == -ENOENT) {
        int code = make_way(path);
        fd = code < 0 ? code : posix->open_unnamed(path, 0666);
    }
    dsi_free(path);
    return fd;
}
