// A page index: read and true to its chunk, or refused; what was read is written and read
// again as the same. Seven bytes say what the column is: type, levels, order, rows (2),
// bytes of the offset index (2); the column index follows it.
#include <stdint.h>
#include <string.h>

#include "codec/parquet/parquet_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int is_right)
{
    if (!is_right) {
        __builtin_trap();
    }
}

static int same(struct ds_slice a, struct ds_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static int same_place(const struct dsi_parquet_page_place *a,
                      const struct dsi_parquet_page_place *b)
{
    return a->offset == b->offset && a->size == b->size && a->first_row == b->first_row &&
           a->row_count == b->row_count && a->byte_count == b->byte_count;
}

static void check_places(const struct dsi_parquet_chunk *chunk,
                         const struct dsi_parquet_page_index *index)
{
    int64_t at = chunk->offset;
    int64_t row = 0;

    for (size_t i = 0; i < index->page_count; i++) {
        const struct dsi_parquet_page_place *p = &index->places[i];
        check(p->offset >= at && p->size > 0 && p->first_row == row && p->row_count > 0);
        at = p->offset + p->size;
        row += p->row_count;
    }
    check(at <= chunk->offset + chunk->size && row == chunk->row_count);
}

static void round_trip(const struct dsi_parquet_node *leaf,
                       const struct dsi_parquet_chunk *chunk,
                       const struct dsi_parquet_page_index *index)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf places = DSI_BUF_INIT;
    struct dsi_buf bounds = DSI_BUF_INIT;
    struct dsi_parquet_page_index back;

    check(dsi_parquet_offset_index_write(index, &places, NULL) == DS_OK);
    check(dsi_parquet_column_index_write(leaf, index, &bounds, NULL) == DS_OK);
    check(dsi_parquet_page_index_parse(leaf, chunk, dsi_buf_slice(&places),
                                       dsi_buf_slice(&bounds), &arena, &back,
                                       NULL) == DS_OK);
    check(back.page_count == index->page_count && back.boundary == index->boundary);
    for (size_t i = 0; i < back.page_count; i++) {
        const struct dsi_parquet_page_bounds *a = &index->bounds[i];
        const struct dsi_parquet_page_bounds *b = &back.bounds[i];
        check(same_place(&back.places[i], &index->places[i]));
        check(a->all_null == b->all_null && a->has_min == b->has_min &&
              a->has_max == b->has_max);
        check(same(a->min, b->min) && same(a->max, b->max));
    }
    dsi_buf_release(&places);
    dsi_buf_release(&bounds);
    dsi_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_parquet_node root = {.field.name = "root"};
    struct dsi_parquet_node leaf = {.field.name = "x", .parent = &root};
    struct dsi_parquet_chunk chunk = {.offset = 4, .size = 1 << 20};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_page_index index;
    struct ds_error err = {0};

    if (size < 7) {
        return 0;
    }
    leaf.field.physical = (enum dsi_parquet_physical)(data[0] % 8);
    leaf.field.type_length = 4;
    leaf.max_def = data[1] % 4;
    leaf.max_rep = data[1] / 4 % 3;
    chunk.order = (enum dsi_parquet_column_order)(data[2] % 4);
    chunk.row_count = data[3] | data[4] << 8;
    size_t split = (size_t)(data[5] | data[6] << 8);
    data += 7;
    size -= 7;
    split = split < size ? split : size;
    if (dsi_parquet_page_index_parse(&leaf, &chunk, (struct ds_slice){data, split},
                                     (struct ds_slice){data + split, size - split},
                                     &arena, &index, &err) == DS_OK) {
        check_places(&chunk, &index);
        if (dsi_parquet_column_index_possible(&index)) {
            round_trip(&leaf, &chunk, &index);
        }
    }
    dsi_arena_release(&arena);
    return 0;
}
