#include "report_ledger.h"

#include "advice.h"
#include "format.h"
#include "report_trend.h"

static const char *const line_words[LEDGER_LINE_COUNT] = {
#define X(name, words) [LEDGER_##name] = words,
	LEDGER_LINES(X)
#undef X
};

/* Adds a column, right-aligned. */
static void
add_column(struct strbuf *out, struct strbuf *cell, int columns)
{
	strbuf_addf(out, "%*s", columns, strbuf_text(cell));
	strbuf_clear(cell);
}

/* A table with all columns takes 98: on a narrower terminal the first one
 * goes, which is the last less the difference. */
static bool
is_narrow(const struct page *page, const struct diff *diff)
{
	return diff->judged && page->width && page->width < 98;
}

static void
add_row(struct page *page, const struct diff *diff, const struct row *row)
{
	bool narrow = is_narrow(page, diff);
	int columns = narrow ? 12 : 14;
	struct strbuf cell = { 0 };
	struct strbuf *out = &page->text;

	strbuf_addf(out, "  %-24s", line_words[row->line]);
	if (diff->old_model && !narrow) {
		format_bytes(&cell, row->live_old.bytes, false);
		add_column(out, &cell, columns);
	}
	format_bytes(&cell, row->live_new.bytes, false);
	add_column(out, &cell, columns);
	if (diff->old_model) {
		format_bytes(&cell, row->delta.bytes, true);
		add_column(out, &cell, columns);
	}
	if (diff->judged) {
		format_byte_rate(&cell, row->verdict.bytes_per_hour, true);
		add_column(out, &cell, 14);
	}
	if (row->verdict.kind != VERDICT_NONE) {
		strbuf_adds(out, "  ");
		page_adds(page, report_trend_style(row->verdict.kind),
			  verdict_name(row->verdict.kind));
	}
	strbuf_addc(out, '\n');
	strbuf_release(&cell);
}

/* Of the lines that ask for something. Of RSS and the heap it is told
 * elsewhere. */
static void
add_advice(struct page *page, const struct diff *diff)
{
	struct strbuf line = { 0 };
	size_t begin;
	size_t i;

	for (i = 0; i < diff->count[ROW_LEDGER]; i++) {
		const struct row *row =
			&diff->rows[diff->first[ROW_LEDGER] + i];

		if (row->line == LEDGER_rss || row->line == LEDGER_live_heap ||
		    row->verdict.kind == VERDICT_INSUFFICIENT ||
		    !advice_is_worth(diff, row) || !advice(&line, row, NULL))
			continue;
		begin = page->text.len;
		strbuf_addf(&page->text, "  next, %s: %s\n",
			    line_words[row->line], strbuf_text(&line));
		page_wrap(page, begin, 4);
		strbuf_clear(&line);
	}
	strbuf_release(&line);
}

void
report_ledger(struct page *page, const struct diff *diff)
{
	size_t i;

	strbuf_addc(&page->text, '\n');
	page_adds(page, PAGE_STRONG, "Memory ledger");
	if (diff->count[ROW_LEDGER] == 0) {
		strbuf_adds(&page->text, ": not measured\n");
		return;
	}
	strbuf_addc(&page->text, '\n');
	if (is_narrow(page, diff))
		strbuf_addf(&page->text, "%-26s%12s%12s", "", "last",
			    "difference");
	else if (diff->old_model)
		strbuf_addf(&page->text, "%-26s%14s%14s%14s", "",
			    diff->judged ? "first" : "old",
			    diff->judged ? "last" : "new", "difference");
	if (diff->judged)
		strbuf_addf(&page->text, "%14s  verdict", "rate");
	if (diff->old_model)
		strbuf_addc(&page->text, '\n');
	for (i = 0; i < diff->count[ROW_LEDGER]; i++)
		add_row(page, diff, &diff->rows[diff->first[ROW_LEDGER] + i]);
	if (diff->judged)
		add_advice(page, diff);
}
