/*
 * --verify: do the numbers of snapshots add up? Each snapshot alone: that
 * allocated less freed is live, parts sum to their whole, and a part is never
 * more than that. And of one process: that from each to the next time and
 * sequence rise and what is cumulative never falls.
 *
 * proto/FORMAT.md says what holds, and when: while other threads run, allocated
 * less freed may differ from live by what happened while the file was written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "model.h"
#include "strbuf.h"

struct verify;

/* Violations told one by one, of each check in each file. */
#define VERIFY_LINES 5

struct verify *verify_new(void) __attribute__((warn_unused_result));
void verify_free(struct verify *verify); /* NULL is allowed */

/* A visitor of study.h: checks the next snapshot, which is unbiased. Never
 * fails. */
int verify_visit(void *verify, const struct model *model, struct err *err);

/* A file that study.h leaves out, or that can't be visited. */
void verify_left_out(struct verify *verify, size_t count);

/* Adds what was checked and each violation, as text. */
void verify_tell(const struct verify *verify, struct strbuf *out);

size_t verify_violations(const struct verify *verify);
/* Files of which it can't be told whether they add up. */
size_t verify_unverified(const struct verify *verify);
