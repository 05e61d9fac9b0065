// Being asked to stop: SIGINT and SIGTERM become something that a loop can see.
#ifndef DATASHARD_CLI_STOP_H
#define DATASHARD_CLI_STOP_H

#include <stdbool.h>

/// From now on the first signal only asks; the second one ends the program at once, which
/// costs nothing that was acknowledged. SIGPIPE becomes a failed write.
void stop_listen(void);

/// From now on signals do what they did before: mostly, end the program at once.
void stop_unlisten(void);

/// Somebody asked.
bool stop_asked(void);

/// Readable once somebody asked: for poll. -1 before stop_listen.
int stop_fd(void);

#endif
