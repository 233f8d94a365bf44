/*
 * All that one run of leakdiff knows: the processes whose snapshots were
 * given, each with its diff and verdicts, and what they have in common.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "atlas.h"
#include "classes.h"
#include "diff.h"
#include "err.h"
#include "fleet.h"
#include "history.h"
#include "inputs.h"
#include "judge.h"
#include "resolver.h"
#include "select.h"
#include "strbuf.h"

/* One process; or the two sides of a comparison. */
struct study_part {
	struct history *history;
	struct classes *heap;
	struct classes *threads;
	struct diff *diff;
	char *build_id; /* of the program, hexadecimal; "" = none */
	size_t given;   /* files; those that could not be used are not in the
			 * history */
};

struct study {
	struct atlas *atlas;
	struct resolver *resolver;
	struct study_part *parts;
	size_t count;    /* >= 1 */
	size_t left_out; /* processes without any file that could be used */
	/* Of several processes, once study_build_fleet was there. */
	struct fleet fleet;
	struct classes *fleet_classes; /* NULL: none; heap stacks of all */
};

struct suppress; /* suppress.h */

struct study_settings {
	enum grouping grouping;
	/* What --focus and --ignore are: classes are divided by it. May be
	 * NULL. */
	const struct select *select;
	/* So are they by suppressions. May be NULL. */
	struct suppress *suppress;
	struct judge_settings judge;
	const struct work *work; /* borrowed until study_free; may be NULL */
	/* Called before each file: how many of how many are done. May be
	 * NULL. */
	void (*progress)(void *context, size_t done, size_t all);
	void *progress_context;
	/* Called with each snapshot that was loaded, in order, before the next
	 * is: for what needs all of each (--series, --verify). May be NULL. */
	int (*visit)(void *visitor, const struct model *model, struct err *err);
	void *visitor;
};

/*
 * Loads and judges. NULL and `err`: a file can't be read, or visit failed.
 * Warnings are added as lines. The symbolizer and blame are borrowed until
 * study_free.
 */
struct study *study_new(const struct inputs *inputs,
			const struct study_settings *settings,
			struct symbolizer *symbolizer,
			const struct blame *blame, struct strbuf *warnings,
			struct err *err) __attribute__((warn_unused_result));
void study_free(struct study *study); /* NULL is allowed */

/* Fills study->fleet, from rows whose fates are set. For several processes;
 * the settings are those of study_new. */
void study_build_fleet(struct study *study,
		       const struct study_settings *settings);
