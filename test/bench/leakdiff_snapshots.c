/*
 * leakdiff_snapshots tree DIRECTORY SNAPSHOTS STACKS DEPTH
 * leakdiff_snapshots file DIRECTORY ELF BUILD-ID VADDR-END PCS
 *
 * Makes snapshots for the benchmarks of leakdiff: 1.snap, 2.snap ...
 *
 * `tree`: a series of one process that holds more from one to the next. Stacks
 * share their outer frames, as in a real program: each is an earlier one with 1
 * to 12 inner frames of its own. The last snapshot has STACKS of them, the
 * first nine tenths. Code locations are 20,000 in 8 modules that are nowhere.
 *
 * `file`: one snapshot whose stacks, of 10 frames, have each of the addresses
 * in the file PCS (hexadecimal, as the ELF file counts) as a frame once.
 * BUILD-ID is text: its bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../analyzer/xalloc.h"
#include "../unit/snapgen.h"

#define MODULES 8
#define LOCATIONS 20000
#define OWN_FRAMES_MAX 12
#define STACK_FRAMES 10
#define ROWS 20000 /* in one message; the format's limit is 1 MiB */
#define SECOND UINT64_C(1000000000)
#define MODULE_BYTES UINT64_C(0x1000000)
#define MODULE_BASE UINT64_C(0x7f0000000000)

static uint64_t random_state = 42;

/* Knuth's MMIX; the same series on every machine. */
static uint64_t
next_random(uint64_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) +
		       UINT64_C(1442695040888963407);
	return (random_state >> 33) % below;
}

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "leakdiff_snapshots: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
number(const char *text, int base)
{
	char *end;
	uint64_t value = strtoull(text, &end, base);

	if (end == text || *end) {
		errno = EINVAL;
		die(text);
	}
	return value;
}

static void
write_snapshot(struct snapgen *gen, const char *directory, uint64_t sequence)
{
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	struct snapgen_buffer zipped = snapgen_gzip(packed.data, packed.len);
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%" PRIu64 ".snap", directory,
		 sequence);
	file = fopen(path, "w");
	if (!file || fwrite(zipped.data, 1, zipped.len, file) != zipped.len ||
	    fclose(file) != 0)
		die(path);
	free(packed.data);
	free(zipped.data);
}

/* --- tree -------------------------------------------------------------------- */

/* All have the same depth. */
struct stack {
	uint32_t *frames; /* outermost first: locations from 0 */
};

static struct stack *
make_stacks(size_t count, size_t depth)
{
	struct stack *stacks = xcalloc(count, sizeof(*stacks));
	size_t i, k, own;

	for (i = 0; i < count; i++) {
		stacks[i].frames = xcalloc(depth, sizeof(uint32_t));
		own = i == 0 ? depth : 1 + next_random(OWN_FRAMES_MAX);
		if (own > depth)
			own = depth;
		if (own < depth)
			memcpy(stacks[i].frames, stacks[next_random(i)].frames,
			       (depth - own) * sizeof(uint32_t));
		for (k = depth - own; k < depth; k++)
			stacks[i].frames[k] = (uint32_t)next_random(LOCATIONS);
	}
	return stacks;
}

static void
add_code(struct snapgen *gen)
{
	static char paths[MODULES][32];
	static char ids[MODULES][32];
	uint32_t i;

	for (i = 0; i < MODULES; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/bench/lib%u.so", i);
		snprintf(ids[i], sizeof(ids[i]), "bench-build-id-%05u", i);
		snapgen_module(gen, paths[i], ids[i],
			       MODULE_BASE + i * MODULE_BYTES, MODULE_BYTES);
	}
	for (i = 0; i < LOCATIONS; i++)
		snapgen_pc(gen, 1 + i % MODULES,
			   MODULE_BASE + (i % MODULES) * MODULE_BYTES +
				   UINT64_C(0x40) * (i + 1));
}

/* Nodes of a stack, shared with the stack before it where they are equal:
 * enough, as the reader must cope with nodes that are there twice. */
static uint32_t
add_stack(struct snapgen *gen, const struct stack *stack,
	  const struct stack *before, uint32_t *nodes, size_t depth)
{
	size_t k = 0;

	while (before && k < depth && before->frames[k] == stack->frames[k])
		k++;
	for (; k < depth; k++)
		nodes[k] = snapgen_node(gen, k ? nodes[k - 1] : 0,
					stack->frames[k] + 1);
	return nodes[depth - 1];
}

static size_t compared_depth;

static int
compare_stacks(const void *left, const void *right)
{
	const struct stack *a = left, *b = right;
	size_t k;

	for (k = 0; k < compared_depth; k++) {
		if (a->frames[k] != b->frames[k])
			return a->frames[k] < b->frames[k] ? -1 : 1;
	}
	return 0;
}

static void
make_tree(const char *directory, uint64_t count, size_t stack_count,
	  size_t depth)
{
	struct stack *stacks = make_stacks(stack_count, depth);
	uint32_t *nodes = xcalloc(depth, sizeof(*nodes));
	uint64_t n;
	size_t i, used;

	/* In order, neighbours share most. */
	compared_depth = depth;
	qsort(stacks, stack_count, sizeof(*stacks), compare_stacks);
	for (n = 1; n <= count; n++) {
		struct snapgen *gen = snapgen_new();
		Leakshim__V1__Header *header = snapgen_header(gen);

		header->sequence = n;
		header->wall_ns += n * 60 * SECOND;
		header->monotonic_ns += n * 60 * SECOND;
		snapgen_rows(gen, ROWS);
		add_code(gen);
		used = stack_count - stack_count / 10 * (count - n) /
					     (count > 1 ? count - 1 : 1);
		for (i = 0; i < used; i++) {
			/* One in 16 grows, the others are steady. */
			uint64_t live = 1 + i % 64 + (i % 16 ? 0 : n * 10);
			uint64_t churn = n * (i % 128);
			struct snapgen_site site = {
				.node = add_stack(gen, &stacks[i],
						  i ? &stacks[i - 1] : NULL,
						  nodes, depth),
				.alloc_objects = live + churn,
				.alloc_bytes = (live + churn) * 48,
				.free_objects = churn,
				.free_bytes = churn * 48,
			};

			snapgen_site(gen, &site);
		}
		write_snapshot(gen, directory, n);
		snapgen_free(gen);
	}
	for (i = 0; i < stack_count; i++)
		free(stacks[i].frames);
	free(stacks);
	free(nodes);
}

/* --- file --------------------------------------------------------------------- */

static void
make_for_file(const char *directory, const char *elf, const char *build_id,
	      uint64_t end, const char *list)
{
	struct snapgen *gen = snapgen_new();
	struct snapgen_site site = { .alloc_objects = 1, .alloc_bytes = 64 };
	uint64_t start = UINT64_C(0x555555554000);
	uint32_t module, frames = 0;
	uint64_t address;
	FILE *file = fopen(list, "r");

	if (!file)
		die(list);
	/* snapgen's segment begins at vaddr 0x1000. */
	module = snapgen_module(gen, elf, build_id, start + 0x1000,
				end - 0x1000);
	snapgen_rows(gen, ROWS);
	while (fscanf(file, "%" SCNx64, &address) == 1) {
		site.node =
			snapgen_node(gen, site.node,
				     snapgen_pc(gen, module, start + address));
		if (++frames == STACK_FRAMES) {
			snapgen_site(gen, &site);
			site.node = 0;
			frames = 0;
		}
	}
	if (frames > 0)
		snapgen_site(gen, &site);
	fclose(file);
	write_snapshot(gen, directory, 1);
	snapgen_free(gen);
}

int
main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "tree") == 0) {
		make_tree(argv[2], number(argv[3], 10),
			  (size_t)number(argv[4], 10),
			  (size_t)number(argv[5], 10));
		return 0;
	}
	if (argc == 7 && strcmp(argv[1], "file") == 0) {
		make_for_file(argv[2], argv[3], argv[4], number(argv[5], 0),
			      argv[6]);
		return 0;
	}
	fputs("usage: leakdiff_snapshots tree|file DIRECTORY ...\n", stderr);
	return 2;
}
