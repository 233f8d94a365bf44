#include "gate_weigh.h"

#include <math.h>
#include <stddef.h>

/* Standard deviations of an estimate: 95 of 100. */
#define GATE_ERROR 2

/*
 * Of the estimated growth. A Poisson sample of mean m has a variance of m
 * times the bytes; keeping one block of 2^k, of their size times 2^k - 1 times
 * the bytes. What lives in both snapshots is in both or neither, so only what
 * came and went between them can err.
 */
double
gate_error_of(const struct diff *diff, const struct row *row)
{
	uint32_t shift = diff->new_model->losses.thinning_shift;
	double live = (double)row->live_old.bytes + (double)row->live_new.bytes;
	double moved = (double)row->alloc.bytes + (double)row->release.bytes;
	double per_byte = 0;

	if (!diff->estimated || row->kind == ROW_THREAD)
		return 0;
	if (diff->new_model->header.sample_bytes > 1)
		per_byte += (double)diff->new_model->header.sample_bytes;
	if (shift && row->alloc_ever.objects > 0)
		per_byte += (double)row->alloc_ever.bytes /
			    (double)row->alloc_ever.objects *
			    (ldexp(1, (int)(shift < 62 ? shift : 62)) - 1);
	return GATE_ERROR * sqrt(per_byte * fmax(fmin(live, moved), 0));
}

/* What a snapshot alone holds is what grew since tracking began, but for what a
 * forked child took over from its parent. */
static struct amount
growth_of(const struct diff *diff, const struct row *row)
{
	struct amount growth = row->delta;

	if (!diff->old_model) {
		growth.bytes -= row->inherited.bytes;
		growth.objects -= row->inherited.objects;
	}
	return growth;
}

/* Blocks of no bytes are blocks: a gate of 0 wants none. */
static bool
is_over(struct amount growth, double error, const struct gate_limit *limit)
{
	if ((double)growth.bytes + error > (double)limit->bytes)
		return true;
	return limit->bytes == 0 && growth.bytes == 0 && growth.objects > 0;
}

static double
simple_rate(const struct diff *diff, const struct row *row)
{
	double first = (double)history_time_ns(&diff->old_model->header);
	double last = (double)history_time_ns(&diff->new_model->header);

	return last > first ? (double)row->delta.bytes * 3.6e12 / (last - first)
			    : 0;
}

/* What is not known by the work is doubt, as what is not known by the hour. */
static struct weighed
weigh_per_unit(const struct row *row, const struct gate_limit *limit)
{
	const struct work_rate *rate = &row->per_unit;
	struct weighed weighed = { .amount = rate->bytes };

	if (!verdict_is_leak(&row->verdict) &&
	    row->verdict.kind != VERDICT_INSUFFICIENT)
		return weighed;
	if (!rate->unit || !isfinite(rate->bytes_low)) {
		weighed.finding = FINDING_DOUBT;
		weighed.doubt = "its rate is not known";
	} else if (verdict_is_leak(&row->verdict) &&
		   (rate->bytes_low > (double)limit->bytes ||
		    (limit->bytes == 0 && rate->objects_low > 0))) {
		weighed.finding = FINDING_FOUND;
	} else if (rate->bytes > (double)limit->bytes) {
		weighed.finding = FINDING_DOUBT;
		if (verdict_is_leak(&row->verdict))
			weighed.doubt = "its rate is not certain enough";
	}
	return weighed;
}

static struct weighed
weigh_rate(const struct diff *diff, const struct row *row,
	   const struct gate_limit *limit)
{
	const struct verdict *verdict = &row->verdict;
	struct weighed weighed = { .amount = verdict->bytes_per_hour };

	if (verdict_is_leak(&row->verdict)) {
		if (!isfinite(verdict->bytes_per_hour_low)) {
			weighed.finding = FINDING_DOUBT;
			weighed.doubt = "its rate is not known";
		} else if (verdict->bytes_per_hour_low > (double)limit->bytes) {
			weighed.finding = FINDING_FOUND;
		} else if (diff->estimated &&
			   verdict->bytes_per_hour > (double)limit->bytes) {
			weighed.finding = FINDING_DOUBT;
			weighed.doubt = "the estimate is too wide";
		}
	} else if (verdict->kind == VERDICT_INSUFFICIENT) {
		weighed.amount =
			fmax(simple_rate(diff, row), verdict->bytes_per_hour);
		if (weighed.amount > (double)limit->bytes)
			weighed.finding = FINDING_DOUBT;
	}
	return weighed;
}

static struct weighed
weigh_growth(const struct diff *diff, const struct row *row,
	     const struct gate_limit *limit)
{
	struct amount growth = growth_of(diff, row);
	double error = gate_error_of(diff, row);
	struct weighed weighed = { .amount = (double)growth.bytes };

	if (!is_over(growth, error, limit))
		return weighed;
	if (diff->judged && row->verdict.kind == VERDICT_INSUFFICIENT) {
		weighed.finding = FINDING_DOUBT;
	} else if (!diff->judged || verdict_is_leak(&row->verdict)) {
		weighed.finding = FINDING_FOUND;
		if (!is_over(growth, -error, limit)) {
			weighed.finding = FINDING_DOUBT;
			weighed.doubt = "the estimate is too wide";
		}
	}
	return weighed;
}

struct weighed
gate_weigh(const struct diff *diff, const struct row *row,
	   const struct gate_limit *limit)
{
	if (limit->per_unit)
		return weigh_per_unit(row, limit);
	return limit->per_hour ? weigh_rate(diff, row, limit)
			       : weigh_growth(diff, row, limit);
}
