// A queue in a directory of its own, and short words for what tests do with it.
#ifndef DSI_TEST_QUEUE_FIXTURE_H
#define DSI_TEST_QUEUE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness.h"
#include "posix_double.h"
#include "storage/storage_queue.h"
#include "storage/storage_queue_file.h"
#include "storage_root.h"

#define SECOND INT64_C(1000000000)

static struct storage_root root;
static char queue_path[512];
static struct dsi_arena queue_arena;

static inline int queue_make(void **state)
{
    (void)state;
    bool made = storage_root_make(&root, "file");
    snprintf(queue_path, sizeof queue_path, "%s/.datashard-lock-group1", root.dir);
    return made ? 0 : -1;
}

static inline int queue_end(void **state)
{
    (void)state;
    posix_double_stop();
    dsi_arena_release(&queue_arena);
    storage_root_remove(&root);
    return 0;
}

static inline struct dsi_queue *queue_open(void)
{
    struct dsi_queue *q = NULL;
    struct ds_error err = {0};
    int rc = dsi_queue_open(queue_path, &q, &err);
    if (rc != DS_OK) {
        print_message("%s\n", err.message);
    }
    return q; // NULL also in a child that cannot assert.
}

static inline struct ds_slice queue_text(const char *text)
{
    return (struct ds_slice){(const uint8_t *)text, strlen(text)};
}

static inline struct dsi_ticket queue_publish(struct dsi_queue *q, const char *text)
{
    struct dsi_uuid id = dsi_uuid_v4();
    struct dsi_ticket t;
    assert_int_equal(dsi_queue_publish(q, &id, queue_text(text), &t, NULL), DS_OK);
    assert_memory_equal(&t.identity, &id, sizeof id);
    return t;
}

static inline size_t queue_claim(struct dsi_queue *q, struct dsi_claim **out)
{
    size_t count = 0;
    assert_int_equal(dsi_queue_claim(q, SIZE_MAX, &queue_arena, out, &count, NULL),
                     DS_OK);
    return count;
}

static inline int64_t queue_until(int64_t ns)
{
    return dsi_clock_monotonic_ns() + ns;
}

static const struct dsi_receipt queue_committed = {.kind = DSI_RECEIPT_COMMITTED,
                                                   .group_size = 2,
                                                   .swaps = 3,
                                                   .conflicts = 2,
                                                   .snapshot_id = 77,
                                                   .sequence_number = 8};

// Bytes at an offset of the file, behind the queue's back.
static inline void queue_scribble(uint64_t offset, const void *bytes, size_t size)
{
    int fd = open(queue_path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), size);
    close(fd);
}

// Zeroed memory that forked children share. Ends by munmap.
static inline void *queue_shared(size_t size)
{
    char name[600];
    snprintf(name, sizeof name, "%s/shared", root.dir);
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    close(fd);
    unlink(name);
    return at;
}

static inline void queue_wait_child(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#endif
