#include "verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "atlas.h"
#include "diff.h"
#include "format.h"
#include "history.h"
#include "process.h"
#include "xalloc.h"

/* An allocation and its record take longer than this: what bounds how many can
 * have happened while a snapshot was written. */
#define VERIFY_EVENT_NS 10
/* Each column is rounded alone where objects are fractions (unbias.h). */
#define VERIFY_ROUNDING 2

/* What is cumulative, of one call stack. */
struct totals {
	uint64_t columns[6];
	bool present;
};

enum column {
	COLUMN_ALLOC_OBJECTS,
	COLUMN_ALLOC_BYTES,
	COLUMN_FREE_OBJECTS,
	COLUMN_FREE_BYTES,
	COLUMN_CREATED,
	COLUMN_RELEASED,
};

static const char *const column_words[] = {
	[COLUMN_ALLOC_OBJECTS] = "allocated objects",
	[COLUMN_ALLOC_BYTES] = "allocated bytes",
	[COLUMN_FREE_OBJECTS] = "freed objects",
	[COLUMN_FREE_BYTES] = "freed bytes",
	[COLUMN_CREATED] = "created threads",
	[COLUMN_RELEASED] = "released threads",
};

/* Texts of a header that process_same compares. */
#define BEFORE_TEXTS 4

/* By the number of the call stack in the atlas. */
struct table {
	struct totals *rows;
	size_t count;
};

struct verify {
	struct strbuf out;
	size_t violations;
	size_t unverified;
	size_t files;

	struct atlas *atlas;
	/* Of the snapshot before; header copied in the parts that count. */
	bool has_before;
	struct header before;
	char *before_texts[BEFORE_TEXTS]; /* owned */
	uint32_t before_shift;
	struct table last;

	/* The check under way. */
	size_t found;
	size_t checked;
};

struct verify *
verify_new(void)
{
	struct verify *verify = xcalloc(1, sizeof(*verify));

	verify->atlas = atlas_new();
	return verify;
}

static void
forget(struct verify *verify)
{
	size_t i;

	for (i = 0; i < BEFORE_TEXTS; i++)
		free(verify->before_texts[i]);
}

void
verify_free(struct verify *verify)
{
	if (!verify)
		return;
	atlas_free(verify->atlas);
	strbuf_release(&verify->out);
	forget(verify);
	free(verify->last.rows);
	free(verify);
}

/* --- telling ---------------------------------------------------------------- */

static void
begin(struct verify *verify)
{
	verify->found = 0;
	verify->checked = 0;
}

/* Counts a check; if it is none, a line says which. False: there were enough
 * lines. */
static bool
violated(struct verify *verify)
{
	verify->violations++;
	return ++verify->found <= VERIFY_LINES;
}

static void __attribute__((format(printf, 3, 4)))
expect(struct verify *verify, bool holds, const char *format, ...)
{
	va_list args;

	verify->checked++;
	if (holds || !violated(verify))
		return;
	strbuf_adds(&verify->out, "    violated: ");
	va_start(args, format);
	strbuf_vaddf(&verify->out, format, args);
	va_end(args);
	strbuf_addc(&verify->out, '\n');
}

/* The line of a check stands below its violations, with the count. */
static void
end(struct verify *verify, const char *what)
{
	struct strbuf *out = &verify->out;

	if (verify->found > VERIFY_LINES)
		strbuf_addf(out, "    violated: ... %zu more times\n",
			    verify->found - VERIFY_LINES);
	strbuf_addf(out, "  %-8s %s (", verify->found ? "VIOLATED" : "holds",
		    what);
	format_count(out, (int64_t)verify->checked, false);
	strbuf_adds(out, " checked");
	if (verify->found) {
		strbuf_adds(out, ", ");
		format_count(out, (int64_t)verify->found, false);
		strbuf_adds(out, " violated");
	}
	strbuf_adds(out, ")\n");
}

static void
skip(struct verify *verify, const char *what, const char *why)
{
	strbuf_addf(&verify->out, "  %-8s %s: %s\n", "skipped", what, why);
}

/* --- one snapshot ----------------------------------------------------------- */

static uint64_t
distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* Did nothing run but the writer? */
static bool
is_quiet(const struct model *model)
{
	enum { WAY_HOST = 3, WAY_EXIT = 4 };
	uint32_t way = model->header.way;

	return (way == WAY_HOST || way == WAY_EXIT) && model->ledger.present &&
	       model->ledger.thread_count == 1;
}

/* A hostile file's numbers can be added then. */
static uint64_t
at_most_many(uint64_t count)
{
	return count < UINT64_C(1) << 40 ? count : UINT64_C(1) << 40;
}

/* Objects by which a site's counters may be ahead of, or behind, the table of
 * what is live. */
static uint64_t
in_flight(const struct model *model)
{
	uint64_t threads = model->ledger.thread_count;
	/* Of a forked child, what its parent's threads were in the middle of;
	 * calls left half made, and blocks that the table could not give. */
	uint64_t lacking = at_most_many(model->header.fork_threads) +
			   at_most_many(model->losses.abandoned_calls) +
			   at_most_many(model->losses.skipped_blocks);

	if (is_quiet(model))
		return lacking;
	if (threads == 0)
		threads = 1;
	if (threads > UINT64_C(1) << 20)
		threads = UINT64_C(1) << 20;
	return (model->trailer.write_ns / VERIFY_EVENT_NS + 1) * threads +
	       lacking;
}

static uint64_t
rounding_of(const struct model *model)
{
	/* unbias.h has set count_scale to 1. */
	return model->header.sample_bytes > 1 ? VERIFY_ROUNDING : 0;
}

static void
check_site(struct verify *verify, const struct model *model, uint32_t number,
	   uint64_t flight)
{
	const struct site *site = &model->sites[number];
	const struct counts *counts = &site->counts;
	uint64_t slack = flight + rounding_of(model);
	uint64_t objects = counts->alloc_objects - counts->free_objects;
	uint64_t bytes = counts->alloc_bytes - counts->free_bytes;

	if (!model->losses.thinning_shift) {
		expect(verify,
		       counts->alloc_objects + slack >= counts->free_objects,
		       "site %" PRIu32 ": %" PRIu64 " objects allocated, "
		       "%" PRIu64 " freed",
		       number, counts->alloc_objects, counts->free_objects);
		if (counts->alloc_objects >= counts->free_objects)
			expect(verify,
			       distance(objects, counts->live_objects) <= slack,
			       "site %" PRIu32 ": %" PRIu64
			       " objects allocated and not freed, but %" PRIu64
			       " live",
			       number, objects, counts->live_objects);
	}
	if (flight == 0 && !model->losses.thinning_shift)
		expect(verify,
		       counts->alloc_bytes >= counts->free_bytes &&
			       bytes == counts->live_bytes,
		       "site %" PRIu32 ": %" PRIu64 " bytes allocated, %" PRIu64
		       " freed, but %" PRIu64 " live",
		       number, counts->alloc_bytes, counts->free_bytes,
		       counts->live_bytes);
	expect(verify,
	       site->inherited_objects <=
			       counts->live_objects + rounding_of(model) &&
		       site->inherited_bytes <= counts->live_bytes,
	       "site %" PRIu32 ": more is inherited than is live", number);
}

static void
check_sites(struct verify *verify, const struct model *model)
{
	uint64_t flight = in_flight(model);
	struct strbuf what = { 0 };
	uint32_t i;

	begin(verify);
	for (i = 1; i <= model->site_count; i++)
		check_site(verify, model, i, flight);
	strbuf_adds(&what, "allocated - freed = live, of each site");
	if (model->losses.thinning_shift)
		strbuf_adds(&what, ", but for what was thinned");
	else if (flight)
		strbuf_addf(&what,
			    ", within the %" PRIu64
			    " objects that may be in flight",
			    flight);
	end(verify, strbuf_text(&what));
	strbuf_release(&what);
}

/* The sums themselves are the reader's, before objects are rounded. */
static void
check_sums(struct verify *verify, const struct model *model)
{
	begin(verify);
	expect(verify, !model->totals_disagree,
	       "the totals are not the sums of the sites");
	end(verify, "the sums of the sites are the totals");
}

/* Each cohort's objects are rounded alone. */
static void
check_cohorts(struct verify *verify, const struct model *model)
{
	struct sum {
		uint64_t objects;
		uint64_t bytes;
		uint64_t count;
	} * sums;
	uint32_t i;

	if (model->losses.cohort_overflows || !model->header.cohort_bin_count) {
		skip(verify, "ages sum to what is live, of each site",
		     model->losses.cohort_overflows ? "some blocks have none"
						    : "there are none");
		return;
	}
	sums = xcalloc((size_t)model->site_count + 1, sizeof(*sums));
	for (i = 0; i < model->cohort_count; i++) {
		struct sum *sum = &sums[model->cohorts[i].site.id];

		sum->objects += model->cohorts[i].objects;
		sum->bytes += model->cohorts[i].bytes;
		sum->count++;
	}
	begin(verify);
	for (i = 1; i <= model->site_count; i++) {
		const struct counts *counts = &model->sites[i].counts;
		uint64_t slack = rounding_of(model)
					 ? VERIFY_ROUNDING + sums[i].count
					 : 0;

		expect(verify,
		       sums[i].bytes == counts->live_bytes &&
			       distance(sums[i].objects,
					counts->live_objects) <= slack,
		       "site %" PRIu32 ": %" PRIu64 " bytes in %" PRIu64
		       " objects by age, but %" PRIu64 " in %" PRIu64 " live",
		       i, sums[i].bytes, sums[i].objects, counts->live_bytes,
		       counts->live_objects);
	}
	end(verify, "ages sum to what is live, of each site");
	free(sums);
}

/* Threads that may have been created, have ended or been joined between the
 * reading of a site's counters and that of its threads: each that there was may
 * have done one. */
static uint64_t
threads_in_flight(const struct model *model)
{
	if (model->header.way == 0 || is_quiet(model))
		return 0;
	return model->ledger.thread_count;
}

static void
check_threads(struct verify *verify, const struct model *model)
{
	uint64_t flight = threads_in_flight(model);
	uint32_t i;

	begin(verify);
	for (i = 1; i <= model->thread_site_count; i++) {
		const struct thread_site *site = &model->thread_sites[i];

		expect(verify,
		       distance(site->created, site->released + site->running +
						       site->exited_unjoined) <=
			       flight,
		       "thread site %" PRIu32 ": %" PRIu64
		       " created, but %" PRIu64 " released, %" PRIu64
		       " running and %" PRIu64 " not joined",
		       i, site->created, site->released, site->running,
		       site->exited_unjoined);
		expect(verify, site->running_detached <= site->running,
		       "thread site %" PRIu32
		       ": more detached threads run than threads",
		       i);
		expect(verify,
		       flight != 0 || site->created_stack_bytes ==
					      site->released_stack_bytes +
						      site->held_stack_bytes,
		       "thread site %" PRIu32 ": %" PRIu64
		       " bytes of stacks created, but %" PRIu64
		       " released and %" PRIu64 " held",
		       i, site->created_stack_bytes, site->released_stack_bytes,
		       site->held_stack_bytes);
	}
	end(verify, "created = released + running + not joined, of each thread "
		    "site");
}

static void
check_ledger(struct verify *verify, const struct model *model)
{
	const struct ledger *ledger = &model->ledger;
	uint64_t sum = 0;
	unsigned int i;

	if (!ledger->present) {
		skip(verify, "the ledger's parts sum to resident memory",
		     "there is no ledger");
		return;
	}
	/* Unsigned: a hostile file may have any numbers. */
	for (i = 0; i < LEDGER_LINE_COUNT; i++) {
		if (i != LEDGER_rss)
			sum += (uint64_t)ledger->bytes[i];
	}
	begin(verify);
	expect(verify, sum == (uint64_t)ledger->bytes[LEDGER_rss],
	       "the ledger's parts are %" PRId64 " bytes, but %" PRId64
	       " resident",
	       (int64_t)sum, ledger->bytes[LEDGER_rss]);
	end(verify, "the ledger's parts sum to resident memory");
}

/* --- from one to the next --------------------------------------------------- */

static void
add_cell(struct table *table, uint32_t stack, enum column column,
	 uint64_t value)
{
	struct totals *row = &table->rows[stack];

	row->present = true;
	row->columns[column] += value;
}

/* A call stack may have two rows, with outer frames missing and without. */
static void
fill_table(struct table *table, const struct model *model,
	   const struct atlas_numbers *numbers, uint32_t count)
{
	uint32_t i;

	table->count = (size_t)count + 1;
	table->rows = xcalloc(table->count, sizeof(*table->rows));
	for (i = 1; i <= model->site_count; i++) {
		const struct counts *counts = &model->sites[i].counts;
		uint32_t stack = numbers->heap[i];

		add_cell(table, stack, COLUMN_ALLOC_OBJECTS,
			 counts->alloc_objects);
		add_cell(table, stack, COLUMN_ALLOC_BYTES, counts->alloc_bytes);
		add_cell(table, stack, COLUMN_FREE_OBJECTS,
			 counts->free_objects);
		add_cell(table, stack, COLUMN_FREE_BYTES, counts->free_bytes);
	}
	for (i = 1; i <= model->thread_site_count; i++) {
		const struct thread_site *site = &model->thread_sites[i];
		uint32_t stack = numbers->threads[i];

		add_cell(table, stack, COLUMN_CREATED, site->created);
		add_cell(table, stack, COLUMN_RELEASED, site->released);
	}
}

/* What was estimated when 1 block of 2^k was recorded is not what is counted
 * when it is 1 of 2^(k+1). */
static void
check_columns(struct verify *verify, const struct table *now,
	      const struct model *model)
{
	const char *what = "cumulative counts never fall, of each call stack";
	uint64_t slack = rounding_of(model);
	size_t i;
	unsigned int k;

	if (model->losses.thinning_shift != verify->before_shift) {
		skip(verify, what, "blocks were thinned in between");
		return;
	}
	begin(verify);
	for (i = 1; i < verify->last.count; i++) {
		const struct totals *before = &verify->last.rows[i];
		const struct totals *after = &now->rows[i];

		for (k = 0; before->present && k < 6; k++)
			expect(verify,
			       after->columns[k] + slack >= before->columns[k],
			       "call stack %zu: %" PRIu64 " %s, before it was "
			       "%" PRIu64,
			       i, after->columns[k], column_words[k],
			       before->columns[k]);
	}
	end(verify, what);
}

static void
check_order(struct verify *verify, const struct header *header)
{
	begin(verify);
	expect(verify, header->sequence > verify->before.sequence,
	       "its number is %" PRIu64 ", that of the one before %" PRIu64,
	       header->sequence, verify->before.sequence);
	expect(verify, header->monotonic_ns > verify->before.monotonic_ns,
	       "it was taken at %" PRIu64 " ns, the one before at %" PRIu64,
	       header->monotonic_ns, verify->before.monotonic_ns);
	end(verify, "number and time rise from the one before");
}

static void
check_next(struct verify *verify, const struct model *model)
{
	struct atlas_numbers numbers;
	struct table now = { 0 };

	atlas_add(verify->atlas, model, &numbers);
	fill_table(&now, model, &numbers, atlas_count(verify->atlas));
	atlas_numbers_release(&numbers);
	if (verify->has_before &&
	    process_same(&verify->before, &model->header)) {
		check_order(verify, &model->header);
		check_columns(verify, &now, model);
	}
	free(verify->last.rows);
	verify->last = now;
}

/* Only what process_same and check_order look at; the model goes. */
static void
remember(struct verify *verify, const struct model *model)
{
	const struct header *header = &model->header;
	char **texts = verify->before_texts;

	forget(verify);
	verify->before = *header;
	verify->before.boot_id = texts[0] = xstrdup(header->boot_id);
	verify->before.host = texts[1] = xstrdup(header->host);
	verify->before.exe = texts[2] = xstrdup(header->exe);
	verify->before.exe_build_id = texts[3] = xstrdup(header->exe_build_id);
	verify->before_shift = model->losses.thinning_shift;
	verify->has_before = true;
}

/* --- the whole -------------------------------------------------------------- */

int
verify_visit(void *visitor, const struct model *model, struct err *err)
{
	struct verify *verify = visitor;

	(void)err;
	verify->files++;
	strbuf_add_printable(&verify->out, model->file);
	strbuf_addc(&verify->out, '\n');
	if (model->truncated || model->origin != ORIGIN_SNAPSHOT) {
		skip(verify, "all",
		     model->truncated ? "it is truncated"
				      : "it is a profile, whose numbers need "
					"not add up");
		verify->unverified++;
		return 0;
	}
	check_sums(verify, model);
	check_sites(verify, model);
	check_cohorts(verify, model);
	check_threads(verify, model);
	check_ledger(verify, model);
	check_next(verify, model);
	remember(verify, model);
	return 0;
}

void
verify_left_out(struct verify *verify, size_t count)
{
	verify->unverified += count;
}

void
verify_tell(const struct verify *verify, struct strbuf *out)
{
	strbuf_adds(out, strbuf_text(&verify->out));
	format_count(out, (int64_t)verify->files, false);
	strbuf_adds(out, verify->files == 1 ? " snapshot, " : " snapshots, ");
	format_count(out, (int64_t)verify->violations, false);
	strbuf_adds(out,
		    verify->violations == 1 ? " violation" : " violations");
	if (verify->unverified)
		strbuf_addf(out, ", %zu file%s not verified",
			    verify->unverified,
			    verify->unverified == 1 ? "" : "s");
	strbuf_addc(out, '\n');
}

size_t
verify_violations(const struct verify *verify)
{
	return verify->violations;
}

size_t
verify_unverified(const struct verify *verify)
{
	return verify->unverified;
}
