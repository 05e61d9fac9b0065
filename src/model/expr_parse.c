#include "model/expr.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

// Recursive descent over a token at a time. OR binds weaker than AND, AND weaker than
// NOT. Lists of AND and OR are flat, so only parentheses and NOT make depth.

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   // A bare identifier or keyword.
    TOKEN_QUOTED, // "name" or `name`.
    TOKEN_STRING, // 'text'
    TOKEN_NUMBER,
    TOKEN_SIGN, // One of the operators and separators.
    TOKEN_BAD,  // `text` says why.
};

struct token {
    enum token_kind kind;
    const char *text; // Content, unquoted, terminated; for SIGN the canonical spelling.
    size_t size;
    size_t position;
};

struct parser {
    const char *text;
    size_t size;
    size_t at; // Behind `now`.
    struct token now;
    struct token next;
    struct dsi_arena *arena;
    struct ds_error *err;
    int depth;
    int nodes;
};

// A growing list of children; old arrays stay in the arena, which doubling bounds.
struct list {
    const struct dsi_expr **items;
    size_t count;
    size_t capacity;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool is_name(char c)
{
    return is_name_start(c) || is_digit(c) || c == '$';
}

// "… at character 12: expected x, found y" with the text around the place.
static int complain(const struct parser *p, size_t position, const char *what)
{
    size_t from = position > 24 ? position - 24 : 0;
    size_t to = p->size - position > 24 ? position + 24 : p->size;

    while (from > 0 && ((unsigned char)p->text[from] & 0xc0) == 0x80) {
        from--; // Not in the middle of a character.
    }
    while (to < p->size && ((unsigned char)p->text[to] & 0xc0) == 0x80) {
        to++;
    }
    return dsi_fail(p->err, DS_EINVALID,
                    "filter, at character %zu: %s, here: %s%.*s>>>%.*s%s", position + 1,
                    what, from ? "…" : "", (int)(position - from), p->text + from,
                    (int)(to - position), p->text + position, to < p->size ? "…" : "");
}

static int expected(const struct parser *p, const char *what)
{
    char message[200];

    switch (p->now.kind) {
    case TOKEN_END:
        snprintf(message, sizeof message, "expected %s, but the filter ends", what);
        break;
    case TOKEN_BAD:
        snprintf(message, sizeof message, "%s", p->now.text);
        break;
    default:
        snprintf(message, sizeof message, "expected %s, found %.40s", what, p->now.text);
        break;
    }
    return complain(p, p->now.position, message);
}

static void bad_token(struct token *t, const char *why)
{
    t->kind = TOKEN_BAD;
    t->text = why;
}

// 'it''s': the quote doubled stands for itself. Positions the parser behind it.
static int read_quoted(struct parser *p, struct token *t, char quote)
{
    size_t end = p->at + 1;
    size_t size = 0;
    char *out = NULL;

    while (end < p->size &&
           (p->text[end] != quote || (end + 1 < p->size && p->text[end + 1] == quote))) {
        end += p->text[end] == quote ? 2 : 1;
    }
    if (end >= p->size) {
        bad_token(t, "a quote that is never closed");
        p->at = p->size;
        return DS_OK;
    }
    out = dsi_arena_alloc(p->arena, end - p->at);
    if (!out) {
        return dsi_no_memory(p->err, "reading a filter");
    }
    for (size_t i = p->at + 1; i < end; i++) {
        out[size++] = p->text[i];
        i += p->text[i] == quote; // The second of two.
    }
    t->kind = quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
    t->text = out;
    t->size = size;
    p->at = end + 1;
    return DS_OK;
}

static size_t number_end(const struct parser *p)
{
    size_t i = p->at;

    while (i < p->size && (is_digit(p->text[i]) || p->text[i] == '.')) {
        i++;
    }
    if (i < p->size && (p->text[i] == 'e' || p->text[i] == 'E')) {
        size_t e = i + 1;
        if (e < p->size && (p->text[e] == '+' || p->text[e] == '-')) {
            e++;
        }
        if (e < p->size && is_digit(p->text[e])) {
            for (i = e; i < p->size && is_digit(p->text[i]);) {
                i++;
            }
        }
    }
    return i;
}

static int read_sign(struct parser *p, struct token *t)
{
    static const char *const signs[][2] = {
        {"<>", "<>"}, {"!=", "<>"}, {"==", "="}, {"<=", "<="}, {">=", ">="},
        {"=", "="},   {"<", "<"},   {">", ">"},  {"(", "("},   {")", ")"},
        {",", ","},   {".", "."},   {"-", "-"},  {"+", "+"}};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t n = strlen(signs[i][0]);
        if (p->size - p->at >= n && memcmp(p->text + p->at, signs[i][0], n) == 0) {
            t->kind = TOKEN_SIGN;
            t->text = signs[i][1];
            t->size = strlen(t->text);
            p->at += n;
            return DS_OK;
        }
    }
    bad_token(t, p->text[p->at] == ';' ? "a filter is one expression, without \";\""
                                       : "a character that means nothing here");
    p->at++;
    return DS_OK;
}

static int read_token(struct parser *p, struct token *t)
{
    size_t start = 0;

    while (p->at < p->size && is_space(p->text[p->at])) {
        p->at++;
    }
    start = p->at;
    *t = (struct token){TOKEN_END, "", 0, start};
    if (start == p->size) {
        return DS_OK;
    }
    char c = p->text[start];
    if (c == '\'' || c == '"' || c == '`') {
        return read_quoted(p, t, c);
    }
    if (is_digit(c) || (c == '.' && start + 1 < p->size && is_digit(p->text[start + 1]) &&
                        p->now.kind != TOKEN_WORD && p->now.kind != TOKEN_QUOTED)) {
        p->at = number_end(p);
        t->kind = TOKEN_NUMBER;
    } else if (is_name_start(c)) {
        while (p->at < p->size && is_name(p->text[p->at])) {
            p->at++;
        }
        t->kind = TOKEN_WORD;
    } else {
        return read_sign(p, t);
    }
    t->size = p->at - start;
    t->text = dsi_arena_strndup(p->arena, p->text + start, t->size);
    return t->text ? DS_OK : dsi_no_memory(p->err, "reading a filter");
}

// One token is looked ahead: `date '…'` is a literal, `date > …` a column.
static int advance(struct parser *p)
{
    p->now = p->next;
    return read_token(p, &p->next);
}

static bool is_word(const struct token *t, const char *word)
{
    return t->kind == TOKEN_WORD && dsi_text_equal_nocase(t->text, word);
}

static bool is_sign(const struct token *t, const char *sign)
{
    return t->kind == TOKEN_SIGN && strcmp(t->text, sign) == 0;
}

static bool is_reserved(const struct token *t)
{
    static const char *const words[] = {"and",  "or",      "not",  "in",   "is",
                                        "null", "between", "like", "true", "false"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is_word(t, words[i])) {
            return true;
        }
    }
    return false;
}

static int count_node(struct parser *p)
{
    if (++p->nodes > DSI_EXPR_NODES_MAX) {
        return dsi_fail(p->err, DS_EINVALID,
                        "filter: more than %d predicates and literals",
                        (int)DSI_EXPR_NODES_MAX);
    }
    return DS_OK;
}

static int new_expr(struct parser *p, enum dsi_expr_op op, struct dsi_expr **out)
{
    int rc = count_node(p);

    if (rc < 0) {
        return rc;
    }
    *out = dsi_arena_alloc(p->arena, sizeof **out);
    if (!*out) {
        return dsi_no_memory(p->err, "reading a filter");
    }
    (*out)->op = op;
    return DS_OK;
}

static int list_add(struct parser *p, struct list *l, const struct dsi_expr *e)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 4;
        const struct dsi_expr **items =
            dsi_arena_array(p->arena, capacity, sizeof(struct dsi_expr *));
        if (!items) {
            return dsi_no_memory(p->err, "reading a filter");
        }
        for (size_t i = 0; i < l->count; i++) {
            items[i] = l->items[i];
        }
        l->items = items;
        l->capacity = capacity;
    }
    l->items[l->count++] = e;
    return DS_OK;
}

static int make_not(struct parser *p, const struct dsi_expr *child,
                    const struct dsi_expr **out)
{
    struct list one = {0};
    struct dsi_expr *e = NULL;
    int rc = DS_OK;

    DSI_TRY(new_expr(p, DSI_EXPR_NOT, &e));
    DSI_TRY(list_add(p, &one, child));
    e->children = one.items;
    e->child_count = 1;
    *out = e;
done:
    return rc;
}

// Literals.

static bool typed_prefix(const struct token *t, enum dsi_type_kind *kind)
{
    static const struct {
        const char *word;
        enum dsi_type_kind kind;
    } types[] = {{"date", DSI_TYPE_DATE},           {"time", DSI_TYPE_TIME},
                 {"timestamp", DSI_TYPE_TIMESTAMP}, {"timestamptz", DSI_TYPE_TIMESTAMPTZ},
                 {"uuid", DSI_TYPE_UUID},           {"x", DSI_TYPE_BINARY}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (is_word(t, types[i].word)) {
            *kind = types[i].kind;
            return true;
        }
    }
    return false;
}

static bool at_literal(const struct parser *p)
{
    enum dsi_type_kind kind = DSI_TYPE_BOOLEAN;

    return p->now.kind == TOKEN_STRING || p->now.kind == TOKEN_NUMBER ||
           is_sign(&p->now, "-") || is_sign(&p->now, "+") || is_word(&p->now, "null") ||
           is_word(&p->now, "true") || is_word(&p->now, "false") ||
           (p->next.kind == TOKEN_STRING && typed_prefix(&p->now, &kind));
}

static int parse_number(struct parser *p, struct dsi_literal *out)
{
    double ignored = 0;
    bool negative = is_sign(&p->now, "-");
    int rc = DS_OK;

    if (p->now.kind == TOKEN_SIGN) {
        DSI_TRY(advance(p));
    }
    if (p->now.kind != TOKEN_NUMBER) {
        return expected(p, "a number after the sign");
    }
    if (!dsi_text_to_f64(p->now.text, p->now.size, &ignored)) {
        return complain(p, p->now.position, "this is not a number");
    }
    out->kind = DSI_LITERAL_NUMBER;
    out->text = p->now.text;
    if (negative) {
        out->text = dsi_arena_printf(p->arena, "-%s", p->now.text);
        if (!out->text) {
            return dsi_no_memory(p->err, "reading a filter");
        }
    }
    out->size = strlen(out->text);
    rc = advance(p);
done:
    return rc;
}

static int parse_literal(struct parser *p, struct dsi_literal *out)
{
    int rc = count_node(p);

    if (rc < 0) {
        return rc;
    }
    out->position = p->now.position;
    if (!at_literal(p)) {
        bool name = (p->now.kind == TOKEN_WORD && !is_reserved(&p->now)) ||
                    p->now.kind == TOKEN_QUOTED;
        return expected(p, name ? "a literal, as columns compare with literals only (and "
                                  "text stands in 'single quotes')"
                                : "a literal");
    }
    if (p->now.kind == TOKEN_NUMBER || p->now.kind == TOKEN_SIGN) {
        return parse_number(p, out);
    }
    if (p->now.kind == TOKEN_STRING) {
        out->kind = DSI_LITERAL_STRING;
    } else if (is_word(&p->now, "null")) {
        out->kind = DSI_LITERAL_NULL;
    } else if (typed_prefix(&p->now, &out->type)) {
        out->kind = DSI_LITERAL_TYPED;
        DSI_TRY(advance(p));
    } else {
        out->kind = DSI_LITERAL_BOOL;
    }
    out->text = p->now.text;
    out->size = p->now.size;
    if (out->kind == DSI_LITERAL_BOOL) {
        out->text = is_word(&p->now, "true") ? "true" : "false";
    }
    rc = advance(p);
done:
    return rc;
}

// Predicates.

static int parse_column(struct parser *p, struct dsi_expr *e)
{
    int rc = DS_OK;

    e->position = p->now.position;
    for (;;) {
        if (p->now.kind != TOKEN_QUOTED &&
            (p->now.kind != TOKEN_WORD || is_reserved(&p->now))) {
            return expected(p, "a column");
        }
        e->column = e->column
                        ? dsi_arena_printf(p->arena, "%s.%s", e->column, p->now.text)
                        : p->now.text;
        if (!e->column) {
            return dsi_no_memory(p->err, "reading a filter");
        }
        if (strlen(e->column) > 4096) { // Also what bounds the copies above.
            return complain(p, e->position, "a column's name may have 4,096 bytes");
        }
        DSI_TRY(advance(p));
        if (!is_sign(&p->now, ".")) {
            break;
        }
        DSI_TRY(advance(p));
    }
done:
    return rc;
}

static bool comparison(const struct token *t, enum dsi_expr_op *op)
{
    static const struct {
        const char *sign;
        enum dsi_expr_op op;
    } all[] = {{"=", DSI_EXPR_EQ},  {"<>", DSI_EXPR_NE}, {"<", DSI_EXPR_LT},
               {"<=", DSI_EXPR_LE}, {">", DSI_EXPR_GT},  {">=", DSI_EXPR_GE}};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (is_sign(t, all[i].sign)) {
            *op = all[i].op;
            return true;
        }
    }
    return false;
}

static enum dsi_expr_op mirrored(enum dsi_expr_op op)
{
    switch (op) {
    case DSI_EXPR_LT:
        return DSI_EXPR_GT;
    case DSI_EXPR_LE:
        return DSI_EXPR_GE;
    case DSI_EXPR_GT:
        return DSI_EXPR_LT;
    case DSI_EXPR_GE:
        return DSI_EXPR_LE;
    default:
        return op;
    }
}

static int one_literal(struct parser *p, struct dsi_expr *e)
{
    struct dsi_literal *literal = dsi_arena_alloc(p->arena, sizeof *literal);

    if (!literal) {
        return dsi_no_memory(p->err, "reading a filter");
    }
    e->literals = literal;
    e->literal_count = 1;
    return parse_literal(p, literal);
}

static int parse_in(struct parser *p, struct dsi_expr *e)
{
    struct dsi_literal *items = NULL;
    size_t count = 0;
    int rc = DS_OK;

    e->op = DSI_EXPR_IN;
    if (!is_sign(&p->now, "(")) {
        return expected(p, "\"(\" and a list of literals after IN");
    }
    do {
        DSI_TRY(advance(p));
        items = dsi_arena_grow(p->arena, items, count, sizeof *items);
        if (!items) {
            return dsi_no_memory(p->err, "reading a filter");
        }
        DSI_TRY(parse_literal(p, &items[count++]));
    } while (is_sign(&p->now, ","));
    if (!is_sign(&p->now, ")")) {
        return expected(p, "\",\" or \")\" in the list after IN");
    }
    e->literals = items;
    e->literal_count = count;
    rc = advance(p);
done:
    return rc;
}

// Only 'prefix%' and patterns without wildcard: that is what Iceberg can prune by, and
// what is exact without a pattern engine.
static int parse_like(struct parser *p, struct dsi_expr *e)
{
    struct dsi_literal *pattern = NULL;

    if (p->now.kind != TOKEN_STRING) {
        return expected(p, "a pattern in 'single quotes' after LIKE");
    }
    size_t position = p->now.position;
    int rc = one_literal(p, e);
    if (rc < 0) {
        return rc;
    }
    pattern = (struct dsi_literal *)e->literals;
    e->op = DSI_EXPR_EQ;
    if (pattern->size > 0 && pattern->text[pattern->size - 1] == '%') {
        e->op = DSI_EXPR_STARTS_WITH;
        pattern->text = dsi_arena_strndup(p->arena, pattern->text, --pattern->size);
        if (!pattern->text) {
            return dsi_no_memory(p->err, "reading a filter");
        }
    }
    if (strchr(pattern->text, '%') || strchr(pattern->text, '_')) {
        return complain(p, position,
                        "LIKE takes only a prefix, 'abc%'; other places for % and _ are "
                        "not supported");
    }
    if (is_word(&p->now, "escape")) {
        return complain(p, p->now.position, "LIKE has no ESCAPE here");
    }
    return DS_OK;
}

static int parse_between(struct parser *p, struct dsi_expr *low,
                         const struct dsi_expr **out)
{
    struct list both = {0};
    struct dsi_expr *high = NULL;
    struct dsi_expr *e = NULL;
    int rc = DS_OK;

    DSI_TRY(new_expr(p, DSI_EXPR_LE, &high));
    high->column = low->column;
    high->position = low->position;
    low->op = DSI_EXPR_GE;
    DSI_TRY(one_literal(p, low));
    if (!is_word(&p->now, "and")) {
        return expected(p, "AND and the upper end of BETWEEN");
    }
    DSI_TRY(advance(p));
    DSI_TRY(one_literal(p, high));
    DSI_TRY(list_add(p, &both, low));
    DSI_TRY(list_add(p, &both, high));
    DSI_TRY(new_expr(p, DSI_EXPR_AND, &e));
    e->children = both.items;
    e->child_count = both.count;
    *out = e;
done:
    return rc;
}

static int parse_is(struct parser *p, struct dsi_expr *e)
{
    bool negated = is_word(&p->now, "not");
    int rc = DS_OK;

    if (negated) {
        DSI_TRY(advance(p));
    }
    if (is_word(&p->now, "null")) {
        e->op = negated ? DSI_EXPR_NOT_NULL : DSI_EXPR_IS_NULL;
    } else if (is_word(&p->now, "nan")) {
        e->op = negated ? DSI_EXPR_NOT_NAN : DSI_EXPR_IS_NAN;
    } else {
        return expected(p, negated ? "NULL or NAN after IS NOT"
                                   : "[NOT] NULL or NAN after IS");
    }
    rc = advance(p);
done:
    return rc;
}

// What follows a column: [NOT] IN, [NOT] BETWEEN, [NOT] LIKE, IS, a comparison, nothing.
static int parse_column_predicate(struct parser *p, const struct dsi_expr **out)
{
    struct dsi_expr *e = NULL;
    bool negated = false;
    int rc = DS_OK;

    DSI_TRY(new_expr(p, DSI_EXPR_TRUTH, &e));
    DSI_TRY(parse_column(p, e));
    *out = e;
    if (is_word(&p->now, "is")) {
        DSI_TRY(advance(p));
        return parse_is(p, e);
    }
    if (comparison(&p->now, &e->op)) {
        DSI_TRY(advance(p));
        return one_literal(p, e);
    }
    negated = is_word(&p->now, "not");
    if (negated) {
        DSI_TRY(advance(p));
    }
    if (is_word(&p->now, "in")) {
        DSI_TRY(advance(p));
        DSI_TRY(parse_in(p, e));
    } else if (is_word(&p->now, "between")) {
        DSI_TRY(advance(p));
        DSI_TRY(parse_between(p, e, out));
    } else if (is_word(&p->now, "like")) {
        DSI_TRY(advance(p));
        DSI_TRY(parse_like(p, e));
    } else if (negated) {
        return expected(p, "IN, BETWEEN or LIKE after NOT");
    } else if (is_word(&p->now, "ilike") || is_word(&p->now, "regexp")) {
        return complain(p, p->now.position, "not supported; there is LIKE 'prefix%'");
    } else if (is_sign(&p->now, "(")) {
        return complain(p, e->position, "functions are not supported in filters");
    }
    if (negated) {
        rc = make_not(p, *out, out);
    }
done:
    return rc;
}

// 60 < delay, true, false.
static int parse_literal_first(struct parser *p, const struct dsi_expr **out)
{
    enum dsi_expr_op op = DSI_EXPR_TRUE;
    struct dsi_expr *e = NULL;
    int rc = DS_OK;

    DSI_TRY(new_expr(p, DSI_EXPR_TRUE, &e));
    DSI_TRY(one_literal(p, e));
    *out = e;
    if (!comparison(&p->now, &op)) {
        if (e->literals->kind != DSI_LITERAL_BOOL) {
            return expected(p, "a comparison after the literal");
        }
        e->op = e->literals->text[0] == 't' ? DSI_EXPR_TRUE : DSI_EXPR_FALSE;
        return DS_OK;
    }
    DSI_TRY(advance(p));
    if (at_literal(p)) {
        return complain(p, p->now.position, "a comparison needs a column on one side");
    }
    e->op = mirrored(op);
    rc = parse_column(p, e);
done:
    return rc;
}

static int parse_or(struct parser *p, const struct dsi_expr **out);

static int parse_unary(struct parser *p, const struct dsi_expr **out)
{
    bool negated = is_word(&p->now, "not");
    bool group = is_sign(&p->now, "(");
    int rc = DS_OK;

    if (!negated && !group) {
        return at_literal(p) ? parse_literal_first(p, out)
                             : parse_column_predicate(p, out);
    }
    if (++p->depth > DSI_EXPR_DEPTH_MAX) {
        return complain(p, p->now.position, "nested too deep");
    }
    DSI_TRY(advance(p));
    if (negated) {
        DSI_TRY(parse_unary(p, out));
        DSI_TRY(make_not(p, *out, out));
    } else {
        DSI_TRY(parse_or(p, out));
        if (!is_sign(&p->now, ")")) {
            return expected(p, "AND, OR or \")\"");
        }
        DSI_TRY(advance(p));
    }
    p->depth--;
done:
    return rc;
}

// One or more of `next`, joined by `word`.
static int parse_joined(struct parser *p, enum dsi_expr_op op,
                        const struct dsi_expr **out)
{
    const char *word = op == DSI_EXPR_AND ? "and" : "or";
    struct list items = {0};
    struct dsi_expr *e = NULL;
    int rc = DS_OK;

    for (;;) {
        const struct dsi_expr *item = NULL;
        DSI_TRY(op == DSI_EXPR_AND ? parse_unary(p, &item)
                                   : parse_joined(p, DSI_EXPR_AND, &item));
        DSI_TRY(list_add(p, &items, item));
        if (!is_word(&p->now, word)) {
            break;
        }
        DSI_TRY(advance(p));
    }
    *out = items.items[0];
    if (items.count > 1) {
        DSI_TRY(new_expr(p, op, &e));
        e->children = items.items;
        e->child_count = items.count;
        *out = e;
    }
done:
    return rc;
}

static int parse_or(struct parser *p, const struct dsi_expr **out)
{
    return parse_joined(p, DSI_EXPR_OR, out);
}

int dsi_expr_parse(const char *text, struct dsi_arena *arena, const struct dsi_expr **out,
                   struct ds_error *err)
{
    struct parser p = {.text = text, .size = strlen(text), .arena = arena, .err = err};
    int rc = DS_OK;

    *out = NULL;
    if (p.size > DSI_EXPR_TEXT_MAX) {
        return dsi_fail(err, DS_EINVALID, "filter: %zu bytes; at most %d are allowed",
                        p.size, (int)DSI_EXPR_TEXT_MAX);
    }
    if (!dsi_utf8_valid(dsi_slice_text(text))) {
        return dsi_fail(err, DS_EINVALID, "filter: the text is not UTF-8");
    }
    DSI_TRY(advance(&p));
    DSI_TRY(advance(&p));
    DSI_TRY(parse_or(&p, out));
    if (p.now.kind != TOKEN_END) {
        rc = expected(&p, "AND, OR or the end");
    }
done:
    if (rc < 0) {
        *out = NULL;
    }
    return rc;
}
