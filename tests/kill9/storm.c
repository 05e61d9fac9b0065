// The storm: processes are started, killed, stopped, let go on, and started again.
//
// Kills and stops are spread evenly over the appends, whatever the machine's pace: each
// falls due at a number of appends begun, and no append begins far beyond it. When
// exactly, and whom it hits, is drawn at random.
#include "k9.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHILDREN_MAX = K9_WRITERS_MAX + 6,
    WINDOW = 120,          // Appends that may begin beyond what falls due next.
    PHASE_MS_MAX = 600000, // Of one role that runs alone.
    GIVE_WAY_MS = 1500,    // PyIceberg's append waits so long before others wait for it.
    STOP_MS_MIN = 100,
    LEADER_PERCENT = 60, // Of kills and stops hit who leads, if it is known.
    EXPIRER_PERCENT = 2,
    DELETER_PERCENT = 5,
};

struct child {
    pid_t pid; // 0: it has ended.
    enum k9_role role;
    int index;
    int64_t go_on_ms; // When a stopped one goes on; 0: it is not stopped.
    bool killed;      // By us; it is to be started again.
};

struct storm {
    const struct k9_run *run;
    struct k9_storm *out;
    struct child children[CHILDREN_MAX];
    int count;
    uint64_t random;
    int64_t next_kill; // Appends begun when it falls due.
    int64_t next_stop;
    int64_t next_vandal;
    int64_t progress; // For the watchdog.
    int64_t progress_ms;
    int64_t acked;
    int64_t acked_ms;
    int pyiceberg_at;
    int64_t pyiceberg_ms;
    bool failed;
};

static void be_pyiceberg(const struct k9_run *run)
{
    char plan[K9_PATH_SIZE + 32];
    char state[K9_PATH_SIZE + 32];

    snprintf(plan, sizeof(plan), "%s/pyiceberg.plan", run->dir);
    snprintf(state, sizeof(state), "%s/pyiceberg.state", run->dir);
    execl(run->python, run->python, run->script, run->dir, plan, state, (char *)NULL);
    k9_die(run->python);
}

static pid_t start(const struct k9_run *run, enum k9_role role, int index)
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();

    if (pid < 0) {
        k9_die("fork");
    }
    if (pid > 0) {
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); // Nobody outlives the check.
    if (getppid() != parent) {
        _exit(3);
    }
    switch (role) {
    case K9_ROLE_CREATE:
        k9_create(run);
        break;
    case K9_ROLE_WRITER:
        k9_writer(run, index);
        break;
    case K9_ROLE_EXPIRER:
        k9_expirer(run);
        break;
    case K9_ROLE_DELETER:
        k9_deleter(run);
        break;
    case K9_ROLE_READER:
        k9_reader(run);
        break;
    case K9_ROLE_WATCHER:
        k9_watcher(run);
        break;
    case K9_ROLE_PYICEBERG:
        be_pyiceberg(run);
        break;
    case K9_ROLE_SCAN:
        k9_final_scan(run, index);
        break;
    case K9_ROLE_SETTLE:
        k9_settle(run);
        break;
    case K9_ROLE_CLEAN:
        k9_clean(run);
        break;
    }
    _exit(3);
}

static const char *name_of(enum k9_role role)
{
    static const char *const names[] = {"create", "writer",  "expirer",   "deleter",
                                        "reader", "watcher", "pyiceberg", "scan",
                                        "settle", "clean-up"};
    return names[role];
}

// Prints a file of /proc on one line, as far as it can be read.
static void tell_proc(const char *task, const char *file)
{
    char path[500];
    char text[400];

    snprintf(path, sizeof(path), "%s/%s", task, file);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    if (f) {
        fclose(f);
    }
    text[n] = '\0';
    for (char *p = text; *p; p++) {
        *p = *p == '\n' ? ' ' : *p;
    }
    if (n > 0) {
        fprintf(stderr, " %s=%s", file, text);
    }
}

static void tell_threads(pid_t pid)
{
    char path[64];
    char task[400];

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(task, sizeof(task), "%s/%s", path, e->d_name);
        fprintf(stderr, "kill9:     thread %s:", e->d_name);
        tell_proc(task, "stat");
        tell_proc(task, "wchan");
        tell_proc(task, "syscall");
        tell_proc(task, "stack");
        fputc('\n', stderr);
    }
    if (d) {
        closedir(d);
    }
}

static void tell_child(const struct storm *s, const struct child *c)
{
    const struct k9_run *run = s->run;

    fprintf(stderr, "kill9:   %s %d, process %d%s\n", name_of(c->role), c->index,
            (int)c->pid,
            !c->pid       ? " (ended)"
            : c->go_on_ms ? " (stopped by us)"
                          : "");
    for (int i = 0; c->role == K9_ROLE_WRITER && i < k9_lanes_of(run, c->index); i++) {
        const struct k9_lane *l = &run->shared->lanes[k9_first_lane(run, c->index) + i];
        int64_t done = atomic_load(&l->done);
        fprintf(stderr,
                "kill9:     lane %d: %" PRId64 " of %" PRId64 ", append %" PRId64
                " in state %d for %" PRId64 " ms\n",
                k9_first_lane(run, c->index) + i, done, l->count, l->first + done,
                done < l->count ? (int)k9_state_of(run, l->first + done) : -1,
                k9_now_ms() - atomic_load(&l->since_ms));
    }
    if (c->pid) {
        tell_threads(c->pid);
    }
}

static void tell_all(const struct storm *s)
{
    const struct k9_shared *l = s->run->shared;

    fprintf(stderr,
            "kill9: no progress for %" PRId64 " ms: %" PRId64 " begun (limit %" PRId64
            "), %" PRId64 " acknowledged, %" PRId64 " settled, leader %d\n",
            s->run->watchdog_ms, atomic_load(&l->started), atomic_load(&l->limit),
            atomic_load(&l->acked), atomic_load(&l->settled), atomic_load(&l->leader));
    for (int i = 0; i < s->count; i++) {
        tell_child(s, &s->children[i]);
    }
}

bool k9_do(const struct k9_run *run, enum k9_role role, int index)
{
    int64_t until = k9_now_ms() + PHASE_MS_MAX;
    int status = 0;
    pid_t pid = start(run, role, index);

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (k9_now_ms() > until) {
            fprintf(stderr, "kill9: %s hangs\n", name_of(role));
            tell_threads(pid);
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return false;
        }
        k9_sleep_ms(2);
    }
    if (status != 0) {
        fprintf(stderr, "kill9: %s failed (status %#x)\n", name_of(role),
                (unsigned)status);
    }
    return status == 0;
}

static uint64_t draw(struct storm *s, uint64_t below)
{
    s->random = k9_mix(s->random);
    return s->random % below;
}

static bool writers_live(const struct storm *s)
{
    bool live = false;
    for (int i = 0; i < s->count; i++) {
        live = live || (s->children[i].role == K9_ROLE_WRITER && s->children[i].pid);
    }
    return live;
}

static void end_child(struct storm *s, struct child *c, int status)
{
    bool by_us = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && c->killed;

    c->pid = 0;
    c->go_on_ms = 0;
    c->killed = false;
    if (by_us) {
        c->pid = start(s->run, c->role, c->index);
    } else if (status != 0) {
        fprintf(stderr, "kill9: %s %d failed (status %#x)\n", name_of(c->role), c->index,
                (unsigned)status);
        s->failed = true;
    }
}

static void reap(struct storm *s)
{
    for (int i = 0; i < s->count; i++) {
        struct child *c = &s->children[i];
        int status = 0;
        if (c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid) {
            end_child(s, c, status);
        }
    }
}

// Whom a kill or a stop hits; NULL: nobody is there to be hit.
static struct child *draw_victim(struct storm *s)
{
    pid_t leader = (pid_t)atomic_load(&s->run->shared->leader);
    struct child *victims[CHILDREN_MAX];
    int count = 0;
    bool prefer = draw(s, 100) < LEADER_PERCENT;
    bool expirer = draw(s, 100) < EXPIRER_PERCENT;
    bool deleter = draw(s, 100) < DELETER_PERCENT;

    for (int i = 0; i < s->count; i++) {
        struct child *c = &s->children[i];
        bool fit = c->role == K9_ROLE_WRITER || (expirer && c->role == K9_ROLE_EXPIRER);
        if (c->role == K9_ROLE_DELETER && deleter && c->pid && !c->killed) {
            return c;
        }
        if (!c->pid || c->killed || !fit) {
            continue;
        }
        if (prefer && leader && c->pid == leader) {
            s->out->leaders++;
            return c;
        }
        victims[count++] = c;
    }
    return count > 0 ? victims[draw(s, (uint64_t)count)] : NULL;
}

// `nth` of `count` events falls due somewhere in the nth part of all appends.
static int64_t due(struct storm *s, int64_t nth, int64_t count)
{
    int64_t total = s->run->appends - WINDOW;
    if (nth >= count) {
        return INT64_MAX;
    }
    int64_t part = total / count > 0 ? total / count : 1;
    return total * nth / count + (int64_t)draw(s, (uint64_t)part);
}

static void kill_one(struct storm *s)
{
    k9_sleep_ms((int64_t)draw(s, 3));
    struct child *c = draw_victim(s);
    if (c && kill(c->pid, SIGKILL) == 0) {
        c->killed = true;
        s->out->kills++;
        s->next_kill = due(s, s->out->kills, s->run->kills);
    }
}

static void stop_one(struct storm *s)
{
    struct child *c = draw_victim(s);
    int stopped = 0;

    for (int i = 0; i < s->count; i++) {
        stopped += s->children[i].go_on_ms != 0;
    }
    if (c && !c->go_on_ms && stopped <= s->run->writers / 2 &&
        kill(c->pid, SIGSTOP) == 0) {
        uint64_t range = (uint64_t)(s->run->stop_ms_max - STOP_MS_MIN + 1);
        c->go_on_ms = k9_now_ms() + STOP_MS_MIN + (int64_t)draw(s, range);
        s->out->stops++;
        s->next_stop = due(s, s->out->stops, s->run->stops);
    }
}

static void let_go_on(struct storm *s)
{
    int64_t now = k9_now_ms();

    for (int i = 0; i < s->count; i++) {
        struct child *c = &s->children[i];
        if (c->pid && c->go_on_ms && now >= c->go_on_ms) {
            kill(c->pid, SIGCONT);
            c->go_on_ms = 0;
        }
    }
}

static void set_limit(struct storm *s)
{
    int64_t next = s->next_kill < s->next_stop ? s->next_kill : s->next_stop;
    next = next < s->next_vandal ? next : s->next_vandal;
    atomic_store(&s->run->shared->limit, next == INT64_MAX ? next : next + WINDOW);
}

// Another engine needs longer for a try than ours do: after a while ours wait for it.
static void give_way(struct storm *s)
{
    const struct k9_run *run = s->run;
    uint8_t *state = run->pyiceberg_state;
    int64_t now = k9_now_ms();

    if (!state) {
        return;
    }
    state[1] = (uint8_t)(atomic_load(&run->shared->started) * 100 / run->appends);
    while (s->pyiceberg_at < run->pyiceberg &&
           state[K9_PYICEBERG_HEAD + s->pyiceberg_at] == 'A') {
        s->pyiceberg_at++;
        s->pyiceberg_ms = 0;
    }
    bool waits = s->pyiceberg_at < run->pyiceberg &&
                 state[K9_PYICEBERG_HEAD + s->pyiceberg_at] == 'I';
    if (waits && !s->pyiceberg_ms) {
        s->pyiceberg_ms = now;
    }
    atomic_store(&run->shared->give_way, waits && now - s->pyiceberg_ms > GIVE_WAY_MS);
}

static void watch(struct storm *s)
{
    const struct k9_shared *l = s->run->shared;
    int64_t now = k9_now_ms();
    int64_t acked = atomic_load(&l->acked);
    int64_t progress = acked + atomic_load(&l->settled) + atomic_load(&l->started);

    if (acked != s->acked) {
        int64_t ms = now - s->acked_ms;
        s->out->longest_ms = ms > s->out->longest_ms ? ms : s->out->longest_ms;
        s->acked = acked;
        s->acked_ms = now;
    }
    if (progress != s->progress) {
        s->progress = progress;
        s->progress_ms = now;
    } else if (now - s->progress_ms > s->run->watchdog_ms) {
        tell_all(s);
        s->failed = true;
    }
}

static void add(struct storm *s, enum k9_role role, int index)
{
    s->children[s->count++] =
        (struct child){.pid = start(s->run, role, index), .role = role, .index = index};
}

// The writers are done: the others end by themselves, or are failures.
static void end_others(struct storm *s)
{
    int64_t until = k9_now_ms() + s->run->watchdog_ms;
    bool live = true;

    let_go_on(s);
    atomic_store(&s->run->shared->stop, 1);
    while (live && !s->failed) {
        live = false;
        reap(s);
        give_way(s);
        if (s->run->pyiceberg_state) {
            s->run->pyiceberg_state[0] = 1; // It need not wait any longer.
        }
        for (int i = 0; i < s->count; i++) {
            struct child *c = &s->children[i];
            live = live || c->pid;
            if (c->pid && c->go_on_ms) {
                kill(c->pid, SIGCONT);
            }
        }
        if (k9_now_ms() > until) {
            tell_all(s);
            s->failed = true;
        }
        k9_sleep_ms(1);
    }
    for (int i = 0; i < s->count; i++) {
        if (s->children[i].pid) {
            kill(s->children[i].pid, SIGKILL);
            waitpid(s->children[i].pid, NULL, 0);
        }
    }
}

bool k9_storm_run(const struct k9_run *run, struct k9_storm *out)
{
    struct storm s = {.run = run, .out = out, .random = k9_mix(run->seed ^ 0x73)};
    int64_t start_ms = k9_now_ms();

    *out = (struct k9_storm){0};
    s.progress_ms = s.acked_ms = start_ms;
    s.next_kill = due(&s, 0, run->kills);
    s.next_stop = due(&s, 0, run->stops);
    s.next_vandal = due(&s, 0, run->vandals);
    set_limit(&s);
    for (int i = 0; i < run->writers; i++) {
        add(&s, K9_ROLE_WRITER, i);
    }
    add(&s, K9_ROLE_EXPIRER, 0);
    add(&s, K9_ROLE_DELETER, 0);
    add(&s, K9_ROLE_READER, 0);
    add(&s, K9_ROLE_WATCHER, 0);
    if (run->pyiceberg_state) {
        add(&s, K9_ROLE_PYICEBERG, 0);
    }
    while (writers_live(&s) && !s.failed) {
        int64_t begun = atomic_load(&run->shared->started);
        reap(&s);
        let_go_on(&s);
        if (begun >= s.next_kill) {
            kill_one(&s);
        }
        if (begun >= s.next_stop) {
            stop_one(&s);
        }
        if (begun >= s.next_vandal) {
            k9_vandal(run, &s.random);
            s.next_vandal = due(&s, ++out->vandals, run->vandals);
        }
        set_limit(&s);
        give_way(&s);
        watch(&s);
        k9_sleep_ms(1);
    }
    end_others(&s);
    out->ms = k9_now_ms() - start_ms;
    return !s.failed;
}
