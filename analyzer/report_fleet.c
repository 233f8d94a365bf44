#include "report_fleet.h"

#include "culprit.h"
#include "format.h"
#include "report_head.h"
#include "shorten.h"

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

/* `create (object.c:45) leaks in 47 of 50 processes since build b3f1, not
 * before (77aa)` */
static void
add_sentence(struct strbuf *out, const struct report *report)
{
	const struct fleet *fleet = &report->study->fleet;
	const struct fleet_row *worst = &fleet->rows[0];
	struct stack stack = { 0 };

	stack_resolve(&stack, report->resolver, worst->row);
	culprit_add_frame(out, &stack.frames[stack.blamed]);
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
		strbuf_adds(out, fleet->count == 2 ? " site more leaks."
						   : " sites more leak.");
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
	stack_resolve(stack, report->resolver, row->row);
	culprit_add_frame(&cell, &stack->frames[stack->blamed]);
	if (page->width)
		shorten_function(out, strbuf_text(&cell),
				 page->width > 43 ? page->width - 43 : 0);
	else
		strbuf_adds(out, strbuf_text(&cell));
	strbuf_addc(out, '\n');
	strbuf_release(&cell);
}

static void
add_table(struct page *page, const struct report *report)
{
	const struct fleet *fleet = &report->study->fleet;
	struct stack stack = { 0 };
	size_t i;

	page_adds(page, PAGE_STRONG, "Leaks by the number of processes\n");
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
	stack_release(&stack);
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
		strbuf_adds(out, "Nothing leaks in ");
		add_processes(out, study->fleet.judged);
		strbuf_addc(out, '.');
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

void
report_fleet_heading(struct page *page, const struct report *report,
		     size_t part)
{
	const struct study *study = report->study;
	const struct header *header =
		&study->parts[part].diff->new_model->header;

	if (part)
		strbuf_addc(&page->text, '\n');
	page_begin(page, PAGE_STRONG);
	strbuf_addf(&page->text, "== process %zu of %zu: ", part + 1,
		    study->count);
	report_head_process(&page->text, header);
	strbuf_adds(&page->text, " ==");
	page_end(page);
	strbuf_addc(&page->text, '\n');
}
