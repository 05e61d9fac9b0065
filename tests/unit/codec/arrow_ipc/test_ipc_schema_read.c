#include "base/fault.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "codec/arrow_ipc/ipc_schema.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

// One column of any type: what its Type table has in up to three slots.
struct column {
    int64_t endianness;
    const char *name;
    size_t name_size;
    int64_t kind;
    struct dsi_flat_slot type[3];
};

static void make(struct dsi_buf *b, const struct column *c)
{
    const struct dsi_flat_slot slots[SCHEMA_SLOTS] = {{2, c->endianness}, {4, 0}};
    const struct dsi_flat_slot field[FIELD_SLOTS] = {
        {4, 0}, {1, 1}, {1, c->kind}, {4, 0}};
    struct dsi_flat_writer w;
    size_t places[FIELD_SLOTS];
    size_t first = 0;

    b->size = 0;
    dsi_flat_writer_begin(&w, b, NULL);
    dsi_flat_put_table(&w, slots, SCHEMA_SLOTS, places);
    dsi_flat_refer(&w, places[SCHEMA_FIELDS], dsi_flat_put_references(&w, 1, &first));
    dsi_flat_refer(&w, first, dsi_flat_put_table(&w, field, FIELD_SLOTS, places));
    dsi_flat_refer(
        &w, places[FIELD_NAME],
        dsi_flat_put_text(&w, (struct ds_slice){(const uint8_t *)c->name, c->name_size}));
    dsi_flat_refer(&w, places[FIELD_TYPE], dsi_flat_put_table(&w, c->type, 3, NULL));
    assert_int_equal(dsi_flat_writer_end(&w), DS_OK);
}

static int read_it(struct ds_slice bytes, struct ArrowSchema *out, struct ds_error *err)
{
    struct dsi_flat_table schema;
    struct dsi_buf ids = DSI_BUF_INIT;
    int rc = dsi_flat_root(bytes, "x.arrow", &schema, err);

    if (rc == DS_OK) {
        rc = dsi_ipc_schema_read(&schema, out, &ids, err);
    }
    dsi_buf_release(&ids);
    return rc;
}

static void test_ipc_schema_read__takes_the_defaults_of_the_format(void **state)
{
    static const struct {
        int64_t kind;
        const char *format;
    } cases[] = {
        {TYPE_FLOATING_POINT, "e"}, {TYPE_DATE, "tdm"},
        {TYPE_TIME, "ttm"},         {TYPE_TIMESTAMP, "tss:"},
        {TYPE_DURATION, "tDm"},     {TYPE_DECIMAL, "d:0,0"},
        {TYPE_MAP, "+m"},           {TYPE_FIXED_SIZE_BINARY, "w:0"},
    };
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ArrowSchema s;
        make(&b, &(struct column){.name = "c", .name_size = 1, .kind = cases[i].kind});
        assert_int_equal(read_it(dsi_buf_slice(&b), &s, NULL), DS_OK);
        assert_string_equal(s.children[0]->format, cases[i].format);
        assert_string_equal(s.children[0]->name, "c");
        assert_int_equal(s.children[0]->flags, ARROW_FLAG_NULLABLE);
        s.release(&s);
    }
    dsi_buf_release(&b);
}

static void test_ipc_schema_read__refuses_by_name(void **state)
{
    static const struct {
        struct column c;
        int rc;
        const char *words;
    } cases[] = {
        {{1, "c", 1, TYPE_INT, {{4, 32}, {1, 1}}}, DS_EUNSUPPORTED, "big-endian"},
        {{0, "u", 1, TYPE_UNION, {{0}}}, DS_EUNSUPPORTED, "column u: Arrow type union"},
        {{0, "c", 1, 27, {{0}}}, DS_EUNSUPPORTED, "unknown to this version (27)"},
        {{0, "c", 1, TYPE_NONE, {{0}}}, DS_EUNSUPPORTED, "unknown to this version (0)"},
        {{0, "c", 1, TYPE_INT, {{4, 24}}}, DS_EUNSUPPORTED, "integer (24)"},
        {{0, "c", 1, TYPE_TIME, {{2, 9}}}, DS_EUNSUPPORTED, "with unit (9)"},
        {{0, "a\0b", 3, TYPE_BOOL, {{0}}}, DS_ECORRUPT, "has a zero in it"},
        {{0, "\xff", 1, TYPE_BOOL, {{0}}}, DS_ECORRUPT, "not UTF-8"},
    };
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ArrowSchema s = {0};
        struct ds_error err = {0};
        make(&b, &cases[i].c);
        assert_int_equal(read_it(dsi_buf_slice(&b), &s, &err), cases[i].rc);
        assert_non_null(strstr(err.message, cases[i].words));
        assert_null(s.release);
    }
    dsi_buf_release(&b);
}

// One field that is its own child's child …: references point forward, so a tree is made
// of shared parts. 40 levels of two children each, all the same, would be 2^40 fields.
static void test_ipc_schema_read__counts_what_is_shared(void **state)
{
    enum { LEVELS = 40 };
    const struct dsi_flat_slot slots[SCHEMA_SLOTS] = {{0, 0}, {4, 0}};
    const struct dsi_flat_slot field[FIELD_SLOTS] = {
        [FIELD_TYPE_KIND] = {1, TYPE_STRUCT}, {4, 0}, {0, 0}, {4, 0}};
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_flat_writer w;
    struct ds_error err = {0};
    struct ArrowSchema s;
    size_t places[FIELD_SLOTS];
    size_t place = 0;
    (void)state;

    dsi_flat_writer_begin(&w, &b, NULL);
    dsi_flat_put_table(&w, slots, SCHEMA_SLOTS, places);
    place = places[SCHEMA_FIELDS];
    for (int i = 0; i < LEVELS; i++) {
        size_t first = 0;
        dsi_flat_refer(&w, place, dsi_flat_put_references(&w, 2, &first));
        size_t at = dsi_flat_put_table(&w, field, FIELD_SLOTS, places);
        dsi_flat_refer(&w, first, at);
        dsi_flat_refer(&w, first + 4, at);
        dsi_flat_refer(&w, places[FIELD_TYPE], dsi_flat_put_table(&w, NULL, 0, NULL));
        place = places[FIELD_CHILDREN];
    }
    size_t first = 0;
    dsi_flat_refer(&w, place, dsi_flat_put_references(&w, 0, &first));
    assert_int_equal(dsi_flat_writer_end(&w), DS_OK);
    assert_int_equal(read_it(dsi_buf_slice(&b), &s, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "field"));
    dsi_buf_release(&b);
}

static void test_ipc_schema_read__survives_damage_and_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct sample all;
    struct dsi_buf b = DSI_BUF_INIT;
    const struct dsi_flat_slot slot = DSI_FLAT_REF;
    struct dsi_flat_writer w;
    struct ArrowSchema s;
    size_t place = 0;
    (void)state;

    // The schema is not at the root, but in front of it is only a reference to it.
    sample_all(&all);
    dsi_flat_writer_begin(&w, &b, NULL);
    dsi_flat_put_table(&w, &slot, 1, &place);
    assert_int_equal(dsi_ipc_schema_write(&all.schema, &w, place), DS_OK);
    assert_int_equal(dsi_flat_writer_end(&w), DS_OK);
    size_t root = place + (size_t)dsi_flat_read_int(b.data + place, 4);
    b.data[0] = (uint8_t)root;
    b.data[1] = (uint8_t)(root >> 8);

    for (size_t i = 0; i < b.size; i++) {
        static const uint8_t values[] = {0, 1, 4, 0x80, 0xff};
        uint8_t was = b.data[i];
        for (size_t v = 0; v < sizeof values; v++) {
            b.data[i] = values[v];
            struct ds_error err = {0};
            if (read_it(dsi_buf_slice(&b), &s, &err) == DS_OK) {
                s.release(&s);
            } else {
                assert_true(err.message[0] != '\0');
            }
        }
        b.data[i] = was;
    }
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        int rc = read_it(dsi_buf_slice(&b), &s, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        if (rc == DS_OK) {
            s.release(&s);
        }
    }
    assert_true(plan.target > 50);
    dsi_buf_release(&b);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc_schema_read__takes_the_defaults_of_the_format),
        cmocka_unit_test(test_ipc_schema_read__refuses_by_name),
        cmocka_unit_test(test_ipc_schema_read__counts_what_is_shared),
        cmocka_unit_test_teardown(test_ipc_schema_read__survives_damage_and_every_fault,
                                  stop_faults),
    };
    return cmocka_run_group_tests_name("ipc_schema_read", tests, NULL, NULL);
}
