/*
 * What a soak found, in words and for machines.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "../analyzer/strbuf.h"
#include "scenario.h"
#include "soak.h"

/* Raised when a program that reads result.json would misread it. */
#define SOAK_RESULT_SCHEMA 1

enum soak_outcome {
	SOAK_CLEAN,
	SOAK_UNSURE, /* not enough evidence */
	SOAK_FOUND,
	SOAK_FAILED, /* the target or a step failed */
};

enum soak_outcome soak_result_of(const struct soak_run *run);
/* The worst of the `count` runs that were done of the set. */
enum soak_outcome soak_result_of_all(const struct scenario_set *set,
				     const struct soak_run *runs, size_t count);
const char *soak_result_name(enum soak_outcome outcome);

/* One run; a new reference. */
json_t *soak_result_run_json(const struct soak_run *run)
	__attribute__((warn_unused_result));
/* All runs, and of two variants which one grows. */
json_t *soak_result_json(const struct scenario_set *set,
			 const struct soak_run *runs, size_t count)
	__attribute__((warn_unused_result));
/* The same as readable lines. */
void soak_result_text(struct strbuf *out, const struct scenario_set *set,
		      const struct soak_run *runs, size_t count);
