// Schemas as people write and read them.
#ifndef DATASHARD_CLI_SCHEMA_TEXT_H
#define DATASHARD_CLI_SCHEMA_TEXT_H

#include "cli/cli.h"

/// "a int not null, b decimal(9,2), c list<struct<x: int, y: string not null>>, d
/// map<string, long>" as Iceberg's JSON; the caller frees it. NULL (and why in err) when
/// it is malformed.
char *schema_from_text(const char *text, struct ds_error *err);

/// The type of a column of a table, in the same words; the caller frees it.
char *schema_type_text(const struct ArrowSchema *column);

#endif
