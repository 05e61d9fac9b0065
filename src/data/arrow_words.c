#include "data/arrow_words.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *format;
    const char *words;
} exact[] = {
    {"n", "null"},
    {"b", "bool"},
    {"c", "int8"},
    {"C", "uint8"},
    {"s", "int16"},
    {"S", "uint16"},
    {"i", "int32"},
    {"I", "uint32"},
    {"l", "int64"},
    {"L", "uint64"},
    {"e", "halffloat"},
    {"f", "float"},
    {"g", "double"},
    {"z", "binary"},
    {"Z", "large_binary"},
    {"vz", "binary_view"},
    {"u", "string"},
    {"U", "large_string"},
    {"vu", "string_view"},
    {"tdD", "date32[day]"},
    {"tdm", "date64[ms]"},
    {"tts", "time32[s]"},
    {"ttm", "time32[ms]"},
    {"ttu", "time64[us]"},
    {"ttn", "time64[ns]"},
    {"tDs", "duration[s]"},
    {"tDm", "duration[ms]"},
    {"tDu", "duration[us]"},
    {"tDn", "duration[ns]"},
    {"tin", "month_day_nano_interval"},
    {"+l", "list"},
    {"+L", "large_list"},
    {"+vl", "list_view"},
    {"+vL", "large_list_view"},
    {"+s", "struct"},
    {"+m", "map"},
    {"+r", "run_end_encoded"},
};

// "timestamp[us, tz=UTC]" of "tsu:UTC".
static void timestamp_words(const char *format, char out[DSI_ARROW_WORDS_MAX])
{
    const char *unit = format[2] == 's'   ? "s"
                       : format[2] == 'm' ? "ms"
                       : format[2] == 'u' ? "us"
                                          : "ns";
    const char *zone = format + 4;

    snprintf(out, DSI_ARROW_WORDS_MAX, "timestamp[%s%s%.32s]", unit,
             zone[0] ? ", tz=" : "", zone);
}

void dsi_arrow_words(const struct ArrowSchema *s, char out[DSI_ARROW_WORDS_MAX])
{
    const char *format = s->dictionary ? s->dictionary->format : s->format;

    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        if (strcmp(format, exact[i].format) == 0) {
            snprintf(out, DSI_ARROW_WORDS_MAX, "%s", exact[i].words);
            return;
        }
    }
    if (strncmp(format, "ts", 2) == 0 && strlen(format) >= 4 && format[3] == ':') {
        timestamp_words(format, out);
    } else if (strncmp(format, "d:", 2) == 0) {
        snprintf(out, DSI_ARROW_WORDS_MAX, "decimal(%.40s)", format + 2);
    } else if (strncmp(format, "w:", 2) == 0) {
        snprintf(out, DSI_ARROW_WORDS_MAX, "fixed_size_binary[%.20s]", format + 2);
    } else if (strncmp(format, "+w:", 3) == 0) {
        snprintf(out, DSI_ARROW_WORDS_MAX, "fixed_size_list[%.20s]", format + 3);
    } else if (strncmp(format, "+u", 2) == 0) {
        snprintf(out, DSI_ARROW_WORDS_MAX, "union");
    } else {
        snprintf(out, DSI_ARROW_WORDS_MAX, "Arrow format '%.40s'", format);
    }
}
