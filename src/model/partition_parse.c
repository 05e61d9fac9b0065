// What people write for --partition-by and --sort-by.
#include "model/partition.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

// One item: a column, perhaps inside a transform, and the words behind it.
struct item {
    char transform[64]; // "bucket[16]"; "identity" for a bare column.
    const struct dsi_field *field;
    char words[160]; // What follows: "desc nulls last", "as name".
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

// A copy without blanks at either end; false when it does not fit.
static bool trimmed(const char *from, size_t size, char *out, size_t room)
{
    while (size > 0 && is_space(*from)) {
        from++;
        size--;
    }
    while (size > 0 && is_space(from[size - 1])) {
        size--;
    }
    if (size >= room) {
        return false;
    }
    memcpy(out, from, size);
    out[size] = '\0';
    return true;
}

static int no_column(const struct dsi_schema *schema, const char *name,
                     struct ds_error *err)
{
    char list[512] = "";
    for (size_t i = 0; i < schema->root.field_count; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                 schema->root.fields[i].name);
    }
    return dsi_fail(err, DS_EINVALID, "there is no column '%s'; the table has: %s", name,
                    list);
}

static int find_column(const struct dsi_schema *schema, char *name,
                       const struct dsi_field **out, struct ds_error *err)
{
    size_t size = strlen(name);
    if (size >= 2 && (name[0] == '"' || name[0] == '`') && name[size - 1] == name[0]) {
        name[size - 1] = '\0';
        name++;
    }
    *out = dsi_schema_field_by_name(schema, name);
    return *out ? DS_OK : no_column(schema, name, err);
}

// Plural forms are Spark's ("months(ts)"), short ones everybody's.
static const char *known_name(const char *word)
{
    static const char *const names[][2] = {
        {"identity", "identity"}, {"bucket", "bucket"}, {"truncate", "truncate"},
        {"trunc", "truncate"},    {"year", "year"},     {"years", "year"},
        {"month", "month"},       {"months", "month"},  {"day", "day"},
        {"days", "day"},          {"hour", "hour"},     {"hours", "hour"},
        {"void", "void"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (dsi_text_equal_nocase(word, names[i][0])) {
            return names[i][1];
        }
    }
    return NULL;
}

// Splits "bucket(16, id)", "bucket(id, 16)" and "bucket[16](id)" into transform and
// column.
static bool split_call(const char *name, const char *inside, size_t size, char *transform,
                       size_t room, char *column)
{
    char word[64];
    char first[256];
    char second[256];
    const char *bracket = strchr(name, '[');
    const char *comma = memchr(inside, ',', size);
    int64_t number = 0;

    if (!trimmed(name, bracket ? (size_t)(bracket - name) : strlen(name), word,
                 sizeof word) ||
        !known_name(word)) {
        return false;
    }
    if (bracket || !comma) {
        snprintf(transform, room, "%s%s", known_name(word), bracket ? bracket : "");
        return trimmed(inside, size, column, 256);
    }
    if (!trimmed(inside, (size_t)(comma - inside), first, sizeof first) ||
        !trimmed(comma + 1, size - (size_t)(comma - inside) - 1, second, sizeof second)) {
        return false;
    }
    bool number_first = dsi_text_to_i64(first, strlen(first), &number);
    if (!number_first && !dsi_text_to_i64(second, strlen(second), &number)) {
        return false;
    }
    snprintf(transform, room, "%s[%lld]", known_name(word), (long long)number);
    snprintf(column, 256, "%s", number_first ? second : first);
    return true;
}

static int parse_item(const char *text, size_t size, const struct dsi_schema *schema,
                      struct item *out, struct ds_error *err)
{
    char piece[512];
    char column[256];

    if (!trimmed(text, size, piece, sizeof piece) || piece[0] == '\0') {
        return dsi_fail(err, DS_EINVALID, "an empty piece, or one that is too long");
    }
    char *open = strchr(piece, '(');
    char *close = strrchr(piece, ')');
    if (open && close && close > open) {
        *open = '\0';
        if (!split_call(piece, open + 1, (size_t)(close - open - 1), out->transform,
                        sizeof out->transform, column)) {
            *open = '(';
            return dsi_fail(err, DS_EINVALID,
                            "'%s': expected a column or one of year, month, day, hour, "
                            "bucket(N, column), truncate(N, column), identity, void",
                            piece);
        }
        if (!trimmed(close + 1, strlen(close + 1), out->words, sizeof out->words)) {
            return dsi_fail(err, DS_EINVALID, "'%.60s' is too long", close + 1);
        }
    } else {
        size_t word = strcspn(piece, " \t\n");
        if (!trimmed(piece, word, column, sizeof column) ||
            !trimmed(piece + word, strlen(piece + word), out->words, sizeof out->words)) {
            return dsi_fail(err, DS_EINVALID, "'%.60s' is too long", piece);
        }
        snprintf(out->transform, sizeof out->transform, "identity");
    }
    return find_column(schema, column, &out->field, err);
}

// Calls `take` for each piece between commas that are not in parentheses.
struct pieces {
    const char *at;
};

static bool next_piece(struct pieces *p, const char **piece, size_t *size)
{
    int depth = 0;
    if (!p->at) {
        return false;
    }
    const char *c = p->at;
    while (*c && (*c != ',' || depth > 0)) {
        depth += (*c == '(') - (*c == ')');
        c++;
    }
    *piece = p->at;
    *size = (size_t)(c - p->at);
    p->at = *c ? c + 1 : NULL;
    return true;
}

static size_t count_pieces(const char *text)
{
    struct pieces p = {text};
    const char *piece = NULL;
    size_t size = 0;
    size_t n = 0;
    while (next_piece(&p, &piece, &size)) {
        n++;
    }
    return n;
}

// As Java names them: "id_bucket", "name_trunc", "ts_day"; a bare column keeps its name.
static char *field_name(const struct dsi_transform *t, const char *column,
                        struct dsi_arena *arena)
{
    static const char *const suffixes[] = {
        [DSI_TRANSFORM_IDENTITY] = "",       [DSI_TRANSFORM_BUCKET] = "_bucket",
        [DSI_TRANSFORM_TRUNCATE] = "_trunc", [DSI_TRANSFORM_YEAR] = "_year",
        [DSI_TRANSFORM_MONTH] = "_month",    [DSI_TRANSFORM_DAY] = "_day",
        [DSI_TRANSFORM_HOUR] = "_hour",      [DSI_TRANSFORM_VOID] = "_null",
    };
    return dsi_arena_printf(arena, "%s%s", column, suffixes[t->kind]);
}

// The name in "as name"; "" behind a field that has none of its own.
static int given_name(const char *words, const char **out, struct ds_error *err)
{
    *out = "";
    if (words[0] == '\0') {
        return DS_OK;
    }
    if (strncmp(words, "as ", 3) != 0 && strncmp(words, "AS ", 3) != 0) {
        return dsi_fail(err, DS_EINVALID, "'%s' after a partition field", words);
    }
    *out = words + 3 + strspn(words + 3, " \t\n");
    if ((*out)[strcspn(*out, " \t\n\"`()")]) {
        return dsi_fail(err, DS_EINVALID, "'%s' is no name of a partition field", *out);
    }
    return DS_OK;
}

static int check_partition(const struct dsi_partition_spec *spec, size_t at,
                           const struct dsi_schema *schema, struct ds_error *err)
{
    const struct dsi_partition_field *f = &spec->fields[at];
    const struct dsi_field *same = dsi_schema_field_by_name(schema, f->name);

    for (size_t i = 0; i < at; i++) {
        if (strcmp(spec->fields[i].name, f->name) == 0) {
            return dsi_fail(err, DS_EINVALID, "two partition fields named '%s'", f->name);
        }
    }
    if (same &&
        !(f->transform.kind == DSI_TRANSFORM_IDENTITY && same->id == f->source_id)) {
        return dsi_fail(err, DS_EINVALID,
                        "partition field '%s' would have the name of a column", f->name);
    }
    return DS_OK;
}

int dsi_partition_spec_parse(const char *text, const struct dsi_schema *schema,
                             struct dsi_arena *arena, struct dsi_partition_spec *out,
                             struct ds_error *err)
{
    size_t count = text[strspn(text, " \t\n")] ? count_pieces(text) : 0;
    struct dsi_partition_field *fields = dsi_arena_array(arena, count, sizeof *fields);
    struct pieces p = {count ? text : NULL};
    const char *piece = NULL;
    size_t size = 0;
    int rc = DS_OK;

    *out = (struct dsi_partition_spec){.fields = fields};
    if (!fields) {
        return dsi_no_memory(err, "reading a partitioning");
    }
    while (next_piece(&p, &piece, &size)) {
        struct item item = {.field = NULL};
        struct dsi_partition_field *f = &fields[out->field_count];
        struct dsi_type result;
        DSI_TRY(parse_item(piece, size, schema, &item, err));
        const char *given = "";
        DSI_TRY(given_name(item.words, &given, err));
        DSI_TRY(dsi_transform_parse(item.transform, arena, &f->transform, err));
        DSI_TRY(dsi_transform_result(&f->transform, &item.field->type, &result, err));
        f->source_id = item.field->id;
        f->field_id = 1000 + (int32_t)out->field_count;
        const char *column = dsi_schema_full_name(schema, item.field->id, arena);
        f->name = *given   ? dsi_arena_printf(arena, "%s", given)
                  : column ? field_name(&f->transform, column, arena)
                           : NULL;
        if (!f->name) {
            return dsi_no_memory(err, "reading a partitioning");
        }
        DSI_TRY(check_partition(out, out->field_count, schema, err));
        out->field_count++;
    }
done:
    return rc < 0 ? dsi_wrap(err, rc, "partition by '%.100s'", text) : rc;
}

static bool sort_words(const char *words, struct dsi_sort_field *f)
{
    static const struct {
        const char *words;
        bool descending;
        int nulls; // 0: first, 1: last, -1: not said.
    } forms[] = {
        {"", false, -1},
        {"asc", false, -1},
        {"desc", true, -1},
        {"nulls first", false, 0},
        {"nulls last", false, 1},
        {"asc nulls first", false, 0},
        {"asc nulls last", false, 1},
        {"desc nulls first", true, 0},
        {"desc nulls last", true, 1},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (dsi_text_equal_nocase(words, forms[i].words)) {
            f->descending = forms[i].descending;
            // As Iceberg's writers: nulls first when ascending, last when descending.
            f->nulls_last = forms[i].nulls < 0 ? f->descending : forms[i].nulls == 1;
            return true;
        }
    }
    return false;
}

int dsi_sort_order_parse(const char *text, const struct dsi_schema *schema,
                         struct dsi_arena *arena, struct dsi_sort_order *out,
                         struct ds_error *err)
{
    size_t count = text[strspn(text, " \t\n")] ? count_pieces(text) : 0;
    struct dsi_sort_field *fields = dsi_arena_array(arena, count, sizeof *fields);
    struct pieces p = {count ? text : NULL};
    const char *piece = NULL;
    size_t size = 0;
    int rc = DS_OK;

    *out = (struct dsi_sort_order){.order_id = count ? 1 : 0, .fields = fields};
    if (!fields) {
        return dsi_no_memory(err, "reading a sort order");
    }
    while (next_piece(&p, &piece, &size)) {
        struct item item = {.field = NULL};
        struct dsi_sort_field *f = &fields[out->field_count];
        struct dsi_type result;
        DSI_TRY(parse_item(piece, size, schema, &item, err));
        if (!sort_words(item.words, f)) {
            rc = dsi_fail(err, DS_EINVALID,
                          "'%s': expected asc or desc, then nulls first or nulls last",
                          item.words);
            break;
        }
        DSI_TRY(dsi_transform_parse(item.transform, arena, &f->transform, err));
        DSI_TRY(dsi_transform_result(&f->transform, &item.field->type, &result, err));
        f->source_id = item.field->id;
        out->field_count++;
    }
done:
    return rc < 0 ? dsi_wrap(err, rc, "sort by '%.100s'", text) : rc;
}
