#include "report_fleet.h"

#include <stdlib.h>

#include "culprit.h"
#include "format.h"
#include "headline.h"
#include "headline_trend.h"
#include "report_head.h"
#include "shorten.h"
#include "xalloc.h"

/* As much of a build-id as tells builds apart. */
#define BUILD_DIGITS 12

static void
add_build(struct strbuf *out, const char *build_id)
{
	strbuf_addf(out, "%.*s", BUILD_DIGITS, build_id);
}

static void
add_processes(struct strbuf *out, size_t count)
{
	format_count(out, (int64_t)count, false);
	strbuf_adds(out, count == 1 ? " process" : " processes");
}

/* What they have in common: a function, or what --by adds up by. */
static void
add_site(struct strbuf *out, const struct report *report,
	 const struct fleet_row *row, struct stack *stack)
{
	if (row->label) {
		shorten_standard(out, row->label);
		return;
	}
	stack_resolve(stack, report->resolver, row->row);
	culprit_add_frame(out, &stack->frames[stack->blamed]);
}

/* `create (object.c:45) leaks in 47 of 50 processes since build b3f1, not
 * before (77aa)` */
static void
add_sentence(struct strbuf *out, const struct report *report)
{
	const struct fleet *fleet = &report->study->fleet;
	const struct fleet_row *worst = &fleet->rows[0];
	struct stack stack = { 0 };

	add_site(out, report, worst, &stack);
	strbuf_adds(out, " leaks in ");
	format_count(out, (int64_t)worst->leaks, false);
	strbuf_adds(out, " of ");
	add_processes(out, fleet->judged);
	if (*worst->build_before) {
		strbuf_adds(out, " since build ");
		add_build(out, worst->first_build);
		strbuf_adds(out, ", not in ");
		add_build(out, worst->build_before);
		strbuf_adds(out, " before");
	}
	strbuf_adds(out, ": ");
	format_byte_rate(out, worst->bytes_per_hour, false);
	strbuf_adds(out, worst->leaks == 1 ? "." : " in the median.");
	if (fleet->count > 1) {
		strbuf_addc(out, ' ');
		format_count(out, (int64_t)fleet->count - 1, false);
		strbuf_adds(out, fleet->count == 2 ? " more site leaks."
						   : " more sites leak.");
	}
	stack_release(&stack);
}

static void
add_row(struct page *page, const struct report *report,
	const struct fleet_row *row, struct stack *stack)
{
	const struct fleet *fleet = &report->study->fleet;
	struct strbuf *out = &page->text;
	struct strbuf cell = { 0 };

	format_count(&cell, (int64_t)row->leaks, false);
	strbuf_adds(&cell, " of ");
	format_count(&cell, (int64_t)fleet->judged, false);
	strbuf_addf(out, "%13s", strbuf_text(&cell));
	strbuf_clear(&cell);
	format_byte_rate(&cell, row->bytes_per_hour, true);
	strbuf_addf(out, "%14s  %-14.*s", strbuf_text(&cell), BUILD_DIGITS,
		    *row->first_build ? row->first_build : "unknown");
	strbuf_clear(&cell);
	add_site(&cell, report, row, stack);
	if (page->width)
		shorten_function(out, strbuf_text(&cell),
				 page->width > 43 ? page->width - 43 : 0);
	else
		strbuf_adds(out, strbuf_text(&cell));
	strbuf_addc(out, '\n');
	strbuf_release(&cell);
}

/* How the processes' sites were matched, where that is not by the file. */
static void
add_identity(struct strbuf *out, const struct classes *classes)
{
	if (classes->by_names)
		strbuf_adds(out, "matched across builds by function name\n");
	if (!classes->unmatched)
		return;
	format_count(out, classes->unmatched, false);
	strbuf_adds(out, classes->unmatched == 1
				 ? " call stack is not matched"
				 : " call stacks are not matched");
	strbuf_adds(out, " from build to build: the files have no names\n");
}

static void
add_table(struct page *page, const struct report *report)
{
	const struct fleet *fleet = &report->study->fleet;
	struct stack stack = { 0 };
	size_t i;

	page_adds(page, PAGE_STRONG, "Leaks across processes\n");
	strbuf_addf(&page->text, "%13s%14s  %-14s%s\n", "leaks in", "median",
		    "since build", "site");
	for (i = 0; i < fleet->count; i++) {
		if (report->top && i >= report->top) {
			strbuf_addf(&page->text, " ... and %zu more site%s\n",
				    fleet->count - i,
				    fleet->count - i == 1 ? "" : "s");
			break;
		}
		add_row(page, report, &fleet->rows[i], &stack);
	}
	add_identity(&page->text, report->study->fleet_classes);
	stack_release(&stack);
}

/* The table is of call stacks alone. */
static size_t
count_unclean(const struct study *study)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < study->count; i++) {
		const struct diff *diff = study->parts[i].diff;

		count += diff->judged && !headline_trend_is_clean(diff);
	}
	return count;
}

static enum page_style
add_no_site(struct strbuf *out, const struct study *study)
{
	size_t unclean = count_unclean(study);

	strbuf_adds(out, unclean ? "No listed call stack leaks in "
				 : "Nothing leaks in ");
	add_processes(out, study->fleet.judged);
	if (unclean) {
		strbuf_adds(out, ", but something else grows without end in ");
		format_count(out, (int64_t)unclean, false);
		strbuf_adds(out, ": see below");
	}
	strbuf_addc(out, '.');
	return unclean ? PAGE_DOUBT : PAGE_GOOD;
}

enum page_style
report_fleet_sentence(struct strbuf *out, const struct report *report)
{
	const struct study *study = report->study;
	size_t short_of = study->count - study->fleet.judged;
	enum page_style style = PAGE_GOOD;

	if (study->fleet.count) {
		style = PAGE_BAD;
		add_sentence(out, report);
	} else if (study->fleet.judged) {
		style = add_no_site(out, study);
	} else {
		style = PAGE_DOUBT;
		strbuf_adds(out, "No process has the three snapshots that a "
				 "verdict needs.");
	}
	if (study->fleet.judged && short_of) {
		strbuf_addc(out, ' ');
		add_processes(out, short_of);
		strbuf_adds(out, short_of == 1 ? " has" : " have");
		strbuf_adds(out, " too few snapshots to tell.");
	}
	return style;
}

void
report_fleet(struct page *page, const struct report *report)
{
	struct strbuf line = { 0 };
	enum page_style style = report_fleet_sentence(&line, report);

	page_adds(page, style, strbuf_text(&line));
	page_wrap(page, 0, 0);
	strbuf_adds(&page->text, "\n\n");
	if (report->study->fleet.count) {
		add_table(page, report);
		strbuf_addc(&page->text, '\n');
	}
	strbuf_release(&line);
}

static const struct row *
worst_row(const struct diff *diff)
{
	const struct row *worst = NULL;
	size_t i;

	for (i = 0; i < diff->first[ROW_LEDGER]; i++) {
		const struct row *row = &diff->rows[i];

		if (row->fate != FATE_LISTED)
			continue;
		if (!worst ||
		    verdict_compare(&row->verdict, &worst->verdict) < 0)
			worst = row;
	}
	return worst;
}

static int
compare_parts(const void *a, const void *b)
{
	const struct report_fleet_part *left = a, *right = b;
	int order = 0;

	if (left->quiet != right->quiet)
		return left->quiet ? 1 : -1;
	if (!left->quiet && left->worst && right->worst)
		order = verdict_compare(&left->worst->verdict,
					&right->worst->verdict);
	else if (!left->quiet && left->worst != right->worst)
		order = left->worst ? -1 : 1;
	if (order)
		return order;
	/* As they started. */
	return left->part < right->part ? -1 : left->part > right->part;
}

struct report_fleet_part *
report_fleet_order(const struct report *report)
{
	const struct study *study = report->study;
	struct report_fleet_part *order = xcalloc(study->count, sizeof(*order));
	struct report part = *report;
	size_t i;

	for (i = 0; i < study->count; i++) {
		part.diff = study->parts[i].diff;
		order[i].part = i;
		order[i].worst = worst_row(part.diff);
		order[i].quiet = headline_is_quiet(&part);
	}
	qsort(order, study->count, sizeof(*order), compare_parts);
	return order;
}

void
report_fleet_heading(struct page *page, const struct report *report,
		     const struct report_fleet_part *part, size_t number)
{
	const struct study *study = report->study;
	const struct diff *diff = study->parts[part->part].diff;

	page_begin(page, PAGE_STRONG);
	strbuf_addf(&page->text, "== process %zu of %zu: ", number,
		    study->count);
	report_head_process(&page->text, &diff->new_model->header);
	strbuf_adds(&page->text, " ==");
	page_end(page);
	if (part->quiet) {
		strbuf_adds(&page->text, " nothing leaks (");
		headline_trend_span(&page->text, diff);
		strbuf_addc(&page->text, ')');
	}
	strbuf_addc(&page->text, '\n');
}
