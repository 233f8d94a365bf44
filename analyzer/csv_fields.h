/*
 * What the CSV writers share: RFC 4180 with LF line ends. A field that holds a
 * comma, a quote or a line end is quoted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "diff.h"
#include "stack.h"
#include "strbuf.h"

/* The last fixed columns of both writers. */
#define CSV_PLACE_COLUMNS "file,line,module,stack"

void csv_add_field(struct strbuf *line, const char *text);

/* ",1,2,3": each with a comma before it. */
void csv_add_integers(struct strbuf *line, const int64_t *values, size_t count);

/* ",file,line,module,stack" of the blamed frame and its stack: frames innermost
 * first, joined by ';', which becomes ',' in a name. `scratch` is emptied. */
void csv_add_place(struct strbuf *line, struct strbuf *scratch,
		   const struct stack *stack);

/* "heap", "thread", "ledger". */
const char *csv_kind_name(enum row_kind kind);
/* "rss" ...: what stands in the function's column. */
const char *csv_ledger_name(enum ledger_line line);
