// Parquet schemas for tests, in a few letters.
#ifndef DSI_TEST_DATA_SHAPES_H
#define DSI_TEST_DATA_SHAPES_H

#include "codec/parquet/parquet.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

// A schema in a few letters: nodes in brackets after their parent, each a repetition
// ('r', 'o', '*'), a name, perhaps an id and an annotation: "oxs#1:L(*array(rx#2))".
struct shapes {
    struct dsi_parquet_node nodes[40];
    char names[40][24];
    size_t count;
};

static inline const char *
shapes_children(struct shapes *s, struct dsi_parquet_node *parent, const char *text);

static inline const char *shapes_node(struct shapes *s, struct dsi_parquet_node *parent,
                                      const char *t)
{
    struct dsi_parquet_node *n = &s->nodes[++s->count];
    const struct dsi_parquet_node **last = &parent->first_child;
    size_t size = strcspn(t + 1, "#:(,)");

    memcpy(s->names[s->count], t + 1, size);
    while (*last) {
        last = &((struct dsi_parquet_node *)*last)->next;
    }
    *last = n;
    parent->field.child_count++;
    n->parent = parent;
    n->field.name = s->names[s->count];
    n->field.repetition = *t == 'r'   ? DSI_PARQUET_REQUIRED
                          : *t == 'o' ? DSI_PARQUET_OPTIONAL
                                      : DSI_PARQUET_REPEATED;
    n->field.physical = DSI_PARQUET_INT32;
    n->max_def = parent->max_def + (*t != 'r');
    n->max_rep = parent->max_rep + (*t == '*');
    n->element_def = *t == '*' ? n->max_def : parent->element_def;
    t += 1 + size;
    if (*t == '#') {
        char *end = NULL;
        n->field.has_field_id = true;
        n->field.field_id = (int32_t)strtol(t + 1, &end, 10);
        t = end;
    }
    if (*t == ':') {
        n->field.logical.kind = t[1] == 'L'   ? DSI_PARQUET_LOGICAL_LIST
                                : t[1] == 'M' ? DSI_PARQUET_LOGICAL_MAP
                                              : DSI_PARQUET_LOGICAL_VARIANT;
        t += 2;
    }
    return *t == '(' ? shapes_children(s, n, t + 1) : t;
}

static inline const char *shapes_children(struct shapes *s,
                                          struct dsi_parquet_node *parent, const char *t)
{
    while (*t && *t != ')') {
        t = shapes_node(s, parent, t);
        t += *t == ',';
    }
    return *t ? t + 1 : t;
}

static inline void shapes_parse(struct shapes *s, const char *text)
{
    memset(s, 0, sizeof *s);
    s->nodes[0].field.name = "root";
    shapes_children(s, &s->nodes[0], text);
    size_t leaves = 0;
    for (size_t i = 1; i <= s->count; i++) {
        if (s->nodes[i].field.child_count == 0) {
            s->nodes[i].leaf = leaves++;
        }
    }
}

#endif
