// How wide a text is on a terminal.
#ifndef DATASHARD_CLI_TEXT_WIDTH_H
#define DATASHARD_CLI_TEXT_WIDTH_H

#include <stddef.h>

/// The columns that UTF-8 takes: two for East Asian wide characters and emoji, none for
/// combining marks and controls, one for others. The locale makes no difference.
size_t text_width(const char *s);

#endif
