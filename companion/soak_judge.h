/*
 * What a run found: its snapshots through the analyzer, with the work done at
 * each; verdicts, reports and the gate.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../analyzer/accept.h"
#include "../analyzer/err.h"
#include "../analyzer/gate.h"
#include "../analyzer/strbuf.h"
#include "scenario.h"
#include "soak_shots.h"

/* Sites that are told; the reports have all. */
#define SOAK_FINDINGS_MAX 100

/* A site that leaks. */
struct soak_finding {
	json_t *json; /* owned: as in result.json */
	char *key;    /* owned: names site and verdict */
	char *place;  /* owned: "remember (server.c:10)" */
};

struct soak_verdict {
	enum gate_outcome outcome;
	size_t processes;              /* that were judged */
	size_t too_few;                /* that had too few snapshots for it */
	struct strbuf lines;           /* of the gate, and why, one each */
	struct soak_finding *findings; /* owned; heap, then threads,
					* the worst first */
	size_t finding_count;
	size_t more;          /* findings beyond SOAK_FINDINGS_MAX */
	char *report_failure; /* why there are no reports; owned, or NULL */
	/* Heap bytes per unit of work of all that leaks in the judged
	 * processes: sums of slopes and of the ends of their intervals. */
	double bytes_per_unit;
	double bytes_per_unit_low;
	double bytes_per_unit_high;
	/* Of threads likewise, in threads. */
	double threads_per_unit;
	double threads_per_unit_low;
	double threads_per_unit_high;
};

/* What judging needs, made before anything is started: a mistake in it is one
 * of usage. */
struct soak_judge {
	struct gate gate;
	bool threads_given;
	struct accept accept;
	struct settings settings;
	const char *suppressions[1];
};

/* -1 with ERR_PATTERN (usage), or as accept_open(). */
int soak_judge_init(struct soak_judge *judge, const struct scenario *scenario,
		    struct err *err) __attribute__((warn_unused_result));
void soak_judge_release(struct soak_judge *judge);

/*
 * Judges. `directory`: where report.txt, .csv, .json and .html are written;
 * NULL = nowhere; that they could not be written is in the verdict. -1 with
 * `err`: no snapshot could be read. Release the verdict after 0 only.
 */
int soak_judge_run(struct soak_judge *judge, const struct scenario *scenario,
		   const struct soak_shots *shots, pid_t main,
		   const char *directory, struct soak_verdict *out,
		   struct err *err) __attribute__((warn_unused_result));
void soak_verdict_release(struct soak_verdict *verdict);
