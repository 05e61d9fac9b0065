#include "text.h"

#include <stdio.h>

static void check(enum ds_rows_format format, const char *text, const char *expected)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct pieces p = pieces_of(text, 5);
    struct dsi_text_options options = {
        .format = format, .read = read_pieces, .read_arg = &p, .name = "in"};
    struct dsi_schema schema;
    struct ds_error err = {0};
    char all[1100] = "";

    if (dsi_text_infer(&options, &arena, &schema, &err) < 0) {
        snprintf(all, sizeof all, "%s", err.message);
    } else {
        for (size_t i = 0; i < schema.root.field_count; i++) {
            char type[64];
            size_t used = strlen(all);
            dsi_type_format(&schema.root.fields[i].type, type, sizeof type);
            snprintf(all + used, sizeof all - used, "%s%s %s", i ? ", " : "",
                     schema.root.fields[i].name, type);
        }
    }
    assert_string_equal(all, expected);
    dsi_arena_release(&arena);
}

static void test_text_infer__takes_the_narrowest_type_of_all_cells(void **state)
{
    (void)state;
    check(DS_ROWS_CSV,
          "a,b,c,d,e,f,g\n1,1.5,true,2020-01-01,2020-01-01 10:00:00,x,\n"
          "-2,3,false,2021-12-31,2020-01-01T10:00:00.5,1,\n",
          "a long, b double, c boolean, d date, e timestamp, f string, g string");
    check(DS_ROWS_CSV, "t\n2020-01-01T10:00:00Z\n2020-01-01T10:00:00+02:00\n",
          "t timestamptz");
    check(DS_ROWS_CSV, "zip\n00501\n10001\n", "zip string");
    check(DS_ROWS_CSV, "n\n9223372036854775808\n", "n double");
    check(DS_ROWS_JSONL, "{\"a\":1,\"b\":\"1\"}\n{\"a\":2.5,\"c\":true}\n{\"c\":null}\n",
          "a double, b string, c boolean");
    check(DS_ROWS_JSON, "[{\"a\":\"2020-01-01\"},{\"a\":\"x\"}]", "a string");
}

// [{"a":[[[…1…]]]}]
static void nest(char *out, size_t depth)
{
    size_t used = strlen("[{\"a\":");
    memcpy(out, "[{\"a\":", used);
    memset(out + used, '[', depth);
    out[used + depth] = '1';
    memset(out + used + depth + 1, ']', depth);
    memcpy(out + used + 2 * depth + 1, "}]", 3);
}

static void test_text_infer__gives_up_on_names_without_end(void **state)
{
    static char text[300];
    (void)state;
    nest(text, 100);
    check(DS_ROWS_JSON, text,
          "more than 10000 columns, or deeper than 64 levels; to guess from, this is too "
          "much");
}

static void test_text_infer__guesses_nested_values(void **state)
{
    (void)state;
    check(DS_ROWS_JSONL,
          "{\"a\":{\"x\":1,\"y\":[]}}\n"
          "{\"a\":{\"z\":true,\"x\":1.5,\"y\":[\"p\",null]},\"b\":null}\n"
          "{\"a\":null,\"b\":[[1],[],null,[2,3]]}\n",
          "a struct<3: x: optional double, 4: y: optional list<string>, 5: z, "
          "b list<list<long>>");
    check(DS_ROWS_JSON, "[{\"a\":[{\"d\":\"2020-01-01\"},{\"d\":null}]}]",
          "a list<struct<3: d: optional date>>");
    check(DS_ROWS_CSV, "a\n\"{\"\"x\"\":1}\"\n", "a string");
}

static void test_text_infer__says_what_it_cannot_guess(void **state)
{
    (void)state;
    check(DS_ROWS_CSV, "", "in: no columns to guess from");
    check(
        DS_ROWS_JSONL, "{\"a\":{\"b\":[1]}}\n{\"a\":{\"b\":1}}\n",
        "in:2: column 'a.b' holds a plain value here and something else before; no type "
        "is both");
    check(
        DS_ROWS_JSONL, "{\"a\":[{}]}\n{\"a\":[1]}\n",
        "in:2: column 'a.element' holds a plain value here and something else before; no "
        "type is both");
    check(DS_ROWS_JSONL, "{\"a\":1}\n{\"a\":{}}\n",
          "in:2: column 'a' holds an object here and something else before; no type is "
          "both");
    check(DS_ROWS_JSONL, "{\"a\":1}\n{\"a\":[]}\n",
          "in:2: column 'a' holds an array here and something else before; no type is "
          "both");
    check(DS_ROWS_JSONL, "{\"a\":{\"b\":1}}\n{\"a\":[]}\n",
          "in:2: column 'a' holds an array here and something else before; no type is "
          "both");
    check(DS_ROWS_JSONL, "{\"a\":[]}\n{\"a\":{}}\n",
          "in:2: column 'a' holds an object here and something else before; no type is "
          "both");
    check(DS_ROWS_JSONL, "{\"a\":{\"b\":1}}\n{\"a\":true}\n",
          "in:2: column 'a' holds a plain value here and something else before; no type "
          "is both");
    check(DS_ROWS_JSON, "[{\"a\":[nu|l]}]",
          "reading rows: in, line 1, byte 8: expected a value, found 'n'");
    check(DS_ROWS_JSON, "[{\"a\":[{}]}]",
          "in: column 'a.element' holds empty objects only; there is no such type");
    check(DS_ROWS_CSV, "a,A\n1,2\n",
          "two fields are named 'a' and 'A': names may not be equal, nor differ by case "
          "only");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_infer__takes_the_narrowest_type_of_all_cells),
        cmocka_unit_test(test_text_infer__guesses_nested_values),
        cmocka_unit_test(test_text_infer__gives_up_on_names_without_end),
        cmocka_unit_test(test_text_infer__says_what_it_cannot_guess),
    };
    return cmocka_run_group_tests_name("text_infer", tests, NULL, NULL);
}
