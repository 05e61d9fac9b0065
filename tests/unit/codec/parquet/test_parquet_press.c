#include "codec/parquet/parquet_press.h"

#include "base/crew.h"
#include "base/fault.h"
#include "base/thread.h"
#include "harness.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 60 };

// Where pages are taken to.
struct chunk {
    struct dsi_buf bytes;
    size_t pages;
    int64_t sizes[PAGES]; // What all pages count for at most, after each of them …
    size_t sure[PAGES];   // … and at least.
};

// What becomes of one run.
struct run {
    enum dsi_compression codec;
    size_t bad;   // From this page on each has a level of its own that no codec has.
    size_t until; // No more pages are put in.
    bool helped;  // There was a helper.
    struct chunk chunk;
    struct dsi_parquet_press press;
    struct dsi_compressor own;
};

static int take(struct dsi_parquet_sheet *s, int rc, struct ds_error *err)
{
    struct chunk *c = s->chunk;
    struct ds_slice body = dsi_parquet_sheet_body(s);
    size_t before = c->bytes.size;

    if (rc < 0) {
        return rc;
    }
    assert_int_equal(s->number, c->pages);
    assert_int_equal(s->page.uncompressed_size, s->raw.size);
    assert_int_equal(s->page.compressed_size, body.size);
    assert_true(s->page.has_crc && s->page.crc == dsi_crc32(0, body));
    c->pages++;
    rc = dsi_buf_append(&c->bytes, "header", 6, err);
    rc = rc < 0 ? rc : dsi_buf_append(&c->bytes, body.data, body.size, err);
    s->taken = c->bytes.size - before;
    return rc;
}

// Text of many sizes, some of it small.
static int fill(struct dsi_parquet_sheet *s, size_t page, struct ds_error *err)
{
    size_t size = page % 5 == 4 ? page : page * 7919 % 200000;
    uint64_t random = page + 1;
    int rc = dsi_buf_reserve(&s->raw, size + 1, err);

    for (size_t i = 0; rc == DS_OK && i < size; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        s->raw.data[i] = (uint8_t)(i % 40 < 25 ? 'a' + i % 40 : random >> 60);
    }
    s->raw.size = rc == DS_OK ? size : 0;
    return rc;
}

static int put(struct run *r, size_t page, struct ds_error *err)
{
    struct dsi_parquet_sheet *s = NULL;
    int rc = dsi_parquet_press_sheet(&r->press, &r->own, &s, err);

    if (rc < 0 || (rc = fill(s, page, err)) < 0) {
        return rc;
    }
    s->codec = r->codec;
    s->level = page >= r->bad ? 99 + (int)(page - r->bad) : DSI_COMPRESSION_LEVEL_DEFAULT;
    s->page = (struct dsi_parquet_page){.type = DSI_PARQUET_PAGE_DATA};
    s->chunk = &r->chunk;
    s->number = page;
    s->take = take;
    rc = dsi_parquet_press_put(&r->press, &r->own, err);
    r->chunk.sizes[page] =
        (int64_t)r->chunk.bytes.size + dsi_parquet_press_size(&r->press);
    r->chunk.sure[page] = r->chunk.bytes.size - dsi_parquet_press_taken(&r->press);
    r->helped = r->helped || r->press.helper;
    return rc;
}

static int run(struct run *r, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t page = 0; page < r->until && rc == DS_OK; page++) {
        rc = put(r, page, err);
        if (rc == DS_OK && page == PAGES / 2) {
            rc = dsi_parquet_press_drain(&r->press, &r->own, err);
            assert_int_equal(rc < 0 ? 0 : dsi_parquet_press_size(&r->press), 0);
        }
    }
    if (rc == DS_OK && r->until == PAGES) {
        rc = dsi_parquet_press_drain(&r->press, &r->own, err);
    }
    if (rc == DS_OK && r->until == PAGES) {
        dsi_parquet_press_rest(&r->press);
    }
    return rc;
}

static void end(struct run *r)
{
    dsi_parquet_press_release(&r->press);
    dsi_compressor_release(&r->own);
    dsi_buf_release(&r->chunk.bytes);
}

static int one_core(void)
{
    return 1;
}

static void run_alone(struct run *r)
{
    static const struct dsi_thread_ops alone = {.cores = one_core};

    dsi_thread_set(&alone);
    assert_int_equal(run(r, NULL), DS_OK);
    dsi_thread_set(NULL);
    assert_false(r->helped);
    assert_int_equal(r->chunk.pages, PAGES);
}

static int no_thread(struct dsi_thread **out, void (*f)(void *), void *arg)
{
    (void)out;
    (void)f;
    (void)arg;
    fail_msg("a crew needs no thread more");
    return EAGAIN;
}

// Pages left to a crew are pressed by who waits: every second one by the thread that puts
// them in, the others as another one would. None is left for the drain.
static void run_crewed(struct run *r, struct dsi_crew *crew)
{
    unsigned pressed = 0;

    for (size_t page = 0; page < PAGES; page++) {
        dsi_crew_begin(crew);
        assert_int_equal(put(r, page, NULL), DS_OK);
        const struct dsi_parquet_press *p = &r->press;
        const struct dsi_parquet_slot *s =
            &p->slots[(p->first + p->count - 1) % DSI_PARQUET_SHEETS];
        if (page % 2 == 0) {
            dsi_crew_end();
        }
        dsi_crew_lock(crew);
        int before = s->state;
        dsi_crew_help(crew, 1);
        pressed += s->state != before;
        dsi_crew_unlock(crew);
        if (page % 2 != 0) {
            dsi_crew_end();
        }
    }
    assert_true(pressed > PAGES / 3);
    assert_int_equal(dsi_parquet_press_drain(&r->press, &r->own, NULL), DS_OK);
    dsi_parquet_press_rest(&r->press);
}

static void test_parquet_press__leaves_pages_to_a_crew(void **state)
{
    struct dsi_thread_ops ops = *dsi_threads();
    struct run a = {.codec = DSI_COMPRESSION_ZSTD, .bad = PAGES, .until = PAGES};
    struct run b = a;
    struct dsi_crew *crew = NULL;
    (void)state;

    run_alone(&a);
    ops.start = no_thread;
    dsi_thread_set(&ops);
    assert_int_equal(dsi_crew_new(&crew, NULL), DS_OK);
    run_crewed(&b, crew);
    assert_true(b.helped);
    dsi_crew_free(crew);
    dsi_thread_set(NULL);
    assert_int_equal(b.chunk.pages, PAGES);
    assert_int_equal(a.chunk.bytes.size, b.chunk.bytes.size);
    assert_memory_equal(a.chunk.bytes.data, b.chunk.bytes.data, a.chunk.bytes.size);
    end(&a);
    end(&b);
}

static void test_parquet_press__is_the_same_with_a_helper_and_without(void **state)
{
    static const enum dsi_compression codecs[] = {
        DSI_COMPRESSION_NONE, DSI_COMPRESSION_ZSTD, DSI_COMPRESSION_SNAPPY,
        DSI_COMPRESSION_GZIP};
    (void)state;

    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        struct run a = {.codec = codecs[i], .bad = PAGES, .until = PAGES};
        struct run b = a;
        run_alone(&a);
        assert_int_equal(run(&b, NULL), DS_OK);
        assert_int_equal(b.helped,
                         i > 0 && dsi_thread_cores() > 1); // There is nothing to do.
        assert_int_equal(b.chunk.pages, PAGES);
        assert_int_equal(a.chunk.bytes.size, b.chunk.bytes.size);
        assert_memory_equal(a.chunk.bytes.data, b.chunk.bytes.data, a.chunk.bytes.size);
        assert_memory_equal(a.chunk.sizes, b.chunk.sizes, sizeof a.chunk.sizes);
        assert_memory_equal(a.chunk.sure, b.chunk.sure, sizeof a.chunk.sure);
        assert_true(a.chunk.sure[PAGES - 1] > 0);
        end(&a);
        end(&b);
    }
}

static void test_parquet_press__has_no_more_helpers_than_processors(void **state)
{
    struct run a = {.codec = DSI_COMPRESSION_ZSTD, .bad = PAGES, .until = PAGES - 1};
    struct run many[8];
    int helped = 0;
    (void)state;

    for (int i = 0; i < 8; i++) {
        many[i] = a;
        assert_int_equal(run(&many[i], NULL), DS_OK);
        helped += many[i].helped;
    }
    int most = dsi_thread_cores() - 1;
    assert_int_equal(helped, most < 8 ? most : 8);
    for (int i = 0; i < 8; i++) {
        end(&many[i]); // Pages that still wait are forgotten.
    }
    a.until = PAGES;
    assert_int_equal(run(&a, NULL), DS_OK);
    assert_int_equal(a.helped, most > 0);
    end(&a);
}

static void test_parquet_press__says_which_page_cannot_be_compressed(void **state)
{
    (void)state;

    for (size_t bad = 0; bad < PAGES; bad += 11) {
        struct run r = {.codec = DSI_COMPRESSION_ZSTD, .bad = bad, .until = PAGES};
        struct ds_error err = {0};
        assert_int_equal(run(&r, &err), DS_EINVALID);
        assert_non_null(strstr(err.message, "compression level 99:"));
        assert_int_equal(r.chunk.pages, bad);
        end(&r);
    }
}

// With a helper, which point is the n-th is a matter of scheduling.
static void test_parquet_press__survives_faults(void **state)
{
    struct run whole = {.codec = DSI_COMPRESSION_ZSTD, .bad = PAGES, .until = PAGES};
    struct dsi_fault_plan plan = {0};
    (void)state;

    run_alone(&whole);
    while (dsi_fault_next(&plan)) {
        struct run r = {.codec = DSI_COMPRESSION_ZSTD, .bad = PAGES, .until = PAGES};
        struct ds_error err = {0};
        int rc = run(&r, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_true(rc == DS_OK || plan.name != NULL);
        if (rc == DS_OK) { // A helper that cannot be had is done without.
            assert_int_equal(r.chunk.bytes.size, whole.chunk.bytes.size);
            assert_memory_equal(r.chunk.bytes.data, whole.chunk.bytes.data,
                                whole.chunk.bytes.size);
        }
        end(&r);
    }
    assert_true(plan.target > 3);
    end(&whole);
}

// The rest of a run whose first pages were put in by the parent.
static bool goes_on(struct run *r, size_t page, const struct run *whole)
{
    struct run more = {.codec = DSI_COMPRESSION_ZSTD, .bad = PAGES, .until = PAGES};
    int rc = DS_OK;

    for (; page < PAGES && rc == DS_OK; page++) {
        rc = put(r, page, NULL);
        if (rc == DS_OK && page == PAGES / 2) {
            rc = dsi_parquet_press_drain(&r->press, &r->own, NULL);
        }
    }
    rc = rc < 0 ? rc : dsi_parquet_press_drain(&r->press, &r->own, NULL);
    bool well = rc == DS_OK && r->chunk.bytes.size == whole->chunk.bytes.size &&
                memcmp(r->chunk.bytes.data, whole->chunk.bytes.data,
                       whole->chunk.bytes.size) == 0;
    end(r);
    // Whoever writes in the child has a helper of the child's own.
    well = well && run(&more, NULL) == DS_OK && more.helped;
    end(&more);
    return well;
}

static void test_parquet_press__goes_on_in_a_child(void **state)
{
    struct run whole = {.codec = DSI_COMPRESSION_ZSTD, .bad = PAGES, .until = PAGES};
    (void)state;

    if (dsi_thread_cores() == 1) {
        skip();
    }
    run_alone(&whole);
    for (size_t at = 20; at < PAGES; at += 7) {
        struct run r = {.codec = DSI_COMPRESSION_ZSTD, .bad = PAGES, .until = PAGES};
        int status = 0;
        for (size_t page = 0; page < at; page++) {
            assert_int_equal(put(&r, page, NULL), DS_OK);
            if (page == PAGES / 2) {
                assert_int_equal(dsi_parquet_press_drain(&r.press, &r.own, NULL), DS_OK);
            }
        }
        assert_true(r.helped);
        pid_t child = fork(); // The helper is at work.
        if (child == 0) {
            alarm(60);
            _exit(goes_on(&r, at, &whole) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        end(&r);
    }
    end(&whole);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_press__is_the_same_with_a_helper_and_without),
        cmocka_unit_test(test_parquet_press__leaves_pages_to_a_crew),
        cmocka_unit_test(test_parquet_press__has_no_more_helpers_than_processors),
        cmocka_unit_test(test_parquet_press__says_which_page_cannot_be_compressed),
        cmocka_unit_test(test_parquet_press__survives_faults),
        cmocka_unit_test(test_parquet_press__goes_on_in_a_child),
    };
    return cmocka_run_group_tests_name("parquet_press", tests, NULL, NULL);
}
