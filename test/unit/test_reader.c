/*
 * The reader against good, cut and hostile files. What a hostile file must
 * not do is caught by the sanitizers; what a model promises by check_model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "../../analyzer/reader.h"
#include "../../analyzer/strbuf.h"
#include "../../analyzer/xalloc.h"
#include "model_check.h"
#include "stories.h"

#define KIB (UINT64_C(1) << 10)

static void
check_model(const struct model *model)
{
	const char *broken = model_broken(model);

	if (broken)
		fail_msg("not true: %s", broken);
}

/* Loads gzip of bytes; NULL and `err`, or a model that keeps its promises. */
static struct model *
load_packed(const void *bytes, size_t len, struct err *err)
{
	struct snapgen_buffer zipped = snapgen_gzip(bytes, len);
	struct model *model =
		reader_load(snapgen_file(zipped.data, zipped.len), err);

	free(zipped.data);
	if (model)
		check_model(model);
	return model;
}

static struct model *
load(struct snapgen *gen, struct err *err)
{
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	struct model *model = load_packed(packed.data, packed.len, err);

	free(packed.data);
	snapgen_free(gen);
	return model;
}

/* Loading fails with that code, and the message has those words. */
static void
assert_refused(struct snapgen *gen, enum err_code code, const char *words)
{
	struct err err;
	struct model *model = load(gen, &err);

	assert_null(model);
	assert_non_null(strstr(err.text, words));
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(err.code, code);
	snapgen_clean();
}

static int
clean(void **state)
{
	(void)state;
	snapgen_clean();
	return 0;
}

static void
whole_snapshot_is_read(void **state)
{
	struct snapgen *gen = story_server_new();
	Leakshim__V1__Header *header = snapgen_header(gen);
	Leakshim__V1__CohortBin bin;
	Leakshim__V1__CohortBin *bins[] = { &bin };
	const struct site *site;
	struct model *model;
	struct err err;

	(void)state;
	leakshim__v1__cohort_bin__init(&bin);
	bin.to_s = 44;
	header->n_cohort_bins = 1;
	header->cohort_bins = bins;
	snapgen_cohort(gen, 2, 0, 7, 70);
	snapgen_raw(gen, 9, "\x0a\x03hey\x10\x05", 7);
	model = load(gen, &err);
	assert_non_null(model);
	assert_false(model->truncated);
	assert_false(model->totals_disagree);
	assert_int_equal(model->dropped_rows, 0);
	assert_string_equal(model->header.exe, "/usr/bin/server");
	assert_string_equal(model->header.unwind, "cfi");
	assert_int_equal(model->header.pid, 1234);
	assert_int_equal(model->header.sequence, 2);
	assert_int_equal(model->module_count, 3);
	assert_string_equal(model->modules[2].path, "/opt/example/server");
	assert_int_equal(model->modules[2].build_id_bytes, 15);
	assert_memory_equal(model->modules[2].build_id, "server-build-id", 15);
	assert_null(model->modules[3].build_id);
	assert_int_equal(model->modules[2].segments[0].vaddr, 0x1000);
	assert_int_equal(model->site_count, 5);
	site = &model->sites[1];
	assert_int_equal(site->counts.alloc_objects, 12000);
	assert_int_equal(site->counts.live_objects, 10000);
	assert_int_equal(site->counts.live_bytes, 10 << 20);
	assert_int_equal(model_node(model, site->node)->depth, 4);
	assert_int_equal(
		model->pcs[model_node(model, site->node)->pc.id].address,
		0x7ffff7f01234);
	assert_int_equal(model->sites[2].flags, SITE_TRUNCATED);
	assert_int_equal(model->thread_site_count, 1);
	assert_int_equal(model->thread_sites[1].running, 5);
	assert_int_equal(model->thread_sites[1].exited_unjoined, 2);
	assert_true(model->ledger.present);
	assert_int_equal(model->ledger.bytes[LEDGER_unexplained], -4096);
	assert_int_equal(model->ledger.bytes[LEDGER_live_heap],
			 (13 << 20) + 64 * KIB);
	assert_int_equal(model->losses.dropped_allocs, 1);
	assert_int_equal(model->cohort_count, 1);
	assert_int_equal(model->cohorts[0].site.id, 2);
	assert_int_equal(model->cohorts[0].bytes, 70);
	assert_int_equal(model->mark_count, 1);
	assert_string_equal(model->marks[0].text, "hey");
	model_free(model);
}

static void
columns_run_on_across_messages(void **state)
{
	size_t rows;

	(void)state;
	for (rows = 0; rows < 6; rows++) {
		struct snapgen *gen = story_server_new();
		struct model *model;
		struct err err;

		snapgen_rows(gen, rows);
		model = load(gen, &err);
		assert_non_null(model);
		assert_int_equal(model->pc_count, 9);
		assert_int_equal(model->pcs[9].address,
				 0x555555554000 + 0x8888);
		assert_int_equal(model->site_count, 5);
		assert_int_equal(model->sites[5].counts.free_bytes, 8 * KIB);
		assert_false(model->totals_disagree);
		model_free(model);
	}
}

static void
absent_columns_are_zeros(void **state)
{
	struct snapgen *gen = story_idle();
	struct model *model;
	struct err err;

	(void)state;
	/* pcs: two addresses without module; sites: two of node 0 with
	 * alloc_objects only. */
	snapgen_raw(gen, 3, "\x12\x02\x02\x02", 4);
	snapgen_raw(gen, 5, "\x1a\x02\x03\x04", 4);
	snapgen_trailer(gen)->sites = 2;
	snapgen_trailer(gen)->alloc_objects = 7;
	model = load(gen, &err);
	assert_non_null(model);
	assert_int_equal(model->pc_count, 2);
	assert_int_equal(model->pcs[2].address, 2);
	assert_int_equal(model->pcs[2].module.id, 0);
	assert_int_equal(model->site_count, 2);
	assert_int_equal(model->sites[2].counts.alloc_objects, 4);
	assert_int_equal(model->sites[2].counts.live_bytes, 0);
	assert_false(model->totals_disagree);
	model_free(model);
}

static void
unknown_fields_are_skipped(void **state)
{
	struct snapgen *gen = story_server_new();
	struct model *model;
	struct err err;

	(void)state;
	snapgen_raw(gen, 20, "later", 5);
	snapgen_raw(gen, 1000, NULL, 0);
	model = load(gen, &err);
	assert_non_null(model);
	assert_int_equal(model->site_count, 5);
	model_free(model);
}

static void
wrong_totals_are_noticed(void **state)
{
	struct snapgen *gen = story_server_new();
	struct model *model;
	struct err err;

	(void)state;
	snapgen_trailer(gen)->sites = 5;
	model = load(gen, &err);
	assert_non_null(model);
	assert_true(model->totals_disagree);
	model_free(model);
}

static void
every_uncompressed_prefix_is_a_clean_result(void **state)
{
	struct snapgen *gen = story_server_new();
	struct snapgen_buffer packed;
	size_t models = 0;
	size_t len;

	(void)state;
	snapgen_rows(gen, 2);
	packed = snapgen_pack(gen, 1);
	for (len = 0; len < packed.len; len++) {
		struct err err = { ERR_NONE, false, 0, "" };
		struct model *model = load_packed(packed.data, len, &err);

		if (model) {
			assert_true(model->truncated);
			assert_true(model->prefix_bytes <= len);
			models++;
			model_free(model);
		} else {
			assert_int_equal(err.code, ERR_CORRUPT);
			assert_non_null(strstr(err.text, "truncated"));
		}
		snapgen_clean();
	}
	assert_true(models > packed.len / 2);
	free(packed.data);
	snapgen_free(gen);
}

static void
every_compressed_prefix_is_a_clean_result(void **state)
{
	struct snapgen *gen = story_server_new();
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	struct snapgen_buffer zipped = snapgen_gzip(packed.data, packed.len);
	size_t len;

	(void)state;
	for (len = 0; len < zipped.len; len++) {
		struct err err = { ERR_NONE, false, 0, "" };
		struct model *model =
			reader_load(snapgen_file(zipped.data, len), &err);

		if (model) {
			check_model(model);
			/* All but deflate's end mark and gzip's 8 bytes of
			 * checksum and length may be there. */
			assert_true(model->truncated ||
				    len + 8 + 2 >= zipped.len);
			model_free(model);
		} else {
			assert_int_equal(err.code,
					 len ? ERR_CORRUPT : ERR_EMPTY);
		}
		snapgen_clean();
	}
	free(zipped.data);
	free(packed.data);
	snapgen_free(gen);
}

/* Each byte takes the values most likely to break a length or an index. */
static void
no_changed_byte_breaks_the_model(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct snapgen *gen = story_server_new();
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	size_t at;
	size_t i;

	(void)state;
	for (at = 0; at < packed.len; at++) {
		uint8_t kept = packed.data[at];

		for (i = 0; i < sizeof(values); i++) {
			struct err err;
			struct model *model;

			packed.data[at] = values[i];
			model = load_packed(packed.data, packed.len, &err);
			model_free(model);
			snapgen_clean();
		}
		packed.data[at] = kept;
	}
	free(packed.data);
	snapgen_free(gen);
}

static void
no_changed_compressed_byte_goes_unnoticed(void **state)
{
	struct snapgen *gen = story_server_new();
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	struct snapgen_buffer zipped = snapgen_gzip(packed.data, packed.len);
	size_t at;

	(void)state;
	/* From the end of gzip's header on: its checksum covers the rest. */
	for (at = 10; at < zipped.len; at++) {
		struct err err;
		struct model *model;

		zipped.data[at] ^= 0x55;
		model = reader_load(snapgen_file(zipped.data, zipped.len),
				    &err);
		if (model)
			assert_true(model->truncated);
		model_free(model);
		zipped.data[at] ^= 0x55;
		snapgen_clean();
	}
	free(zipped.data);
	free(packed.data);
	snapgen_free(gen);
}

/* Bytes that are no snapshot for a reason of their own. */
static void
assert_bytes_refused(const void *bytes, size_t len, enum err_code code)
{
	struct err err;

	assert_null(reader_load(snapgen_file(bytes, len), &err));
	assert_int_equal(err.code, code);
}

static void
foreign_files_are_told_apart(void **state)
{
	struct snapgen_buffer zipped;
	struct err err;

	(void)state;
	assert_null(reader_load("/nonexistent", &err));
	assert_int_equal(err.code, ERR_OPEN);
	assert_null(reader_load("/", &err));
	assert_int_equal(err.code, ERR_READ);
	assert_bytes_refused("", 0, ERR_EMPTY);
	assert_bytes_refused("P", 1, ERR_NOT_GZIP);
	assert_bytes_refused("PK\x03\x04", 4, ERR_NOT_GZIP);
	assert_bytes_refused("\x1f\x8b", 2, ERR_CORRUPT);
	assert_bytes_refused("\x1f\x8bjunkjunkjunk", 14, ERR_CORRUPT);
	zipped = snapgen_gzip("hello, world\n", 13);
	assert_bytes_refused(zipped.data, zipped.len, ERR_FOREIGN);
	free(zipped.data);
	/* A newline is the header's tag; what follows then is no header. */
	zipped = snapgen_gzip("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 16);
	assert_bytes_refused(zipped.data, zipped.len, ERR_FOREIGN);
	free(zipped.data);
	/* A pprof profile begins with field 1 as well. */
	zipped = snapgen_gzip("\x0a\x04\x08\x01\x10\x02", 6);
	assert_null(reader_load(snapgen_file(zipped.data, zipped.len), &err));
	free(zipped.data);
}

static void
newer_schema_is_refused(void **state)
{
	struct snapgen *gen = story_idle();

	(void)state;
	snapgen_header(gen)->schema_version = 2;
	assert_refused(gen, ERR_VERSION, "newer leakshim (schema 2");
}

/* One raw field after the story's own. */
static void
assert_field_refused(uint32_t number, const char *bytes, size_t len,
		     const char *words)
{
	struct snapgen *gen = story_server_new();

	snapgen_raw(gen, number, bytes, len);
	assert_refused(gen, ERR_CORRUPT, words);
}

static void
broken_references_are_refused(void **state)
{
	(void)state;
	/* pc of module 9; node of pc 99; sites of node 99 and of -2. */
	assert_field_refused(3, "\x0a\x01\x09\x12\x01\x02", 6, "no module 9");
	assert_field_refused(4, "\x0a\x01\x01\x12\x01\x63", 6, "no address 99");
	assert_field_refused(5, "\x0a\x02\xc6\x01", 4, "no stack");
	assert_field_refused(5, "\x0a\x01\xff\x01", 4, "not a message");
	assert_field_refused(5, "\x0a\x02\xff\x01", 4, "no such stack");
	/* Nodes: parent 0 rows back, and further back than there are. */
	assert_field_refused(4, "\x0a\x01\x00\x12\x01\x01", 6,
			     "no such parent");
	assert_field_refused(4, "\x0a\x01\x7f\x12\x01\x01", 6,
			     "no such parent");
	/* Cohorts: of site 0, of site 99, in bin 5. */
	assert_field_refused(6, "\x12\x01\x00", 3, "no such site");
	assert_field_refused(6, "\x0a\x01\x01\x12\x01\x05", 6, "no cohort 5");
	/* A thread site that starts at address 99. */
	assert_field_refused(7, "\x0a\x01\x00\x5a\x01\x63", 6, "address 99");
}

static void
broken_reference_names_the_message_it_came_in(void **state)
{
	struct snapgen *gen = story_server_new();
	struct snapgen_buffer packed = snapgen_pack(gen, 0);
	struct model *model;
	struct err err;

	(void)state;
	/* A site 99 nodes on, and in the next message one 99 back. */
	snapgen_raw(gen, 5, "\x0a\x02\xc6\x01", 4);
	snapgen_raw(gen, 5, "\x0a\x02\xc5\x01", 4);
	model = load(gen, &err);
	assert_null(model);
	assert_non_null(strstr(err.text, "no stack"));
	assert_int_equal(err.offset, packed.len);
	free(packed.data);
}

static void
broken_messages_are_refused(void **state)
{
	uint32_t number;

	(void)state;
	for (number = 1; number <= 10; number++)
		assert_field_refused(number, "\xff\xff", 2, "not a message");
	assert_field_refused(1, "", 0, "second header");
	assert_field_refused(8, "", 0, "second ledger");
	assert_field_refused(10, "", 0, "second list of losses");
	/* Two modules, three addresses. */
	assert_field_refused(3, "\x0a\x02\x01\x01\x12\x03\x02\x02\x02", 9,
			     "columns of 2 and 3 rows");
	assert_field_refused(2,
			     "\x0a\x03"
			     "a\0b",
			     5, "NUL");
}

static void
impossible_amounts_are_refused(void **state)
{
	struct snapgen *gen = story_server_new();
	const struct snapgen_site huge = { 1, 0, 1, INT64_MAX / 4, 0, 0 };
	struct model *model;
	struct err err;

	(void)state;
	snapgen_site(gen, &huge);
	snapgen_site(gen, &huge);
	assert_refused(gen, ERR_CORRUPT, "beyond all memory");
	gen = story_server_new();
	snapgen_ledger(gen)->rss_bytes = UINT64_MAX;
	assert_refused(gen, ERR_CORRUPT, "beyond all memory");
	gen = story_server_new();
	snapgen_header(gen)->count_scale = 0;
	assert_refused(gen, ERR_CORRUPT, "scale of 0");
	gen = story_server_new();
	snapgen_header(gen)->sample_bytes = 0;
	assert_refused(gen, ERR_CORRUPT, "sampling rate of 0");
	gen = story_server_new();
	snapgen_header(gen)->sample_bytes = LKS_SAMPLE_MAX + 1;
	assert_refused(gen, ERR_CORRUPT, "sampling rate of 1099511627777");
	gen = story_server_new();
	snapgen_header(gen)->sample_bytes = LKS_SAMPLE_MAX;
	model = load(gen, &err);
	assert_non_null(model);
	model_free(model);
}

static void
stacks_have_a_depth_limit(void **state)
{
	struct snapgen *gen = story_idle();
	uint32_t pc = snapgen_pc(gen, 0, 0x1000);
	uint32_t node = 0;
	struct model *model;
	struct err err;
	int i;

	(void)state;
	for (i = 0; i < LKS_DEPTH_MAX; i++)
		node = snapgen_node(gen, node, pc);
	model = load(gen, &err);
	assert_non_null(model);
	model_free(model);
	gen = story_idle();
	pc = snapgen_pc(gen, 0, 0x1000);
	for (node = 0, i = 0; i <= LKS_DEPTH_MAX; i++)
		node = snapgen_node(gen, node, pc);
	assert_refused(gen, ERR_CORRUPT, "more than 256 frames");
}

/* Uncompressed bytes after the story's, before its trailer. */
static void
assert_tail_refused(const char *tail, size_t len, enum err_code code,
		    const char *words)
{
	struct snapgen *gen = story_server_new();
	struct snapgen_buffer packed = snapgen_pack(gen, 0);
	struct strbuf bytes = { 0 };
	struct err err;

	strbuf_add(&bytes, packed.data, packed.len);
	strbuf_add(&bytes, tail, len);
	assert_null(load_packed(bytes.data, bytes.len, &err));
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, words));
	assert_int_equal(err.offset, packed.len);
	strbuf_release(&bytes);
	free(packed.data);
	snapgen_free(gen);
}

static void
broken_fields_are_refused_with_their_offset(void **state)
{
	(void)state;
	assert_tail_refused("\x02\x00", 2, ERR_CORRUPT, "field number 0");
	assert_tail_refused("\x2b", 1, ERR_CORRUPT, "not a message");
	assert_tail_refused("\xa3\x01", 2, ERR_CORRUPT,
			    "impossible field type 3");
	assert_tail_refused("\x2a\x81\x80\x40", 4, ERR_CORRUPT,
			    "1048577 bytes");
	assert_tail_refused("\xa2\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
			    12, ERR_CORRUPT, "field 20 has");
	assert_tail_refused("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11,
			    ERR_CORRUPT, "more than 64 bits");
}

static void
snapshot_without_losses_is_refused(void **state)
{
	struct snapgen *gen = story_idle();
	struct snapgen_buffer packed = snapgen_pack(gen, 0);
	struct strbuf bytes = { 0 };
	struct err err;

	(void)state;
	/* An empty Losses message is two bytes; the trailer too. */
	strbuf_add(&bytes, packed.data, packed.len - 2);
	strbuf_add(&bytes, "\x82\x04\x00", 3);
	assert_null(load_packed(bytes.data, bytes.len, &err));
	assert_non_null(strstr(err.text, "no list of losses"));
	strbuf_release(&bytes);
	free(packed.data);
	snapgen_free(gen);
}

static void
nothing_follows_the_trailer(void **state)
{
	struct snapgen *gen = story_idle();
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	struct snapgen_buffer zipped = snapgen_gzip(packed.data, packed.len);
	struct strbuf bytes = { 0 };
	struct err err;

	(void)state;
	strbuf_add(&bytes, packed.data, packed.len);
	strbuf_add(&bytes, "\x4a\x00", 2);
	assert_null(load_packed(bytes.data, bytes.len, &err));
	assert_non_null(strstr(err.text, "after the trailer"));
	strbuf_clear(&bytes);
	strbuf_add(&bytes, zipped.data, zipped.len);
	strbuf_addc(&bytes, 'x');
	assert_null(reader_load(snapgen_file(bytes.data, bytes.len), &err));
	assert_non_null(strstr(err.text, "more data follows"));
	strbuf_release(&bytes);
	free(zipped.data);
	free(packed.data);
	snapgen_free(gen);
}

static void
add_member(struct strbuf *to, const void *bytes, size_t len)
{
	struct snapgen_buffer zipped = snapgen_gzip(bytes, len);

	strbuf_add(to, zipped.data, zipped.len);
	free(zipped.data);
}

/* As `cat` of gzip files makes one, or a writer that compresses in parallel. */
static void
any_number_of_gzip_members_is_one_stream(void **state)
{
	struct snapgen *gen = story_server_new();
	struct snapgen_buffer packed = snapgen_pack(gen, 1);
	struct strbuf bytes = { 0 };
	size_t ends[3];
	struct err err;
	size_t len;
	size_t i;

	(void)state;
	/* Cut within a field, and one of them empty. */
	for (i = 0; i < 3; i++) {
		size_t from = i == 0 ? 0 : packed.len / 2;
		size_t to = i == 2 ? packed.len : packed.len / 2;

		add_member(&bytes, packed.data + from, to - from);
		ends[i] = bytes.len;
	}
	for (len = ends[0]; len <= ends[2]; len++) {
		struct model *model =
			reader_load(snapgen_file(bytes.data, len), &err);

		assert_non_null(model);
		check_model(model);
		assert_int_equal(model->truncated, len < ends[2]);
		if (len == ends[2])
			assert_int_equal(model->site_count, 5);
		model_free(model);
		snapgen_clean();
	}
	/* A second snapshot is not more of the first. */
	add_member(&bytes, packed.data, packed.len);
	assert_null(reader_load(snapgen_file(bytes.data, bytes.len), &err));
	assert_non_null(strstr(err.text, "after the trailer"));
	strbuf_release(&bytes);
	free(packed.data);
	snapgen_free(gen);
}

static void
truncated_file_drops_sites_without_stack(void **state)
{
	struct snapgen *gen = story_idle();
	struct snapgen_buffer packed;
	struct model *model;
	struct err err;

	(void)state;
	/* Sites before their stacks, which then never come. */
	snapgen_raw(gen, 5, "\x0a\x02\x00\x0a\x42\x02\x05\x06", 8);
	packed = snapgen_pack(gen, 0);
	model = load_packed(packed.data, packed.len, &err);
	assert_non_null(model);
	assert_true(model->truncated);
	assert_int_equal(model->dropped_rows, 1);
	assert_int_equal(model->site_count, 2);
	assert_int_equal(model->sites[1].counts.live_bytes, 5);
	assert_int_equal(model->sites[2].counts.live_bytes, 0);
	model_free(model);
	free(packed.data);
	snapgen_free(gen);
}

static void
number_of_fields_is_bounded(void **state)
{
	struct snapgen *gen = story_idle();
	struct snapgen_buffer packed = snapgen_pack(gen, 0);
	struct strbuf bytes = { 0 };
	struct err err;
	size_t i;

	(void)state;
	strbuf_add(&bytes, packed.data, packed.len);
	for (i = 0; i <= 1u << 20; i++)
		strbuf_add(&bytes, "\xa2\x01\x00", 3);
	assert_null(load_packed(bytes.data, bytes.len, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	strbuf_release(&bytes);
	free(packed.data);
	snapgen_free(gen);
}

/* A gzip member of `block` so many times and once more: a block flushed in
 * full stands for itself, so it is compressed once. */
static void
add_bomb(struct strbuf *bomb, const struct strbuf *block, size_t times)
{
	unsigned char *out = xmalloc(1 << 20);
	z_stream z = { 0 };
	size_t start;
	size_t len;
	size_t i;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	z.next_out = out;
	z.avail_out = 1 << 20;
	z.next_in = (Bytef *)block->data;
	z.avail_in = (unsigned int)block->len;
	assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
	start = z.total_out;
	z.next_in = (Bytef *)block->data;
	z.avail_in = (unsigned int)block->len;
	assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
	len = z.total_out - start;
	strbuf_add(bomb, out, start);
	for (i = 0; i < times; i++)
		strbuf_add(bomb, out + start, len);
	deflateEnd(&z);
	free(out);
}

static void
gzip_bomb_is_refused(void **state)
{
	struct snapgen *gen = story_idle();
	struct snapgen_buffer packed = snapgen_pack(gen, 0);
	struct strbuf block = { 0 };
	char *zeros = xcalloc(1, LKS_FIELD_BYTES);
	struct strbuf bomb = { 0 };
	struct err err;
	size_t i;

	(void)state;
	strbuf_add(&block, "\xa2\x01\x80\x80\x40", 5); /* 1 MiB of field 20 */
	strbuf_add(&block, zeros, LKS_FIELD_BYTES);
	/* No member of it is above the limit, all together are. */
	add_member(&bomb, packed.data, packed.len);
	for (i = 0; i < 2048; i++)
		add_member(&bomb, block.data, block.len);
	add_bomb(&bomb, &block, 2048);
	assert_true(bomb.len < 16 << 20);
	assert_null(reader_load(snapgen_file(bomb.data, bomb.len), &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_non_null(strstr(err.text, "larger than any snapshot"));
	strbuf_release(&bomb);
	strbuf_release(&block);
	free(zeros);
	free(packed.data);
	snapgen_free(gen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_snapshot_is_read),
		cmocka_unit_test(columns_run_on_across_messages),
		cmocka_unit_test(absent_columns_are_zeros),
		cmocka_unit_test(unknown_fields_are_skipped),
		cmocka_unit_test(wrong_totals_are_noticed),
		cmocka_unit_test(every_uncompressed_prefix_is_a_clean_result),
		cmocka_unit_test(every_compressed_prefix_is_a_clean_result),
		cmocka_unit_test(no_changed_byte_breaks_the_model),
		cmocka_unit_test(no_changed_compressed_byte_goes_unnoticed),
		cmocka_unit_test(foreign_files_are_told_apart),
		cmocka_unit_test(newer_schema_is_refused),
		cmocka_unit_test(broken_references_are_refused),
		cmocka_unit_test(broken_reference_names_the_message_it_came_in),
		cmocka_unit_test(broken_messages_are_refused),
		cmocka_unit_test(impossible_amounts_are_refused),
		cmocka_unit_test(stacks_have_a_depth_limit),
		cmocka_unit_test(broken_fields_are_refused_with_their_offset),
		cmocka_unit_test(snapshot_without_losses_is_refused),
		cmocka_unit_test(nothing_follows_the_trailer),
		cmocka_unit_test(any_number_of_gzip_members_is_one_stream),
		cmocka_unit_test(truncated_file_drops_sites_without_stack),
		cmocka_unit_test(number_of_fields_is_bounded),
		cmocka_unit_test(gzip_bomb_is_refused),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, clean);
}
