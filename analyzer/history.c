#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

struct history *
history_new(struct atlas *atlas)
{
	struct history *history = xcalloc(1, sizeof(*history));

	history->atlas = atlas;
	history->ledger_present = true;
	history->stride = 1;
	return history;
}

static void
free_tracks(struct tracks *tracks)
{
	size_t i;

	for (i = 0; i < tracks->count; i++)
		free(tracks->list[i].live);
	free(tracks->list);
	free(tracks->by_stack);
	*tracks = (struct tracks){ 0 };
}

void
history_free(struct history *history)
{
	size_t i;

	if (!history)
		return;
	for (i = 0; i < history->snapshot_count; i++)
		model_free(history->snapshots[i]);
	free(history->snapshots);
	free_tracks(&history->heap);
	free_tracks(&history->threads);
	free(history->ages);
	free(history);
}

uint64_t
history_time_ns(const struct header *header)
{
	return header->monotonic_ns > header->start_monotonic_ns
		       ? header->monotonic_ns - header->start_monotonic_ns
		       : 0;
}

static struct track *
find_track(struct tracks *tracks, uint32_t stack)
{
	struct track *track;

	tracks->by_stack = xgrow(tracks->by_stack, &tracks->by_stack_capacity,
				 (size_t)stack + 1, sizeof(*tracks->by_stack));
	while (tracks->by_stack_count <= stack)
		tracks->by_stack[tracks->by_stack_count++] = 0;
	if (tracks->by_stack[stack] == 0) {
		tracks->list = xgrow(tracks->list, &tracks->capacity,
				     tracks->count + 1, sizeof(*tracks->list));
		track = &tracks->list[tracks->count++];
		memset(track, 0, sizeof(*track));
		track->stack = stack;
		tracks->by_stack[stack] = (uint32_t)tracks->count;
	}
	return &tracks->list[tracks->by_stack[stack] - 1];
}

static void
add(struct amount *amount, uint64_t objects, uint64_t bytes)
{
	amount->objects += (int64_t)objects;
	amount->bytes += (int64_t)bytes;
}

static void
add_point(struct track *track, uint32_t point, uint64_t objects, uint64_t bytes)
{
	if (point >= track->live_capacity) {
		uint32_t capacity =
			track->live_capacity ? track->live_capacity * 2 : 2;

		while (capacity <= point)
			capacity *= 2;
		track->live =
			xrealloc(track->live, capacity * sizeof(*track->live));
		track->live_capacity = capacity;
	}
	while (track->live_count <= point)
		track->live[track->live_count++] = (struct amount){ 0, 0 };
	add(&track->live[point], objects, bytes);
}

/* Several sites may be one stack: a file that is mapped twice. */
static void
add_heap(struct history *history, const struct model *model,
	 const struct atlas_numbers *numbers, bool is_first)
{
	uint32_t point = history->point_count - 1;
	uint32_t i;

	for (i = 1; i <= model->site_count; i++) {
		const struct site *site = &model->sites[i];
		const struct counts *counts = &site->counts;
		struct track *track =
			find_track(&history->heap, numbers->heap[i]);
		struct moment *tally = is_first ? &track->first : &track->last;

		track->flags |= site->flags;
		tally->present = true;
		add(&tally->live, counts->live_objects, counts->live_bytes);
		add(&tally->alloc, counts->alloc_objects, counts->alloc_bytes);
		add(&tally->release, counts->free_objects, counts->free_bytes);
		add(&tally->inherited, site->inherited_objects,
		    site->inherited_bytes);
		if (counts->live_objects || counts->live_bytes)
			add_point(track, point, counts->live_objects,
				  counts->live_bytes);
	}
}

static void
add_threads(struct history *history, const struct model *model,
	    const struct atlas_numbers *numbers, bool is_first)
{
	uint32_t point = history->point_count - 1;
	uint32_t i;

	for (i = 1; i <= model->thread_site_count; i++) {
		const struct thread_site *site = &model->thread_sites[i];
		uint64_t held = site->running + site->exited_unjoined;
		struct track *track =
			find_track(&history->threads, numbers->threads[i]);
		struct moment *tally = is_first ? &track->first : &track->last;

		track->flags |= site->flags;
		tally->present = true;
		add(&tally->live, held, site->held_stack_bytes);
		add(&tally->alloc, site->created, site->created_stack_bytes);
		add(&tally->release, site->released,
		    site->released_stack_bytes);
		tally->threads.running += (int64_t)site->running;
		tally->threads.unjoined += (int64_t)site->exited_unjoined;
		add_point(track, point, held, site->held_stack_bytes);
	}
}

static void
add_ages(struct history *history, const struct model *model,
	 const struct atlas_numbers *numbers)
{
	const struct tracks *heap = &history->heap;
	uint32_t i;

	free(history->ages);
	history->ages = xcalloc(model->cohort_count, sizeof(*history->ages));
	history->age_count = 0;
	for (i = 0; i < model->cohort_count; i++) {
		const struct cohort *cohort = &model->cohorts[i];
		uint32_t stack = numbers->heap[cohort->site.id];

		if (!stack)
			continue;
		history->ages[history->age_count++] = (struct history_age){
			.track = heap->by_stack[stack] - 1,
			.bin = cohort->bin,
			.live = { (int64_t)cohort->objects,
				  (int64_t)cohort->bytes },
		};
	}
}

static void
thin_tracks(struct tracks *tracks)
{
	size_t i;
	uint32_t k;

	for (i = 0; i < tracks->count; i++) {
		struct track *track = &tracks->list[i];

		for (k = 0; 2 * k < track->live_count; k++)
			track->live[k] = track->live[2 * k];
		track->live_count = k;
	}
}

static void
thin(struct history *history)
{
	uint32_t k;
	unsigned int line;

	for (k = 0; 2 * k < history->point_count; k++) {
		history->times_ns[k] = history->times_ns[2 * k];
		history->units[k] = history->units[2 * k];
		for (line = 0; line < LEDGER_LINE_COUNT; line++)
			history->ledger[line][k] = history->ledger[line][2 * k];
	}
	history->point_count = k;
	history->stride *= 2;
	thin_tracks(&history->heap);
	thin_tracks(&history->threads);
}

static void
drop_last_point(struct history *history)
{
	struct tracks *both[] = { &history->heap, &history->threads };
	unsigned int kind;
	size_t i;

	history->point_count--;
	for (kind = 0; kind < 2; kind++) {
		for (i = 0; i < both[kind]->count; i++) {
			struct track *track = &both[kind]->list[i];

			if (track->live_count > history->point_count)
				track->live_count = history->point_count;
		}
	}
}

/* Room for the newest snapshot's point. That of the one before is there for
 * good only if it is one of every `stride`. */
static void
make_room(struct history *history)
{
	size_t newest = history->snapshot_count - 1;

	if (newest && (newest - 1) % history->stride != 0)
		drop_last_point(history);
	if (history->point_count == HISTORY_POINTS_MAX)
		thin(history);
}

static void
forget_last(struct tracks *tracks)
{
	size_t i;

	for (i = 0; i < tracks->count; i++)
		tracks->list[i].last = (struct moment){ 0 };
}

static void
begin_point(struct history *history, const struct model *model)
{
	unsigned int line;

	make_room(history);
	history->times_ns[history->point_count] =
		history_time_ns(&model->header);
	history->units[history->point_count] =
		work_at(history->work, &model->header);
	if (!model->ledger.present)
		history->ledger_present = false;
	for (line = 0; line < LEDGER_LINE_COUNT; line++)
		history->ledger[line][history->point_count] =
			model->ledger.bytes[line];
	history->point_count++;
}

void
history_add(struct history *history, struct model *take)
{
	bool is_first = history->snapshot_count == 0;
	struct atlas_numbers numbers;

	if (!is_first)
		model_drop_tables(
			history->snapshots[history->snapshot_count - 1]);
	history->snapshots =
		xgrow(history->snapshots, &history->snapshot_capacity,
		      history->snapshot_count + 1, sizeof(struct model *));
	history->snapshots[history->snapshot_count++] = take;
	atlas_add(history->atlas, take, &numbers);
	begin_point(history, take);
	forget_last(&history->heap);
	forget_last(&history->threads);
	add_heap(history, take, &numbers, is_first);
	add_threads(history, take, &numbers, is_first);
	add_ages(history, take, &numbers);
	atlas_numbers_release(&numbers);
}

void
history_drop_tracks(struct history *history)
{
	free_tracks(&history->heap);
	free_tracks(&history->threads);
	free(history->ages);
	history->ages = NULL;
	history->age_count = 0;
	model_drop_tables(history->snapshots[history->snapshot_count - 1]);
}

const struct model *
history_first(const struct history *history)
{
	return history->snapshots[0];
}

const struct model *
history_last(const struct history *history)
{
	return history->snapshots[history->snapshot_count - 1];
}
