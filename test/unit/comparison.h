/*
 * A study of snapshots that a test made up, without files or a command line.
 */
#pragma once

#include "../../analyzer/study.h"
#include "snapgen.h"

struct comparison {
	struct study study; /* of one part */
	struct study_part part;
	const struct diff *diff; /* the part's */
};

/* Takes the models, in order; NULLs are left out. The symbolizer may be NULL
 * as long as nothing asks for names. */
struct comparison *comparison_new(struct model *const *take_models,
				  size_t count, struct symbolizer *symbolizer,
				  const struct blame *blame);
/* Of one or two, without names. */
struct comparison *comparison_of(struct model *take_old,
				 struct model *take_new);
void comparison_free(struct comparison *comparison);

/* The story as reader_load reads it, unbiased. Takes the story; NULL is
 * NULL. */
struct model *comparison_load(struct snapgen *take_gen);
