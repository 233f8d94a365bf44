/* Which process a snapshot is of, and what it is called in reports. */
#pragma once

#include <stdbool.h>

#include "facts.h"
#include "strbuf.h"

/* Were both taken from one program run? True if host, boot, pid namespace,
 * pid and start time agree, and tracking began at the same moment too: a
 * program that exec() started has its predecessor's pid and start time. Two
 * profiles are taken for one process's if the program is the same, and what they
 * are of: the heap, goroutines, threads. */
bool process_same(const struct header *a, const struct header *b);

/* Adds "pid 12 on host", and with `start` " since 2026-11-20 09:30:00 UTC",
 * which tells a restarted one from its predecessor in the same container. A
 * profile doesn't know its pid: there it is the program's base name. Texts of
 * the file stay as they are: for CSV and JSON. */
void process_name(struct strbuf *out, const struct header *header, bool start);

/* The same, without `start`, in a line for people. */
void process_name_printable(struct strbuf *out, const struct header *header);
