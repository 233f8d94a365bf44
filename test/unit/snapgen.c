#include "snapgen.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "../../analyzer/strbuf.h"
#include "../../analyzer/xalloc.h"

/* A column of numbers; signed ones are kept as their bit pattern. */
struct column {
	uint64_t *values;
	size_t count;
	size_t capacity;
};

#define SITE_COLUMNS 8
#define COHORT_COLUMNS 4
#define THREAD_COLUMNS 8

struct snapgen {
	Leakshim__V1__Header header;
	Leakshim__V1__Losses losses;
	Leakshim__V1__Trailer trailer;
	Leakshim__V1__Ledger ledger;
	bool has_ledger;
	bool own_trailer;
	size_t rows;

	Leakshim__V1__Module *modules;
	Leakshim__V1__Segment *segments;
	size_t module_count;
	size_t module_capacity;
	size_t segment_capacity;

	struct column pc_module;
	struct column pc_address;
	struct column node_parent;
	struct column node_pc;
	struct column sites[SITE_COLUMNS];
	struct column cohorts[COHORT_COLUMNS];
	struct column threads[THREAD_COLUMNS];

	struct strbuf raw;
};

static void
push(struct column *column, uint64_t value)
{
	column->values = xgrow(column->values, &column->capacity,
			       column->count + 1, sizeof(*column->values));
	column->values[column->count++] = value;
}

ProtobufCBinaryData
snapgen_bytes(const char *text)
{
	/* The struct has no const; nothing is written through it. */
	union {
		const char *in;
		uint8_t *out;
	} cast = { .in = text };
	ProtobufCBinaryData bytes = { strlen(text), cast.out };

	return bytes;
}

static char *
borrow(const char *text)
{
	union {
		const char *in;
		char *out;
	} cast = { .in = text };

	return cast.out;
}

struct snapgen *
snapgen_new(void)
{
	struct snapgen *gen = xcalloc(1, sizeof(*gen));
	Leakshim__V1__Header *header = &gen->header;

	leakshim__v1__header__init(header);
	leakshim__v1__losses__init(&gen->losses);
	leakshim__v1__trailer__init(&gen->trailer);
	leakshim__v1__ledger__init(&gen->ledger);
	header->schema_version = 1;
	header->shim_version = borrow("0.1.0");
	header->boot_id = snapgen_bytes("11111111-2222-3333-4444-555555555555");
	header->host = snapgen_bytes("example");
	header->pid_namespace = 4026531836;
	header->pid = 1234;
	header->parent_pid = 1;
	header->start_ticks = 5000;
	header->exe = snapgen_bytes("/usr/bin/server");
	header->machine = borrow("x86_64");
	header->page_bytes = 4096;
	header->start_wall_ns = 1700000000000000000;
	header->start_monotonic_ns = 60000000000;
	header->wall_ns = 1700000010000000000;
	header->monotonic_ns = 70000000000;
	header->sequence = 1;
	header->sample_bytes = 1;
	header->count_scale = 1;
	header->depth = 64;
	header->unwind = borrow("cfi");
	return gen;
}

static void
free_columns(struct column *columns, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(columns[i].values);
}

void
snapgen_free(struct snapgen *gen)
{
	free_columns(&gen->pc_module, 1);
	free_columns(&gen->pc_address, 1);
	free_columns(&gen->node_parent, 1);
	free_columns(&gen->node_pc, 1);
	free_columns(gen->sites, SITE_COLUMNS);
	free_columns(gen->cohorts, COHORT_COLUMNS);
	free_columns(gen->threads, THREAD_COLUMNS);
	free(gen->modules);
	free(gen->segments);
	strbuf_release(&gen->raw);
	free(gen);
}

Leakshim__V1__Header *
snapgen_header(struct snapgen *gen)
{
	return &gen->header;
}

Leakshim__V1__Losses *
snapgen_losses(struct snapgen *gen)
{
	return &gen->losses;
}

Leakshim__V1__Trailer *
snapgen_trailer(struct snapgen *gen)
{
	gen->own_trailer = true;
	return &gen->trailer;
}

Leakshim__V1__Ledger *
snapgen_ledger(struct snapgen *gen)
{
	gen->has_ledger = true;
	return &gen->ledger;
}

uint32_t
snapgen_module(struct snapgen *gen, const char *path, const char *build_id,
	       uint64_t start, uint64_t size)
{
	Leakshim__V1__Module *module;
	Leakshim__V1__Segment *segment;

	gen->modules = xgrow(gen->modules, &gen->module_capacity,
			     gen->module_count + 1, sizeof(*gen->modules));
	gen->segments = xgrow(gen->segments, &gen->segment_capacity,
			      gen->module_count + 1, sizeof(*gen->segments));
	module = &gen->modules[gen->module_count];
	segment = &gen->segments[gen->module_count];
	leakshim__v1__module__init(module);
	leakshim__v1__segment__init(segment);
	module->path = snapgen_bytes(path);
	if (build_id)
		module->build_id = snapgen_bytes(build_id);
	module->generation = (uint32_t)gen->module_count + 1;
	segment->start = start;
	segment->end = start + size;
	segment->file_offset = 0x1000;
	segment->vaddr = 0x1000;
	return (uint32_t)++gen->module_count;
}

uint32_t
snapgen_pc(struct snapgen *gen, uint32_t module, uint64_t address)
{
	push(&gen->pc_module, module);
	push(&gen->pc_address, address);
	return (uint32_t)gen->pc_address.count;
}

uint32_t
snapgen_node(struct snapgen *gen, uint32_t parent, uint32_t pc)
{
	push(&gen->node_parent, parent);
	push(&gen->node_pc, pc);
	return (uint32_t)gen->node_pc.count;
}

uint32_t
snapgen_stack(struct snapgen *gen, const uint32_t *pcs)
{
	uint32_t parent = 0;
	size_t depth = 0;
	size_t i;

	while (pcs[depth])
		depth++;
	for (; depth > 0; depth--) {
		for (i = 0; i < gen->node_pc.count; i++) {
			if (gen->node_parent.values[i] == parent &&
			    gen->node_pc.values[i] == pcs[depth - 1])
				break;
		}
		parent = i < gen->node_pc.count
				 ? (uint32_t)i + 1
				 : snapgen_node(gen, parent, pcs[depth - 1]);
	}
	return parent;
}

void
snapgen_site(struct snapgen *gen, const struct snapgen_site *site)
{
	const uint64_t values[SITE_COLUMNS] = {
		site->node,
		site->flags,
		site->alloc_objects,
		site->alloc_bytes,
		site->free_objects,
		site->free_bytes,
		site->alloc_objects - site->free_objects,
		site->alloc_bytes - site->free_bytes,
	};
	size_t i;

	for (i = 0; i < SITE_COLUMNS; i++)
		push(&gen->sites[i], values[i]);
}

void
snapgen_cohort(struct snapgen *gen, uint32_t site, uint32_t bin,
	       uint64_t objects, uint64_t bytes)
{
	push(&gen->cohorts[0], site);
	push(&gen->cohorts[1], bin);
	push(&gen->cohorts[2], objects);
	push(&gen->cohorts[3], bytes);
}

void
snapgen_threads(struct snapgen *gen, const struct snapgen_threads *threads)
{
	const uint64_t values[THREAD_COLUMNS] = {
		threads->node,
		threads->created,
		threads->released,
		threads->running,
		threads->unjoined,
		threads->created * threads->stack_bytes,
		threads->released * threads->stack_bytes,
		(threads->running + threads->unjoined) * threads->stack_bytes,
	};
	size_t i;

	for (i = 0; i < THREAD_COLUMNS; i++)
		push(&gen->threads[i], values[i]);
}

void
snapgen_rows(struct snapgen *gen, size_t rows)
{
	gen->rows = rows;
}

static void
add_varint(struct strbuf *out, uint64_t value)
{
	while (value >= 0x80) {
		strbuf_addc(out, (char)(value | 0x80));
		value >>= 7;
	}
	strbuf_addc(out, (char)value);
}

static void
add_field(struct strbuf *out, uint32_t number, const void *bytes, size_t len)
{
	add_varint(out, (uint64_t)number << 3 | 2);
	add_varint(out, len);
	strbuf_add(out, bytes, len);
}

void
snapgen_raw(struct snapgen *gen, uint32_t number, const void *bytes, size_t len)
{
	add_field(&gen->raw, number, bytes, len);
}

static void
add_message(struct strbuf *out, uint32_t number,
	    const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = xmalloc(len);

	protobuf_c_message_pack(message, bytes);
	add_field(out, number, bytes, len);
	free(bytes);
}

/* How a column is written. */
enum coding { PLAIN, DELTA, SIGNED_DELTA };

/* Rows first .. end-1 of a column as packed field `number`. */
static void
add_column(struct strbuf *out, uint32_t number, const struct column *column,
	   enum coding coding, size_t first, size_t end)
{
	struct strbuf packed = { 0 };
	size_t i;

	for (i = first; i < end; i++) {
		uint64_t before = i ? column->values[i - 1] : 0;
		uint64_t value = column->values[i];

		if (coding != PLAIN)
			value -= before;
		if (coding == SIGNED_DELTA) /* zigzag */
			value = value << 1 ^ -(value >> 63);
		add_varint(&packed, value);
	}
	add_field(out, number, packed.data, packed.len);
	strbuf_release(&packed);
}

struct layout {
	const struct column *column;
	uint32_t number;
	enum coding coding;
};

static void
add_table(struct strbuf *out, const struct snapgen *gen, uint32_t number,
	  const struct layout *layout, size_t columns)
{
	size_t count = layout[0].column->count;
	size_t step = gen->rows ? gen->rows : count;
	struct strbuf message = { 0 };
	size_t first;
	size_t i;

	for (first = 0; first < count; first += step) {
		size_t end = first + step < count ? first + step : count;

		strbuf_clear(&message);
		for (i = 0; i < columns; i++)
			add_column(&message, layout[i].number, layout[i].column,
				   layout[i].coding, first, end);
		add_field(out, number, message.data, message.len);
	}
	strbuf_release(&message);
}

static uint64_t
sum(const struct column *column)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < column->count; i++)
		total += column->values[i];
	return total;
}

static void
add_trailer(struct strbuf *out, struct snapgen *gen)
{
	Leakshim__V1__Trailer *trailer = &gen->trailer;

	if (!gen->own_trailer) {
		trailer->sites = gen->sites[0].count;
		trailer->alloc_objects = sum(&gen->sites[2]);
		trailer->alloc_bytes = sum(&gen->sites[3]);
		trailer->free_objects = sum(&gen->sites[4]);
		trailer->free_bytes = sum(&gen->sites[5]);
		trailer->live_objects = sum(&gen->sites[6]);
		trailer->live_bytes = sum(&gen->sites[7]);
	}
	add_message(out, 64, &trailer->base);
}

static void
add_tables(struct strbuf *out, struct snapgen *gen)
{
	struct column node_parent_delta = { 0 };
	const struct layout pcs[] = { { &gen->pc_module, 1, PLAIN },
				      { &gen->pc_address, 2, SIGNED_DELTA } };
	const struct layout stacks[] = { { &node_parent_delta, 1, PLAIN },
					 { &gen->node_pc, 2, PLAIN } };
	const struct layout sites[SITE_COLUMNS] = {
		{ &gen->sites[0], 1, SIGNED_DELTA },
		{ &gen->sites[1], 2, PLAIN },
		{ &gen->sites[2], 3, PLAIN },
		{ &gen->sites[3], 4, PLAIN },
		{ &gen->sites[4], 5, PLAIN },
		{ &gen->sites[5], 6, PLAIN },
		{ &gen->sites[6], 7, PLAIN },
		{ &gen->sites[7], 8, PLAIN },
	};
	const struct layout cohorts[COHORT_COLUMNS] = {
		{ &gen->cohorts[0], 1, DELTA },
		{ &gen->cohorts[1], 2, PLAIN },
		{ &gen->cohorts[2], 3, PLAIN },
		{ &gen->cohorts[3], 4, PLAIN },
	};
	const struct layout threads[THREAD_COLUMNS] = {
		{ &gen->threads[0], 1, SIGNED_DELTA },
		{ &gen->threads[1], 3, PLAIN },
		{ &gen->threads[2], 4, PLAIN },
		{ &gen->threads[3], 5, PLAIN },
		{ &gen->threads[4], 7, PLAIN },
		{ &gen->threads[5], 8, PLAIN },
		{ &gen->threads[6], 9, PLAIN },
		{ &gen->threads[7], 10, PLAIN },
	};
	size_t i;

	for (i = 0; i < gen->node_parent.count; i++)
		push(&node_parent_delta, i + 1 - gen->node_parent.values[i]);
	add_table(out, gen, 3, pcs, 2);
	add_table(out, gen, 4, stacks, 2);
	add_table(out, gen, 5, sites, SITE_COLUMNS);
	add_table(out, gen, 6, cohorts, COHORT_COLUMNS);
	add_table(out, gen, 7, threads, THREAD_COLUMNS);
	free(node_parent_delta.values);
}

struct snapgen_buffer
snapgen_pack(struct snapgen *gen, int with_trailer)
{
	struct snapgen_buffer buffer;
	struct strbuf out = { 0 };
	size_t i;

	add_message(&out, 1, &gen->header.base);
	for (i = 0; i < gen->module_count; i++) {
		Leakshim__V1__Module *module = &gen->modules[i];
		Leakshim__V1__Segment *segment = &gen->segments[i];

		module->n_segments = 1;
		module->segments = &segment;
		add_message(&out, 2, &module->base);
		module->segments = NULL;
	}
	add_tables(&out, gen);
	if (gen->has_ledger)
		add_message(&out, 8, &gen->ledger.base);
	add_message(&out, 10, &gen->losses.base);
	strbuf_add(&out, gen->raw.data, gen->raw.len);
	if (with_trailer)
		add_trailer(&out, gen);
	buffer.len = out.len;
	buffer.data = (uint8_t *)strbuf_detach(&out);
	return buffer;
}

struct snapgen_buffer
snapgen_gzip(const void *bytes, size_t len)
{
	union {
		const void *in;
		Bytef *out;
	} cast = { .in = bytes };
	struct snapgen_buffer buffer;
	z_stream z = { 0 };

	if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		abort();
	buffer.len = deflateBound(&z, len);
	buffer.data = xmalloc(buffer.len);
	z.next_in = cast.out;
	z.avail_in = (unsigned int)len;
	z.next_out = buffer.data;
	z.avail_out = (unsigned int)buffer.len;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	buffer.len = z.total_out;
	deflateEnd(&z);
	return buffer;
}

static char directory[64];
static unsigned int file_count;

const char *
snapgen_file(const void *bytes, size_t len)
{
	static char path[96];
	FILE *file;

	if (!directory[0]) {
		snprintf(directory, sizeof(directory),
			 "/tmp/leakshim-snapgen.XXXXXX");
		if (!mkdtemp(directory))
			abort();
	}
	snprintf(path, sizeof(path), "%s/%u.snap", directory, file_count++);
	file = fopen(path, "w");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		abort();
	return path;
}

const char *
snapgen_write(struct snapgen *gen)
{
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	struct snapgen_buffer zipped = snapgen_gzip(packed.data, packed.len);
	const char *path = snapgen_file(zipped.data, zipped.len);

	free(packed.data);
	free(zipped.data);
	return path;
}

void
snapgen_clean(void)
{
	char path[96];

	if (!directory[0])
		return;
	while (file_count > 0) {
		snprintf(path, sizeof(path), "%s/%u.snap", directory,
			 --file_count);
		unlink(path);
	}
	rmdir(directory);
	directory[0] = '\0';
}
