/// Small values that many calls share.
#ifndef DATASHARD_TYPES_H
#define DATASHARD_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes somebody else owns.
struct ds_slice {
    const uint8_t *data;
    size_t size;
};

/// One setting of a table, a namespace or a catalog. Both strings are owned by others.
struct ds_property {
    const char *key;
    const char *value;
};

/// A list of settings; all zero is the empty list.
struct ds_properties {
    const struct ds_property *items;
    size_t count;
};

#ifdef __cplusplus
}
#endif

#endif
