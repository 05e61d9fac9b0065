// What the tests of the appender share: the fixture's catalog with moods, rows to hand
// over, and a count of what is in the table.
#ifndef DSI_TEST_TXN_APPENDER_FIXTURE_H
#define DSI_TEST_TXN_APPENDER_FIXTURE_H

#include "fixture.h"
#include "txn/appender.h"

enum { IDS_MAX = 20000 };

// What the catalog does to the next requests; told only in the thread that commits, or
// while there is none.
struct mood {
    struct dsi_catalog *catalog;
    const enum fate *fates; // One a request; after the last all is fair.
    size_t fate_count;
    size_t next;
    unsigned away;       // So many looks find no table.
    unsigned away_after; // After each request, so many looks more.
    char *hidden;        // The head meanwhile.
};

static inline void mood_step(void *arg, const char *where)
{
    struct mood *m = arg;
    struct dsi_catalog *c = m->catalog;

    if (strcmp(where, "answer") == 0 && m->next <= m->fate_count && m->away_after > 0) {
        m->away = m->away_after;
    }
    if (strcmp(where, "load") != 0) {
        return;
    }
    if (m->away > 0) {
        m->away--;
        if (c->head) {
            m->hidden = c->head;
            c->head = NULL;
        }
    } else if (m->hidden) {
        c->head = m->hidden;
        m->hidden = NULL;
    }
}

static inline enum fate mood_fate(void *arg)
{
    struct mood *m = arg;
    return m->next < m->fate_count ? m->fates[m->next++] : (m->next++, FATE_FAIR);
}

static inline void mood_set(struct mood *m, struct dsi_catalog *c)
{
    *m = (struct mood){.catalog = c};
    c->step = mood_step;
    c->fate = mood_fate;
    c->arg = m;
}

// Everything is fair again, and what was hidden is back.
static inline void mood_end(struct mood *m)
{
    m->away = 0;
    m->away_after = 0;
    m->fate_count = 0;
    mood_step(m, "load");
    m->catalog->step = NULL;
    m->catalog->fate = NULL;
}

// How often each id is in the table, by a scan with cold caches; NULL, or what is wrong.
static inline const char *count_ids(struct dsi_catalog *c, uint8_t *seen)
{
    static char why[512];
    struct dsi_table *t = NULL;
    struct dsi_scan *scan = NULL;
    struct dsi_batch b = {0};
    struct ds_error err = {0};

    memset(seen, 0, IDS_MAX);
    if (dsi_table_open(c, &test_name, &t, &err) != DS_OK) {
        snprintf(why, sizeof why, "open: %.300s", err.message);
        return why;
    }
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_scan_options o = {
        .storage = c->storage, .metadata = m, .user = {.struct_size = sizeof o.user}};
    int rc = dsi_scan_open(&o, &scan, &err);
    while (rc >= 0 && (rc = dsi_scan_next(scan, &b, &err)) == DS_ROW) {
        for (int64_t i = 0; i < b.rows; i++) {
            struct dsi_value v;
            dsi_column_value(&b.columns[0], i, &v);
            seen[v.as.i64 % IDS_MAX]++;
        }
        dsi_batch_release(&b);
    }
    snprintf(why, sizeof why, "scan: %.300s", err.message);
    dsi_scan_free(scan);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    return rc == DS_OK ? NULL : why;
}

// --- rows

// Rows of (id, name) as Arrow data that owns itself.
struct test_array {
    struct ArrowArray children[2];
    struct ArrowArray *list[2];
    const void *buffers[1];
    const void *id_buffers[2];
    const void *name_buffers[3];
    int64_t *ids;
    int32_t *offsets;
};

static inline void test_array_release(struct ArrowArray *array)
{
    struct test_array *t = array->private_data;
    free(t->ids);
    free(t->offsets);
    free(t);
    array->release = NULL;
}

static inline void test_child_release(struct ArrowArray *array)
{
    array->release = NULL;
}

// `count` rows with ids from `first` on; each name is "r".
static inline struct ArrowArray test_rows(int64_t first, int64_t count)
{
    static char names[4096];
    struct test_array *t = calloc(1, sizeof *t);

    memset(names, 'r', sizeof names);
    t->ids = calloc((size_t)count + 1, sizeof *t->ids);
    t->offsets = calloc((size_t)count + 1, sizeof *t->offsets);
    for (int64_t i = 0; i < count; i++) {
        t->ids[i] = first + i;
        t->offsets[i + 1] = (int32_t)i + 1;
    }
    t->id_buffers[1] = t->ids;
    t->name_buffers[1] = t->offsets;
    t->name_buffers[2] = names;
    t->children[0] = (struct ArrowArray){.length = count,
                                         .n_buffers = 2,
                                         .buffers = t->id_buffers,
                                         .release = test_child_release};
    t->children[1] = (struct ArrowArray){.length = count,
                                         .n_buffers = 3,
                                         .buffers = t->name_buffers,
                                         .release = test_child_release};
    t->list[0] = &t->children[0];
    t->list[1] = &t->children[1];
    return (struct ArrowArray){.length = count,
                               .n_buffers = 1,
                               .buffers = t->buffers,
                               .n_children = 2,
                               .children = t->list,
                               .release = test_array_release,
                               .private_data = t};
}

static inline void test_arrow_release(struct ArrowSchema *s)
{
    s->release = NULL;
}

// The schema of those; borrowed for ever, and never really released.
static inline const struct ArrowSchema *test_arrow_schema(void)
{
    static struct ArrowSchema id = {
        .format = "l", .name = "id", .flags = 2, .release = test_arrow_release};
    static struct ArrowSchema name = {
        .format = "u", .name = "name", .flags = 2, .release = test_arrow_release};
    static struct ArrowSchema *children[] = {&id, &name};
    static struct ArrowSchema top = {.format = "+s",
                                     .name = "",
                                     .n_children = 2,
                                     .children = children,
                                     .release = test_arrow_release};
    return &top;
}

static inline int write_ids(struct dsi_appender *a, int64_t first, int64_t count,
                            uint64_t *ticket, struct ds_error *err)
{
    struct ArrowArray array = test_rows(first, count);
    int rc = dsi_appender_write(a, test_arrow_schema(), &array, ticket, err);
    if (array.release) {
        array.release(&array);
    }
    return rc;
}

static inline int write_id(struct dsi_appender *a, int64_t id, uint64_t *ticket,
                           struct ds_error *err)
{
    struct ds_cell cells[2] = {
        {.kind = DS_CELL_INT, .as.integer = id},
        {.kind = DS_CELL_TEXT, .as.bytes = {(const uint8_t *)"r", 1}}};
    return dsi_appender_write_row(a, cells, 2, ticket, err);
}

static inline struct dsi_appender *open_appender(struct dsi_table *t,
                                                 const struct ds_appender_options *o)
{
    static const struct ds_appender_options defaults = {.struct_size = sizeof defaults};
    struct dsi_appender *a = NULL;
    struct ds_error err = {0};
    if (dsi_appender_open(t, o ? o : &defaults, &a, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    return a;
}

// Rows that were not committed, or may have been; so many of them come back.
static inline int64_t rows_back(struct dsi_appender *a, enum ds_outcome outcome)
{
    struct ArrowArrayStream stream;
    struct ds_error err = {0};
    int64_t rows = 0;

    while (dsi_appender_take_back(a, outcome, &stream, &err) == DS_ROW) {
        struct ArrowArray array = {0};
        while (stream.get_next(&stream, &array) == 0 && array.release) {
            rows += array.length;
            array.release(&array);
        }
        stream.release(&stream);
    }
    return rows;
}

// --- a table, and a catalog with moods

struct place {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    struct mood mood;
    uint8_t seen[IDS_MAX]; // By assert_table.
};

static inline void place_init(struct place *p)
{
    static const struct ds_property hasty[] = {{"commit.status-check.num-retries", "0"},
                                               {"commit.retry.max-wait-ms", "5"}};
    catalog_init(&p->catalog);
    p->table = test_create(&p->catalog, hasty, 2);
    mood_set(&p->mood, &p->catalog);
}

static inline void place_release(struct place *p)
{
    mood_end(&p->mood);
    dsi_table_free(p->table);
    catalog_release(&p->catalog);
}

// When all is fair again, so often each of these rows is there.
static inline void assert_table(struct place *p, int64_t first, int64_t end, int each)
{
    mood_end(&p->mood);
    const char *wrong = count_ids(&p->catalog, p->seen);
    if (wrong) {
        fail_msg("%s", wrong);
    }
    for (int64_t i = first; i < end; i++) {
        if (p->seen[i] != each) {
            fail_msg("row %d is there %d times", (int)i, p->seen[i]);
        }
    }
}

#endif
