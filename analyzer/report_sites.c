#include "report_sites.h"

#include "advice.h"
#include "format.h"
#include "report_amounts.h"
#include "report_stack.h"
#include "report_trend.h"
#include "select.h"
#include "shorten.h"

/* The sites listed so far. */
struct listing {
	struct page *page;
	const struct report *report;
	enum row_kind kind;
	struct stack stack;   /* scratch */
	struct strbuf advice; /* scratch */
	struct report_nameless nameless;
	size_t count;
};

/* `      14 call stacks; the largest growth through:` */
static void
add_group(struct page *page, const struct row *row)
{
	struct strbuf *out = &page->text;

	if (!row->label && row->stacks < 2)
		return;
	strbuf_adds(out, "      ");
	format_count(out, row->stacks, false);
	strbuf_adds(out, row->stacks == 1 ? " call stack" : " call stacks");
	if (!row->label)
		strbuf_adds(out, " of the same functions");
	if (row->stacks > 1)
		strbuf_adds(out, "; the largest growth through");
	strbuf_adds(out, ":\n");
}

static void
add_next(struct listing *listing, const struct row *row)
{
	struct page *page = listing->page;
	size_t begin;

	strbuf_clear(&listing->advice);
	if (!advice(&listing->advice, row, &listing->stack))
		return;
	begin = page->text.len;
	strbuf_adds(&page->text, "      ");
	page_adds(page, PAGE_STRONG, "next:");
	strbuf_addf(&page->text, " %s\n", strbuf_text(&listing->advice));
	page_wrap(page, begin, 8);
}

static void
list_site(struct listing *listing, const struct row *row)
{
	const struct report *report = listing->report;
	const struct diff *diff = report->diff;
	struct page *page = listing->page;
	size_t begin = page->text.len;

	strbuf_addf(&page->text, "%3zu. ", ++listing->count);
	if (row->label) {
		page_begin(page, PAGE_STRONG);
		shorten_standard(&page->text, row->label);
		page_end(page);
		strbuf_adds(&page->text, ": ");
	}
	if (row->verdict.kind != VERDICT_NONE) {
		report_trend_verdict(page, row);
		strbuf_adds(&page->text, "\n      ");
	}
	report_change(page, diff, row);
	report_trend_series(page, diff, row);
	strbuf_addc(&page->text, '\n');
	report_details(page, diff, row);
	if (row->kind == ROW_HEAP)
		report_trend_ages(page, diff, row);
	page_wrap(page, begin, 8);
	stack_resolve(&listing->stack, report->resolver, row);
	add_next(listing, row);
	add_group(page, row);
	report_stack(page, &listing->stack, report->all_frames);
	report_nameless_add(&listing->nameless, &listing->stack);
}

static bool
shrank(const struct row *row)
{
	return !row_grew(row) && (row->delta.bytes || row->delta.objects);
}

/* Is the row worth its lines in that order? What isn't is counted. */
static bool
is_worth(const struct row *row, enum row_order order)
{
	switch (order) {
	case ORDER_VERDICT:
		return row->verdict.kind >= VERDICT_RETENTION ||
		       row->verdict.kind == VERDICT_CACHE_FILL ||
		       (row->verdict.kind != VERDICT_STEADY && row_grew(row));
	case ORDER_RATE:
		return row->verdict.bytes_per_hour > 0;
	case ORDER_OBJECTS:
		return row->delta.objects > 0;
	case ORDER_ALLOCS:
		return row->alloc.objects > 0;
	case ORDER_LIVE:
	case ORDER_SUSPICION:
		return row->live_new.bytes > 0 || row->live_new.objects > 0;
	case ORDER_GROWTH:
	case ORDER_DEFAULT:
		break;
	}
	return row_grew(row);
}

struct tally {
	size_t sites;
	int64_t bytes;
};

static void
count_row(struct tally *tally, const struct row *row)
{
	tally->sites++;
	tally->bytes += row->delta.bytes;
}

/* Of one site, and of several. */
struct words {
	const char *one;
	const char *many;
};

static void
add_rest(struct listing *listing, const struct tally *tally, struct words words,
	 const char *more)
{
	struct strbuf *out = &listing->page->text;
	size_t begin = out->len;

	if (!tally->sites || !words.one)
		return;
	strbuf_adds(out, " ... and ");
	format_count(out, (int64_t)tally->sites, false);
	strbuf_addf(out, " %s%s%s (", more,
		    tally->sites == 1 ? "site" : "sites",
		    tally->sites == 1 ? words.one : words.many);
	format_bytes(out, tally->bytes,
		     listing->report->diff->old_model != NULL);
	strbuf_adds(out, ")\n");
	page_wrap(listing->page, begin, 5);
}

/* What is not worth a line in the order, besides what shrank. */
static struct words
others_words(enum row_order order)
{
	switch (order) {
	case ORDER_VERDICT:
		return (struct words){ " that holds its level",
				       " that hold their level" };
	case ORDER_RATE:
		return (struct words){ " that doesn't grow",
				       " that don't grow" };
	case ORDER_OBJECTS:
		return (struct words){ " without more objects",
				       " without more objects" };
	case ORDER_ALLOCS:
		return (struct words){ " that allocated nothing",
				       " that allocated nothing" };
	case ORDER_LIVE:
	case ORDER_SUSPICION:
	case ORDER_GROWTH:
	case ORDER_DEFAULT:
		break;
	}
	/* What neither grew, nor shrank, nor is there is no news. */
	return (struct words){ NULL, NULL };
}

static bool
hides_growth(const struct diff *diff, enum row_kind kind)
{
	size_t i;

	for (i = 0; i < diff->count[kind]; i++) {
		const struct row *row = &diff->rows[diff->first[kind] + i];

		if (row->fate != FATE_LISTED &&
		    is_worth(row, diff->order[kind]))
			return true;
	}
	return false;
}

static const char *
none_words(const struct diff *diff, enum row_order order, bool is_hidden)
{
	if (order == ORDER_VERDICT)
		return is_hidden ? "     none that is listed grows\n"
				 : "     none grows\n";
	if (!diff->old_model || order != ORDER_GROWTH)
		return "     none\n";
	return is_hidden ? "     no site that is listed grew\n"
			 : "     no site grew\n";
}

/* The most shrunk first: growth is the order of rows that grew alike. */
static void
list_shrunk(struct listing *listing, size_t top, struct tally *less)
{
	const struct diff *diff = listing->report->diff;
	size_t i;

	for (i = diff->count[listing->kind]; i > 0; i--) {
		const struct row *row =
			&diff->rows[diff->first[listing->kind] + i - 1];

		if (row->fate != FATE_LISTED || !shrank(row))
			continue;
		if (listing->count < top)
			list_site(listing, row);
		else
			count_row(less, row);
	}
}

/*
 * Lists the sites that are worth it; by growth, if none is, those that
 * shrank. Counts the others: those that shrank while others grew would be
 * noise one by one.
 */
static void
add_sites(struct listing *listing)
{
	const struct report *report = listing->report;
	const struct diff *diff = report->diff;
	enum row_order order = diff->order[listing->kind];
	size_t top = report->top ? report->top : SIZE_MAX;
	struct tally more = { 0, 0 }, less = { 0, 0 }, others = { 0, 0 };
	struct select_cursor cursor = { 0 };
	const struct row *row;
	bool is_any;

	while ((row = select_next(diff, listing->kind, &cursor, 0))) {
		if (!is_worth(row, order)) {
			if (shrank(row))
				count_row(&less, row);
			else
				count_row(&others, row);
		} else if (listing->count < top) {
			list_site(listing, row);
		} else {
			count_row(&more, row);
		}
	}
	is_any = listing->count > 0;
	if (!is_any)
		strbuf_adds(&listing->page->text,
			    none_words(diff, order,
				       hides_growth(diff, listing->kind)));
	if (!is_any && order == ORDER_GROWTH) {
		less = (struct tally){ 0, 0 };
		list_shrunk(listing, top, &less);
	}
	add_rest(listing, &more, (struct words){ "", "" }, "more ");
	add_rest(listing, &others, others_words(order), "");
	add_rest(listing, &less,
		 (struct words){ " that shrank", " that shrank" },
		 is_any || order != ORDER_GROWTH ? "" : "more ");
}

/* What is hidden is told, with what it would add. */
static void
add_hidden(struct listing *listing)
{
	static const char *const words[FATE_COUNT] = {
		[FATE_LISTED] = NULL,
		[FATE_SUPPRESSED] = " suppressed (--show-suppressions)",
		[FATE_ACCEPTED] = " accepted by the baseline",
		[FATE_FILTERED] = " left out by --focus or --ignore",
		[FATE_SMALL] = " smaller than --min-bytes",
	};
	const struct diff *diff = listing->report->diff;
	struct strbuf *out = &listing->page->text;
	struct select_hidden hidden;
	size_t begin = out->len;
	unsigned int fate;

	select_hidden(diff, listing->kind, 0, &hidden);
	for (fate = FATE_LISTED + 1; fate < FATE_COUNT; fate++) {
		const struct select_tally *tally = &hidden.by_fate[fate];

		if (!tally->sites)
			continue;
		strbuf_adds(out, " not listed: ");
		format_count(out, (int64_t)tally->sites, false);
		strbuf_adds(out, tally->sites == 1 ? " site (" : " sites (");
		format_bytes(out, tally->delta_bytes, diff->old_model != NULL);
		strbuf_addf(out, ")%s\n", words[fate]);
	}
	page_wrap(listing->page, begin, 5);
}

static void
add_title(struct page *page, const struct diff *diff, enum row_kind kind)
{
	static const char *const orders[] = {
		[ORDER_GROWTH] = "growth",
		[ORDER_LIVE] = "live bytes",
		[ORDER_OBJECTS] = "growth of their objects",
		[ORDER_ALLOCS] = "number of allocations",
		[ORDER_RATE] = "bytes per hour",
		[ORDER_VERDICT] = "verdict",
		[ORDER_SUSPICION] = "suspicion: live bytes of all ages first",
		[ORDER_DEFAULT] = "growth",
	};

	strbuf_addc(&page->text, '\n');
	page_begin(page, PAGE_STRONG);
	if (kind == ROW_HEAP)
		strbuf_addf(&page->text, "Heap sites by %s",
			    orders[diff->order[kind]]);
	else
		strbuf_adds(&page->text,
			    "Threads by the call stack that created them");
	page_end(page);
	strbuf_addc(&page->text, '\n');
}

static void
add_total(struct page *page, const struct diff *diff, enum row_kind kind)
{
	const struct row *total = &diff->totals[kind];
	size_t begin = page->text.len;

	strbuf_adds(&page->text, "total ");
	report_change(page, diff, total);
	if (total->verdict.kind != VERDICT_NONE) {
		strbuf_adds(&page->text, "; ");
		report_trend_verdict(page, total);
	}
	strbuf_addc(&page->text, '\n');
	report_details(page, diff, total);
	page_wrap(page, begin, 8);
}

void
report_sites(struct page *page, const struct report *report, enum row_kind kind)
{
	const struct diff *diff = report->diff;
	struct listing listing = {
		.page = page,
		.report = report,
		.kind = kind,
	};

	if (kind == ROW_THREAD && diff->count[kind] == 0)
		return;
	add_title(page, diff, kind);
	add_sites(&listing);
	add_hidden(&listing);
	if (resolver_asks(report->resolver))
		report_nameless(page, &listing.nameless);
	add_total(page, diff, kind);
	stack_release(&listing.stack);
	strbuf_release(&listing.advice);
}
