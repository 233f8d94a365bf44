/*
 * --series: one row per snapshot and site, for who draws charts or asks a
 * database. Of each snapshot the columns sum to its totals: nothing is left
 * out, nothing is compared.
 *
 * Rows are written while snapshots are loaded, so that memory is bounded by the
 * sites and not by the snapshots. A site is what has one id (site_id.h) and
 * kind: call stacks that differ in lines alone are one row, so that snapshot,
 * kind and site are a key. The lines of the memory ledger are rows of their
 * own.
 */
#pragma once

#include <stdio.h>

#include "blame.h"
#include "err.h"
#include "model.h"
#include "symbolize.h"

struct series;

/* Writes the header. All borrowed until series_free; whether writing failed is
 * for the caller to ask `out`. Never NULL. */
struct series *series_new(FILE *out, struct symbolizer *symbolizer,
			  const struct blame *blame)
	__attribute__((warn_unused_result));
void series_free(struct series *series); /* NULL is allowed */

/* Writes the rows of one snapshot: a visitor for study_settings. */
int series_visit(void *series, const struct model *model, struct err *err);
