// A progress bar on a terminal, nothing anywhere else.
#ifndef DATASHARD_CLI_PROGRESS_H
#define DATASHARD_CLI_PROGRESS_H

#include "cli/cli.h"

/// Shows how far it is, at most ten times a second. `all` 0: nobody knows, only `rows`.
void progress_show(const char *what, uint64_t done, uint64_t all, uint64_t rows);

/// Takes the bar away, so that what follows stands on a clean line.
void progress_end(void);

#endif
