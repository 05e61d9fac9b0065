#include "storage/storage_trial.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t median(int64_t times[DSI_TRIAL_TIMES])
{
    qsort(times, DSI_TRIAL_TIMES, sizeof *times, compare);
    return times[DSI_TRIAL_TIMES / 2];
}

bool dsi_trial_next(struct dsi_trial *t)
{
    if (t->found && t->left > 0) {
        t->left--;
        return t->second;
    }
    t->found = false;
    t->turn = !t->turn;
    return !t->turn;
}

void dsi_trial_took(struct dsi_trial *t, bool second, int64_t ns)
{
    if (t->found || t->count[second] == DSI_TRIAL_TIMES) {
        return;
    }
    t->took[second][t->count[second]++] = ns;
    if (t->count[!second] == DSI_TRIAL_TIMES && t->count[second] == DSI_TRIAL_TIMES) {
        int64_t first = median(t->took[0]);
        t->second = median(t->took[1]) < first - first / DSI_TRIAL_MARGIN;
        t->found = true;
        t->used = t->used == 0               ? DSI_TRIAL_FIRST
                  : t->used < DSI_TRIAL_USED ? 2 * t->used
                                             : DSI_TRIAL_USED;
        t->left = t->used;
        memset(t->count, 0, sizeof t->count);
    }
}
