#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#include "study.h"
#include "xalloc.h"

/* A leak of one class of stacks in one process. */
struct sighting {
	uint32_t cls;
	size_t part;
	const struct row *row;
};

static bool
is_leak(const struct row *row)
{
	return row->verdict.kind == VERDICT_LEAK ||
	       row->verdict.kind == VERDICT_GROWING_BUFFER;
}

static struct sighting *
find_sightings(const struct study_part *parts, size_t part_count,
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

			if (!is_leak(row) || row->fate != FATE_LISTED)
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

/* The newest build before the first that leaks here, if it has another
 * build-id and none of its processes leaks here. */
static const char *
find_build_before(const struct study_part *parts,
		  const struct sighting *sightings, size_t count)
{
	size_t part = sightings[0].part;
	size_t i;

	while (part-- > 0) {
		if (!parts[part].diff->judged ||
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

static void
add_row(struct fleet *fleet, const struct study_part *parts,
	const struct sighting *sightings, size_t count)
{
	double *rates = xcalloc(count, sizeof(*rates));
	struct fleet_row *row = &fleet->rows[fleet->count++];
	size_t last_part = SIZE_MAX;
	size_t i;

	*row = (struct fleet_row){ .row = sightings[0].row };
	for (i = 0; i < count; i++) {
		const struct row *seen = sightings[i].row;

		rates[i] = seen->verdict.bytes_per_hour;
		if (rates[i] > row->row->verdict.bytes_per_hour)
			row->row = seen;
		/* Classes of one process may be one class of all. */
		row->leaks += sightings[i].part != last_part;
		last_part = sightings[i].part;
	}
	qsort(rates, count, sizeof(*rates), sort_rates);
	row->bytes_per_hour = rates[count / 2];
	row->first_build = parts[sightings[0].part].build_id;
	row->build_before = find_build_before(parts, sightings, count);
	free(rates);
}

static int
sort_rows(const void *a, const void *b)
{
	const struct fleet_row *left = a, *right = b;

	if (left->leaks != right->leaks)
		return left->leaks > right->leaks ? -1 : 1;
	if (left->bytes_per_hour != right->bytes_per_hour)
		return left->bytes_per_hour > right->bytes_per_hour ? -1 : 1;
	return left->row->stack < right->row->stack ? -1 : 1;
}

void
fleet_build(struct fleet *fleet, const struct study_part *parts,
	    size_t part_count, const struct atlas *atlas,
	    struct resolver *resolver)
{
	struct classes *classes =
		classes_new(atlas, resolver, GROUP_STACK, false);
	struct sighting *sightings;
	size_t count, begin = 0, i;

	sightings = find_sightings(parts, part_count, classes, &count);
	if (count)
		qsort(sightings, count, sizeof(*sightings), sort_sightings);
	fleet->rows = xcalloc(count, sizeof(*fleet->rows));
	for (i = 1; i <= count; i++) {
		if (i < count && sightings[i].cls == sightings[begin].cls)
			continue;
		add_row(fleet, parts, &sightings[begin], i - begin);
		begin = i;
	}
	if (fleet->count)
		qsort(fleet->rows, fleet->count, sizeof(*fleet->rows),
		      sort_rows);
	for (i = 0; i < part_count; i++)
		fleet->judged += parts[i].diff->judged;
	free(sightings);
	classes_free(classes);
}

void
fleet_release(struct fleet *fleet)
{
	free(fleet->rows);
	*fleet = (struct fleet){ 0 };
}
