/* What a process is called where reports have several. */
#pragma once

#include <stdbool.h>

#include "facts.h"
#include "strbuf.h"

/* Adds "pid 12 on host", and with `start` " since 2026-11-20 09:30:00 UTC",
 * which tells a restarted one from its predecessor in the same container. A
 * profile doesn't know its pid: there it is the program's base name. Texts of
 * the file stay as they are: for CSV and JSON. */
void process_name(struct strbuf *out, const struct header *header, bool start);

/* The same, without `start`, in a line for people. */
void process_name_printable(struct strbuf *out, const struct header *header);
