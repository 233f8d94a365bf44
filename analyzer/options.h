/*
 * The command line of leakdiff: every option, its help, and what it sets.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classes.h"
#include "diff.h"
#include "judge.h"
#include "strbuf.h"
#include "symbolize.h"
#include "terminal.h"

enum report_format {
	FORMAT_NONE, /* --verify, --show-suppressions: no report */
	FORMAT_TEXT,
	FORMAT_CSV,
	FORMAT_SERIES,
	FORMAT_JSON,
	FORMAT_FOLDED,
	FORMAT_PPROF,
	FORMAT_HTML,
};

/* Repeatable options: texts as given, borrowed from argv. */
struct text_list {
	const char **texts;
	size_t count;
	size_t capacity;
};

struct settings {
	enum report_format format;
	const char *out; /* NULL: standard output */
	bool top_given;
	size_t top;
	bool all_frames;
	bool growth_only;
	bool threads;
	enum color_mode color;

	/* What to list. */
	enum grouping grouping;
	enum row_order order;
	int64_t min_bytes;
	struct text_list focus;
	struct text_list ignore;

	/* How to name. */
	struct text_list skip;
	struct symbolizer_options symbols;

	struct judge_settings judge;

	/* What is accepted, and the gate. */
	struct text_list suppressions;
	bool show_suppressions;
	const char *baseline;
	const char *write_baseline;
	const char *fail_over;
	const char *fail_over_total;
	const char *fail_threads;
	const char *max_loss;
	bool verify;

	const char *const *files;
	size_t file_count;
};

/* What the caller has to do. */
enum options_result {
	OPTIONS_GO_ON,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_USAGE, /* `message` says what is wrong */
};

/* Fills `settings`, which borrows argv. Reorders argv. */
enum options_result options_parse(struct settings *settings, int argc,
				  char **argv, struct strbuf *message);
void options_release(struct settings *settings);

/* "--csv" and the like, for messages. */
const char *options_format_name(enum report_format format);

extern const char options_help[];
extern const char options_version[];
