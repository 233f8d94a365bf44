#include <string.h>

#include "arena.h"
#include "counters.h"
#include "encode_field.h"
#include "epoch.h"
#include "ident.h"
#include "livetab.h"
#include "marks.h"
#include "modmap.h"
#include "opts.h"
#include "sampler.h"
#include "scratch.h"
#include "sink.h"
#include "state.h"
#include "sys.h"

#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#endif

/* Keys of LEAKSHIM=; their values may be paths with every comma escaped. */
#define OPTIONS_MAX 32
#define OPTION_TEXT_BYTES (64 * 1024)
/* At least two bytes of argv each. */
#define ARGV_MAX (LKS_ARGV_BYTES / 2)

/* What the header points to; too large for the stack. */
struct header_parts {
	Leakshim__V1__CohortBin bins[LKS_COHORTS];
	Leakshim__V1__CohortBin *bin_list[LKS_COHORTS];
	Leakshim__V1__Option options[OPTIONS_MAX];
	Leakshim__V1__Option *option_list[OPTIONS_MAX];
	ProtobufCBinaryData argv[ARGV_MAX];
	char text[OPTION_TEXT_BYTES];
};

static void
set_options(Leakshim__V1__Header *h, struct header_parts *parts)
{
	size_t used = 0;
	uint32_t count = lks_opts_count();

	for (uint32_t i = 0; i < count && i < OPTIONS_MAX; i++) {
		Leakshim__V1__Option *option = &parts->options[i];
		char *value = parts->text + used;

		leakshim__v1__option__init(option);
		option->key = lks_encode_text(
			lks_opts_get(i, value, sizeof(parts->text) - used));
		option->value = lks_encode_bytes(value, strlen(value));
		used += strlen(value) + 1;
		parts->option_list[h->n_options++] = option;
	}
	h->options = parts->option_list;
}

static void
set_process(Leakshim__V1__Header *h, struct header_parts *parts)
{
	const struct lks_ident *id = &lks_ident;

	for (uint32_t at = 0; at < id->argv_bytes && h->n_argv < ARGV_MAX;) {
		size_t length = strlen(id->argv + at);

		parts->argv[h->n_argv++] =
			lks_encode_bytes(id->argv + at, length);
		at += (uint32_t)length + 1;
	}
	h->argv = parts->argv;
	h->boot_id = lks_encode_bytes(id->boot_id, strlen(id->boot_id));
	h->host = lks_encode_bytes(id->host, strlen(id->host));
	h->pid_namespace = id->pid_namespace;
	h->pid = (uint32_t)id->pid;
	h->parent_pid = (uint32_t)id->parent_pid;
	h->start_ticks = id->start_ticks;
	h->exe = lks_encode_bytes(id->exe, strlen(id->exe));
	h->uid = (uint32_t)lks_sys0(SYS_geteuid);
	h->machine = lks_encode_text(MACHINE);
	h->page_bytes = id->page_bytes;
	h->fork_wall_ns = id->fork_wall_ns;
	h->fork_threads = id->fork_threads;
	h->memory_limit_bytes = id->memory_limit_bytes;
}

static void
set_bins(Leakshim__V1__Header *h, struct header_parts *parts,
	 const struct lks_snap *snap)
{
	for (uint32_t i = 0; i < snap->bin_count; i++) {
		leakshim__v1__cohort_bin__init(&parts->bins[i]);
		parts->bins[i].from_s = snap->bins[i].from_s;
		parts->bins[i].to_s = snap->bins[i].to_s;
		parts->bin_list[i] = &parts->bins[i];
	}
	h->n_cohort_bins = snap->bin_count;
	h->cohort_bins = parts->bin_list;
}

bool
lks_encode_header(struct lks_encoder *encoder, const struct lks_snap *snap)
{
	struct header_parts *parts = lks_scratch_map(sizeof(*parts));
	Leakshim__V1__Snapshot one;
	Leakshim__V1__Header h;
	bool done;

	if (parts == NULL) {
		lks_sink_fail("no memory for the header", 0);
		return false;
	}
	leakshim__v1__snapshot__init(&one);
	leakshim__v1__header__init(&h);
	h.schema_version = 1;
	h.shim_version = lks_encode_text(LKS_VERSION);
	set_options(&h, parts);
	set_process(&h, parts);
	set_bins(&h, parts, snap);
	h.wall_ns = snap->wall_ns;
	h.monotonic_ns = snap->monotonic_ns;
	h.start_wall_ns = lks_epoch_start_wall_ns();
	h.start_monotonic_ns = lks_epoch_start_monotonic_ns();
	h.late_ns = lks_epoch_late_ns();
	h.sequence = snap->sequence;
	h.trigger = (Leakshim__V1__Trigger)snap->trigger;
	h.way = (Leakshim__V1__Way)snap->way;
	h.sample_bytes = lks_sampler_mean();
	h.count_scale = lks_sampler_scale();
	h.depth = lks_opts.depth;
	h.unwind = lks_encode_text(lks_unwind_name(lks_opts.unwind));
	h.inherited_before_s = lks_snap_inherited_before_s();
	one.header = &h;
	done = lks_encode_field(encoder, &one);
	lks_scratch_drop(parts);
	return done;
}

static bool
encode_module(struct lks_encoder *encoder, const struct lks_module *module)
{
	Leakshim__V1__Segment segments[LKS_SEGMENTS_MAX];
	Leakshim__V1__Segment *segment_list[LKS_SEGMENTS_MAX];
	Leakshim__V1__Snapshot one;
	Leakshim__V1__Module m;
	Leakshim__V1__Module *list = &m;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__module__init(&m);
	/* A number without a module still counts: it is written empty. */
	if (module != NULL) {
		m.path = lks_encode_bytes(module->path, strlen(module->path));
		m.build_id = lks_encode_bytes(module->build_id,
					      module->build_id_bytes);
		m.generation = module->generation;
		m.unloaded = module->unloaded;
		m.n_segments = module->segment_count;
	}
	for (size_t i = 0; module != NULL && i < m.n_segments; i++) {
		leakshim__v1__segment__init(&segments[i]);
		segments[i].start = module->segments[i].start;
		segments[i].end = module->segments[i].end;
		segments[i].file_offset = module->segments[i].file_offset;
		segments[i].vaddr = module->segments[i].vaddr;
		segment_list[i] = &segments[i];
	}
	m.segments = segment_list;
	one.n_modules = 1;
	one.modules = &list;
	return lks_encode_field(encoder, &one);
}

bool
lks_encode_modules(struct lks_encoder *encoder, const struct lks_snap *snap)
{
	for (uint32_t i = 1; i <= snap->module_count; i++)
		if (!encode_module(encoder, lks_modmap_get(i)))
			return false;
	return true;
}

bool
lks_encode_ledger(struct lks_encoder *encoder, const struct lks_snap *snap)
{
	const struct lks_ledger *from = &snap->ledger;
	Leakshim__V1__Snapshot one;
	Leakshim__V1__Ledger l;
	Leakshim__V1__Deep deep;

	if (!snap->has_ledger)
		return true;
	leakshim__v1__snapshot__init(&one);
	leakshim__v1__ledger__init(&l);
	l.rss_bytes = from->rss_bytes;
	l.live_heap_bytes = from->live_heap_bytes;
	l.allocator_retained_bytes = from->allocator_retained_bytes;
	l.direct_mmap_bytes = from->direct_mmap_bytes;
	l.thread_stack_bytes = from->thread_stack_bytes;
	l.file_bytes = from->file_bytes;
	l.shared_bytes = from->shared_bytes;
	l.shim_bytes = from->shim_bytes;
	l.unexplained_bytes = from->unexplained_bytes;
	l.swap_bytes = from->swap_bytes;
	l.virtual_bytes = from->virtual_bytes;
	l.thread_count = from->thread_count;
	l.mapping_count = from->mapping_count;
	l.cgroup_bytes = from->cgroup_bytes;
	if (from->deep) {
		leakshim__v1__deep__init(&deep);
		deep.pss_bytes = from->pss_bytes;
		deep.uss_bytes = from->uss_bytes;
		deep.malloc_arena_bytes = from->malloc_arena_bytes;
		deep.malloc_used_bytes = from->malloc_used_bytes;
		deep.malloc_free_bytes = from->malloc_free_bytes;
		deep.malloc_trimmable_bytes = from->malloc_trimmable_bytes;
		l.deep = &deep;
	}
	one.ledger = &l;
	return lks_encode_field(encoder, &one);
}

static bool
encode_mark(struct lks_encoder *encoder, const struct lks_mark *mark)
{
	Leakshim__V1__Snapshot one;
	Leakshim__V1__Mark m;
	Leakshim__V1__Mark *list = &m;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__mark__init(&m);
	m.text = lks_encode_bytes(mark->text, mark->length);
	m.wall_ns = mark->wall_ns;
	m.monotonic_ns = mark->monotonic_ns;
	one.n_marks = 1;
	one.marks = &list;
	return lks_encode_field(encoder, &one);
}

bool
lks_encode_marks(struct lks_encoder *encoder)
{
	struct lks_mark *marks =
		lks_scratch_map(LKS_MARKS_MAX * sizeof(*marks));
	bool done = true;
	uint32_t count;

	if (marks == NULL) {
		lks_sink_fail("no memory for the marks", 0);
		return false;
	}
	count = lks_marks_copy(marks);
	for (uint32_t i = 0; done && i < count; i++)
		done = encode_mark(encoder, &marks[i]);
	lks_scratch_drop(marks);
	return done;
}

bool
lks_encode_losses(struct lks_encoder *encoder)
{
	const char *reason = lks_state_reason();
	Leakshim__V1__Snapshot one;
	Leakshim__V1__Losses l;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__losses__init(&l);
#define X(name) l.name = lks_count_get(name);
	LKS_COUNTERS(X)
#undef X
	l.thinning_shift = lks_livetab_shift();
	l.disabled_because = lks_encode_text(reason != NULL ? reason : "");
	one.losses = &l;
	return lks_encode_field(encoder, &one);
}

bool
lks_encode_trailer(struct lks_encoder *encoder, const struct lks_snap *snap)
{
	Leakshim__V1__Snapshot one;
	Leakshim__V1__Trailer t;
	uint64_t now = lks_clock_ns(CLOCK_MONOTONIC);

	/* The hold that this very file is, so far. */
	if (snap->way == LKS_WAY_HOST)
		lks_hold_tell(now - snap->monotonic_ns);
	leakshim__v1__snapshot__init(&one);
	leakshim__v1__trailer__init(&t);
	t.sites = snap->row_count;
	t.alloc_objects = snap->totals.alloc_objects;
	t.alloc_bytes = snap->totals.alloc_bytes;
	t.free_objects = snap->totals.free_objects;
	t.free_bytes = snap->totals.free_bytes;
	t.live_objects = snap->live_sum.objects;
	t.live_bytes = snap->live_sum.bytes;
	t.longest_hold_ns = lks_hold_longest_ns();
	t.write_ns = now - snap->request_ns;
	t.shim_mapped_bytes = lks_arena_bytes();
	one.trailer = &t;
	return lks_encode_field(encoder, &one);
}
