// Which of two ways to do the same is the quicker one here: found out by trying.
//
// (1) Both are used in turns, DSI_TRIAL_TIMES times each; then the quicker one, by the
//     medians, and they are tried again: what is below may change. First that is soon,
//     for what is done in the beginning says little; every time it is used twice as
//     often, DSI_TRIAL_USED times at most.
// (2) The second has to be quicker by a DSI_TRIAL_MARGIN-th part, else it is the first.
#ifndef DSI_STORAGE_STORAGE_TRIAL_H
#define DSI_STORAGE_STORAGE_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DSI_TRIAL_TIMES = 15,
    DSI_TRIAL_FIRST = 64,
    DSI_TRIAL_USED = 1024,
    DSI_TRIAL_MARGIN = 32
};

/// All zero: nothing was tried. One thread at a time.
struct dsi_trial {
    int64_t took[2][DSI_TRIAL_TIMES];
    unsigned count[2]; // How many of each way there are.
    bool found;        // Which one is quicker, …
    bool second;       // … namely this one, …
    unsigned left;     // … which is to be used so often still,
    unsigned used;     // … of so often in all.
    bool turn;         // The one whose turn it is to be tried.
};

/// Whether the second way is to be used now.
bool dsi_trial_next(struct dsi_trial *t);

/// That took so long. Times of a way that is not being tried are passed over.
void dsi_trial_took(struct dsi_trial *t, bool second, int64_t ns);

#endif
