#include "queue_fixture.h"

#include "base/error.h"

static int other_boot(char *out, size_t size)
{
    snprintf(out, size, "%s", "another start");
    return 0;
}

static void test_storage_queue_file__is_made_once(void **state)
{
    struct dsi_queue *a = queue_open();
    struct stat st;
    (void)state;

    assert_non_null(a);
    assert_true(dsi_queue_is_ours(a));
    assert_true(dsi_queue_is_current(a));
    assert_int_equal(stat(queue_path, &st), 0);
    ino_t inode = st.st_ino;
    struct dsi_queue *b = queue_open();
    assert_int_equal(stat(queue_path, &st), 0);
    assert_int_equal(st.st_ino, inode);
    assert_int_equal(st.st_size, DSI_QUEUE_FILE_SIZE);
    assert_true(st.st_blocks * 512 <= 2 * DSI_QUEUE_AT_INTENTS); // The rest is holes.
    assert_true(storage_root_has_no_temporaries(&root));
    dsi_queue_free(a);
    dsi_queue_free(b);
}

static void test_storage_queue_file__is_replaced_when_it_is_another(void **state)
{
    const struct {
        uint64_t at;
        const char *bytes;
    } damages[] = {{0, "x"},                       // No queue,
                   {8, "\x02"},                    // another version,
                   {32, "other"},                  // another start of the machine,
                   {80, "12345678"},               // a checksum,
                   {DSI_QUEUE_AT_CONTROL, "xyz"}}; // another file's control.
    (void)state;

    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct dsi_queue *a = queue_open();
        struct dsi_queue *b = NULL;
        assert_non_null(a);
        queue_scribble(damages[i].at, damages[i].bytes, strlen(damages[i].bytes));
        assert_int_equal(dsi_queue_find(queue_path, &b, NULL), DS_ENOTFOUND);
        b = queue_open();
        assert_non_null(b);
        assert_false(dsi_queue_is_current(a));
        assert_true(dsi_queue_is_current(b));
        dsi_queue_free(a);
        dsi_queue_free(b);
    }
    assert_true(storage_root_has_no_temporaries(&root));
}

static void test_storage_queue_file__is_of_one_start_of_the_machine(void **state)
{
    struct dsi_queue *a = queue_open();
    struct dsi_queue *b = NULL;
    struct ds_error err = {0};
    (void)state;

    posix_double_start("boot_id", 1, -ENOENT);
    assert_int_equal(dsi_queue_open(queue_path, &b, &err), DS_EUNSUPPORTED);
    posix_double_start(NULL, 0, 0);
    struct dsi_posix_ops later = *posix_double.real;
    later.boot_id = other_boot;
    dsi_posix_set(&later);
    b = queue_open();
    posix_double_stop();
    assert_non_null(b);
    assert_false(dsi_queue_is_current(a));
    dsi_queue_free(b);
    b = queue_open(); // The one of "later" is another's to us.
    assert_non_null(b);
    dsi_queue_free(a);
    dsi_queue_free(b);
}

static void test_storage_queue_file__is_not_where_writers_cannot_meet(void **state)
{
    const struct {
        const char *call;
        uint32_t nth;
        int code;
        int status;
    } cases[] = {{"is_network", 1, 1, DS_EUNSUPPORTED},
                 {"is_network", 2, 1, DS_EUNSUPPORTED},
                 {"is_network", 1, -EIO, DS_EUNSUPPORTED},
                 {"test_byte", 1, -ENOLCK, DS_EUNSUPPORTED},
                 {"size_max", 1, 4096, DS_EUNSUPPORTED},
                 {"map", 1, -ENODEV, DS_EUNSUPPORTED},
                 {"futex_wake", 1, -ENOSYS, DS_EUNSUPPORTED},
                 {"open", 1, -EACCES, DS_EDENIED},
                 {"open", 2, -EROFS, DS_EDENIED}, // The directory cannot be written.
                 {"open", 2, -EACCES, DS_EDENIED},
                 {"open", 1, -EMFILE, DS_EIO},
                 {"write", 1, -ENOSPC, DS_ENOSPACE},
                 {"ftruncate", 1, -EFBIG, DS_EIO},
                 {"fchmod", 1, -EPERM, DS_EDENIED},
                 {"link", 1, -EPERM, DS_EUNSUPPORTED},
                 {"fstat", 2, -EIO, DS_EIO}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_queue *q = NULL;
        struct ds_error err = {0};
        posix_double_start(cases[i].call, cases[i].nth, cases[i].code);
        int rc = dsi_queue_open(queue_path, &q, &err);
        posix_double_stop();
        print_message("%s %u: %s\n", cases[i].call, (unsigned)cases[i].nth, err.message);
        assert_int_equal(rc, cases[i].status);
        assert_null(q);
        assert_true(err.message[0] != '\0');
        assert_true(storage_root_has_no_temporaries(&root));
        unlink(queue_path);
    }
}

static void test_storage_queue_file__is_not_something_else(void **state)
{
    struct dsi_queue *q = NULL;
    char target[600];
    struct stat st;
    (void)state;

    snprintf(target, sizeof target, "%s/target", root.dir);
    int fd = open(target, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    assert_int_equal(symlink(target, queue_path), 0);
    assert_int_equal(dsi_queue_open(queue_path, &q, NULL), DS_EIO);
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 4);
    unlink(queue_path);
    assert_int_equal(mkfifo(queue_path, 0600), 0);
    assert_int_equal(dsi_queue_open(queue_path, &q, NULL), DS_EUNSUPPORTED);
    unlink(queue_path);
    assert_int_equal(mkdir(queue_path, 0700), 0);
    assert_int_equal(dsi_queue_open(queue_path, &q, NULL), DS_EIO);
    rmdir(queue_path);
    assert_int_equal(dsi_queue_find(queue_path, &q, NULL), DS_ENOTFOUND);
    assert_int_equal(stat(queue_path, &st), -1);
    fd = open(queue_path, O_WRONLY | O_CREAT, 0600); // Nothing is in it.
    close(fd);
    q = queue_open();
    assert_non_null(q);
    dsi_queue_free(q);
}

static void test_storage_queue_file__has_the_permissions_of_its_directory(void **state)
{
    const mode_t modes[] = {0700, 0755, 0775, 0777, 01777};
    const mode_t masks[] = {0, 022, 077};
    struct stat st;
    (void)state;

    for (size_t i = 0; i < 15; i++) {
        mode_t old = umask(masks[i % 3]);
        assert_int_equal(chmod(root.dir, modes[i / 3]), 0);
        struct dsi_queue *q = queue_open();
        umask(old);
        assert_non_null(q);
        assert_int_equal(stat(queue_path, &st), 0);
        assert_int_equal(st.st_mode & 07777, modes[i / 3] & 0666);
        dsi_queue_free(q);
        unlink(queue_path);
    }
    if (geteuid() == 0) { // A user of the directory's group, which is not the maker's.
        assert_int_equal(chmod(root.dir, 0770), 0);
        assert_int_equal(chown(root.dir, 0, 4242), 0);
        struct dsi_queue *q = queue_open();
        assert_non_null(q);
        pid_t child = fork();
        if (child == 0) {
            if (setgid(4242) < 0 || setuid(5001) < 0) {
                _exit(1);
            }
            struct dsi_queue *own = queue_open();
            _exit(own && dsi_queue_try_lead(own) ? 0 : 2);
        }
        queue_wait_child(child);
        dsi_queue_free(q);
    }
}

// All that start at once, with no file or a damaged one there, end with the same one.
static void test_storage_queue_file__is_one_when_many_make_it(void **state)
{
    enum { MAKERS = 6 };
    struct stat st;
    (void)state;

    for (int round = 0; round < 20; round++) {
        pid_t children[MAKERS];
        int go[2];
        char byte = 0;
        if (round % 2) {
            queue_scribble(40, "other boot", 10);
        } else {
            unlink(queue_path);
        }
        assert_int_equal(pipe(go), 0);
        for (int i = 0; i < MAKERS; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                close(go[1]);
                bool woken = read(go[0], &byte, 1) == 0;
                struct dsi_queue *q = queue_open();
                bool good = woken && q && dsi_queue_is_current(q);
                dsi_queue_free(q);
                _exit(good ? 0 : 1);
            }
        }
        close(go[0]);
        close(go[1]);
        for (int i = 0; i < MAKERS; i++) {
            queue_wait_child(children[i]);
        }
        assert_int_equal(stat(queue_path, &st), 0);
        assert_int_equal(st.st_size, DSI_QUEUE_FILE_SIZE);
    }
    assert_true(storage_root_has_no_temporaries(&root));
}

// ---- Bad bytes
// -------------------------------------------------------------------------

// One writer's turn, alone: whatever the bytes are, it ends, and a receipt is what the
// leader left. True when the turn ended with one.
static bool take_a_turn(struct dsi_queue *q, int64_t ns)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_uuid id = dsi_uuid_v4();
    struct dsi_receipt r = {0};
    struct dsi_ticket t;
    bool answered = false;

    if (dsi_queue_publish(q, &id, queue_text("some rows"), &t, NULL) < 0) {
        return false;
    }
    int64_t until = queue_until(ns);
    enum dsi_queue_event e = DSI_QUEUE_LEAD;
    for (int i = 0; i < 100 && e == DSI_QUEUE_LEAD; i++) {
        struct dsi_claim *claims = NULL;
        size_t count = 0;
        e = dsi_queue_wait(q, &t, until, &r);
        if (e == DSI_QUEUE_LEAD) {
            int rc = dsi_queue_claim(q, SIZE_MAX, &arena, &claims, &count, NULL);
            for (size_t k = 0; rc == DS_OK && k < count; k++) {
                struct dsi_receipt mine = queue_committed;
                memcpy(&mine.snapshot_id, &claims[k].ticket.identity, 8);
                if (claims[k].intent.size != 9 ||
                    memcmp(claims[k].intent.data, "some rows", 9) != 0) {
                    _exit(9); // An intent that nobody published.
                }
                dsi_queue_answer(q, &claims[k], &mine);
            }
            dsi_queue_beat(q);
            dsi_queue_resign(q);
        }
    }
    if (e == DSI_QUEUE_RECEIPT) {
        answered = r.kind == DSI_RECEIPT_COMMITTED;
        if (answered && memcmp(&r.snapshot_id, &id, 8) != 0) {
            _exit(8); // A receipt that nobody gave.
        }
    } else if (!dsi_queue_withdraw(q, &t)) {
        answered = false;
    }
    dsi_queue_leave(q, &t);
    dsi_arena_release(&arena);
    return answered;
}

static void test_storage_queue_file__may_have_any_byte_changed(void **state)
{
    const struct {
        uint64_t at;
        uint64_t size;
    } parts[] = {{DSI_QUEUE_AT_HEAD, 104},    {DSI_QUEUE_AT_CONTROL, 40},
                 {DSI_QUEUE_AT_NOTE, 96},     {DSI_QUEUE_AT_COUNTERS, 32},
                 {DSI_QUEUE_AT_RECEIPTS, 64}, {DSI_QUEUE_AT_SLOTS, 64},
                 {DSI_QUEUE_AT_CLAIMS, 16},   {DSI_QUEUE_AT_INTENTS, 9}};
    struct dsi_queue *waiter = NULL;
    uint8_t note[DSI_QUEUE_NOTE_MAX];
    (void)state;

    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        for (uint64_t i = 0; i < parts[p].size; i++) {
            struct dsi_queue *q = queue_open();
            struct dsi_queue_view view;
            struct dsi_receipt r;
            uint8_t byte = 0;
            assert_non_null(q);
            assert_true(take_a_turn(q, 60 * SECOND));
            waiter = queue_open();
            struct dsi_ticket t = queue_publish(waiter, "some rows");
            assert_int_equal(pread(q->file.fd, &byte, 1, (off_t)(parts[p].at + i)), 1);
            byte = (uint8_t)~byte;
            queue_scribble(parts[p].at + i, &byte, 1);
            take_a_turn(q, 2000000);
            DSI_IGNORE(dsi_queue_look(q, &view, NULL));
            dsi_queue_note(q, note);
            dsi_queue_wait(waiter, &t, 0, &r);
            dsi_queue_withdraw(waiter, &t);
            dsi_queue_leave(waiter, &t);
            dsi_queue_free(waiter);
            dsi_queue_free(q);
            q = queue_open(); // Whoever comes next has one that works.
            assert_non_null(q);
            assert_true(take_a_turn(q, 60 * SECOND));
            dsi_queue_free(q);
        }
    }
}

// A process that works, and opens the queue anew when it is broken.
static void work_among_scribbles(const _Atomic int *stop)
{
    struct dsi_queue *q = NULL;
    uint64_t answered = 0;

    alarm(120);
    while (!atomic_load(stop)) {
        if (!q || !dsi_queue_is_current(q)) {
            dsi_queue_free(q);
            q = NULL;
            DSI_IGNORE(dsi_queue_open(queue_path, &q, NULL)); // Again, then.
        }
        answered += q && take_a_turn(q, 5000000);
    }
    dsi_queue_free(q);
    q = queue_open();
    bool works = q && take_a_turn(q, 60 * SECOND);
    dsi_queue_free(q);
    _exit(!works ? 1 : answered == 0 ? 2 : 0);
}

static void scribble_once(uint64_t *x)
{
    uint8_t bytes[64];

    *x = *x * 6364136223846793005u + 1442695040888963407u;
    int fd = open(queue_path, O_RDWR);
    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(*x >> (i % 50));
    }
    uint64_t where = (*x >> 20) % (DSI_QUEUE_AT_INTENTS + 4096);
    if (*x >> 60 == 0) {
        DSI_IGNORE(ftruncate(fd, (off_t)where));
    } else if (*x >> 60 == 1) {
        unlink(queue_path);
    } else {
        // Mostly where something is, and then anywhere.
        static const uint64_t places[] = {DSI_QUEUE_AT_CONTROL, DSI_QUEUE_AT_RECEIPTS,
                                          DSI_QUEUE_AT_SLOTS, DSI_QUEUE_AT_CLAIMS};
        uint64_t at = *x >> 59 & 1 ? where : places[where % 4] + (*x >> 33) % 192;
        DSI_IGNORE(pwrite(fd, bytes, *x >> 40 & 63, (off_t)at) < 0 ? -1 : 0);
    }
    close(fd);
}

static void test_storage_queue_file__may_be_scribbled_over_while_it_is_used(void **state)
{
    enum { WORKERS = 3, SCRIBBLES = 600 };
    uint64_t seed = dsi_random_u64();
    pid_t children[WORKERS];
    (void)state;

    print_message("seed %llu\n", (unsigned long long)seed);
    _Atomic int *stop = queue_shared(sizeof *stop);
    for (int i = 0; i < WORKERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            work_among_scribbles(stop);
        }
    }
    for (int i = 0; i < SCRIBBLES; i++) {
        scribble_once(&seed);
        dsi_sleep_ns((int64_t)(seed >> 44));
    }
    atomic_store(stop, 1);
    for (int i = 0; i < WORKERS; i++) {
        queue_wait_child(children[i]);
    }
    munmap((void *)(uintptr_t)stop, sizeof *stop);
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, queue_make, queue_end)
    static const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_storage_queue_file__is_made_once),
        QUEUE_TEST(test_storage_queue_file__is_replaced_when_it_is_another),
        QUEUE_TEST(test_storage_queue_file__is_of_one_start_of_the_machine),
        QUEUE_TEST(test_storage_queue_file__is_not_where_writers_cannot_meet),
        QUEUE_TEST(test_storage_queue_file__is_not_something_else),
        QUEUE_TEST(test_storage_queue_file__has_the_permissions_of_its_directory),
        QUEUE_TEST(test_storage_queue_file__is_one_when_many_make_it),
        QUEUE_TEST(test_storage_queue_file__may_have_any_byte_changed),
        QUEUE_TEST(test_storage_queue_file__may_be_scribbled_over_while_it_is_used),
    };
    return cmocka_run_group_tests_name("storage_queue_file", tests, NULL, NULL);
}
