#include "named.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/judge.h"
#include "../../analyzer/xalloc.h"

#define NAMED_PLACES 200
#define NAMED_MODULES 20
#define NAMED_SIZE 0x100000

/* All frames that were ever named: a place is the same in each snapshot. */
static struct place {
	char function[80];
	char path[40];
	struct symbol symbol;
	struct symbols symbols;
} places[NAMED_PLACES];
static size_t place_count;
static char modules[NAMED_MODULES][40];
static size_t module_count;

static size_t
find_module(const char *path)
{
	size_t i;

	for (i = 0; i < module_count; i++) {
		if (strcmp(modules[i], path) == 0)
			return i;
	}
	assert_true(module_count < NAMED_MODULES);
	snprintf(modules[module_count], sizeof(modules[0]), "%s", path);
	return module_count++;
}

static size_t
find_place(const char *text, size_t len)
{
	const char *at = memchr(text, '@', len);
	struct place place = { 0 };
	size_t i;

	assert_non_null(at);
	snprintf(place.function, sizeof(place.function), "%.*s",
		 (int)(at - text), text);
	snprintf(place.path, sizeof(place.path), "/usr/lib/%.*s",
		 (int)(text + len - at - 1), at + 1);
	for (i = 0; i < place_count; i++) {
		if (strcmp(places[i].function, place.function) == 0 &&
		    strcmp(places[i].path, place.path) == 0)
			return i;
	}
	assert_true(place_count < NAMED_PLACES);
	places[i] = place;
	places[i].symbol = (struct symbol){
		.function = places[i].function,
		.linkage_name = places[i].function,
		.file = "/src/file.c",
		.line = 10,
	};
	places[i].symbols = (struct symbols){
		.count = 1,
		.named = place.function[0] != '?',
		.entries = &places[i].symbol,
	};
	find_module(place.path);
	place_count++;
	return i;
}

static uint64_t
base_of(size_t module)
{
	return UINT64_C(0x7f0000000000) + module * NAMED_SIZE;
}

/* The place of the first frame of *text, which moves to the next. */
static size_t
take_frame(const char **text)
{
	size_t len = strcspn(*text, "<");
	size_t end = len;
	size_t place;

	while (end && (*text)[end - 1] == ' ')
		end--;
	place = find_place(*text, end);
	*text += len;
	*text += strspn(*text, "< ");
	return place;
}

static size_t
malloc_place(void)
{
	const char *text = "malloc@libleakshim.so";

	return take_frame(&text);
}

static uint32_t
add_stack(struct snapgen *gen, const uint32_t *pcs, const char *text)
{
	uint32_t stack[40];
	size_t count = 0;

	stack[count++] = pcs[malloc_place()];
	while (*text) {
		assert_true(count < 39);
		stack[count++] = pcs[take_frame(&text)];
	}
	stack[count] = 0;
	return snapgen_stack(gen, stack);
}

/* All places are in the file before its first stack. */
static void
learn(const struct named_site *sites)
{
	malloc_place();
	for (; sites->stack; sites++) {
		const char *text = sites->stack;

		while (*text)
			take_frame(&text);
	}
}

struct model *
named_model(uint64_t sequence, uint64_t seconds, const struct named_site *sites,
	    named_change *change)
{
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Header *header = snapgen_header(gen);
	uint32_t pcs[NAMED_PLACES] = { 0 };
	uint32_t numbers[NAMED_MODULES] = { 0 };
	struct model *model;
	size_t i;

	learn(sites);
	header->sequence = sequence;
	header->monotonic_ns =
		header->start_monotonic_ns + seconds * UINT64_C(1000000000);
	header->wall_ns =
		header->start_wall_ns + seconds * UINT64_C(1000000000);
	for (i = 0; i < module_count; i++)
		numbers[i] = snapgen_module(gen, modules[i], NULL, base_of(i),
					    NAMED_SIZE);
	for (i = 0; i < place_count; i++) {
		size_t module = find_module(places[i].path);

		pcs[i] = snapgen_pc(gen, numbers[module],
				    base_of(module) + 16 * (i + 1));
	}
	for (; sites->stack; sites++) {
		uint32_t node = add_stack(gen, pcs, sites->stack);

		if (sites->thread)
			snapgen_threads(gen, &(struct snapgen_threads){
						     .node = node,
						     .created = sites->objects,
						     .running = sites->objects,
						     .stack_bytes = 8192,
					     });
		else
			snapgen_site(gen,
				     &(struct snapgen_site){
					     .node = node,
					     .alloc_objects = sites->objects,
					     .alloc_bytes = sites->bytes,
				     });
	}
	if (change)
		change(gen);
	model = comparison_load(gen);
	for (i = 0; i < place_count; i++) {
		if (places[i].symbols.named)
			model->pcs[pcs[i]].symbols = &places[i].symbols;
	}
	return model;
}

struct comparison *
named_study(struct model *const *take_models, size_t count)
{
	/* It opens no file: one is enough for all studies, for ever. */
	static struct symbolizer *symbolizer;
	const struct judge_settings settings = { .warmup_s = -1 };
	static const struct symbolizer_options options = { .use_symbols =
								   false };
	struct comparison *made;
	struct err err;

	if (!symbolizer)
		symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	made = comparison_new(take_models, count, symbolizer, blame_new());
	judge(made->part.diff, &settings);
	return made;
}

void
named_free(struct comparison *made)
{
	const struct blame *blame = resolver_blame(made->study.resolver);

	comparison_free(made);
	blame_free((struct blame *)(uintptr_t)blame);
}

/* The place that a pc of the atlas's model is. */
static const struct place *
place_of(const struct model *model, struct node_id node)
{
	uint64_t address =
		model_pc(model, model_node(model, node)->pc)->address;
	size_t i;

	for (i = 0; i < place_count; i++) {
		if (base_of(find_module(places[i].path)) + 16 * (i + 1) ==
		    address)
			return &places[i];
	}
	fail_msg("no place");
	return NULL;
}

struct row *
named_row(const struct comparison *made, const char *function)
{
	const struct model *model = atlas_model(made->study.atlas);
	struct diff *diff = made->part.diff;
	size_t i;

	for (i = 0; i < diff->first[ROW_LEDGER]; i++) {
		struct node_id node = diff->rows[i].node;
		const struct place *place =
			place_of(model, model_node(model, node)->parent);

		if (place && strcmp(place->function, function) == 0)
			return &diff->rows[i];
	}
	return NULL;
}
