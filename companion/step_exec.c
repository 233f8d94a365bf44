/* exec: a command, whose failure is a failed step. */
#include "step.h"

#include <stdlib.h>

#include "../analyzer/xalloc.h"
#include "scenario_get.h"

struct exec {
	char *command;
};

static void
release(void *step)
{
	struct exec *exec = step;

	free(exec->command);
	free(exec);
}

static int
parse(json_t *options, void **out, struct err *err)
{
	static const char *const known[] = { "command", NULL };
	const char *command = NULL;
	struct exec *exec;

	if (scenario_get_known(options, known, "a step of kind exec", err) ||
	    scenario_get_text(options, "command", &command, err))
		return -1;
	if (!command)
		return err_set(err, ERR_PATTERN, "command is missing");
	exec = xcalloc(1, sizeof(*exec));
	exec->command = xstrdup(command);
	*out = exec;
	return 0;
}

static int
run(void *step, const struct step_world *world, struct step_result *result,
    struct err *err)
{
	const struct exec *exec = step;

	if (world->command(world->context, exec->command, world->timeout_s,
			   err))
		return -1;
	result->units = 1;
	return 0;
}

const struct step_kind step_exec = {
	.name = "exec",
	.main_key = "command",
	.parse = parse,
	.run = run,
	.free = release,
};
