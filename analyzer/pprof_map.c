#include "pprof_map.h"

#include <stdlib.h>
#include <string.h>

#include "hashtab.h"
#include "xalloc.h"

#define PAGE UINT64_C(4096)

/* Larger than any code. */
#define PLACE_BYTES_MAX (UINT64_C(1) << 40)

/* Where moved places go: above all user space. */
#define MOVED_START UINT64_C(0x6000000000000000)

struct pprof_map {
	struct hashtab by_file; /* struct pprof_place, by piece of a file */
	/* Sorted by start; disjoint. Owned. */
	struct pprof_place **places;
	size_t count;
	size_t capacity;
	uint64_t next_moved;
};

struct pprof_map *
pprof_map_new(void)
{
	struct pprof_map *map = xcalloc(1, sizeof(*map));

	map->next_moved = MOVED_START;
	return map;
}

void
pprof_map_free(struct pprof_map *map)
{
	size_t i;

	if (!map)
		return;
	for (i = 0; i < map->count; i++)
		free(map->places[i]);
	free(map->places);
	hashtab_release(&map->by_file);
	free(map);
}

/* Number of places that start at or below the address. */
static size_t
places_up_to(const struct pprof_map *map, uint64_t address)
{
	size_t begin = 0, end = map->count, middle;

	while (begin < end) {
		middle = begin + (end - begin) / 2;
		if (map->places[middle]->start <= address)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

static bool
overlaps(const struct pprof_map *map, uint64_t start, uint64_t limit)
{
	size_t after = places_up_to(map, start);

	if (after > 0 && map->places[after - 1]->limit > start)
		return true;
	return after < map->count && map->places[after]->start < limit;
}

/* --- the same piece of the same file ---------------------------------------- */

struct piece {
	const struct module *module;
	const struct segment *segment;
};

static bool
same_file(const struct module *a, const struct module *b)
{
	if (a->build_id_bytes != b->build_id_bytes)
		return false;
	if (a->build_id_bytes > 0)
		return memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0;
	return strcmp(a->path, b->path) == 0;
}

static bool
piece_equal(const void *entry, const void *key)
{
	const struct pprof_place *place = entry;
	const struct piece *piece = key;
	const struct segment *a = place->segment, *b = piece->segment;

	return same_file(place->module, piece->module) &&
	       a->vaddr == b->vaddr && a->file_offset == b->file_offset &&
	       a->end - a->start == b->end - b->start;
}

static void **
find_piece(struct pprof_map *map, const struct piece *piece)
{
	const struct module *module = piece->module;
	uint64_t hash = HASH_START;

	if (module->build_id_bytes > 0)
		hash = hash_bytes(hash, module->build_id,
				  module->build_id_bytes);
	else
		hash = hash_bytes(hash, module->path, strlen(module->path));
	hash = hash_u64(hash, piece->segment->vaddr);
	return hashtab_place(&map->by_file, hash, piece, piece_equal);
}

/* --- placing --------------------------------------------------------------- */

static void
insert(struct pprof_map *map, struct pprof_place *place)
{
	size_t at = places_up_to(map, place->start);

	map->places = xgrow(map->places, &map->capacity, map->count + 1,
			    sizeof(struct pprof_place *));
	memmove(&map->places[at + 1], &map->places[at],
		(map->count - at) * sizeof(struct pprof_place *));
	map->places[at] = place;
	map->count++;
}

static bool
is_placeable(const struct segment *segment)
{
	return segment->end <= MOVED_START &&
	       segment->end - segment->start <= PLACE_BYTES_MAX;
}

static void
add_segment(struct pprof_map *map, const struct module *module,
	    const struct segment *segment)
{
	const struct piece piece = { module, segment };
	uint64_t start = segment->start;
	uint64_t bytes = segment->end - segment->start;
	struct pprof_place *place;
	void **entry;

	if (!is_placeable(segment))
		return;
	entry = find_piece(map, &piece);
	if (*entry)
		return;
	if (overlaps(map, start, start + bytes)) {
		/* Nothing else is up there. Same place within its page. */
		start = map->next_moved + start % PAGE;
		map->next_moved = (start + bytes + 2 * PAGE) / PAGE * PAGE;
	}
	place = xcalloc(1, sizeof(*place));
	place->module = module;
	place->segment = segment;
	place->start = start;
	place->limit = start + bytes;
	*entry = place;
	insert(map, place);
}

void
pprof_map_add(struct pprof_map *map, const struct model *model)
{
	const struct module *module;
	uint32_t pass, i, k;

	/* Who is there now has the better right. */
	for (pass = 0; pass < 2; pass++) {
		for (i = 1; i <= model->module_count; i++) {
			module = &model->modules[i];
			if (module->unloaded != (pass == 1))
				continue;
			for (k = 0; k < module->segment_count; k++)
				add_segment(map, module, &module->segments[k]);
		}
	}
}

/* --- finding --------------------------------------------------------------- */

struct pprof_place *
pprof_map_find(struct pprof_map *map, const struct module *module,
	       uint64_t address, uint64_t *in_profile)
{
	const struct segment *segment = NULL;
	struct pprof_place *place;
	uint32_t i;

	for (i = 0; i < module->segment_count; i++) {
		segment = &module->segments[i];
		if (address >= segment->start && address < segment->end)
			break;
	}
	if (i == module->segment_count || !is_placeable(segment))
		return NULL;
	place = *find_piece(map, &(struct piece){ module, segment });
	*in_profile = place->start + (address - segment->start);
	return place;
}

bool
pprof_map_is_free(const struct pprof_map *map, uint64_t address)
{
	return address > 0 && address < PPROF_MAP_END &&
	       !overlaps(map, address, address + 1);
}
