#include "headline_trend.h"

#include "advice.h"
#include "culprit.h"
#include "format.h"
#include "judge.h"
#include "saturate.h"
#include "trend.h"

/* A verdict of less confidence is as good as none: it was given against the
 * odds, or they are even. */
#define CONFIDENCE_MIN 0.6

/* Growth has stopped if so little of it came in so much of the time. */
#define STOPPED_RISE 0.01
#define STOPPED_TIME 0.25

/* A limit that is further away is nobody's concern today: a year. */
#define FAR_HOURS (365.25 * 24)

static void
add_sites(struct strbuf *out, size_t sites)
{
	format_count(out, (int64_t)sites, false);
	strbuf_adds(out, sites == 1 ? " call stack" : " call stacks");
}

/* `: at this rate the limit of 2.0 GiB is met in 6 h`. What counts is all of
 * RSS, if that is known to grow. */
static void
add_limit(struct strbuf *out, const struct report *report, double per_hour)
{
	const struct diff *diff = report->diff;
	const struct row *rss = &diff->totals[ROW_LEDGER];
	struct judge_settings settings = { .limit_bytes = report->limit_bytes };
	int64_t headroom = judge_headroom(diff, &settings);
	uint64_t limit = report->limit_bytes
				 ? report->limit_bytes
				 : diff->new_model->header.memory_limit_bytes;
	bool is_rss = diff->count[ROW_LEDGER] > 0 &&
		      verdict_is_leak(&rss->verdict) &&
		      rss->verdict.bytes_per_hour > per_hour;

	if (limit > INT64_MAX)
		limit = INT64_MAX;
	if (is_rss)
		per_hour = rss->verdict.bytes_per_hour;
	if (headroom < 0) {
		strbuf_adds(out, "; the limit of ");
		format_bytes(out, (int64_t)limit, false);
		strbuf_adds(out, " is reached already");
		return;
	}
	if (headroom == 0 || !(per_hour > 0) ||
	    (double)headroom / per_hour > FAR_HOURS)
		return;
	if (is_rss) {
		strbuf_adds(out, "; with RSS at ");
		format_byte_rate(out, per_hour, true);
	} else {
		strbuf_adds(out, ": at this rate");
	}
	strbuf_adds(out, " the limit of ");
	format_bytes(out, (int64_t)limit, false);
	strbuf_adds(out, " is met in ");
	format_hours(out, (double)headroom / per_hour);
}

/* `12.3 MiB/h (95% sure: 11.9 MiB/h to 12.8 MiB/h)`; the interval is one
 * site's: those of several can't be added up. */
static void
add_rate(struct strbuf *out, const struct report *report,
	 const struct culprit *culprit)
{
	const struct verdict *verdict = &culprit->row->verdict;
	double low = verdict->bytes_per_hour_low;
	double high = verdict->bytes_per_hour_high;

	if (report->diff->estimated)
		strbuf_adds(out, "an estimated ");
	if (culprit->rows == 1 && low < high) {
		unsigned int unit = format_unit_of_interval(
			verdict->bytes_per_hour, low, high);

		format_byte_rate_in(out, verdict->bytes_per_hour, false, unit);
		strbuf_adds(out, " (95% sure: ");
		format_byte_rate_in(out, low, false, unit);
		strbuf_adds(out, " to ");
		format_byte_rate_in(out, high, false, unit);
		strbuf_addc(out, ')');
	} else {
		format_byte_rate(out, culprit->bytes_per_hour, false);
	}
	if (culprit->sites > 1) {
		strbuf_adds(out, " in ");
		add_sites(out, culprit->sites);
	}
}

static void
add_leak(struct strbuf *out, const struct report *report,
	 const struct culprit *culprit, const struct culprit_all *all)
{
	size_t others = all->sites - culprit->sites;
	bool is_any_buffer = all->buffers > culprit->buffers;

	culprit_add_place(out, culprit);
	if (culprit->row->verdict.kind == VERDICT_GROWING_BUFFER) {
		strbuf_adds(out, culprit->live_objects == 1
					 ? " keeps a buffer that grows by "
					 : " keeps buffers that grow by ");
		add_rate(out, report, culprit);
	} else {
		strbuf_adds(out, " leaks ");
		add_rate(out, report, culprit);
		strbuf_adds(out, ", ");
		format_count(out, saturate_round(culprit->objects_per_hour),
			     false);
		strbuf_adds(out, " objects/h");
	}
	if (others == 0) {
		add_limit(out, report, culprit->bytes_per_hour);
		strbuf_addc(out, '.');
		return;
	}
	strbuf_adds(out, ". ");
	format_count(out, (int64_t)others, false);
	strbuf_adds(out,
		    others == 1 ? " more call stack" : " more call stacks");
	if (is_any_buffer)
		strbuf_adds(out, others == 1 ? " grows without end, "
					     : " grow without end, ");
	else
		strbuf_adds(out, others == 1 ? " leaks, " : " leak, ");
	format_byte_rate(out, all->bytes_per_hour, false);
	strbuf_adds(out, " in all");
	add_limit(out, report, all->bytes_per_hour);
	strbuf_addc(out, '.');
}

void
headline_trend_span(struct strbuf *out, const struct diff *diff)
{
	uint64_t from = diff->history->times_ns[0];
	uint64_t to = diff->history->times_ns[diff->point_count - 1];

	format_count(out, (int64_t)diff->snapshot_count, false);
	strbuf_adds(out, " snapshots over ");
	format_seconds(out, to > from ? (double)(to - from) / 1e9 : 0);
}

static void
add_too_early(struct strbuf *out, const struct culprit *culprit,
	      const struct culprit_all *all)
{
	strbuf_adds(out, "Too early to say whether anything leaks: ");
	add_sites(out, all->sites);
	strbuf_adds(out, " grew");
	if (culprit->bytes > 0) {
		strbuf_adds(out, all->sites == culprit->sites ? ", in "
							      : ", most in ");
		culprit_add_place(out, culprit);
		strbuf_adds(out, " by ");
		format_bytes(out, culprit->bytes, false);
	}
	strbuf_adds(out, "; ");
	(void)advice(out, culprit->row, NULL);
	strbuf_addc(out, '.');
}

/* Leaks of one fate. What a library keeps for itself is nobody's leak, so the
 * built-in suppressions hide none. */
static size_t
count_fate(const struct diff *diff, enum row_fate fate)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < diff->count[ROW_HEAP]; i++) {
		const struct row *row = &diff->rows[diff->first[ROW_HEAP] + i];

		count += row->fate == fate && !row->is_builtin &&
			 verdict_is_leak(&row->verdict);
	}
	return count;
}

static size_t
count_hidden(const struct diff *diff)
{
	size_t hidden = 0;
	unsigned int fate;

	for (fate = FATE_LISTED + 1; fate < FATE_COUNT; fate++)
		hidden += count_fate(diff, (enum row_fate)fate);
	return hidden;
}

/* Live heap and RSS are sums of what is judged by itself; our own tables are no
 * leak of the program. */
static bool
is_elsewhere(const struct row *row)
{
	return row->kind == ROW_THREAD ||
	       (row->line != LEDGER_rss && row->line != LEDGER_live_heap &&
		row->line != LEDGER_shim);
}

static bool
grows_elsewhere(const struct diff *diff)
{
	size_t end = diff->first[ROW_LEDGER] + diff->count[ROW_LEDGER];
	size_t i;

	for (i = diff->first[ROW_THREAD]; i < end; i++) {
		const struct row *row = &diff->rows[i];

		if (verdict_is_leak(&row->verdict) && is_elsewhere(row))
			return true;
	}
	return false;
}

bool
headline_trend_is_clean(const struct diff *diff)
{
	return !count_hidden(diff) && !grows_elsewhere(diff) &&
	       !verdict_is_leak(&diff->totals[ROW_HEAP].verdict);
}

/* No more is claimed than was looked at. */
static void
add_nothing(struct strbuf *out, const struct diff *diff)
{
	if (count_hidden(diff))
		strbuf_adds(out, "No call stack that is listed leaks");
	else if (grows_elsewhere(diff))
		strbuf_adds(out, "Nothing leaks in the heap");
	else
		strbuf_adds(out, "Nothing leaks");
}

/* Each call stack may have one object more and no trend, and yet there are ever
 * more of them. */
static void
add_together(struct strbuf *out, const struct report *report)
{
	const struct verdict *verdict = &report->diff->totals[ROW_HEAP].verdict;

	strbuf_adds(out, "No single call stack leaks, but all of them together "
			 "grow without end (");
	format_share(out, (int64_t)(verdict->confidence * 1000), 1000);
	strbuf_adds(out, " sure): ");
	format_byte_rate(out, verdict->bytes_per_hour, true);
	strbuf_adds(out, ", objects ");
	format_rate(out, verdict->objects_per_hour, true);
	add_limit(out, report, verdict->bytes_per_hour);
	strbuf_adds(out, ". See what they share: --by function.");
}

/* Grew by a rate, and it is as likely as not that it goes on. Of a step there
 * is no rate: it is a word, no doubt. */
static bool
is_doubtful(const struct culprit *culprit)
{
	return culprit->row->verdict.confidence < CONFIDENCE_MIN &&
	       culprit->bytes_per_hour >= 1;
}

/* Did what it gained come before the last quarter of the time? */
static bool
has_stopped(const struct diff *diff, const struct row *row)
{
	double times[HISTORY_POINTS_MAX], values[HISTORY_POINTS_MAX];
	size_t last = diff->point_count - 1;
	size_t i;

	if (!row->points)
		return false;
	for (i = 0; i <= last; i++) {
		times[i] = (double)(diff->history->times_ns[i] -
				    diff->history->times_ns[0]);
		values[i] = (double)row->points[i].bytes;
	}
	return values[last] - trend_value_at((struct series){ times, values,
							      last + 1 },
					     times[last] * (1 - STOPPED_TIME)) <
	       STOPPED_RISE * (double)row->delta.bytes;
}

static void
add_cache(struct strbuf *out, const struct report *report,
	  const struct culprit *culprit, const struct culprit_all *all)
{
	bool doubtful = is_doubtful(culprit);

	if (doubtful)
		strbuf_adds(out, "Nothing leaks for certain");
	else
		add_nothing(out, report->diff);
	strbuf_adds(out, ", as far as ");
	headline_trend_span(out, report->diff);
	strbuf_adds(out, doubtful ? " tell, but " : " tell; ");
	culprit_add_place(out, culprit);
	if (culprit->bytes_per_hour >= 1 &&
	    (doubtful || !has_stopped(report->diff, culprit->row))) {
		strbuf_adds(out, " grows by ");
		format_byte_rate(out, culprit->bytes_per_hour, false);
		strbuf_adds(out,
			    doubtful ? " and may go on: take more snapshots, "
				       "evenly apart"
				     : " and slows down, as a cache does that "
				       "fills");
	} else {
		strbuf_adds(out, " grew by ");
		format_bytes(out, culprit->bytes, false);
		strbuf_adds(out, " and stopped, as a cache does that is full");
	}
	if (all->sites > culprit->sites) {
		strbuf_adds(out, ", and ");
		format_count(out, (int64_t)(all->sites - culprit->sites),
			     false);
		strbuf_adds(out, " more likewise");
	}
	strbuf_addc(out, '.');
}

static void
add_steady(struct strbuf *out, const struct report *report)
{
	const struct diff *diff = report->diff;

	add_nothing(out, diff);
	if (diff->totals[ROW_HEAP].live_new.bytes == 0 &&
	    diff->totals[ROW_HEAP].live_old.bytes == 0) {
		strbuf_adds(out, ": live heap is empty.");
		return;
	}
	strbuf_adds(out, count_hidden(diff) ? " ("
					    : ": no site grows without end (");
	headline_trend_span(out, diff);
	strbuf_adds(out, ").");
}

/* The ledger has its own reasons to grow. Live heap and RSS are told
 * otherwise. */
static enum page_style
add_ledger(struct strbuf *out, const struct diff *diff)
{
	static const char *const words[LEDGER_LINE_COUNT] = {
#define X(name, text) [LEDGER_##name] = text,
		LEDGER_LINES(X)
#undef X
	};
	enum page_style style = PAGE_GOOD;
	size_t i;

	for (i = 0; i < diff->count[ROW_LEDGER]; i++) {
		const struct row *row =
			&diff->rows[diff->first[ROW_LEDGER] + i];

		if (row->line == LEDGER_rss || row->line == LEDGER_live_heap ||
		    !advice_is_worth(diff, row))
			continue;
		if (row->verdict.kind == VERDICT_RETENTION) {
			strbuf_adds(out, " The allocator keeps ever more, ");
			format_byte_rate(out, row->verdict.bytes_per_hour,
					 true);
			strbuf_addc(out, '.');
			style = PAGE_DOUBT;
		} else if (verdict_is_leak(&row->verdict)) {
			strbuf_adds(out, " Outside the heap grows: ");
			strbuf_adds(out, words[row->line]);
			strbuf_adds(out, ", ");
			format_byte_rate(out, row->verdict.bytes_per_hour,
					 true);
			strbuf_addc(out, '.');
			style = PAGE_DOUBT;
		}
	}
	return style;
}

/* ` 1 leak is suppressed. 2 leaks are accepted by the baseline.` */
static void
add_hidden(struct strbuf *out, const struct diff *diff)
{
	static const char *const words[FATE_COUNT] = {
		[FATE_LISTED] = NULL,
		[FATE_SUPPRESSED] = "suppressed.",
		[FATE_ACCEPTED] = "accepted by the baseline.",
		[FATE_FILTERED] = "hidden by --focus or --ignore.",
		[FATE_SMALL] = "hidden by --min-bytes.",
	};
	unsigned int fate;

	for (fate = FATE_LISTED + 1; fate < FATE_COUNT; fate++) {
		size_t count = count_fate(diff, (enum row_fate)fate);

		if (!count)
			continue;
		strbuf_addc(out, ' ');
		format_count(out, (int64_t)count, false);
		strbuf_adds(out, count == 1 ? " leak is " : " leaks are ");
		strbuf_adds(out, words[fate]);
	}
}

enum page_style
headline_trend(struct strbuf *out, const struct report *report)
{
	const struct diff *diff = report->diff;
	size_t hidden = count_hidden(diff);
	enum page_style style = PAGE_GOOD;
	struct culprit culprit;
	struct culprit_all all;

	if (culprit_of_verdict(report, ROW_HEAP, VERDICT_GROWING_BUFFER,
			       VERDICT_LEAK, &culprit, &all)) {
		add_leak(out, report, &culprit, &all);
		style = PAGE_BAD;
	} else if (culprit_of_verdict(report, ROW_HEAP, VERDICT_INSUFFICIENT,
				      VERDICT_INSUFFICIENT, &culprit, &all)) {
		add_too_early(out, &culprit, &all);
		style = PAGE_DOUBT;
	} else if (!hidden &&
		   verdict_is_leak(&diff->totals[ROW_HEAP].verdict)) {
		add_together(out, report);
		style = PAGE_DOUBT;
	} else if (culprit_of_verdict(report, ROW_HEAP, VERDICT_CACHE_FILL,
				      VERDICT_CACHE_FILL, &culprit, &all)) {
		add_cache(out, report, &culprit, &all);
		if (is_doubtful(&culprit))
			style = PAGE_DOUBT;
	} else {
		add_steady(out, report);
	}
	add_hidden(out, diff);
	if (add_ledger(out, diff) == PAGE_DOUBT && style == PAGE_GOOD)
		style = PAGE_DOUBT;
	return style;
}

bool
headline_trend_threads(struct strbuf *out, const struct report *report)
{
	const struct row *total = &report->diff->totals[ROW_THREAD];
	int64_t unjoined =
		total->threads_new.unjoined - total->threads_old.unjoined;
	struct culprit culprit;
	struct culprit_all all;

	if (!culprit_of_verdict(report, ROW_THREAD, VERDICT_GROWING_BUFFER,
				VERDICT_LEAK, &culprit, &all))
		return false;
	culprit_add_place(out, &culprit);
	strbuf_adds(out, " starts threads that stay: ");
	format_rate(out, culprit.objects_per_hour, true);
	if (all.sites > culprit.sites) {
		strbuf_adds(out, " (");
		format_rate(out, all.objects_per_hour, true);
		strbuf_adds(out, " with those of others)");
	}
	if (unjoined > 0) {
		strbuf_adds(out, "; ");
		format_count(out, unjoined, false);
		strbuf_adds(out, unjoined == 1 ? " more has exited but was "
					       : " more have exited but were ");
		strbuf_adds(out, "never joined");
	}
	strbuf_adds(out, ".\n");
	return true;
}
