#include "model/near_name.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

// The edit distance of two short names without regard to case; long ones are far apart.
static size_t name_distance(const char *a, const char *b)
{
    enum { NAME_MAX_BYTES = 64 };
    size_t row[NAME_MAX_BYTES + 1];
    size_t na = strlen(a);
    size_t nb = strlen(b);

    if (na > NAME_MAX_BYTES || nb > NAME_MAX_BYTES) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= nb; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            char one[2] = {a[i - 1], '\0'};
            char two[2] = {b[j - 1], '\0'};
            size_t best = diagonal + !dsi_text_equal_nocase(one, two);
            diagonal = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[nb];
}

// Whether one is a slip of the other: most of it is there.
static bool is_near(const char *wanted, const char *name)
{
    size_t size = strlen(wanted);
    size_t distance = name_distance(wanted, name);

    return distance <= size / 3 + 1 && distance < size && distance < strlen(name);
}

void dsi_near_names(const struct dsi_field *fields, size_t count, const char *wanted,
                    char out[DSI_NEAR_NAMES_MAX])
{
    enum { NAMES_MAX = 8 };
    size_t used = 0;
    size_t told = 0;

    snprintf(out, DSI_NEAR_NAMES_MAX, "the table has none");
    for (int pass = 0; pass < 2 && told == 0; pass++) { // Near names, or the first ones.
        for (size_t i = 0; i < count && told < NAMES_MAX; i++) {
            const char *name = fields[i].name;
            if (pass == 1 || is_near(wanted, name)) {
                int n = snprintf(out + used, DSI_NEAR_NAMES_MAX - used, "%s%.40s",
                                 told   ? ", "
                                 : pass ? "the columns are "
                                        : "did you mean ",
                                 name);
                used += n > 0 ? (size_t)n : 0;
                told += 1;
            }
        }
        if (pass == 1 && told < count) {
            snprintf(out + used, DSI_NEAR_NAMES_MAX - used, ", …");
        }
    }
}
