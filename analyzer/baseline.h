/*
 * The baseline: growth that somebody accepted, up to a size and a day. Sets the
 * fate of such rows to FATE_ACCEPTED. A JSON file (leakdiff(1) has its form)
 * that leakdiff writes and people edit.
 *
 *	{ "schema_version": 1,
 *	  "accepted": [
 *	    { "site": "0123456789abcdef",     site_id.h
 *	      "function": "remember", "module": "server",    for people
 *	      "reason": "",                                  of people
 *	      "bytes": 4096,                  or "bytes_per_hour", or of a site
 *	                                      that creates them "threads"
 *	      "expires": "2027-02-18" } ] }   the last day it holds, UTC
 *
 * An entry accepts as much as it says and a tenth more, or 1 KiB if that is
 * more: no two runs are alike. Beyond that the whole growth counts. Where the
 * time that growth took is not known (one profile alone, two of one moment),
 * nothing is accepted by the hour. Members that leakdiff doesn't know are kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atlas.h"
#include "diff.h"
#include "err.h"
#include "resolver.h"
#include "strbuf.h"

#define BASELINE_SCHEMA 1
/* A file of so much is nobody's list of exceptions; parsed it needs some 30
 * times as much memory. */
#define BASELINE_BYTES (4u << 20)
#define BASELINE_ENTRIES_MAX 10000
/* How long a new entry holds. */
#define BASELINE_DAYS 90

struct baseline;

/* NULL: `err` says why. With `may_be_new` a file that is not there is an empty
 * baseline. */
struct baseline *baseline_load(const char *file, bool may_be_new,
			       struct err *err)
	__attribute__((warn_unused_result));
/* The same from memory; `name` stands for the file. */
struct baseline *baseline_parse(const char *name, const char *text, size_t len,
				struct err *err)
	__attribute__((warn_unused_result));
void baseline_free(struct baseline *baseline); /* NULL is allowed */

/* Days since 1970-01-01; baseline_day_of reads YYYY-MM-DD. */
int64_t baseline_today(void);
bool baseline_day_of(const char *text, int64_t *day);

/* Sets the fates of the rows that are FATE_LISTED. Call it for each process,
 * then baseline_tell. */
void baseline_apply(struct baseline *baseline, struct diff *diff,
		    const struct atlas *atlas, struct resolver *resolver,
		    int64_t today);

/* Adds a line for each entry that has expired, one that names those whose rate
 * had nothing to be held against, and one for those which no growing site was
 * found for. */
void baseline_tell(const struct baseline *baseline, int64_t today,
		   struct strbuf *lines);

/* Adds a line: how many entries there are, and how many of them are new. */
void baseline_tell_written(const struct baseline *baseline,
			   struct strbuf *lines);

/*
 * Accepts what grew and is not suppressed: with three or more snapshots what
 * has a verdict of leak or growing-buffer. Entries that are there keep their
 * reason and day, and get a larger size where it no longer suffices; new ones
 * hold for BASELINE_DAYS. None is removed.
 */
void baseline_accept(struct baseline *baseline, const struct diff *diff,
		     const struct atlas *atlas, struct resolver *resolver,
		     int64_t today);

/* Replaces the file it was loaded from, whole or not at all. -1 and `err`:
 * it can't be written, or is not what it was when it was loaded. */
int baseline_write(const struct baseline *baseline, struct err *err)
	__attribute__((warn_unused_result));
