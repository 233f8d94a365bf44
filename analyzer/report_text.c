/*
 * The report for people: a headline, what was compared, sites by growth,
 * threads, the memory ledger, and what the numbers lack; of several processes
 * first what they have in common. Made as one text; names from the file pass
 * strbuf_add_printable.
 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "headline.h"
#include "page.h"
#include "report_fleet.h"
#include "report_head.h"
#include "report_ledger.h"
#include "report_losses.h"
#include "report_sites.h"

/* The first sentence is what a reader has to know: it alone has a colour. */
static void
add_headline(struct page *page, const struct report *report)
{
	size_t begin = page->text.len;
	struct strbuf lines = { 0 };
	enum page_style style = headline(&lines, report);
	const char *rest = strchr(strbuf_text(&lines), '\n');

	page_begin(page, style);
	strbuf_add(&page->text, lines.data, (size_t)(rest - lines.data));
	page_end(page);
	strbuf_adds(&page->text, rest);
	page_wrap(page, begin, 0);
	strbuf_release(&lines);
}

static void
add_process(struct page *page, const struct report *report)
{
	add_headline(page, report);
	strbuf_addc(&page->text, '\n');
	report_head(page, report);
	report_sites(page, report, ROW_HEAP);
	report_sites(page, report, ROW_THREAD);
	report_ledger(page, report->diff);
	report_losses(page, report->diff);
}

static void
add_fleet(struct page *page, const struct report *report)
{
	struct report_fleet_part *order = report_fleet_order(report);
	struct report part = *report;
	size_t i;

	report_fleet(page, report);
	for (i = 0; i < report->study->count; i++) {
		if (i && !order[i - 1].quiet)
			strbuf_addc(&page->text, '\n');
		report_fleet_heading(page, report, &order[i], i + 1);
		part.diff = report->study->parts[order[i].part].diff;
		if (!order[i].quiet)
			add_process(page, &part);
	}
	free(order);
}

int
report_text(const struct report *report, FILE *out, struct err *err)
{
	struct page page = {
		.color = report->color,
		.utf8 = report->utf8,
		.width = report->width,
	};

	(void)err; /* a failed write is the caller's to notice */
	if (report->study->count > 1)
		add_fleet(&page, report);
	else
		add_process(&page, report);
	fwrite(page.text.data, 1, page.text.len, out);
	page_release(&page);
	return 0;
}
