#include "base/error.h"
#include "codec/avro/avro_schema.h"

static bool is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

// Takes one code point. Names come from JSON, so they are UTF-8; a stray byte counts as
// itself, which is wrong but harmless.
static uint32_t next_code_point(const unsigned char **s)
{
    uint32_t first = *(*s)++;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t c = more == 0 ? first : first & (0x3fU >> more);

    for (; more > 0 && (**s & 0xc0) == 0x80; more--) {
        c = c << 6 | (*(*s)++ & 0x3fU);
    }
    return c;
}

int dsi_avro_name_put(struct dsi_buf *out, const char *name, struct ds_error *err)
{
    const unsigned char *s = (const unsigned char *)name;
    int rc = DS_OK;

    for (bool first = true; *s; first = false) {
        uint32_t c = next_code_point(&s);
        if (is_letter(c) || (is_digit(c) && !first)) {
            DSI_TRY(dsi_buf_append_byte(out, (uint8_t)c, err));
        } else if (is_digit(c)) {
            DSI_TRY(dsi_buf_printf(out, err, "_%c", (int)c));
        } else if (c < 0x10000) {
            DSI_TRY(dsi_buf_printf(out, err, "_x%X", (unsigned)c));
        } else { // Java's characters are UTF-16 units.
            DSI_TRY(dsi_buf_printf(out, err, "_x%X_x%X",
                                   (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
                                   (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff))));
        }
    }
done:
    return rc;
}
