// An appender: four threads log events, each learns when its own are durable.
#include <datashard/datashard.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, EVENTS = 1000 };

// Called by the appender's own thread: keep it short.
static void acknowledged(void *arg, const struct ds_appender_ack *ack)
{
    uint64_t *commits = arg;

    if (ack->status == DS_OK) {
        *commits += 1;
    } else {
        fprintf(stderr, "tickets %" PRIu64 " to %" PRIu64 ": %s\n", ack->first_ticket,
                ack->last_ticket, ack->error->message);
    }
}

static void *log_events(void *arg)
{
    ds_appender *appender = arg;
    struct ds_error err = {0};
    uint64_t ticket = 0;
    int rc = DS_OK;

    for (int i = 0; rc == DS_OK && i < EVENTS; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "event %d", i);
        struct ds_cell row[] = {
            {.kind = DS_CELL_INT, .as.integer = i},
            {.kind = DS_CELL_TEXT, .as.bytes = {(const uint8_t *)text, (size_t)size}},
        };
        rc = ds_appender_write_row(appender, row, 2, &ticket, &err);
    }
    if (rc == DS_OK) { // This one, and so all before it.
        rc = ds_appender_wait(appender, ticket, -1, &err);
    }
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", ds_status_text(rc), err.message);
    }
    return NULL;
}

int main(void)
{
    struct ds_error err = {0};
    struct ds_table_spec spec = {.struct_size = sizeof spec, .if_absent = true};
    struct ds_appender_options options = {.struct_size = sizeof options};
    ds_appender *appender = NULL;
    ds_table *table = NULL;
    pthread_t threads[THREADS];
    uint64_t commits = 0;
    int64_t rows = 0;

    spec.schema_json = "{\"type\": \"struct\", \"fields\": ["
                       " {\"id\": 1, \"name\": \"n\", \"required\": true,"
                       "  \"type\": \"long\"},"
                       " {\"id\": 2, \"name\": \"event\", \"required\": false,"
                       "  \"type\": \"string\"}]}";
    options.batch_ms = 50;      // Durable after about that long, or
    options.budget_ms = 60000;  // after as long as the disk was away, up to a minute.
    options.ack = acknowledged; // May be left out.
    options.ack_arg = &commits;

    int rc = ds_table_create("events", &spec, &table, &err);
    if (rc == DS_OK) {
        rc = ds_appender_open(table, &options, &appender, &err);
    }
    for (int i = 0; rc == DS_OK && i < THREADS; i++) {
        pthread_create(&threads[i], NULL, log_events, appender);
    }
    for (int i = 0; rc == DS_OK && i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    if (rc == DS_OK) {
        rc = ds_appender_close(appender, -1, &err);
    }
    if (rc == DS_OK) {
        rc = ds_table_count(table, NULL, &rows, NULL, &err);
    }
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", ds_status_text(rc), err.message);
    } else {
        printf("events: %" PRId64 " rows, fewer commits: %s\n", rows,
               commits < THREADS * EVENTS ? "yes" : "no");
    }
    ds_appender_free(appender);
    ds_table_free(table);
    return rc < 0;
}
