/*
 * What the files of the reader share; nobody else includes this.
 *
 * reader.c walks the top-level fields and unpacks each, reader_facts.c takes
 * the messages that occur once (and modules and marks), reader_tables.c those
 * that are columns, reader_blocks.c the blocks of a dump, in a walk of its own,
 * and reader_link.c checks the references between tables when
 * all are there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "block.h"
#include "err.h"
#include "model.h"

/* Where in the file a table's rows came from, for messages. */
struct reader_span {
	uint32_t first; /* number of the first row of one message */
	uint64_t offset;
};

struct reader_table {
	size_t capacity; /* of the model's array */
	struct reader_span *spans;
	size_t span_count;
	size_t span_capacity;
};

struct field_kind;

/* What a walk over the blocks has beside the reader. */
struct reader_blocks {
	const struct model *tables; /* of the same file */
	block_visit *visit;
	void *visitor;
	struct block_totals seen;
	struct block_totals told;
};

struct reader {
	struct model *model;
	struct err *err;
	const struct field_kind *kinds; /* the fields that are taken */
	size_t kind_count;
	struct reader_blocks *blocks; /* NULL: not among them */
	uint64_t offset;              /* of the field being taken */

	bool has_header;
	bool has_losses;
	bool has_trailer;
	uint64_t trailer_sites; /* what the trailer says, to be compared */
	struct counts trailer_sums;

	size_t module_capacity;
	size_t mark_capacity;
	struct reader_table pcs;
	struct reader_table nodes;
	struct reader_table sites;
	struct reader_table cohorts;
	struct reader_table thread_sites;

	/* Deltas run on from message to message. */
	uint64_t pc_address;
	int64_t site_node;
	int64_t thread_node;
	uint64_t cohort_site;

	/* Sums of columns, each kept at most INT64_MAX. */
	struct counts sums;
	uint64_t inherited_objects;
	uint64_t inherited_bytes;
	uint64_t cohort_objects;
	uint64_t cohort_bytes;
	struct thread_site thread_sums;
};

/* "corrupt: WHAT" at the field being taken. Returns -1. */
int reader_corrupt(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The file is something else than a snapshot. Returns -1. */
int reader_foreign(struct reader *reader);

/* Takes one message, of the type that its field in reader.c's table says.
 * Borrowed. 0, or -1 with `err` filled. */
typedef int reader_take(struct reader *reader, const ProtobufCMessage *base);

reader_take reader_take_header;
reader_take reader_take_module;
reader_take reader_take_ledger;
reader_take reader_take_mark;
reader_take reader_take_losses;
reader_take reader_take_trailer;
reader_take reader_take_pcs;
reader_take reader_take_stacks;
reader_take reader_take_sites;
reader_take reader_take_cohorts;
reader_take reader_take_thread_sites;
reader_take reader_take_blocks;
reader_take reader_take_block_totals;

/* All columns of a message are equally long, or absent. 0, or -1 with `err`. */
int reader_count_rows(struct reader *reader, const size_t *lengths,
		      size_t columns, size_t *rows);

/* All fields were taken: checks what tables say of each other, and compares
 * their sums with the trailer's. In a truncated model rows whose reference
 * leads nowhere are dropped. */
int reader_link(struct reader *reader);

void reader_release_tables(struct reader *reader);
