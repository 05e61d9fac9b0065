#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/input.h"

static int64_t shown_ms;
static bool visible;

void progress_show(const char *what, uint64_t done, uint64_t all, uint64_t rows)
{
    enum { WIDTH = 30 };
    static const char full[] = "##############################";
    int64_t now = monotonic_ms();

    if (now - shown_ms < 100 || !isatty(STDERR_FILENO)) {
        return;
    }
    shown_ms = now;
    visible = true;
    if (all > 0) {
        double part = done >= all ? 1.0 : (double)done / (double)all;
        int filled = (int)(part * WIDTH);
        fprintf(stderr, "\r\033[K%s [%.*s%*s] %3d %%  %" PRIu64 " rows", what, filled,
                full, WIDTH - filled, "", (int)(part * 100), rows);
    } else {
        fprintf(stderr, "\r\033[K%s  %" PRIu64 " rows", what, rows);
    }
    fflush(stderr);
}

void progress_end(void)
{
    if (visible) {
        fputs("\r\033[K", stderr);
        visible = false;
        shown_ms = 0;
    }
}
