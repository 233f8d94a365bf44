#include <inttypes.h>
#include <string.h>

#include "reader.h"
#include "reader_parts.h"
#include "snapshot.pb-c.h"
#include "xalloc.h"

/* Build-ids are 16 or 20 bytes in practice; a linker takes any length. */
#define READER_BUILD_ID_BYTES 64
/* Marks are set by people and scripts; a mark a second for 18 hours. */
#define READER_MARKS_MAX 65536

#define SAME_TRIGGER(name)                                                     \
	_Static_assert((int)name == (int)LEAKSHIM__V1__TRIGGER__##name,        \
		       #name " is not the format's")
SAME_TRIGGER(TRIGGER_SIGNAL);
SAME_TRIGGER(TRIGGER_BELL);
SAME_TRIGGER(TRIGGER_INTERVAL);
SAME_TRIGGER(TRIGGER_GROW);
SAME_TRIGGER(TRIGGER_LIMIT);
SAME_TRIGGER(TRIGGER_EXIT);
SAME_TRIGGER(TRIGGER_INSIDE);

/* protobuf-c gives proto3 strings as NUL-terminated, never NULL. */
static const char *
keep_string(struct reader *reader, const char *text)
{
	return model_keep(reader->model, text, strlen(text));
}

/* Bytes that are a text: refused if a NUL would cut them. */
static int
keep_text(struct reader *reader, const ProtobufCBinaryData *bytes, size_t max,
	  const char *what, const char **out)
{
	if (bytes->len > max)
		return reader_corrupt(reader, "%s of %zu bytes", what,
				      bytes->len);
	if (bytes->len && memchr(bytes->data, '\0', bytes->len))
		return reader_corrupt(reader, "%s with a NUL in it", what);
	*out = model_keep(reader->model, bytes->data, bytes->len);
	return 0;
}

static int
keep_options(struct reader *reader, const Leakshim__V1__Header *message)
{
	struct header *header = &reader->model->header;
	size_t i;

	header->options = model_keep_zeroed(reader->model, message->n_options,
					    sizeof(*header->options));
	header->option_count = (uint32_t)message->n_options;
	for (i = 0; i < message->n_options; i++) {
		header->options[i].key =
			keep_string(reader, message->options[i]->key);
		if (keep_text(reader, &message->options[i]->value,
			      LKS_FIELD_BYTES, "an option",
			      &header->options[i].value) < 0)
			return -1;
	}
	return 0;
}

static int
keep_argv(struct reader *reader, const Leakshim__V1__Header *message)
{
	struct header *header = &reader->model->header;
	size_t i;

	header->argv = model_keep_zeroed(reader->model, message->n_argv,
					 sizeof(*header->argv));
	header->argv_count = (uint32_t)message->n_argv;
	for (i = 0; i < message->n_argv; i++) {
		if (keep_text(reader, &message->argv[i], LKS_ARGV_BYTES,
			      "an argument", &header->argv[i]) < 0)
			return -1;
	}
	return 0;
}

static int
keep_cohort_bins(struct reader *reader, const Leakshim__V1__Header *message)
{
	struct header *header = &reader->model->header;
	size_t i;

	if (message->n_cohort_bins > LKS_COHORTS)
		return reader_corrupt(reader, "%zu cohorts",
				      message->n_cohort_bins);
	header->cohort_bin_count = (uint32_t)message->n_cohort_bins;
	for (i = 0; i < message->n_cohort_bins; i++) {
		const Leakshim__V1__CohortBin *bin = message->cohort_bins[i];

		if (bin->to_s < bin->from_s)
			return reader_corrupt(reader,
					      "a cohort ends before it begins");
		header->cohort_bins[i].from_s = bin->from_s;
		header->cohort_bins[i].to_s = bin->to_s;
	}
	return 0;
}

static int
keep_header(struct reader *reader, const Leakshim__V1__Header *message)
{
	struct header *header = &reader->model->header;

	if (message->sample_bytes == 0 ||
	    message->sample_bytes > LKS_SAMPLE_MAX)
		return reader_corrupt(reader, "a sampling rate of %" PRIu64,
				      message->sample_bytes);
	if (message->count_scale == 0)
		return reader_corrupt(reader, "a scale of 0");
	header->schema_version = message->schema_version;
	header->shim_version = keep_string(reader, message->shim_version);
	header->pid_namespace = message->pid_namespace;
	header->pid = message->pid;
	header->parent_pid = message->parent_pid;
	header->start_ticks = message->start_ticks;
	header->uid = message->uid;
	header->machine = keep_string(reader, message->machine);
	header->page_bytes = message->page_bytes;
	header->wall_ns = message->wall_ns;
	header->monotonic_ns = message->monotonic_ns;
	header->start_wall_ns = message->start_wall_ns;
	header->start_monotonic_ns = message->start_monotonic_ns;
	header->fork_wall_ns = message->fork_wall_ns;
	header->fork_threads = message->fork_threads;
	header->late_ns = message->late_ns;
	header->sequence = message->sequence;
	header->trigger = (uint32_t)message->trigger;
	header->way = (uint32_t)message->way;
	header->sample_bytes = message->sample_bytes;
	header->count_scale = message->count_scale;
	header->depth = message->depth;
	header->unwind = keep_string(reader, message->unwind);
	header->inherited_before_s = message->inherited_before_s;
	header->memory_limit_bytes = message->memory_limit_bytes;
	if (keep_text(reader, &message->boot_id, LKS_PATH_BYTES, "a boot id",
		      &header->boot_id) < 0 ||
	    keep_text(reader, &message->host, LKS_PATH_BYTES, "a host name",
		      &header->host) < 0 ||
	    keep_text(reader, &message->exe, LKS_PATH_BYTES, "a path",
		      &header->exe) < 0 ||
	    keep_options(reader, message) < 0 || keep_argv(reader, message) < 0)
		return -1;
	return keep_cohort_bins(reader, message);
}

int
reader_take_header(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__Header *message =
		(const Leakshim__V1__Header *)base;

	if (reader->has_header)
		return reader_corrupt(reader, "a second header");
	/* Nearly any bytes are some message: only the schema makes it ours. */
	if (message->schema_version == 0)
		return reader_foreign(reader);
	if (message->schema_version > READER_SCHEMA)
		return err_set(
			reader->err, ERR_VERSION,
			"'%s': written by a newer leakshim (schema %u; this leakdiff reads %u)",
			reader->model->file, message->schema_version,
			READER_SCHEMA);
	reader->has_header = true;
	return keep_header(reader, message);
}

int
reader_take_module(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__Module *message =
		(const Leakshim__V1__Module *)base;
	struct model *model = reader->model;
	struct module *module;
	size_t i;

	if (model->module_count == LKS_MODULES_MAX)
		return reader_corrupt(reader, "more than %u modules",
				      LKS_MODULES_MAX);
	model->modules = xgrow(model->modules, &reader->module_capacity,
			       (size_t)model->module_count + 2,
			       sizeof(*model->modules));
	module = &model->modules[model->module_count + 1];
	memset(module, 0, sizeof(*module));
	if (keep_text(reader, &message->path, LKS_PATH_BYTES, "a path",
		      &module->path) < 0)
		return -1;
	if (message->build_id.len > READER_BUILD_ID_BYTES)
		return reader_corrupt(reader, "a build-id of %zu bytes",
				      message->build_id.len);
	module->build_id_bytes = (uint32_t)message->build_id.len;
	if (message->build_id.len)
		module->build_id = (const uint8_t *)model_keep(
			model, message->build_id.data, message->build_id.len);
	if (message->n_segments > LKS_SEGMENTS_MAX)
		return reader_corrupt(reader, "a module of %zu segments",
				      message->n_segments);
	module->segment_count = (uint32_t)message->n_segments;
	for (i = 0; i < message->n_segments; i++) {
		const Leakshim__V1__Segment *segment = message->segments[i];

		if (segment->end <= segment->start)
			return reader_corrupt(reader, "an empty segment");
		module->segments[i].start = segment->start;
		module->segments[i].end = segment->end;
		module->segments[i].file_offset = segment->file_offset;
		module->segments[i].vaddr = segment->vaddr;
	}
	module->generation = message->generation;
	module->unloaded = message->unloaded;
	model->module_count++;
	return 0;
}

int
reader_take_ledger(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__Ledger *message =
		(const Leakshim__V1__Ledger *)base;
	struct ledger *ledger = &reader->model->ledger;
	const uint64_t bytes[] = {
		[LEDGER_rss] = message->rss_bytes,
		[LEDGER_live_heap] = message->live_heap_bytes,
		[LEDGER_allocator_retained] = message->allocator_retained_bytes,
		[LEDGER_direct_mmap] = message->direct_mmap_bytes,
		[LEDGER_thread_stacks] = message->thread_stack_bytes,
		[LEDGER_files] = message->file_bytes,
		[LEDGER_shared] = message->shared_bytes,
		[LEDGER_shim] = message->shim_bytes,
	};
	size_t i;

	if (ledger->present)
		return reader_corrupt(reader, "a second ledger");
	for (i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		/* A difference of two must fit, hence half. */
		if (bytes[i] > INT64_MAX / 2)
			return reader_corrupt(reader,
					      "a ledger beyond all memory");
		ledger->bytes[i] = (int64_t)bytes[i];
	}
	if (message->unexplained_bytes > INT64_MAX / 2 ||
	    message->unexplained_bytes < -(INT64_MAX / 2))
		return reader_corrupt(reader, "a ledger beyond all memory");
	ledger->bytes[LEDGER_unexplained] = message->unexplained_bytes;
	ledger->swap_bytes = message->swap_bytes;
	ledger->virtual_bytes = message->virtual_bytes;
	ledger->thread_count = message->thread_count;
	ledger->mapping_count = message->mapping_count;
	ledger->cgroup_bytes = message->cgroup_bytes;
	ledger->present = true;
	return 0;
}

int
reader_take_mark(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__Mark *message = (const Leakshim__V1__Mark *)base;
	struct model *model = reader->model;
	struct mark *mark;

	if (model->mark_count == READER_MARKS_MAX)
		return reader_corrupt(reader, "more than %u marks",
				      READER_MARKS_MAX);
	model->marks = xgrow(model->marks, &reader->mark_capacity,
			     (size_t)model->mark_count + 1,
			     sizeof(*model->marks));
	mark = &model->marks[model->mark_count++];
	mark->wall_ns = message->wall_ns;
	mark->monotonic_ns = message->monotonic_ns;
	return keep_text(reader, &message->text, LKS_REQUEST_BYTES, "a mark",
			 &mark->text);
}

int
reader_take_losses(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__Losses *message =
		(const Leakshim__V1__Losses *)base;
	struct losses *losses = &reader->model->losses;

	if (reader->has_losses)
		return reader_corrupt(reader, "a second list of losses");
#define X(name, words) losses->name = message->name;
	LOSSES(X)
#undef X
	losses->thinning_shift = message->thinning_shift;
	losses->disabled_because =
		keep_string(reader, message->disabled_because);
	reader->has_losses = true;
	return 0;
}

int
reader_take_trailer(struct reader *reader, const ProtobufCMessage *base)
{
	const Leakshim__V1__Trailer *message =
		(const Leakshim__V1__Trailer *)base;
	struct trailer *trailer = &reader->model->trailer;

	trailer->longest_hold_ns = message->longest_hold_ns;
	trailer->write_ns = message->write_ns;
	trailer->shim_mapped_bytes = message->shim_mapped_bytes;
	reader->trailer_sites = message->sites;
	reader->trailer_sums.alloc_objects = message->alloc_objects;
	reader->trailer_sums.alloc_bytes = message->alloc_bytes;
	reader->trailer_sums.free_objects = message->free_objects;
	reader->trailer_sums.free_bytes = message->free_bytes;
	reader->trailer_sums.live_objects = message->live_objects;
	reader->trailer_sums.live_bytes = message->live_bytes;
	reader->has_trailer = true;
	return 0;
}
