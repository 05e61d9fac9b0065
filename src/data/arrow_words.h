// Arrow's formats in the words of its users.
#ifndef DSI_ARROW_WORDS_H
#define DSI_ARROW_WORDS_H

#include "datashard/arrow.h"

/// Room for the words of dsi_arrow_words.
enum { DSI_ARROW_WORDS_MAX = 64 };

/// Writes a column's type as pyarrow spells it ("int64", "timestamp[us, tz=UTC]"), of
/// nested ones the outermost ("list"); a format it has no word for as "Arrow format 'x'".
void dsi_arrow_words(const struct ArrowSchema *s, char out[DSI_ARROW_WORDS_MAX]);

#endif
