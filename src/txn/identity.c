#include "txn/identity.h"

#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool dsi_identity_from_short(const char *text, struct dsi_uuid *out)
{
    uint32_t bits = 0;
    size_t at = 0;

    for (unsigned i = 0; i < DSI_IDENTITY_SHORT_SIZE; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        if (i % 4 == 3) {
            out->bytes[at++] = (uint8_t)(bits >> 16);
            out->bytes[at++] = (uint8_t)(bits >> 8);
            out->bytes[at++] = (uint8_t)bits;
            bits = 0;
        }
    }
    out->bytes[at] = (uint8_t)(bits >> 4); // Two digits are left, and four bits of them.
    return (bits & 15) == 0;
}

bool dsi_identity_of(const char *text, struct dsi_identity *out)
{
    struct dsi_uuid uuid;
    size_t at = 0;

    if (!dsi_uuid_parse(text, strlen(text), &uuid)) {
        return false;
    }
    dsi_uuid_format(&uuid, out->text);
    for (size_t i = 0; i < sizeof uuid.bytes; i += 3) {
        bool whole = i + 2 < sizeof uuid.bytes; // The last group is a single byte.
        uint32_t bits = (uint32_t)uuid.bytes[i] << 16;
        if (whole) {
            bits |= (uint32_t)uuid.bytes[i + 1] << 8 | uuid.bytes[i + 2];
        }
        for (unsigned k = 0; k < (whole ? 4 : 2); k++) {
            out->brief[at++] = digits[bits >> (18 - 6 * k) & 63];
        }
    }
    out->brief[at] = '\0';
    return true;
}

bool dsi_identity_in_list(const struct dsi_identity *id, const char *value)
{
    const size_t size = sizeof id->text - 1;

    while (value && *value) {
        size_t n = strcspn(value, " ");
        if (n == size && memcmp(value, id->text, size) == 0) {
            return true;
        }
        value += n;
        value += strspn(value, " ");
    }
    return false;
}

bool dsi_identity_in_shorts(const struct dsi_identity *id, const char *value)
{
    size_t size = value ? strlen(value) : 0;

    for (size_t i = 0; i + DSI_IDENTITY_SHORT_SIZE <= size;
         i += DSI_IDENTITY_SHORT_SIZE) {
        if (memcmp(value + i, id->brief, DSI_IDENTITY_SHORT_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

bool dsi_identity_in_snapshot(const struct dsi_identity *id, const struct dsi_snapshot *s)
{
    return dsi_identity_in_list(id, dsi_snapshot_summary(s, DSI_KEY_COMMIT_ID)) ||
           dsi_identity_in_shorts(id, dsi_snapshot_summary(s, DSI_KEY_COMMIT_IDS));
}
