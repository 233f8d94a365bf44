/* signal: signals in turn, as fast as can be or at a rate. */
#include "step.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../analyzer/xalloc.h"
#include "human.h"
#include "scenario_get.h"
#include "step_signals.h"

#define SIGNALS_MAX 64
#define COUNT_MAX 1000000000
#define RATE_MAX 1e6
#define PIDS_MAX 64
/* How many are sent between two looks at the clock and the world. */
#define BURST 64

struct barrage {
	int numbers[SIGNALS_MAX];
	size_t number_count;
	uint64_t count;
	double rate; /* per second; 0 = as fast as can be */
	bool to_all;
};

static int
take_signals(struct barrage *barrage, const json_t *options, struct err *err)
{
	json_t *list = NULL;
	const char *text;
	int result = 0;
	size_t i;

	if (scenario_get_list(options, "signals", SIGNALS_MAX, &list, err))
		return -1;
	if (!list)
		return err_set(err, ERR_PATTERN, "signals is missing");
	barrage->number_count = json_array_size(list);
	for (i = 0; i < barrage->number_count && !result; i++) {
		text = json_string_value(json_array_get(list, i));
		if (!step_signals_parse(text, &barrage->numbers[i]))
			result = err_set(err, ERR_PATTERN,
					 "signals: no signal '%s'", text);
	}
	json_decref(list);
	return result;
}

static int
take_others(struct barrage *barrage, const json_t *options, struct err *err)
{
	const char *to = "main";

	barrage->count = barrage->number_count;
	if (scenario_get_count(options, "count", 1, COUNT_MAX, &barrage->count,
			       err) ||
	    scenario_get_number(options, "rate", 0, RATE_MAX, &barrage->rate,
				err) ||
	    scenario_get_text(options, "to", &to, err))
		return -1;
	barrage->to_all = !strcmp(to, "all");
	if (!barrage->to_all && strcmp(to, "main") != 0)
		return err_set(err, ERR_PATTERN,
			       "to takes main or all, not '%s'", to);
	return 0;
}

static int
parse(json_t *options, void **out, struct err *err)
{
	static const char *const known[] = { "signals", "count", "rate", "to",
					     NULL };
	struct barrage *barrage;

	if (scenario_get_known(options, known, "a step of kind signal", err))
		return -1;
	barrage = xcalloc(1, sizeof(*barrage));
	if (take_signals(barrage, options, err) ||
	    take_others(barrage, options, err)) {
		free(barrage);
		return -1;
	}
	*out = barrage;
	return 0;
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
send_one(int number, pid_t pid, bool is_main, struct err *err)
{
	char name[HUMAN_SIGNAL_BYTES];

	/* Others than main come and go. */
	if (!kill(pid, number) || (!is_main && errno == ESRCH))
		return 0;
	human_signal(name, (uint64_t)number);
	return err_set(err, ERR_STEP, "cannot send SIG%s to process %d: %s",
		       name, (int)pid, strerror(errno));
}

static int
run(void *step, const struct step_world *world, struct step_result *result,
    struct err *err)
{
	const struct barrage *barrage = step;
	pid_t pids[PIDS_MAX] = { world->pid };
	size_t pid_count = 1, k;
	double begin = now_s(), due;
	uint64_t i;

	if (barrage->to_all)
		pid_count = world->tracked(world->context, pids, PIDS_MAX);
	for (i = 0; i < barrage->count; i++) {
		if (i % BURST == 0 || barrage->rate > 0) {
			if (world->should_stop(world->context))
				return 0;
			if (now_s() - begin > world->timeout_s)
				return err_set(err, ERR_STEP,
					       "timed out after %g s",
					       world->timeout_s);
		}
		due = barrage->rate > 0
			      ? begin + (double)i / barrage->rate - now_s()
			      : 0;
		if (due > 0 && !world->pause(world->context, due))
			return 0;
		for (k = 0; k < pid_count; k++) {
			if (send_one(barrage->numbers[i % barrage->number_count],
				     pids[k], k == 0, err))
				return -1;
		}
		result->units++;
	}
	return 0;
}

const struct step_kind step_signal = {
	.name = "signal",
	.main_key = "signals",
	.unit = "signal",
	.parse = parse,
	.run = run,
	.free = free,
};
