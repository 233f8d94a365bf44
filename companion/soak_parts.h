/*
 * What the rooms of a soak share: soak.c its order, soak_work.c steps and
 * snapshots, soak_watch.c verdicts, soak_words.c what is said. Nobody else
 * includes this.
 */
#pragma once

#include "soak.h"
#include "soak_command.h"
#include "soak_log.h"
#include "soak_target.h"

/* Verdicts that are remembered, so that each is told once. */
#define SOAK_TOLD_MAX 1000

struct soak {
	struct soak_run *run;
	const struct scenario *scenario;
	struct soak_judge *judge;
	const struct soak_ear *ear;
	struct soak_log *target_log;
	struct soak_log *command_log;
	struct soak_log *own_log; /* NULL: it is not open */
	struct soak_target target;
	/* Moments are of soak_children_now(). */
	double born;
	double begin; /* of the first snapshot */
	double last_shot_s;
	uint64_t last_shot_iteration;
	double next_verdict_s; /* not before */
	char **told;           /* keys of findings; owned, as is the array */
	size_t told_count;
	bool trim_told;
	bool at_work; /* in an iteration that is not counted yet */
};

/* --- soak_words.c --- */

/* One line, to the ear and to soak.log. */
void soak_tell(struct soak *soak, bool is_progress, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Each of the lines; the second keeps them for the result as well. */
void soak_tell_lines(struct soak *soak, const struct strbuf *lines);
void soak_note_lines(struct soak *soak, const struct strbuf *lines);
/* The first failure is the run's. Always -1. The second is for what went wrong
 * while the target was at work: if that ended, this is what is told, and `text`
 * (may be NULL) behind it. */
int soak_fail(struct soak *soak, const char *at, const char *text);
int soak_fail_working(struct soak *soak, const char *at, const char *text);

/* --- soak_work.c --- */

/* The current place for a command, which ends for what ends steps. */
struct soak_command soak_command_of(struct soak *soak);
/* Whether processes of the target died; told. At times, or `now`. */
void soak_look_for_deaths(struct soak *soak, bool now);
/* As struct step_world has them; the context is a struct soak. */
int soak_run_command(void *context, const char *text, double timeout_s,
		     struct err *err);
int soak_wait_ready(void *context, double timeout_s, struct err *err);
bool soak_pause(void *context, double seconds);
/* All steps once; adds to `units`. -1: the run has failed. */
int soak_iterate(struct soak *soak, uint64_t *units);
/* Pause, preparation, a snapshot of each process. -1: the run has failed. */
int soak_shoot(struct soak *soak);

/* --- soak_watch.c --- */

/* Puts a text into the run's directory, whole. -1 with ERR_WRITE. */
int soak_write_text(const struct soak *soak, const char *name, const char *text,
		    struct err *err);
/* work.csv */
void soak_write_table(struct soak *soak);
/* Judges what there is; new findings are told. With `reports` for good. */
void soak_judge_now(struct soak *soak, bool reports);
/* The same after a snapshot, if it is wanted and time for it. */
void soak_roll(struct soak *soak);
