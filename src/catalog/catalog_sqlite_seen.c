#include "catalog/catalog_sqlite_seen.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

// Of the header: the versions of who may write and read the file (1: rollback journal,
// 2: WAL), four bytes that stay as they are, and the number.
enum { HEADER_AT = 18, WRITE_VERSION = 0, READ_VERSION = 1, NUMBER = 6, ROLLBACK = 1 };

void dsi_sqlite_seen_forget(struct dsi_sqlite_seen *s)
{
    dsi_free(s->table);
    dsi_free(s->location);
    *s = (struct dsi_sqlite_seen){0};
}

static bool read_header(sqlite3 *db, unsigned char *out)
{
    return dsi_sql()->read_file(db, out, DSI_SQLITE_HEADER, HEADER_AT) == SQLITE_OK &&
           out[WRITE_VERSION] == ROLLBACK && out[READ_VERSION] == ROLLBACK; // (2)
}

// "<ns>.<name>" would be the same for "a.b", "c" and "a", "b.c".
static bool is_table(const char *table, const struct dsi_table_name *name)
{
    size_t size = strlen(name->ns);
    return strncmp(table, name->ns, size) == 0 && table[size] == '\n' &&
           strcmp(table + size + 1, name->name) == 0;
}

static char *table_of(const struct dsi_table_name *name)
{
    size_t ns_size = strlen(name->ns);
    size_t name_size = strlen(name->name);
    char *table = dsi_malloc(ns_size + name_size + 2);

    if (table) {
        memcpy(table, name->ns, ns_size);
        table[ns_size] = '\n';
        memcpy(table + ns_size + 1, name->name, name_size + 1);
    }
    return table;
}

// Without memory nothing is known.
static void keep(struct dsi_sqlite_seen *s, sqlite3 *db,
                 const struct dsi_table_name *name, const char *location)
{
    bool same = s->table && is_table(s->table, name);
    char *table = same ? s->table : table_of(name);

    s->table = same ? NULL : s->table;
    dsi_sqlite_seen_forget(s);
    s->table = table;
    s->location = dsi_strdup(location);
    s->state = s->table && s->location && read_header(db, s->header) ? DSI_SEEN_NOW
                                                                     : DSI_SEEN_NOTHING;
}

void dsi_sqlite_seen_read(struct dsi_sqlite_seen *s, sqlite3 *db,
                          const struct dsi_table_name *name, const char *location)
{
    keep(s, db, name, location);
}

void dsi_sqlite_seen_written(struct dsi_sqlite_seen *s, sqlite3 *db,
                             const struct dsi_table_name *name, const char *location)
{
    keep(s, db, name, location);
    if (s->state == DSI_SEEN_NOW) { // A commit counts once.
        for (int i = DSI_SQLITE_HEADER - 1; i >= NUMBER && ++s->header[i] == 0; i--) {
        }
        s->state = DSI_SEEN_SOON;
    }
}

void dsi_sqlite_seen_ended(struct dsi_sqlite_seen *s, bool committed)
{
    s->state = committed && s->state == DSI_SEEN_SOON ? DSI_SEEN_NOW : DSI_SEEN_NOTHING;
}

const char *dsi_sqlite_seen_location(const struct dsi_sqlite_seen *s, sqlite3 *db,
                                     const struct dsi_table_name *name)
{
    unsigned char now[DSI_SQLITE_HEADER];

    return s->state == DSI_SEEN_NOW && is_table(s->table, name) && read_header(db, now) &&
                   memcmp(now, s->header, sizeof now) == 0
               ? s->location
               : NULL;
}
