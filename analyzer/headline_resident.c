#include "headline_resident.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "format.h"

/* Parts that are named; the rest is "other". */
#define PARTS_NAMED 4

/* What follows "180.0 MiB is ", and what follows "less 3.0 MiB ". */
struct words {
	const char *is;
	const char *less;
};

static const struct words line_words[LEDGER_LINE_COUNT] = {
	[LEDGER_rss] = { "", "" },
	[LEDGER_live_heap] = { "live heap", "of live heap" },
	[LEDGER_allocator_retained] = { "kept by the allocator",
					"kept by the allocator" },
	[LEDGER_direct_mmap] = { "mapped directly", "mapped directly" },
	[LEDGER_thread_stacks] = { "thread stacks", "of thread stacks" },
	[LEDGER_files] = { "files", "of files" },
	[LEDGER_shared] = { "shared memory", "of shared memory" },
	[LEDGER_shim] = { "leakshim itself", "of leakshim itself" },
	[LEDGER_unexplained] = { "unexplained", "unexplained" },
};

static const struct words other_words = { "other", "of other memory" };

/* In the unit that all have in common, so that rounded parts add up. */
struct part {
	const struct words *words;
	int64_t bytes;
	int64_t amount;
};

static int64_t
size_of(int64_t amount)
{
	return amount < 0 ? -amount : amount;
}

/* The largest first; those that go the way of the total before the others. */
static int
compare_parts(const void *a, const void *b)
{
	const struct part *left = a, *right = b;
	bool left_less = left->amount < 0, right_less = right->amount < 0;

	if (left_less != right_less)
		return left_less ? 1 : -1;
	if (size_of(left->amount) != size_of(right->amount))
		return size_of(left->amount) > size_of(right->amount) ? -1 : 1;
	/* In one array: the ledger's order. */
	return left->words < right->words ? -1 : left->words > right->words;
}

static int
compare_sizes(const void *a, const void *b)
{
	int64_t left = size_of(((const struct part *)a)->amount);
	int64_t right = size_of(((const struct part *)b)->amount);

	if (left != right)
		return left > right ? -1 : 1;
	return ((const struct part *)a)->words < ((const struct part *)b)->words
		       ? -1
		       : 1;
}

static int64_t
largest(const int64_t *bytes)
{
	int64_t most = 0;
	unsigned int line;

	for (line = 0; line < LEDGER_LINE_COUNT; line++) {
		if (size_of(bytes[line]) > most)
			most = size_of(bytes[line]);
	}
	return most;
}

/* Of one unit in what amounts are: tenths, but of bytes. */
static double
size_of_unit(unsigned int unit)
{
	return unit ? (double)(UINT64_C(1) << (10 * unit)) / 10 : 1;
}

/* The live heap is told elsewhere too, on the line before: never changed. */
static bool
is_live_heap(const struct part *part)
{
	return part->words == &line_words[LEDGER_live_heap];
}

/* What rounding left over is no memory: it goes, by one, to the part whose
 * amount then is least wrong. Returns what no part took. */
static int64_t
spread_rounding(struct part *parts, size_t count, unsigned int unit,
		int64_t rest)
{
	int64_t step = rest < 0 ? -1 : 1;
	size_t i;

	for (; rest; rest -= step) {
		struct part *best = NULL;
		double most = 0;

		for (i = 0; i < count; i++) {
			double missing =
				(double)step *
				((double)parts[i].bytes / size_of_unit(unit) -
				 (double)parts[i].amount);

			if (is_live_heap(&parts[i]))
				continue;
			if (!best || missing > most) {
				most = missing;
				best = &parts[i];
			}
		}
		if (!best)
			break;
		best->amount += step;
	}
	return rest;
}

/* Fills the parts of `total` and returns how many they are. Their sum is the
 * total's amount. */
static size_t
find_parts(const int64_t *bytes, unsigned int unit, int64_t total,
	   struct part *parts)
{
	struct part all[LEDGER_LINE_COUNT];
	int64_t rest = total;
	double unnamed = 0; /* bytes */
	size_t count = 0;
	size_t kept = 0;
	unsigned int line;
	size_t i;

	for (line = LEDGER_rss + 1; line < LEDGER_LINE_COUNT; line++)
		all[line] = (struct part){ &line_words[line], bytes[line],
					   format_in_unit(bytes[line], unit) };
	qsort(all + 1, LEDGER_LINE_COUNT - 1, sizeof(*all), compare_sizes);
	for (line = 1; line <= PARTS_NAMED; line++) {
		if (all[line].amount == 0)
			break;
		parts[count++] = all[line];
		rest -= all[line].amount;
	}
	for (; line < LEDGER_LINE_COUNT; line++)
		unnamed += (double)all[line].bytes;
	if (fabs(unnamed) < size_of_unit(unit) / 2 &&
	    (uint64_t)size_of(rest) <= count) {
		rest = spread_rounding(parts, count, unit, rest);
	}
	for (i = 0; i < count; i++) {
		if (parts[i].amount)
			parts[kept++] = parts[i];
	}
	qsort(parts, kept, sizeof(*parts), compare_parts);
	if (rest)
		parts[kept++] = (struct part){ &other_words, 0, rest };
	return kept;
}

/* `180.0 MiB is live heap, 25.0 MiB is kept by the allocator, less 3.0 MiB of
 * files` */
static void
add_parts(struct strbuf *out, const struct part *parts, size_t count,
	  unsigned int unit, const char *verb)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct part *part = &parts[i];

		strbuf_adds(out, i ? ", " : "");
		if (part->amount < 0)
			strbuf_adds(out, i ? "less " : "");
		format_amount(out, size_of(part->amount), unit);
		if (part->amount < 0 && i == 0)
			strbuf_adds(out, " less");
		strbuf_adds(out, part->amount < 0 ? " " : verb);
		strbuf_adds(out, part->amount < 0 ? part->words->less
						  : part->words->is);
	}
	strbuf_adds(out, ".\n");
}

static void
add_one(struct strbuf *out, const int64_t *bytes)
{
	unsigned int unit = format_unit_of(largest(bytes));
	int64_t total = format_in_unit(bytes[LEDGER_rss], unit);
	struct part parts[PARTS_NAMED + 1];
	size_t count = find_parts(bytes, unit, total, parts);

	if (total == 0)
		return;
	strbuf_adds(out, "RSS is ");
	format_amount(out, total, unit);
	strbuf_adds(out, ": ");
	add_parts(out, parts, count, unit, " is ");
}

static void
add_change(struct strbuf *out, int64_t *bytes, int64_t now)
{
	unsigned int unit = format_unit_of(largest(bytes));
	int64_t total = format_in_unit(bytes[LEDGER_rss], unit);
	struct part parts[PARTS_NAMED + 1];
	unsigned int line;
	size_t count;

	if (largest(bytes) == 0) {
		strbuf_adds(out, "RSS stayed at ");
		format_bytes(out, now, false);
		strbuf_adds(out, ".\n");
		return;
	}
	if (total == 0) {
		strbuf_adds(out, "RSS stayed at ");
		format_bytes(out, now, false);
		strbuf_adds(out, ", but not what it is: ");
	} else {
		strbuf_addf(out, "RSS %s by ", total > 0 ? "grew" : "shrank");
		format_amount(out, size_of(total), unit);
		strbuf_adds(out, ": ");
	}
	/* What shrank is told the other way round: parts of the fall. */
	for (line = 0; total < 0 && line < LEDGER_LINE_COUNT; line++)
		bytes[line] = -bytes[line];
	count = find_parts(bytes, unit, size_of(total), parts);
	add_parts(out, parts, count, unit, total < 0 ? " was " : " is ");
}

void
headline_resident(struct strbuf *out, const struct diff *diff)
{
	int64_t bytes[LEDGER_LINE_COUNT] = { 0 };
	size_t i;

	if (!diff->count[ROW_LEDGER] || !diff->same_process ||
	    diff->same_snapshot)
		return;
	for (i = 0; i < diff->count[ROW_LEDGER]; i++) {
		const struct row *row =
			&diff->rows[diff->first[ROW_LEDGER] + i];

		bytes[row->line] = diff->old_model ? row->delta.bytes
						   : row->live_new.bytes;
	}
	if (diff->old_model)
		add_change(out, bytes, diff->totals[ROW_LEDGER].live_new.bytes);
	else
		add_one(out, bytes);
}
