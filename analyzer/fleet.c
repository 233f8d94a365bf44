#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "xalloc.h"

/* A leak of one class of stacks in one process. */
struct sighting {
	uint32_t cls;
	size_t part;
	const struct row *row;
};

static struct sighting *
find_sightings(const struct fleet_part *parts, size_t part_count,
	       const struct classes *classes, size_t *count)
{
	struct sighting *list = NULL;
	size_t capacity = 0;
	size_t part, i;

	*count = 0;
	for (part = 0; part < part_count; part++) {
		const struct diff *diff = parts[part].diff;

		for (i = 0; i < diff->count[ROW_HEAP]; i++) {
			const struct row *row = &diff->rows[i];

			if (!verdict_is_leak(&row->verdict) ||
			    row->fate != FATE_LISTED)
				continue;
			list = xgrow(list, &capacity, *count + 1,
				     sizeof(*list));
			list[(*count)++] = (struct sighting){
				.cls = classes->of[row->stack],
				.part = part,
				.row = row,
			};
		}
	}
	return list;
}

static int
sort_sightings(const void *a, const void *b)
{
	const struct sighting *left = a, *right = b;

	if (left->cls != right->cls)
		return left->cls < right->cls ? -1 : 1;
	return left->part < right->part ? -1 : left->part > right->part;
}

static int
sort_rates(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

/* By the name of its file: a new build may well lie in another directory. */
static bool
is_same_program(const struct fleet_part *a, const struct fleet_part *b)
{
	return strcmp(path_base(a->diff->new_model->header.exe),
		      path_base(b->diff->new_model->header.exe)) == 0;
}

/* The newest build before the first that leaks here, if it has another
 * build-id and none of its processes leaks here. */
static const char *
find_build_before(const struct fleet_part *parts,
		  const struct sighting *sightings, size_t count)
{
	size_t part = sightings[0].part;
	size_t i;

	while (part-- > 0) {
		if (!parts[part].diff->judged ||
		    !is_same_program(&parts[part], &parts[sightings[0].part]) ||
		    strcmp(parts[part].build_id,
			   parts[sightings[0].part].build_id) == 0)
			continue;
		for (i = 0; i < count; i++) {
			if (strcmp(parts[sightings[i].part].build_id,
				   parts[part].build_id) == 0)
				return "";
		}
		return parts[part].build_id;
	}
	return "";
}

static double
median(double *rates, size_t count)
{
	qsort(rates, count, sizeof(*rates), sort_rates);
	return count % 2 ? rates[count / 2]
			 : (rates[count / 2 - 1] + rates[count / 2]) / 2;
}

/* The sightings of one class, by process. */
static void
add_row(struct fleet *fleet, const struct fleet_part *parts,
	const struct classes *classes, const struct sighting *sightings,
	size_t count)
{
	double *rates = xcalloc(count, sizeof(*rates));
	struct fleet_row *row = &fleet->rows[fleet->count++];
	size_t i;

	*row = (struct fleet_row){ .row = sightings[0].row };
	if (classes->labels)
		row->label = classes->labels[sightings[0].cls];
	for (i = 0; i < count; i++) {
		const struct row *seen = sightings[i].row;

		if (seen->verdict.bytes_per_hour >
		    row->row->verdict.bytes_per_hour)
			row->row = seen;
		/* Several rows of one process may be one class of all. */
		row->leaks += i == 0 ||
			      sightings[i].part != sightings[i - 1].part;
		rates[row->leaks - 1] += seen->verdict.bytes_per_hour;
		row->total_per_hour += seen->verdict.bytes_per_hour;
	}
	row->bytes_per_hour = median(rates, row->leaks);
	row->first_build = parts[sightings[0].part].build_id;
	row->build_before = find_build_before(parts, sightings, count);
	free(rates);
}

static int
sort_rows(const void *a, const void *b)
{
	const struct fleet_row *left = a, *right = b;

	if (left->total_per_hour != right->total_per_hour)
		return left->total_per_hour > right->total_per_hour ? -1 : 1;
	if (left->leaks != right->leaks)
		return left->leaks > right->leaks ? -1 : 1;
	return left->row->stack < right->row->stack ? -1 : 1;
}

void
fleet_build(struct fleet *fleet, const struct fleet_part *parts,
	    size_t part_count, const struct classes *classes)
{
	struct sighting *sightings;
	size_t count, begin = 0, i;

	sightings = find_sightings(parts, part_count, classes, &count);
	if (count)
		qsort(sightings, count, sizeof(*sightings), sort_sightings);
	fleet->rows = xcalloc(count, sizeof(*fleet->rows));
	for (i = 1; i <= count; i++) {
		if (i < count && sightings[i].cls == sightings[begin].cls)
			continue;
		add_row(fleet, parts, classes, &sightings[begin], i - begin);
		begin = i;
	}
	if (fleet->count)
		qsort(fleet->rows, fleet->count, sizeof(*fleet->rows),
		      sort_rows);
	for (i = 0; i < part_count; i++)
		fleet->judged += parts[i].diff->judged;
	free(sightings);
}

void
fleet_release(struct fleet *fleet)
{
	free(fleet->rows);
	*fleet = (struct fleet){ 0 };
}
