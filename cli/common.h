// What most commands do: open the table that a word names, print tables of text.
#ifndef DATASHARD_CLI_COMMON_H
#define DATASHARD_CLI_COMMON_H

#include "cli/cli.h"

// The options every command takes.
struct common {
    const char *catalog;
    const char *warehouse;
    const char *catalog_name;
    const char *format;
    bool json;
    bool verbose;
};

extern struct common common;

/// Opens the catalog of --catalog or DATASHARD_CATALOG. DS_EINVALID when there is none.
int open_catalog(ds_catalog **out, struct ds_error *err);

/// True when `name` is a table's directory: no catalog was named, or it looks like a
/// path.
bool names_path(const char *name);

/// Opens the table that a word of the command line names.
int open_table(const char *name, ds_table **out, struct ds_error *err);

/// "12m", "1s", "250ms", "2h" as milliseconds; a bare number is seconds. False otherwise.
bool parse_duration(const char *text, int64_t *ms);

/// A moment: "2026-11-20 10:00:00Z", "2026-11-20", "-5m" (ago), milliseconds since 1970.
/// Without a zone it is UTC. False otherwise.
bool parse_moment(const char *text, int64_t *ms);

/// "2026-11-20 10:00:00.123Z" in a buffer of at least 32 bytes.
void format_moment(int64_t ms, char *out);

#endif
