/*
 * The page of --html: a template, made by `make web` and embedded at build
 * time, and a report as JSON that is put into it.
 *
 * The page is one file that fetches nothing. Texts of the report are
 * untrusted: in the file they can't end the element that holds them, and the
 * page's script never takes them for markup.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"

/* Rows of one kind of one process that a page is given; a browser still sorts
 * and merges these at once. */
#define HTML_ROWS_MAX 5000

struct html_template {
	const char *text; /* borrowed; not terminated */
	size_t len;       /* 0: built without a page */
};

struct html_template html_page_template(void);

/* Always -1: says how to get a page. */
int html_page_missing(struct err *err);

/*
 * Leaves, of the heap and the thread rows of each process, `most` and one row
 * "[other]" that sums the rest. Who is judged to leak stays before all others,
 * then what changed or holds most. The order is kept; [other] is last.
 */
void html_page_limit(json_t *report, size_t most);

/* Writes the template with `report` in its place. A failed write is the
 * caller's to notice (report.h). -1: there is no page, or no place in it. */
int html_page_write(const struct html_template *page, const json_t *report,
		    FILE *out, struct err *err)
	__attribute__((warn_unused_result));
