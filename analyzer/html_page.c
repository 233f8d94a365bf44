#include "html_page.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report_json.h"
#include "xalloc.h"

/* What build.mjs left in the page, once. */
static const char placeholder[] = "@REPORT@";

/* html_page_text.S */
extern const char html_page_text[] __attribute__((visibility("hidden")));
extern const uint64_t html_page_len __attribute__((visibility("hidden")));

struct html_template
html_page_template(void)
{
	return (struct html_template){ html_page_text, (size_t)html_page_len };
}

int
html_page_missing(struct err *err)
{
	return err_set(err, ERR_WRITE,
		       "this leakdiff was built without the HTML page: run "
		       "'make web' and 'make' again");
}

/* --- limiting ------------------------------------------------------------ */

/* What a row of [other] sums; the thread's columns only where they are. */
static const char *const summed[] = {
	"delta_bytes",    "delta_objects",    "live_bytes_old",
	"live_bytes_new", "live_objects_old", "live_objects_new",
	"alloc_bytes",    "alloc_objects",    "free_bytes",
	"free_objects",   "stacks",           "running_old",
	"running_new",    "unjoined_old",     "unjoined_new",
};

struct rank {
	bool is_alarm;
	int64_t bytes;
	size_t index;
};

static int64_t
integer_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static struct rank
rank_of(const json_t *row, size_t index)
{
	const char *kind = json_string_value(
		json_object_get(json_object_get(row, "verdict"), "kind"));
	int64_t change = integer_of(row, "delta_bytes");
	int64_t live = integer_of(row, "live_bytes_new");

	if (change < 0)
		change = -change;
	return (struct rank){
		.is_alarm = kind && (strcmp(kind, "leak") == 0 ||
				     strcmp(kind, "growing-buffer") == 0),
		.bytes = change > live ? change : live,
		.index = index,
	};
}

/* The most important first; equal ones as they stood. */
static int
compare_ranks(const void *left, const void *right)
{
	const struct rank *a = left, *b = right;

	if (a->is_alarm != b->is_alarm)
		return a->is_alarm ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static void
add_to_other(json_t *other, const json_t *row)
{
	size_t i;

	for (i = 0; i < sizeof(summed) / sizeof(summed[0]); i++) {
		if (json_object_get(row, summed[i]))
			json_object_set_new(
				other, summed[i],
				json_integer(integer_of(other, summed[i]) +
					     integer_of(row, summed[i])));
	}
}

static json_t *
limited_rows(const json_t *rows, size_t most)
{
	size_t count = json_array_size(rows);
	struct rank *ranks = xcalloc(count, sizeof(*ranks));
	bool *kept = xcalloc(count, sizeof(*kept));
	json_t *limited = json_array();
	json_t *other = json_pack("{s:s, s:s, s:n, s:n, s:n, s:[], s:b}", "id",
				  "", "function", "[other]", "file", "line",
				  "module", "stack", "truncated", 0);
	size_t i;

	for (i = 0; i < count; i++)
		ranks[i] = rank_of(json_array_get(rows, i), i);
	qsort(ranks, count, sizeof(*ranks), compare_ranks);
	for (i = 0; i < most; i++)
		kept[ranks[i].index] = true;
	for (i = 0; i < count; i++) {
		json_t *row = json_array_get(rows, i);

		if (kept[i])
			json_array_append(limited, row);
		else
			add_to_other(other, row);
	}
	json_array_append_new(limited, other);
	free(kept);
	free(ranks);
	return limited;
}

void
html_page_limit(json_t *report, size_t most)
{
	static const char *const kinds[] = { "heap", "thread" };
	json_t *processes = json_object_get(report, "processes");
	json_t *process;
	size_t i, k;

	json_array_foreach(processes, i, process)
	{
		for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			json_t *rows = json_object_get(process, kinds[k]);

			if (json_array_size(rows) > most)
				json_object_set_new(process, kinds[k],
						    limited_rows(rows, most));
		}
	}
}

/* --- writing ------------------------------------------------------------- */

/*
 * Inside a script element only a '<' can end it (or open a comment, which hides
 * the end). In JSON one stands in strings alone, where \u003c is the same.
 * Everything else that a page could stumble over is no ASCII, and jansson
 * escapes that.
 */
static int
write_escaped(const char *bytes, size_t len, void *data)
{
	FILE *out = data;
	const char *end = bytes + len;

	while (bytes < end) {
		const char *at = memchr(bytes, '<', (size_t)(end - bytes));
		const char *stop = at ? at : end;

		fwrite(bytes, 1, (size_t)(stop - bytes), out);
		if (at)
			fputs("\\u003c", out);
		bytes = at ? at + 1 : end;
	}
	return 0;
}

int
html_page_write(const struct html_template *page, const json_t *report,
		FILE *out, struct err *err)
{
	const size_t mark = sizeof(placeholder) - 1;
	const char *end = page->text + page->len;
	const char *at;

	if (page->len == 0)
		return html_page_missing(err);
	at = memmem(page->text, page->len, placeholder, mark);
	if (!at)
		return err_set(err, ERR_WRITE,
			       "the HTML page has no place for the report");
	fwrite(page->text, 1, (size_t)(at - page->text), out);
	if (json_dump_callback(
		    report, write_escaped, out,
		    JSON_COMPACT | JSON_ENSURE_ASCII |
			    JSON_REAL_PRECISION(REPORT_JSON_DIGITS)) < 0)
		return err_set(err, ERR_WRITE,
			       "the report could not be made into JSON");
	at += mark;
	fwrite(at, 1, (size_t)(end - at), out);
	return 0;
}
