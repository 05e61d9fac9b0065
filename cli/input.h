// Rows on their way in: a Parquet or Arrow file, or text or an Arrow stream from a file
// or standard input.
#ifndef DATASHARD_CLI_INPUT_H
#define DATASHARD_CLI_INPUT_H

#include "cli/cli.h"

enum input_format {
    INPUT_AUTO,
    INPUT_CSV,
    INPUT_JSONL,
    INPUT_JSON,
    INPUT_PARQUET,
    INPUT_ARROW,
};

struct input;

/// "auto", "csv", "jsonl", "json", "parquet", "arrow"; false (and said so) otherwise.
bool input_format_parse(const char *text, enum input_format *out);

/// One character of ASCII, or "\\t" for a tab; NULL: 0, which is by the file's name.
/// False (and said so) otherwise.
bool input_delimiter_parse(const char *text, char *out);

/// Opens `path` ("-": standard input). INPUT_AUTO goes by the ending of its name, and
/// where that says nothing by its first bytes (all but CSV have telling ones).
/// `schema` is the table's (text is read by it; borrowed during the call); NULL: only a
/// guess is wanted. Ends by input_close.
int input_open(const char *path, enum input_format format, char delimiter,
               const struct ArrowSchema *schema, struct input **out,
               struct ds_error *err);

/// The columns a file has (Parquet, Arrow) or seems to have (text); the caller releases
/// them.
int input_guess(const char *path, enum input_format format, char delimiter,
                struct ArrowSchema *out, struct ds_error *err);

/// The columns of the arrays that input_next gives; borrowed.
const struct ArrowSchema *input_schema(const struct input *in);

/// The next rows: DS_ROW with *out (the caller releases it); DS_OK when there is nothing:
/// the end, or (see input_ended) nothing before `deadline_ms` of the monotonic clock.
int input_next(struct input *in, int64_t deadline_ms, struct ArrowArray *out,
               struct ds_error *err);

/// The same, but what is there is handed out at once: the wait is for the first of it.
int input_next_eager(struct input *in, int64_t deadline_ms, struct ArrowArray *out,
                     struct ds_error *err);
bool input_ended(const struct input *in);

/// How much was read and how much there is (0: nobody knows), for the progress bar.
void input_progress(const struct input *in, uint64_t *done, uint64_t *all);
void input_close(struct input *in); // NULL is fine.

int64_t monotonic_ms(void);

#endif
