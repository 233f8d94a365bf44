#include "verdict_ages.h"

#include <math.h>

/* Ages must cover that share of the live objects. */
#define COVERED_MIN 0.8

void
survivors_of(const struct subject *subject, struct survivors *survivors)
{
	double objects = 0;
	double bytes = 0;
	double edge = -HUGE_VAL;
	size_t i;

	*survivors = (struct survivors){ 0 };
	if (subject->count == 0 || subject->age_count == 0 ||
	    subject->age_count > SURVIVOR_EDGES_MAX / 2)
		return;
	/* Oldest first: sums over births rise with the time of birth. */
	for (i = subject->age_count; i-- > 0;) {
		const struct age_bin *bin = &subject->ages[i];
		double from = subject->tracked_s - bin->max_s;
		double to = subject->tracked_s - bin->min_s;
		size_t k = survivors->count;

		if (bin->objects < 0 || bin->bytes < 0 || !(from <= to) ||
		    from < edge) {
			survivors->count = 0;
			return;
		}
		/* A bin that begins when the snapshot was taken, or a moment
		 * later, as the clock of births may tick first: no time, but
		 * what is in it was born. */
		if (from == to && k > 0) {
			objects += (double)bin->objects;
			bytes += (double)bin->bytes;
			survivors->objects[k - 1] = objects;
			survivors->bytes[k - 1] = bytes;
			continue;
		}
		if (k == 0 || from > edge) {
			survivors->times[k] = from;
			survivors->objects[k] = objects;
			survivors->bytes[k++] = bytes;
		}
		objects += (double)bin->objects;
		bytes += (double)bin->bytes;
		survivors->times[k] = edge = to;
		survivors->objects[k] = objects;
		survivors->bytes[k++] = bytes;
		survivors->count = k;
	}
	survivors->known =
		objects > 0 &&
		objects >= COVERED_MIN *
				   (double)subject->points[subject->count - 1]
					   .objects;
}

double
survivors_objects(const struct survivors *survivors, double time)
{
	if (survivors->count == 0 || time <= survivors->times[0])
		return 0;
	return trend_value_at((struct series){ survivors->times,
					       survivors->objects,
					       survivors->count },
			      time);
}

double
survivors_bytes(const struct survivors *survivors, double time)
{
	if (survivors->count == 0 || time <= survivors->times[0])
		return 0;
	return trend_value_at((struct series){ survivors->times,
					       survivors->bytes,
					       survivors->count },
			      time);
}

double
survivors_known_at(const struct survivors *survivors, double time)
{
	const double *times = survivors->times;
	size_t i;

	for (i = 0; i < survivors->count; i++)
		if (times[i] >= time)
			break;
	if (i == 0 || i == survivors->count ||
	    survivors->objects[i] == survivors->objects[i - 1])
		return time;
	return times[i];
}
