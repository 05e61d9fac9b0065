#include "cli/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t asked;
static int wake[2] = {-1, -1};
static struct sigaction before[2]; // What SIGINT and SIGTERM did.

static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    asked = 1;
    if (write(wake[1], "", 1) < 0) {
        // The pipe is full: it is readable already, which is all it is for.
        errno = 0;
    }
    errno = saved;
}

void stop_listen(void)
{
    struct sigaction action = {0};

    if (wake[0] >= 0 || pipe(wake) != 0) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(wake[i], F_SETFD, FD_CLOEXEC);
        fcntl(wake[i], F_SETFL, O_NONBLOCK);
    }
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, &before[0]);
    sigaction(SIGTERM, &action, &before[1]);
    action.sa_handler = SIG_IGN;
    action.sa_flags = 0;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL); // A file too large is a failed write, too.
}

void stop_unlisten(void)
{
    if (wake[0] >= 0) {
        sigaction(SIGINT, &before[0], NULL);
        sigaction(SIGTERM, &before[1], NULL);
    }
}

bool stop_asked(void)
{
    return asked != 0;
}

int stop_fd(void)
{
    return wake[0];
}
