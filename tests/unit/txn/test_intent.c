#include "txn/intent.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "unit/data/rows.h"

// A change made up from a seed, as an owner would make one.
static const char *text(struct rows_random *r, struct dsi_arena *arena)
{
    uint8_t bytes[ROWS_TEXT_MAX];
    struct ds_slice s = rows_text(r, bytes);
    const char *t = dsi_arena_printf(arena, "x%.*s", (int)s.size, (const char *)s.data);
    assert_non_null(t);
    return t;
}

static struct ds_slice some_bytes(struct rows_random *r, struct dsi_arena *arena)
{
    size_t size = (size_t)rows_below(r, 40);
    uint8_t *p = dsi_arena_alloc(arena, size + 1);
    assert_non_null(p);
    for (size_t i = 0; i < size; i++) {
        p[i] = (uint8_t)rows_next(r);
    }
    return rows_below(r, 4) ? (struct ds_slice){p, size} : (struct ds_slice){0};
}

static struct ds_properties properties(struct rows_random *r, struct dsi_arena *arena,
                                       bool removals)
{
    size_t count = (size_t)rows_below(r, 4);
    struct ds_property *items = dsi_arena_array(arena, count, sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < count; i++) {
        bool removed = removals && rows_below(r, 2);
        items[i] = (struct ds_property){text(r, arena), removed ? NULL : text(r, arena)};
    }
    return (struct ds_properties){items, count};
}

static void manifest(struct rows_random *r, struct dsi_arena *arena,
                     struct dsi_manifest_file *f)
{
    size_t count = (size_t)rows_below(r, 3);
    struct dsi_field_summary *fields = dsi_arena_array(arena, count, sizeof *fields);
    assert_non_null(fields);
    for (size_t i = 0; i < count; i++) {
        fields[i].contains_null = rows_below(r, 2);
        fields[i].contains_nan = (int8_t)(rows_below(r, 3) - 1);
        fields[i].lower = some_bytes(r, arena);
        fields[i].upper = some_bytes(r, arena);
    }
    *f = (struct dsi_manifest_file){
        .path = text(r, arena),
        .length = rows_below(r, 1 << 30),
        .spec_id = (int32_t)rows_below(r, 5),
        .sequence_number = -1,
        .min_sequence_number = -1,
        .added_snapshot_id = (int64_t)rows_next(r),
        .added_files_count = (int32_t)rows_below(r, 50),
        .added_rows_count = rows_below(r, 1 << 20),
        .partitions = fields,
        .partition_count = count,
        .key_metadata = some_bytes(r, arena),
        .first_row_id = rows_below(r, 2) - 1,
    };
}

static void append(struct rows_random *r, struct dsi_arena *arena,
                   struct dsi_operation *o)
{
    size_t count = (size_t)rows_below(r, 4);
    struct dsi_manifest_file *files = dsi_arena_array(arena, count, sizeof *files);
    assert_non_null(files);
    for (size_t i = 0; i < count; i++) {
        manifest(r, arena, &files[i]);
    }
    *o = (struct dsi_operation){.kind = DSI_OPERATION_APPEND};
    o->stored = (struct dsi_stored_files){files,
                                          count,
                                          rows_below(r, 100),
                                          rows_below(r, 100),
                                          rows_below(r, 100),
                                          rows_below(r, 100)};
    o->held.bytes = some_bytes(r, arena);
    if (o->held.bytes.size > 0) {
        o->held.rows = 1 + rows_below(r, 100);
        o->held.schema_id = (int32_t)rows_below(r, 9);
    }
}

static void addition(struct rows_random *r, struct dsi_arena *arena,
                     struct dsi_operation *o)
{
    append(r, arena, o);
    o->kind = DSI_OPERATION_ADD;
    o->held = (struct dsi_held_rows){{NULL, 0}, 0, 0};
    o->mapping = rows_below(r, 2) ? text(r, arena) : NULL;
    o->base_mapping = rows_below(r, 2) ? text(r, arena) : NULL;
    o->base_schema_id = (int32_t)rows_below(r, 9);
}

static void deletion(struct rows_random *r, struct dsi_arena *arena,
                     struct dsi_operation *o)
{
    size_t count = (size_t)rows_below(r, 5);
    struct dsi_replaced_file *files = dsi_arena_array(arena, count, sizeof *files);
    assert_non_null(files);
    for (size_t i = 0; i < count; i++) {
        bool same = i > 0 && rows_below(r, 2);
        files[i] = (struct dsi_replaced_file){
            text(r, arena), same ? files[i - 1].manifest : text(r, arena),
            rows_below(r, 100), rows_below(r, 100)};
    }
    o->kind = DSI_OPERATION_DELETE;
    o->replaced = files;
    o->replaced_count = count;
}

static void schema(struct rows_random *r, struct dsi_arena *arena,
                   struct dsi_operation *o)
{
    struct dsi_field *fields = dsi_arena_array(arena, 2, sizeof *fields);
    struct dsi_schema *s = dsi_arena_array(arena, 1, sizeof *s);
    assert_true(fields && s);
    fields[0] = (struct dsi_field){
        .id = 1, .name = text(r, arena), .type = {.kind = DSI_TYPE_LONG}};
    fields[1] = (struct dsi_field){.id = 2 + (int32_t)rows_below(r, 50),
                                   .name = dsi_arena_printf(arena, "%s2", fields[0].name),
                                   .type = {.kind = DSI_TYPE_STRING}};
    *s = (struct dsi_schema){
        .schema_id = (int32_t)rows_below(r, 9),
        .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = 2},
        .highest_id = fields[1].id};
    o->kind = DSI_OPERATION_SCHEMA;
    o->schema = s;
    o->base_schema_id = (int32_t)rows_below(r, 9);
    o->base_last_column_id = (int32_t)rows_below(r, 9);
}

static void expiry(struct rows_random *r, struct dsi_operation *o)
{
    o->kind = DSI_OPERATION_EXPIRE;
    o->older_than_ms = (int64_t)rows_next(r);
    o->retain_last = (int32_t)rows_below(r, 1 << 30);
}

static struct dsi_change *make(struct rows_random *r)
{
    struct dsi_change *c = dsi_calloc(1, sizeof *c);
    struct dsi_uuid uuid = {{0}};

    assert_non_null(c);
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        uuid.bytes[i] = (uint8_t)rows_next(r);
    }
    dsi_uuid_format(&uuid, c->identity);
    snprintf(c->nonce, sizeof c->nonce, "%08x", (unsigned)(rows_next(r) >> 32));
    c->identity_given = rows_below(r, 2);
    c->writers = (unsigned)rows_below(r, 9);
    c->base = (struct dsi_head){text(r, &c->arena), rows_below(r, 100) - 1, 0};
    c->base_snapshot_id = rows_below(r, 3) ? (int64_t)rows_next(r) : DSI_SNAPSHOT_NONE;
    c->base_sequence_number = rows_below(r, 1000);
    c->table_uuid = rows_below(r, 3) ? dsi_arena_strdup(&c->arena, c->identity) : NULL;
    c->branch = rows_below(r, 2) ? "main" : text(r, &c->arena);
    c->isolation = (enum ds_isolation)rows_below(r, 2);
    c->append_mode = (enum ds_append_mode)rows_below(r, 2);
    c->reads.filter = rows_below(r, 2) ? text(r, &c->arena) : NULL;
    c->summary = properties(r, &c->arena, false);
    c->operations =
        dsi_arena_array(&c->arena, DSI_OPERATION_COUNT, sizeof *c->operations);
    assert_non_null(c->operations);
    memset(c->operations, 0, DSI_OPERATION_COUNT * sizeof *c->operations);
    int64_t which = rows_below(r, 9);
    if (which != 1 && which != 3 && which != 7) {
        append(r, &c->arena, &c->operations[c->operation_count++]);
    }
    if (which == 1 || which == 2) {
        struct dsi_operation *o = &c->operations[c->operation_count++];
        o->kind = DSI_OPERATION_SET_PROPERTIES;
        o->properties = properties(r, &c->arena, true);
    }
    if (which == 3) {
        c->operations[c->operation_count++].kind = DSI_OPERATION_EMPTY;
    }
    if (which == 4 || which == 6) {
        addition(r, &c->arena, &c->operations[c->operation_count++]);
    }
    if (which >= 7) {
        expiry(r, &c->operations[c->operation_count++]);
    }
    if (which == 5 || which == 6) {
        deletion(r, &c->arena, &c->operations[c->operation_count++]);
        schema(r, &c->arena, &c->operations[c->operation_count++]);
    }
    return c;
}

static struct dsi_mark mark(struct rows_random *r)
{
    return (struct dsi_mark){rows_next(r), rows_below(r, 100) - 1, rows_below(r, 1000),
                             (int64_t)rows_next(r)};
}

// --- comparing

static void same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a) {
        assert_string_equal(a, b);
    }
}

static void same_bytes(struct ds_slice a, struct ds_slice b)
{
    assert_int_equal(a.data == NULL, b.data == NULL);
    assert_int_equal(a.size, b.size);
    assert_true(a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void same_properties(struct ds_properties a, struct ds_properties b)
{
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        same_text(a.items[i].key, b.items[i].key);
        same_text(a.items[i].value, b.items[i].value);
    }
}

static void same_manifest(const struct dsi_manifest_file *a,
                          const struct dsi_manifest_file *b)
{
    same_text(a->path, b->path);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->spec_id, b->spec_id);
    assert_int_equal(a->content, b->content);
    assert_int_equal(a->sequence_number, b->sequence_number);
    assert_int_equal(a->min_sequence_number, b->min_sequence_number);
    assert_int_equal(a->added_snapshot_id, b->added_snapshot_id);
    assert_int_equal(a->added_files_count, b->added_files_count);
    assert_int_equal(a->added_rows_count, b->added_rows_count);
    assert_int_equal(b->existing_files_count, 0);
    assert_int_equal(b->deleted_files_count, 0);
    assert_int_equal(b->existing_rows_count, 0);
    assert_int_equal(b->deleted_rows_count, 0);
    same_bytes(a->key_metadata, b->key_metadata);
    assert_int_equal(a->first_row_id, b->first_row_id);
    assert_int_equal(a->partition_count, b->partition_count);
    for (size_t i = 0; i < a->partition_count; i++) {
        const struct dsi_field_summary *x = &a->partitions[i];
        const struct dsi_field_summary *y = &b->partitions[i];
        assert_int_equal(x->contains_null, y->contains_null);
        assert_int_equal(x->contains_nan, y->contains_nan);
        same_bytes(x->lower, y->lower);
        same_bytes(x->upper, y->upper);
    }
}

static void same_schema(const struct dsi_schema *a, const struct dsi_schema *b)
{
    assert_int_equal(a->schema_id, b->schema_id);
    assert_int_equal(a->highest_id, b->highest_id);
    assert_int_equal(a->root.field_count, b->root.field_count);
    for (size_t i = 0; i < a->root.field_count; i++) {
        assert_int_equal(a->root.fields[i].id, b->root.fields[i].id);
        assert_int_equal(a->root.fields[i].type.kind, b->root.fields[i].type.kind);
        same_text(a->root.fields[i].name, b->root.fields[i].name);
    }
}

static void same_operation(const struct dsi_operation *a, const struct dsi_operation *b)
{
    assert_int_equal(a->kind, b->kind);
    same_properties(a->properties, b->properties);
    assert_int_equal(a->held.rows, b->held.rows);
    assert_int_equal(a->held.schema_id, b->held.schema_id);
    same_bytes(a->held.bytes, b->held.bytes);
    assert_int_equal(a->stored.files, b->stored.files);
    assert_int_equal(a->stored.rows, b->stored.rows);
    assert_int_equal(a->stored.bytes, b->stored.bytes);
    assert_int_equal(a->stored.partitions, b->stored.partitions);
    assert_int_equal(a->stored.manifest_count, b->stored.manifest_count);
    for (size_t i = 0; i < a->stored.manifest_count; i++) {
        same_manifest(&a->stored.manifests[i], &b->stored.manifests[i]);
    }
    assert_int_equal(b->file_count, 0);
    assert_false(b->owned);
    same_text(a->mapping, b->mapping);
    same_text(a->base_mapping, b->base_mapping);
    assert_int_equal(a->base_schema_id, b->base_schema_id);
    assert_int_equal(a->base_last_column_id, b->base_last_column_id);
    assert_true(a->older_than_ms == b->older_than_ms);
    assert_int_equal(a->retain_last, b->retain_last);
    assert_int_equal(a->replaced_count, b->replaced_count);
    for (size_t i = 0; i < a->replaced_count; i++) {
        same_text(a->replaced[i].path, b->replaced[i].path);
        same_text(a->replaced[i].manifest, b->replaced[i].manifest);
        assert_int_equal(a->replaced[i].rows, b->replaced[i].rows);
        assert_int_equal(a->replaced[i].bytes, b->replaced[i].bytes);
    }
    assert_int_equal(a->schema == NULL, b->schema == NULL);
    if (a->schema) {
        same_schema(a->schema, b->schema);
    }
}

static void same_change(const struct dsi_change *a, const struct dsi_change *b)
{
    assert_string_equal(a->identity, b->identity);
    assert_string_equal(a->nonce, b->nonce);
    assert_int_equal(a->identity_given, b->identity_given);
    assert_int_equal(a->writers, b->writers);
    same_text(a->base.metadata_location, b->base.metadata_location);
    assert_int_equal(a->base.version, b->base.version);
    assert_int_equal(a->base_snapshot_id, b->base_snapshot_id);
    assert_int_equal(a->base_sequence_number, b->base_sequence_number);
    same_text(a->table_uuid, b->table_uuid);
    same_text(a->branch, b->branch);
    assert_int_equal(a->isolation, b->isolation);
    assert_int_equal(a->append_mode, b->append_mode);
    same_text(a->reads.filter, b->reads.filter);
    same_properties(a->summary, b->summary);
    assert_int_equal(a->operation_count, b->operation_count);
    for (size_t i = 0; i < a->operation_count; i++) {
        same_operation(&a->operations[i], &b->operations[i]);
    }
}

// --- tests

static void test_intent__comes_back_as_it_was(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct rows_random r = {seed};
        struct dsi_change *c = make(&r);
        struct dsi_mark since = mark(&r);
        struct dsi_buf bytes = DSI_BUF_INIT;
        struct dsi_intent got;
        print_message("  seed %llu\n", (unsigned long long)seed);
        assert_int_equal(dsi_intent_encode(c, &since, &bytes, NULL), DS_OK);
        assert_int_equal(dsi_intent_decode(dsi_buf_slice(&bytes), &got, NULL), DS_OK);
        memset(bytes.data, 0x55, bytes.size); // It has copies.
        same_change(c, got.change);
        assert_int_equal(since.hash, got.since.hash);
        assert_int_equal(since.version, got.since.version);
        assert_int_equal(since.sequence_number, got.since.sequence_number);
        assert_int_equal(since.updated_ms, got.since.updated_ms);
        dsi_intent_release(&got);
        dsi_intent_release(&got);
        dsi_change_free(c);
        dsi_buf_release(&bytes);
    }
}

// Encodes what was read, reads that, and encodes it: from then on nothing changes.
static void encode_twice(const struct dsi_intent *i)
{
    struct dsi_buf once = DSI_BUF_INIT;
    struct dsi_buf twice = DSI_BUF_INIT;
    struct dsi_intent again;

    assert_int_equal(dsi_intent_encode(i->change, &i->since, &once, NULL), DS_OK);
    assert_int_equal(dsi_intent_decode(dsi_buf_slice(&once), &again, NULL), DS_OK);
    assert_int_equal(dsi_intent_encode(again.change, &again.since, &twice, NULL), DS_OK);
    assert_int_equal(once.size, twice.size);
    assert_memory_equal(once.data, twice.data, once.size);
    dsi_intent_release(&again);
    dsi_buf_release(&once);
    dsi_buf_release(&twice);
}

// Refused with words, or an intent that goes out again as one.
static bool try_bytes(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = dsi_malloc(size + 1);
    struct ds_error err = {0};
    struct dsi_intent i;

    assert_non_null(exact);
    memcpy(exact + 1, bytes, size); // A sanitizer sees the first byte past its end.
    int rc = dsi_intent_decode((struct ds_slice){exact + 1, size}, &i, &err);
    if (rc == DS_OK) {
        encode_twice(&i);
        dsi_intent_release(&i);
    } else {
        assert_int_equal(rc, DS_ECORRUPT);
        assert_true(err.message[0] != '\0');
        assert_null(i.change);
    }
    dsi_free(exact);
    return rc == DS_OK;
}

static void test_intent__that_is_damaged_is_refused_or_another_intent(void **state)
{
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    (void)state;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rows_random r = {seed};
        struct dsi_change *c = make(&r);
        struct dsi_mark since = mark(&r);
        struct dsi_buf bytes = DSI_BUF_INIT;
        print_message("  seed %llu\n", (unsigned long long)seed);
        assert_int_equal(dsi_intent_encode(c, &since, &bytes, NULL), DS_OK);
        assert_true(try_bytes(bytes.data, bytes.size));
        for (size_t size = 0; size < bytes.size; size++) {
            assert_false(try_bytes(bytes.data, size));
        }
        for (size_t i = 0; i < bytes.size; i++) {
            for (size_t k = 0; k < sizeof flips; k++) {
                bytes.data[i] ^= flips[k];
                bool ok = try_bytes(bytes.data, bytes.size);
                assert_true(i >= 8 || !ok); // The head and the version.
                bytes.data[i] ^= flips[k];
            }
        }
        assert_int_equal(dsi_buf_append_byte(&bytes, 0, NULL), DS_OK);
        assert_false(try_bytes(bytes.data, bytes.size));
        dsi_change_free(c);
        dsi_buf_release(&bytes);
    }
}

// A change of one operation.
static struct dsi_change *simple(struct rows_random *r, enum dsi_operation_kind kind)
{
    struct dsi_change *c = make(r);
    memset(c->operations, 0, DSI_OPERATION_COUNT * sizeof *c->operations);
    c->operations[0].kind = kind;
    c->operation_count = 1;
    return c;
}

static void assert_decodes_to(const struct dsi_change *c, int status, const char *why)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct ds_error err = {0};
    struct dsi_mark since = {0};
    struct dsi_intent got;

    assert_int_equal(dsi_intent_encode(c, &since, &bytes, NULL), DS_OK);
    assert_int_equal(dsi_intent_decode(dsi_buf_slice(&bytes), &got, &err), status);
    if (status < 0 && !strstr(err.message, why)) {
        fail_msg("\"%s\" is not in: %s", why, err.message);
    }
    dsi_intent_release(&got);
    dsi_buf_release(&bytes);
}

static void test_intent__is_refused_for_what_nobody_may_ask(void **state)
{
    struct rows_random r = {1};
    (void)state;

    struct dsi_change *c = simple(&r, DSI_OPERATION_APPEND);
    assert_decodes_to(c, DS_OK, "");
    memcpy(c->nonce, "../../ab", 8); // It becomes part of file names.
    assert_decodes_to(c, DS_ECORRUPT, "nonce");
    memcpy(c->nonce, "01234567", 8);
    memcpy(c->identity, "../../../etc", 12);
    assert_decodes_to(c, DS_ECORRUPT, "identity");
    dsi_change_free(c);

    c = simple(&r, DSI_OPERATION_APPEND);
    c->operations[0].held.rows = 3;
    assert_decodes_to(c, DS_ECORRUPT, "3 rows in 0 bytes");
    dsi_change_free(c);

    struct dsi_manifest_file f = {.path = "memory:///m", .content = DSI_MANIFEST_DELETES};
    c = simple(&r, DSI_OPERATION_APPEND);
    c->operations[0].stored.manifests = &f;
    c->operations[0].stored.manifest_count = 1;
    assert_decodes_to(c, DS_ECORRUPT, "memory:///m");
    f.content = DSI_MANIFEST_DATA;
    assert_decodes_to(c, DS_OK, "");
    f.existing_files_count = 1;
    assert_decodes_to(c, DS_ECORRUPT, "other than new");
    f.existing_files_count = 0;
    f.added_rows_count = -1;
    assert_decodes_to(c, DS_ECORRUPT, "number of rows is -1");
    dsi_change_free(c);

    c = simple(&r, DSI_OPERATION_EMPTY);
    c->operations[1] = c->operations[0];
    c->operation_count = 2;
    assert_decodes_to(c, DS_ECORRUPT, "two operations");
    c->operation_count = 1;
    c->branch = "";
    assert_decodes_to(c, DS_ECORRUPT, "without a branch");
    c->branch = "\xff";
    assert_decodes_to(c, DS_ECORRUPT, "no text");
    dsi_change_free(c);
}

static void test_intent__does_not_carry_files_or_groups(void **state)
{
    struct rows_random r = {2};
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_data_file file = {.path = "memory:///t/a"};
    struct dsi_mark since = {0};
    struct ds_error err = {0};
    (void)state;

    struct dsi_change *c = simple(&r, DSI_OPERATION_APPEND);
    c->operations[0].files = &file;
    c->operations[0].file_count = 1;
    assert_int_equal(dsi_intent_encode(c, &since, &out, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "1 data files"));
    assert_int_equal(out.size, 0);
    c->operations[0].file_count = 0;
    c->member_count = 1;
    assert_int_equal(dsi_intent_encode(c, &since, &out, &err), DS_EUNSUPPORTED);
    c->member_count = 0;
    out.max = 100; // Too little: refused, and nothing is left of it.
    assert_int_equal(dsi_intent_encode(c, &since, &out, &err), DS_EUNSUPPORTED);
    assert_int_equal(out.size, 0);
    dsi_change_free(c);
    dsi_buf_release(&out);
}

// Who only appends is understood by those who know of nothing else; the others are not.
static void test_intent__says_what_it_takes_to_understand_it(void **state)
{
    static const struct {
        enum dsi_operation_kind kind;
        uint8_t version;
    } cases[] = {{DSI_OPERATION_APPEND, 1},
                 {DSI_OPERATION_SET_PROPERTIES, 1},
                 {DSI_OPERATION_ADD, 2},
                 {DSI_OPERATION_DELETE, 2},
                 {DSI_OPERATION_EXPIRE, 3}};
    struct rows_random r = {3};
    struct dsi_mark since = {0};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_change *c = simple(&r, cases[i].kind);
        struct dsi_buf bytes = DSI_BUF_INIT;
        struct ds_error err = {0};
        struct dsi_intent got;
        assert_int_equal(dsi_intent_encode(c, &since, &bytes, NULL), DS_OK);
        assert_int_equal(bytes.data[4], cases[i].version);
        for (uint8_t said = 1; said <= 3; said++) { // One says it, another does it.
            bytes.data[4] = said;
            bool true_one = said == cases[i].version;
            assert_int_equal(dsi_intent_decode(dsi_buf_slice(&bytes), &got, &err),
                             true_one ? DS_OK : DS_ECORRUPT);
            assert_true(true_one || strstr(err.message, "with what another has"));
            dsi_intent_release(&got);
        }
        bytes.data[4] = 4; // Of a library to come.
        assert_int_equal(dsi_intent_decode(dsi_buf_slice(&bytes), &got, &err),
                         DS_ECORRUPT);
        assert_non_null(strstr(err.message, "reads up to version 3"));
        dsi_change_free(c);
        dsi_buf_release(&bytes);
    }
}

static void test_intent__of_expiry_is_refused_for_what_nobody_may_ask(void **state)
{
    struct rows_random r = {6};
    (void)state;

    struct dsi_change *c = simple(&r, DSI_OPERATION_EXPIRE);
    c->operations[0].older_than_ms = INT64_MIN;
    assert_decodes_to(c, DS_OK, "");
    c->operations[0].retain_last = -1;
    assert_decodes_to(c, DS_ECORRUPT, "number of snapshots that stay is -1");
    dsi_change_free(c);
}

static void test_intent__of_files_that_go_is_refused_for_what_nobody_may_ask(void **state)
{
    struct dsi_replaced_file f[2] = {{"memory:///t/a", NULL, INT64_MAX, 1},
                                     {"memory:///t/b", "m", 1, 1}};
    struct rows_random r = {4};
    (void)state;

    struct dsi_change *c = simple(&r, DSI_OPERATION_DELETE);
    c->operations[0].replaced = f;
    c->operations[0].replaced_count = 1;
    f[0].manifest = "m";
    f[0].path = "";
    assert_decodes_to(c, DS_ECORRUPT, "without a file's path");
    f[0] = (struct dsi_replaced_file){"memory:///t/a", "m", INT64_MAX, 1};
    assert_decodes_to(c, DS_OK, "");
    c->operations[0].replaced_count = 2;
    assert_decodes_to(c, DS_ECORRUPT, "than can be counted");
    f[0].rows = -1;
    assert_decodes_to(c, DS_ECORRUPT, "number of rows is -1");
    dsi_change_free(c);
}

static void test_intent__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct rows_random r = {7};
    struct dsi_change *c = make(&r);
    while (c->operation_count < 4) { // One with nearly everything.
        dsi_change_free(c);
        c = make(&r);
    }
    struct dsi_mark since = mark(&r);
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf bytes = DSI_BUF_INIT;
        struct ds_error err = {0};
        struct dsi_intent got = {0};
        int rc = dsi_intent_encode(c, &since, &bytes, &err);
        if (rc == DS_OK) {
            rc = dsi_intent_decode(dsi_buf_slice(&bytes), &got, &err);
        }
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        if (rc == DS_OK) {
            same_change(c, got.change);
        } else {
            assert_true(err.message[0] != '\0');
        }
        dsi_intent_release(&got);
        dsi_buf_release(&bytes);
    }
    assert_true(plan.target > 3);
    dsi_change_free(c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intent__comes_back_as_it_was),
        cmocka_unit_test(test_intent__that_is_damaged_is_refused_or_another_intent),
        cmocka_unit_test(test_intent__is_refused_for_what_nobody_may_ask),
        cmocka_unit_test(test_intent__does_not_carry_files_or_groups),
        cmocka_unit_test(test_intent__says_what_it_takes_to_understand_it),
        cmocka_unit_test(test_intent__of_expiry_is_refused_for_what_nobody_may_ask),
        cmocka_unit_test(
            test_intent__of_files_that_go_is_refused_for_what_nobody_may_ask),
        cmocka_unit_test(test_intent__survives_every_fault),
    };
    return cmocka_run_group_tests_name("intent", tests, NULL, NULL);
}
