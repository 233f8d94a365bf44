#include "work.h"

#include <math.h>

#include "history.h"
#include "trend.h"

double
work_at(const struct work *work, const struct header *header)
{
	size_t i;

	for (i = 0; work && i < work->count; i++) {
		const struct work_entry *entry = &work->entries[i];

		if (entry->pid == header->pid &&
		    entry->start_ticks == header->start_ticks &&
		    entry->sequence == header->sequence)
			return entry->units;
	}
	return NAN;
}

void
work_rate_of(const char *unit, const double *units, const struct amount *points,
	     size_t count, struct work_rate *rate)
{
	double x[TREND_POINTS_MAX], bytes[TREND_POINTS_MAX];
	double objects[TREND_POINTS_MAX];
	struct trend trend;
	size_t kept = 0;
	size_t i;

	*rate = (struct work_rate){ .unit = NULL };
	for (i = 0; i < count && i < TREND_POINTS_MAX; i++) {
		if (!isfinite(units[i]))
			continue;
		if (kept && x[kept - 1] >= units[i])
			kept--;
		x[kept] = units[i];
		bytes[kept] = (double)points[i].bytes;
		objects[kept++] = (double)points[i].objects;
	}
	if (kept < 3)
		return;
	rate->unit = unit;
	trend_of((struct series){ x, bytes, kept }, &trend);
	rate->bytes = trend.slope;
	rate->bytes_low = trend.low;
	rate->bytes_high = trend.high;
	trend_of((struct series){ x, objects, kept }, &trend);
	rate->objects = trend.slope;
	rate->objects_low = trend.low;
	rate->objects_high = trend.high;
}
