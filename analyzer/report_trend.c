#include "report_trend.h"

#include "format.h"
#include "trend.h"

#define SERIES_COLUMNS 24
#define SERIES_LEVELS 8
#define AGE_GROUPS 4

enum page_style
report_trend_style(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_LEAK:
	case VERDICT_GROWING_BUFFER:
		return PAGE_BAD;
	case VERDICT_RETENTION:
	case VERDICT_CACHE_FILL:
	case VERDICT_INSUFFICIENT:
		return PAGE_DOUBT;
	case VERDICT_NONE:
	case VERDICT_STEADY:
	case VERDICT_KIND_COUNT:
		break;
	}
	return PAGE_GOOD;
}

/* Threads are counted, all else is measured. */
static void
add_rate(struct strbuf *out, const struct row *row)
{
	const struct verdict *verdict = &row->verdict;
	double low = verdict->bytes_per_hour_low;
	double high = verdict->bytes_per_hour_high;

	if (row->kind == ROW_THREAD) {
		strbuf_adds(out, ", threads ");
		format_rate(out, verdict->objects_per_hour, true);
		return;
	}
	strbuf_adds(out, ", ");
	if (low != high) {
		unsigned int unit = format_unit_of_interval(
			verdict->bytes_per_hour, low, high);

		format_byte_rate_in(out, verdict->bytes_per_hour, true, unit);
		strbuf_adds(out, " (95%: ");
		format_byte_rate_in(out, low, true, unit);
		strbuf_adds(out, " to ");
		format_byte_rate_in(out, high, true, unit);
		strbuf_addc(out, ')');
	} else {
		format_byte_rate(out, verdict->bytes_per_hour, true);
	}
	if (row->kind == ROW_HEAP && verdict->kind == VERDICT_LEAK) {
		strbuf_adds(out, ", objects ");
		format_rate(out, verdict->objects_per_hour, true);
	}
}

/* `, +64 B per request (95%: +63 B to +65 B)` */
static void
add_per_unit(struct strbuf *out, const struct row *row)
{
	const struct work_rate *rate = &row->per_unit;

	if (!rate->unit)
		return;
	strbuf_adds(out, ", ");
	if (row->kind == ROW_THREAD)
		strbuf_addf(out, "%+.3g threads", rate->objects);
	else
		format_mean_bytes(out, rate->bytes, true);
	strbuf_adds(out, " per ");
	strbuf_add_printable(out, rate->unit);
	if (row->kind == ROW_THREAD || rate->bytes_low == rate->bytes_high)
		return;
	strbuf_adds(out, " (95%: ");
	format_mean_bytes(out, rate->bytes_low, true);
	strbuf_adds(out, " to ");
	format_mean_bytes(out, rate->bytes_high, true);
	strbuf_addc(out, ')');
}

void
report_trend_verdict(struct page *page, const struct row *row)
{
	const struct verdict *verdict = &row->verdict;

	if (verdict->kind == VERDICT_NONE)
		return;
	page_adds(page, report_trend_style(verdict->kind),
		  verdict_name(verdict->kind));
	if (verdict->confidence > 0 && verdict->kind != VERDICT_INSUFFICIENT) {
		strbuf_adds(&page->text, " (");
		format_share(&page->text, (int64_t)(verdict->confidence * 1000),
			     1000);
		strbuf_adds(&page->text, " sure)");
	}
	add_rate(&page->text, row);
	add_per_unit(&page->text, row);
	/* Stacks are reserved: they are not resident by that. */
	if (verdict->eta_hours > 0 && row->kind != ROW_THREAD) {
		strbuf_adds(&page->text, ", at the limit in ");
		format_hours(&page->text, verdict->eta_hours);
	}
	if (verdict->warmup_s > 0) {
		/* Where work is counted, warm-up is what the user asked for
		 * before the first snapshot. */
		bool has_own = row->per_unit.unit != NULL;

		strbuf_adds(&page->text,
			    has_own ? "; its first " : "; warm-up of ");
		format_seconds(&page->text, verdict->warmup_s);
		strbuf_adds(&page->text, has_own ? ", unlike the rest, left out"
						 : " left out");
	}
}

/* What stands in a column. Points that are evenly apart are shown as they are,
 * the first and the last always; others by the time, straight lines between
 * them. */
static double
series_at(const struct diff *diff, const struct row *row, size_t column,
	  size_t columns)
{
	const uint64_t *times_ns = diff->history->times_ns;
	size_t last = diff->point_count - 1;
	size_t at = column * last / (columns - 1);
	double times[HISTORY_POINTS_MAX], values[HISTORY_POINTS_MAX];
	struct series series = { times, values, diff->point_count };
	size_t i;

	for (i = 0; i <= last; i++) {
		times[i] = (double)(times_ns[i] - times_ns[0]);
		values[i] = (double)row->points[i].bytes;
	}
	if (times_ns[last] <= times_ns[0] || !trend_is_uneven(series))
		return values[at];
	return trend_value_at(series, times[last] * (double)column /
					      (double)(columns - 1));
}

void
report_trend_series(struct page *page, const struct diff *diff,
		    const struct row *row)
{
	/* Block elements U+2581 to U+2588 differ in their last byte. */
	static const char ascii[SERIES_LEVELS + 1] = "_.:-=+*#";
	size_t count = row->points ? diff->point_count : 0;
	size_t columns = count < SERIES_COLUMNS ? count : SERIES_COLUMNS;
	int64_t low = INT64_MAX, high = INT64_MIN;
	size_t i;

	for (i = 0; i < count; i++) {
		int64_t bytes = row->points[i].bytes;

		low = bytes < low ? bytes : low;
		high = bytes > high ? bytes : high;
	}
	if (low >= high)
		return;
	strbuf_adds(&page->text, page->utf8 ? "  " : "  [");
	for (i = 0; i < columns; i++) {
		double bytes = series_at(diff, row, i, columns);
		double share =
			(bytes - (double)low) / ((double)high - (double)low);
		int level = (int)(share * (SERIES_LEVELS - 1) + 0.5);

		if (page->utf8)
			strbuf_addf(&page->text, "\xe2\x96%c",
				    (char)(0x81 + level));
		else
			strbuf_addc(&page->text, ascii[level]);
	}
	if (!page->utf8)
		strbuf_addc(&page->text, ']');
}

/* `11 s to 22 s ago` */
static void
add_span(struct strbuf *out, double from_s, double to_s, bool is_last)
{
	if (from_s <= 0) {
		strbuf_adds(out, is_last ? "since the start" : "in the last ");
		if (!is_last)
			format_seconds(out, to_s);
		return;
	}
	if (is_last) {
		strbuf_adds(out, "more than ");
		format_seconds(out, from_s);
		strbuf_adds(out, " ago");
		return;
	}
	format_seconds(out, from_s);
	strbuf_adds(out, " to ");
	format_seconds(out, to_s);
	strbuf_adds(out, " ago");
}

/* Quarters of the time since tracking began, as far as the bins can be cut
 * there: a leak has some in each. */
void
report_trend_ages(struct page *page, const struct diff *diff,
		  const struct row *row)
{
	struct age_bin ages[LKS_COHORTS];
	size_t count = diff_ages(diff, row, ages);
	struct strbuf *out = &page->text;
	double oldest = 0, from = 0;
	int64_t whole = 0, part = 0;
	size_t groups = 0, i;

	for (i = 0; i < count; i++) {
		whole += ages[i].bytes;
		if (ages[i].max_s > oldest)
			oldest = ages[i].max_s;
	}
	if (whole <= 0)
		return;
	strbuf_adds(out, "      born: ");
	for (i = 0; i < count; i++) {
		const struct age_bin *bin = &ages[i];
		bool is_last = i + 1 == count;

		part += bin->bytes;
		if (!is_last &&
		    bin->max_s < oldest * (double)(groups + 1) / AGE_GROUPS)
			continue;
		while (groups < AGE_GROUPS &&
		       bin->max_s >= oldest * (double)(groups + 1) / AGE_GROUPS)
			groups++;
		if (part > 0) {
			if (out->data[out->len - 1] != ' ')
				strbuf_adds(out, ", ");
			format_share(out, part, whole);
			strbuf_addc(out, ' ');
			add_span(out, from, bin->max_s, is_last);
		}
		from = bin->max_s;
		part = 0;
	}
	strbuf_addc(out, '\n');
}
