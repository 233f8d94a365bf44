#include "load_latency.h"

#include <math.h>
#include <stddef.h>

#define SUB_CELLS (UINT64_C(1) << LOAD_LATENCY_SUB_BITS)

/* Below 2 * SUB_CELLS each cell is one value; from there on each doubling has
 * SUB_CELLS cells. */
static size_t
cell_of(uint64_t ns)
{
	unsigned int shift;

	if (ns < SUB_CELLS)
		return (size_t)ns;
	if (ns >> LOAD_LATENCY_MAX_BITS)
		return LOAD_LATENCY_CELLS - 1;
	shift = 63u - (unsigned int)__builtin_clzll(ns) - LOAD_LATENCY_SUB_BITS;
	return (size_t)((shift << LOAD_LATENCY_SUB_BITS) + (ns >> shift));
}

/* The highest value of a cell. */
static uint64_t
end_of(size_t cell)
{
	uint64_t shift = cell >> LOAD_LATENCY_SUB_BITS;

	if (shift <= 1)
		return cell;
	shift--;
	return ((cell - (shift << LOAD_LATENCY_SUB_BITS) + 1) << shift) - 1;
}

void
load_latency_insert(struct load_latency *latency, uint64_t ns)
{
	latency->cells[cell_of(ns)]++;
	latency->count++;
	latency->sum_ns += (double)ns;
	if (ns > latency->max_ns)
		latency->max_ns = ns;
}

void
load_latency_merge(struct load_latency *latency,
		   const struct load_latency *from)
{
	size_t i;

	for (i = 0; i < LOAD_LATENCY_CELLS; i++)
		latency->cells[i] += from->cells[i];
	latency->count += from->count;
	latency->sum_ns += from->sum_ns;
	if (from->max_ns > latency->max_ns)
		latency->max_ns = from->max_ns;
}

uint64_t
load_latency_quantile(const struct load_latency *latency, double part)
{
	double want = ceil(part * (double)latency->count);
	uint64_t seen = 0, end;
	size_t i;

	if (latency->count == 0)
		return 0;
	for (i = 0; i < LOAD_LATENCY_CELLS - 1; i++) {
		seen += latency->cells[i];
		if (seen > 0 && (double)seen >= want) {
			end = end_of(i);
			return end < latency->max_ns ? end : latency->max_ns;
		}
	}
	/* The last cell has no upper end. */
	return latency->max_ns;
}

double
load_latency_mean_ns(const struct load_latency *latency)
{
	if (latency->count == 0)
		return 0;
	return latency->sum_ns / (double)latency->count;
}
