/*
 * A text page while it is written: what it may look like, and what is on it
 * so far. With no colour, no width and no UTF-8 it is plain text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "strbuf.h"

enum page_style {
	PAGE_BAD,   /* grows without end */
	PAGE_DOUBT, /* may be bad */
	PAGE_GOOD,  /* holds, or shrinks */
	PAGE_DIM,   /* details */
	PAGE_STRONG /* headings, and what to look at */
};

struct page {
	struct strbuf text; /* owned */
	bool color;
	bool utf8;
	unsigned int width; /* columns; 0 = any number */
};

/* What is added between the two is in that style: no more than a line, and
 * styles don't nest. */
void page_begin(struct page *page, enum page_style style);
void page_end(struct page *page);
/* All at once. */
void page_adds(struct page *page, enum page_style style, const char *text);

/* Breaks the lines that were added since the text was `begin` bytes long at
 * spaces, so that they fit the width as far as that can be; what goes on in
 * the next line is indented. */
void page_wrap(struct page *page, size_t begin, size_t indent);

/* Columns that a text takes: characters, as far as that is known. */
size_t page_columns(const char *text);

void page_release(struct page *page);
