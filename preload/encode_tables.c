/*
 * Tables by column, ROWS rows a message. A column of zeros is left out: most
 * tables have some.
 */
#include "depot.h"
#include "encode_field.h"
#include "encode_pcs.h"
#include "scratch.h"
#include "sink.h"

/* The widest table has eleven columns; a varint has ten bytes at most. */
#define ROWS 8192u
#define COLUMNS 11u
_Static_assert(ROWS *COLUMNS * 10 + 1024 <= LKS_FIELD_BYTES,
	       "a message is one field");

/* Columns of one message under way. Signed ones are kept as their bits. */
struct columns {
	union {
		uint64_t *wide;
		int64_t *with_sign;
		uint32_t *narrow;
	} column[COLUMNS]; /* scratch */
	uint32_t rows;
};

struct tables {
	struct lks_encoder *encoder;
	const struct lks_snap *snap;
	struct lks_pcs pcs;
	struct columns out;
};

static uint64_t *
wide(struct columns *c, uint32_t i)
{
	return c->column[i].wide;
}

static uint32_t *
narrow(struct columns *c, uint32_t i)
{
	return c->column[i].narrow;
}

static int64_t *
with_sign(struct columns *c, uint32_t i)
{
	return c->column[i].with_sign;
}

/* The length to write of a column: 0 if it has only zeros. */
static size_t
wide_length(const struct columns *c, uint32_t i)
{
	for (uint32_t row = 0; row < c->rows; row++)
		if (c->column[i].wide[row] != 0)
			return c->rows;
	return 0;
}

static size_t
narrow_length(const struct columns *c, uint32_t i)
{
	for (uint32_t row = 0; row < c->rows; row++)
		if (c->column[i].narrow[row] != 0)
			return c->rows;
	return 0;
}

#define SET_WIDE(m, name, c, i)                                                \
	((m).n_##name = wide_length(c, i), (m).name = wide(c, i))
#define SET_SIGNED(m, name, c, i)                                              \
	((m).n_##name = wide_length(c, i), (m).name = with_sign(c, i))
#define SET_NARROW(m, name, c, i)                                              \
	((m).n_##name = narrow_length(c, i), (m).name = narrow(c, i))

static int64_t
delta(uint64_t value, uint64_t *previous)
{
	int64_t d = (int64_t)(value - *previous);

	*previous = value;
	return d;
}

static bool
no_memory(void)
{
	lks_sink_fail("no memory to encode the tables", 0);
	return false;
}

/* --- pcs --- */

static bool
flush_pcs(struct tables *t)
{
	Leakshim__V1__Snapshot one;
	Leakshim__V1__PcColumns m;
	Leakshim__V1__PcColumns *list = &m;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__pc_columns__init(&m);
	SET_NARROW(m, module, &t->out, 0);
	SET_SIGNED(m, address_delta, &t->out, 1);
	one.n_pcs = 1;
	one.pcs = &list;
	t->out.rows = 0;
	return lks_encode_field(t->encoder, &one);
}

/* Numbers every pc that a node or a thread site names. */
static bool
gather_pcs(struct tables *t)
{
	struct lks_depot_node node;

	if (!lks_pcs_init(&t->pcs))
		return false;
	for (uint32_t i = 1; i <= t->snap->node_count; i++)
		if (lks_depot_get_node(i, &node) &&
		    lks_pcs_intern(&t->pcs, node.code) == 0)
			return false;
	for (uint32_t i = 0; i < t->snap->thread_count; i++)
		if (t->snap->threads[i].start != 0 &&
		    lks_pcs_intern(&t->pcs, t->snap->threads[i].start) == 0)
			return false;
	return true;
}

static bool
encode_pcs(struct tables *t)
{
	uint64_t previous = 0;

	for (uint32_t i = 0; i < t->pcs.count; i++) {
		uint64_t code = t->pcs.codes[i];
		uint32_t row = t->out.rows++;

		narrow(&t->out, 0)[row] = lks_code_module(code);
		with_sign(&t->out, 1)[row] =
			delta(lks_code_pc(code), &previous);
		if (t->out.rows == ROWS && !flush_pcs(t))
			return false;
	}
	return t->out.rows == 0 || flush_pcs(t);
}

/* --- stacks --- */

static bool
flush_stacks(struct tables *t)
{
	Leakshim__V1__Snapshot one;
	Leakshim__V1__StackColumns m;
	Leakshim__V1__StackColumns *list = &m;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__stack_columns__init(&m);
	SET_NARROW(m, parent_delta, &t->out, 0);
	SET_NARROW(m, pc, &t->out, 1);
	one.n_stacks = 1;
	one.stacks = &list;
	t->out.rows = 0;
	return lks_encode_field(t->encoder, &one);
}

static bool
encode_stacks(struct tables *t)
{
	for (uint32_t i = 1; i <= t->snap->node_count; i++) {
		struct lks_depot_node node = { 0, 0 };
		uint32_t row = t->out.rows++;
		uint32_t pc = 0;

		/* A number wasted in a race is a root that nobody names; one
		 * given out but not filled when the pcs were gathered has no
		 * pc in the file, and no site of the file names it. */
		if (lks_depot_get_node(i, &node))
			pc = lks_pcs_find(&t->pcs, node.code);
		narrow(&t->out, 0)[row] = i - node.parent;
		narrow(&t->out, 1)[row] = pc;
		if (t->out.rows == ROWS && !flush_stacks(t))
			return false;
	}
	return t->out.rows == 0 || flush_stacks(t);
}

/* --- sites --- */

static bool
flush_sites(struct tables *t)
{
	Leakshim__V1__Snapshot one;
	Leakshim__V1__SiteColumns m;
	Leakshim__V1__SiteColumns *list = &m;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__site_columns__init(&m);
	SET_SIGNED(m, node_delta, &t->out, 0);
	SET_NARROW(m, flags, &t->out, 1);
	SET_WIDE(m, alloc_objects, &t->out, 2);
	SET_WIDE(m, alloc_bytes, &t->out, 3);
	SET_WIDE(m, free_objects, &t->out, 4);
	SET_WIDE(m, free_bytes, &t->out, 5);
	SET_WIDE(m, live_objects, &t->out, 6);
	SET_WIDE(m, live_bytes, &t->out, 7);
	SET_WIDE(m, inherited_objects, &t->out, 8);
	SET_WIDE(m, inherited_bytes, &t->out, 9);
	one.n_sites = 1;
	one.sites = &list;
	t->out.rows = 0;
	return lks_encode_field(t->encoder, &one);
}

/* Node and flags of a stack, as both site tables begin. */
static void
put_stack(struct tables *t, uint32_t row, uint32_t id, uint64_t *previous)
{
	struct lks_depot_stack stack = { 0, false, false };
	uint32_t flags = 0;

	lks_depot_get_stack((struct lks_stack){ id }, &stack);
	if (stack.truncated)
		flags |= LEAKSHIM__V1__SITE_FLAG__SITE_TRUNCATED;
	if (stack.overflow)
		flags |= LEAKSHIM__V1__SITE_FLAG__SITE_OVERFLOW;
	with_sign(&t->out, 0)[row] = delta(stack.node, previous);
	narrow(&t->out, 1)[row] = flags;
}

static bool
encode_sites(struct tables *t)
{
	static const struct lks_snap_live none;
	uint64_t previous = 0;

	for (uint32_t id = 1; id <= t->snap->stack_count; id++) {
		const struct lks_snap_site *site = &t->snap->sites[id];
		const struct lks_snap_live *inherited = &none;
		uint32_t row = t->out.rows;

		if (site->row == 0)
			continue;
		if (t->snap->inherited != NULL)
			inherited = &t->snap->inherited[id];
		t->out.rows++;
		put_stack(t, row, id, &previous);
		wide(&t->out, 2)[row] = site->totals.alloc_objects;
		wide(&t->out, 3)[row] = site->totals.alloc_bytes;
		wide(&t->out, 4)[row] = site->totals.free_objects;
		wide(&t->out, 5)[row] = site->totals.free_bytes;
		wide(&t->out, 6)[row] = t->snap->live[id].objects;
		wide(&t->out, 7)[row] = t->snap->live[id].bytes;
		wide(&t->out, 8)[row] = inherited->objects;
		wide(&t->out, 9)[row] = inherited->bytes;
		if (t->out.rows == ROWS && !flush_sites(t))
			return false;
	}
	return t->out.rows == 0 || flush_sites(t);
}

/* --- cohorts --- */

static bool
flush_cohorts(struct tables *t)
{
	Leakshim__V1__Snapshot one;
	Leakshim__V1__CohortColumns m;
	Leakshim__V1__CohortColumns *list = &m;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__cohort_columns__init(&m);
	SET_NARROW(m, site_delta, &t->out, 0);
	SET_NARROW(m, bin, &t->out, 1);
	SET_WIDE(m, objects, &t->out, 2);
	SET_WIDE(m, bytes, &t->out, 3);
	one.n_cohorts = 1;
	one.cohorts = &list;
	t->out.rows = 0;
	return lks_encode_field(t->encoder, &one);
}

static bool
encode_cohorts(struct tables *t)
{
	uint32_t previous = 0;

	for (uint32_t i = 0; i < t->snap->cohort_count; i++) {
		const struct lks_snap_cohort *cohort = &t->snap->cohorts[i];
		uint32_t row = t->out.rows++;

		narrow(&t->out, 0)[row] = cohort->row - previous;
		previous = cohort->row;
		narrow(&t->out, 1)[row] = cohort->bin;
		wide(&t->out, 2)[row] = cohort->objects;
		wide(&t->out, 3)[row] = cohort->bytes;
		if (t->out.rows == ROWS && !flush_cohorts(t))
			return false;
	}
	return t->out.rows == 0 || flush_cohorts(t);
}

/* --- thread sites --- */

static bool
flush_threads(struct tables *t)
{
	Leakshim__V1__Snapshot one;
	Leakshim__V1__ThreadSiteColumns m;
	Leakshim__V1__ThreadSiteColumns *list = &m;

	leakshim__v1__snapshot__init(&one);
	leakshim__v1__thread_site_columns__init(&m);
	SET_SIGNED(m, node_delta, &t->out, 0);
	SET_NARROW(m, flags, &t->out, 1);
	SET_WIDE(m, created, &t->out, 2);
	SET_WIDE(m, released, &t->out, 3);
	SET_WIDE(m, running, &t->out, 4);
	SET_WIDE(m, running_detached, &t->out, 5);
	SET_WIDE(m, exited_unjoined, &t->out, 6);
	SET_WIDE(m, created_stack_bytes, &t->out, 7);
	SET_WIDE(m, released_stack_bytes, &t->out, 8);
	SET_WIDE(m, held_stack_bytes, &t->out, 9);
	SET_NARROW(m, start_pc, &t->out, 10);
	one.n_thread_sites = 1;
	one.thread_sites = &list;
	t->out.rows = 0;
	return lks_encode_field(t->encoder, &one);
}

static bool
encode_threads(struct tables *t)
{
	uint64_t previous = 0;

	for (uint32_t i = 0; i < t->snap->thread_count; i++) {
		const struct lks_snap_threads *s = &t->snap->threads[i];
		uint32_t row = t->out.rows++;

		put_stack(t, row, s->stack, &previous);
		wide(&t->out, 2)[row] = s->totals.alloc_objects;
		wide(&t->out, 3)[row] = s->totals.free_objects;
		wide(&t->out, 4)[row] = s->running;
		wide(&t->out, 5)[row] = s->running_detached;
		wide(&t->out, 6)[row] = s->exited_unjoined;
		wide(&t->out, 7)[row] = s->totals.alloc_bytes;
		wide(&t->out, 8)[row] = s->totals.free_bytes;
		wide(&t->out, 9)[row] = s->held_stack_bytes;
		narrow(&t->out, 10)[row] =
			s->start == 0 ? 0 : lks_pcs_find(&t->pcs, s->start);
		if (t->out.rows == ROWS && !flush_threads(t))
			return false;
	}
	return t->out.rows == 0 || flush_threads(t);
}

bool
lks_encode_tables(struct lks_encoder *encoder, const struct lks_snap *snap)
{
	struct tables t = { .encoder = encoder, .snap = snap };
	uint64_t *memory = lks_scratch_map(COLUMNS * ROWS * sizeof(*memory));

	if (memory == NULL || !gather_pcs(&t))
		return no_memory();
	for (uint32_t i = 0; i < COLUMNS; i++)
		t.out.column[i].wide = memory + i * ROWS;
	return encode_pcs(&t) && encode_stacks(&t) && encode_sites(&t) &&
	       encode_cohorts(&t) && encode_threads(&t);
}
