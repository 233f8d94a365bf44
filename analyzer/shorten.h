/*
 * Function names that fit a line. C++ names of templates are longer than any
 * terminal is wide; what a reader looks for is at their end.
 */
#pragma once

#include <stddef.h>

#include "strbuf.h"

/*
 * Adds the name as people write it, whatever its length: std::string, and
 * std::vector<T> without its allocator if that is the usual one. Escapes as
 * strbuf_add_printable does.
 */
void shorten_standard(struct strbuf *out, const char *name);

/*
 * The same in at most `columns` columns, as far as it can: first template
 * arguments become "<...>", then parameters "(...)", then what encloses the
 * function goes from the left, and at last the middle of its own name. Never
 * less than 12 columns. Escapes as strbuf_add_printable does.
 */
void shorten_function(struct strbuf *out, const char *name, size_t columns);
