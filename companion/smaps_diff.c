/*
 * Nearly all mappings are at the same place in both looks and are passed over
 * in one walk. What is left falls into clusters of ranges that overlap, mostly
 * of one to three; within a cluster, mappings of the same thing that overlap
 * are joined into regions.
 *
 * Equal permissions join first: in a malloc arena the border between its
 * readable part and its reserve moves, and these are two regions of which one
 * grew and one shrank, not one jumble.
 */
#include "smaps_diff.h"

#include <stdlib.h>
#include <string.h>

#include "../analyzer/xalloc.h"

/* A cluster's mappings: those of before, then those of after. */
struct cluster {
	const struct smaps_mapping *before;
	const struct smaps_mapping *after;
	size_t before_count;
	size_t after_count;
	size_t *parent; /* each element's, its own if it leads a region */
	size_t *made;   /* a leader's change, by its place in the list */
	bool *joined;   /* to one of the same permissions */
	size_t parent_capacity;
	size_t made_capacity;
	size_t joined_capacity;
};

struct walk {
	struct smaps_diff *diff;
	const struct smaps *before;
	const struct smaps *after;
	struct cluster cluster;
};

static bool
same_permissions(const struct smaps_mapping *a, const struct smaps_mapping *b)
{
	return !memcmp(a->permissions, b->permissions, 4);
}

/* A file that was removed meanwhile changes its path, and a program may name
 * its anonymous mappings at any time. */
static bool
same_thing(const struct smaps_mapping *a, const struct smaps_mapping *b)
{
	return a->inode == b->inode && a->device == b->device &&
	       (a->inode || a->kind == b->kind);
}

static bool
same_place(const struct smaps_mapping *a, const struct smaps_mapping *b)
{
	return a->start == b->start && a->end == b->end && same_thing(a, b);
}

static bool
overlap(const struct smaps_mapping *a, const struct smaps_mapping *b)
{
	return a->start < b->end && b->start < a->end;
}

/* --- a region becomes a change ---------------------------------------------- */

static void
add_part(struct smaps_region *region, const struct smaps_mapping *mapping)
{
	if (!region->count) {
		region->start = mapping->start;
		memcpy(region->permissions, mapping->permissions,
		       sizeof(region->permissions));
	}
	region->end = mapping->end;
	region->count++;
	smaps_add(&region->amounts, &mapping->amounts);
}

static struct smaps_change *
new_change(struct smaps_diff *diff)
{
	struct smaps_change *change;

	diff->list = xgrow(diff->list, &diff->capacity, diff->count + 1,
			   sizeof(*diff->list));
	change = &diff->list[diff->count++];
	memset(change, 0, sizeof(*change));
	return change;
}

static void
describe(struct smaps_change *change, const struct smaps *maps,
	 const struct smaps_mapping *mapping)
{
	change->kind = mapping->kind;
	change->path = smaps_path(maps, mapping);
}

static void
add_pair(struct walk *walk, const struct smaps_mapping *before,
	 const struct smaps_mapping *after)
{
	struct smaps_change *change = new_change(walk->diff);

	change->change = SMAPS_CHANGED;
	describe(change, walk->after, after);
	add_part(&change->before, before);
	add_part(&change->after, after);
}

/* Of two at the same place. Pages that others begin or cease to share move PSS
 * and USS; a page of a file that is written to becomes anonymous. */
static bool
differ(const struct smaps_mapping *a, const struct smaps_mapping *b)
{
	return !same_permissions(a, b) || a->amounts.rss != b->amounts.rss ||
	       a->amounts.swap != b->amounts.swap ||
	       a->amounts.anonymous != b->amounts.anonymous;
}

/* --- clusters --------------------------------------------------------------- */

/* Halves the way to it, so that long chains don't last. */
static size_t
leader(struct cluster *cluster, size_t i)
{
	while (cluster->parent[i] != i) {
		cluster->parent[i] = cluster->parent[cluster->parent[i]];
		i = cluster->parent[i];
	}
	return i;
}

static void
join(struct cluster *cluster, size_t i, size_t j)
{
	i = leader(cluster, i);
	j = leader(cluster, j);
	/* The first of a region leads it, so that it is met first. */
	if (i < j)
		cluster->parent[j] = i;
	else
		cluster->parent[i] = j;
}

/* Joins what overlaps and is the same thing: in a first round those of the
 * same permissions, in a second what then is left alone. */
static void
join_all(struct cluster *cluster, bool second)
{
	const struct smaps_mapping *a, *b;
	size_t i = 0, j = 0, other;

	while (i < cluster->before_count && j < cluster->after_count) {
		a = &cluster->before[i];
		b = &cluster->after[j];
		other = cluster->before_count + j;
		if (overlap(a, b) && same_thing(a, b) &&
		    (second ? !cluster->joined[i] || !cluster->joined[other]
			    : same_permissions(a, b))) {
			join(cluster, i, other);
			if (!second) {
				cluster->joined[i] = true;
				cluster->joined[other] = true;
			}
		}
		if (a->end < b->end)
			i++;
		else
			j++;
	}
}

/* What the leader of a region made, its members add to. */
static void
add_regions(struct walk *walk)
{
	struct cluster *cluster = &walk->cluster;
	size_t total = cluster->before_count + cluster->after_count;
	const struct smaps_mapping *mapping;
	const struct smaps *maps;
	struct smaps_change *change;
	bool was;
	size_t i;

	for (i = 0; i < total; i++) {
		was = i < cluster->before_count;
		maps = was ? walk->before : walk->after;
		mapping = was ? &cluster->before[i]
			      : &cluster->after[i - cluster->before_count];
		if (cluster->parent[i] == i) {
			change = new_change(walk->diff);
			cluster->made[i] = walk->diff->count - 1;
		} else {
			change = &walk->diff->list[cluster->made[leader(cluster,
									i)]];
		}
		describe(change, maps, mapping);
		add_part(was ? &change->before : &change->after, mapping);
		change->change = !change->before.count  ? SMAPS_ADDED
				 : !change->after.count ? SMAPS_REMOVED
							: SMAPS_CHANGED;
	}
}

static void
compare_cluster(struct walk *walk)
{
	struct cluster *cluster = &walk->cluster;
	size_t total = cluster->before_count + cluster->after_count;
	size_t i;

	cluster->parent = xgrow(cluster->parent, &cluster->parent_capacity,
				total, sizeof(*cluster->parent));
	cluster->made = xgrow(cluster->made, &cluster->made_capacity, total,
			      sizeof(*cluster->made));
	cluster->joined = xgrow(cluster->joined, &cluster->joined_capacity,
				total, sizeof(*cluster->joined));
	for (i = 0; i < total; i++) {
		cluster->parent[i] = i;
		cluster->joined[i] = false;
	}
	join_all(cluster, false);
	join_all(cluster, true);
	add_regions(walk);
}

/* Gathers what overlaps, directly or through others, from the places *i and *j
 * on, which it moves behind. */
static void
take_cluster(struct walk *walk, size_t *i, size_t *j)
{
	struct cluster *cluster = &walk->cluster;
	const struct smaps *before = walk->before, *after = walk->after;
	uint64_t end = 0;
	bool more = true;

	cluster->before = before->list + *i;
	cluster->after = after->list + *j;
	cluster->before_count = 0;
	cluster->after_count = 0;
	/* It begins with the lower of the two. */
	if (*j >= after->count ||
	    (*i < before->count &&
	     before->list[*i].start <= after->list[*j].start)) {
		cluster->before_count = 1;
		end = before->list[(*i)++].end;
	} else {
		cluster->after_count = 1;
		end = after->list[(*j)++].end;
	}
	while (more) {
		more = false;
		for (; *i < before->count && before->list[*i].start < end;
		     (*i)++, cluster->before_count++, more = true)
			if (before->list[*i].end > end)
				end = before->list[*i].end;
		for (; *j < after->count && after->list[*j].start < end;
		     (*j)++, cluster->after_count++, more = true)
			if (after->list[*j].end > end)
				end = after->list[*j].end;
	}
}

static uint64_t
start_of(const struct smaps_change *change)
{
	return change->after.count ? change->after.start : change->before.start;
}

static int
by_address(const void *a, const void *b)
{
	const struct smaps_change *left = a, *right = b;
	uint64_t x = start_of(left), y = start_of(right);

	/* What stands where something else stood comes after it. */
	if (x == y)
		return (int)(right->change == SMAPS_REMOVED) -
		       (int)(left->change == SMAPS_REMOVED);
	return x < y ? -1 : 1;
}

void
smaps_diff(struct smaps_diff *diff, const struct smaps *before,
	   const struct smaps *after)
{
	struct walk walk = { .diff = diff, .before = before, .after = after };
	const struct smaps_mapping *a, *b;
	size_t i = 0, j = 0;

	diff->count = 0;
	while (i < before->count || j < after->count) {
		if (i < before->count && j < after->count) {
			a = &before->list[i];
			b = &after->list[j];
			if (same_place(a, b)) {
				if (differ(a, b))
					add_pair(&walk, a, b);
				i++;
				j++;
				continue;
			}
		}
		take_cluster(&walk, &i, &j);
		compare_cluster(&walk);
	}
	if (diff->count)
		qsort(diff->list, diff->count, sizeof(*diff->list), by_address);
	free(walk.cluster.parent);
	free(walk.cluster.made);
	free(walk.cluster.joined);
}

void
smaps_diff_release(struct smaps_diff *diff)
{
	free(diff->list);
	memset(diff, 0, sizeof(*diff));
}

const char *
smaps_change_name(enum smaps_change_kind change)
{
	static const char *const names[] = {
		[SMAPS_ADDED] = "added",
		[SMAPS_REMOVED] = "removed",
		[SMAPS_CHANGED] = "changed",
	};

	return names[change];
}
