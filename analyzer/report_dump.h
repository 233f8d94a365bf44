/*
 * The reports of `leakdiff dump`: for people, as JSON, and as CSV, a row for
 * each block.
 *
 * Each returns 0, or -1 with `err`, what reader_each_block may say; that a
 * write failed is the caller's to notice (output.h).
 */
#pragma once

#include <stdio.h>

#include "dump.h"

/* Of sites, types and oldest blocks `top` each. */
int report_dump_text(struct dump *dump, size_t top, FILE *out, struct err *err)
	__attribute__((warn_unused_result));
int report_dump_json(struct dump *dump, size_t top, FILE *out, struct err *err)
	__attribute__((warn_unused_result));
int report_dump_csv(struct dump *dump, FILE *out, struct err *err)
	__attribute__((warn_unused_result));
