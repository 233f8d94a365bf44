/*
 * What the history of one number means: is it a leak, a cache that fills, a
 * level that holds, or too little to tell? doc/VERDICTS.md has the method,
 * with formulas and sources.
 *
 * Knows neither files nor call stacks: a subject is the live bytes and
 * objects of one site (or one line of the memory ledger) over the snapshots of
 * one process, and the ages of what is live in the last of them. Pure: equal
 * subjects, equal verdicts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ordered by how much they ask of the reader: the worst is the largest. */
enum verdict_kind {
	VERDICT_NONE, /* not judged */
	VERDICT_STEADY,
	VERDICT_CACHE_FILL,     /* growth that ends */
	VERDICT_INSUFFICIENT,   /* cannot be told from this many snapshots */
	VERDICT_RETENTION,      /* memory kept by the allocator */
	VERDICT_GROWING_BUFFER, /* the same objects, ever larger */
	VERDICT_LEAK,           /* ever more objects */
	VERDICT_KIND_COUNT
};

/* What was live at one moment. */
struct point {
	uint64_t time_ns; /* monotonic; rising strictly */
	int64_t bytes;
	int64_t objects; /* 0 throughout for lines of the ledger */
};

/* Live in the last snapshot, by age. */
struct age_bin {
	double min_s; /* youngest and oldest age a block here may have */
	double max_s;
	int64_t bytes;
	int64_t objects;
};

struct subject {
	const struct point *points; /* borrowed for the call */
	size_t count;
	const struct age_bin *ages; /* youngest first; may be none */
	size_t age_count;
	/* Allocated and freed since tracking began, at the last point; -1 =
	 * not known (the ledger). */
	int64_t alloc_bytes;
	int64_t alloc_objects;
	int64_t free_bytes;
	int64_t free_objects;
	double tracked_s; /* since tracking began, at the last point */
	/* Mean of the Poisson sample in bytes, 1 = exact: then the points carry
	 * a known noise. */
	uint64_t sample_bytes;
	bool is_retained; /* the ledger's line of what the allocator keeps */
};

struct verdict_settings {
	/* To leave out from the start; < 0 = found from the data. */
	double warmup_s;
	/* Until a limit is met; 0 = no limit is known. */
	int64_t headroom_bytes;
};

struct verdict {
	enum verdict_kind kind;
	double confidence;         /* 0 .. 1, that the kind is right */
	double bytes_per_hour;     /* Theil-Sen slope after the warm-up */
	double bytes_per_hour_low; /* 95 % interval of the slope */
	double bytes_per_hour_high;
	double objects_per_hour;
	double eta_hours;     /* until the limit at this slope; < 0 = never or
			   * not known */
	size_t warmup_points; /* left out */
	double warmup_s;      /* the time they span */
	double trend_p;       /* Mann-Kendall, one-sided; 1 = no trend */
	/* VERDICT_INSUFFICIENT: what would do. */
	unsigned int more_snapshots;
	double spacing_s;
};

/* Growth without end: what a gate fails by. */
static inline bool
verdict_is_leak(const struct verdict *verdict)
{
	return verdict->kind == VERDICT_LEAK ||
	       verdict->kind == VERDICT_GROWING_BUFFER;
}

/* Judges. Never fails; less than 3 points are VERDICT_INSUFFICIENT. */
void verdict_of(const struct subject *subject,
		const struct verdict_settings *settings,
		struct verdict *verdict);

/* What one may count on of a rate, for ranking: the lower end of its bytes per
 * hour times the square of the confidence, as doubt weighs twice. Finite. */
double verdict_weight(const struct verdict *verdict);

/* Below 0 if `a` is the worse: leaks and growing buffers by their weight, then
 * the others by kind and weight. An order. */
int verdict_compare(const struct verdict *a, const struct verdict *b);

/*
 * How much one snapshot alone speaks for a leak, from the ages of what is
 * live: 0 (blocks live briefly, or all date from the start) .. 1 (some of every
 * age remained). A ranking, not a verdict.
 */
double verdict_suspicion(const struct subject *subject);

/* "leak", "growing-buffer" ...: what machines read. */
const char *verdict_name(enum verdict_kind kind);
