#include "soak_target.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/xalloc.h"
#include "procfs_names.h"
#include "program.h"
#include "soak_command.h"
#include "soak_deaths.h"
#include "soak_shots.h"

#define LOOK_S 0.05
/* From SIGTERM to SIGKILL: databases write at their end. */
#define GRACE_S 10.0

int
soak_target_start(struct soak_target *target, const struct scenario *scenario,
		  struct soak_log *log, struct err *err)
{
	char *const *argv = (char *const *)(uintptr_t)scenario->command;
	struct strbuf out = { 0 };
	char *path, **env;
	int error;

	*target = (struct soak_target){
		.scenario = scenario,
		.log = log,
		.main_fd = -1,
	};
	path = program_find(argv[0]);
	if (!path)
		return err_set(err, ERR_STEP, "cannot run '%s': %s", argv[0],
			       strerror(errno));
	strbuf_addf(&out, "%s/snapshots/%%e.%%p.%%n.snap", scenario->out);
	env = program_check(path, err)
		      ? NULL
		      : soak_command_target_env(scenario, strbuf_text(&out),
						err);
	strbuf_release(&out);
	if (!env) {
		free(path);
		return -1;
	}
	soak_children_spare(&target->spare);
	target->child = soak_children_start(path, argv, env, soak_log_fd(log));
	error = errno;
	soak_command_free_env(env);
	free(path);
	if (target->child < 0) {
		target->child = 0;
		return err_set(err, ERR_STEP, "cannot run '%s': %s", argv[0],
			       strerror(error));
	}
	return 0;
}

/* --- which process ---------------------------------------------------------- */

static void
get_name(pid_t pid, char name[SOAK_TARGET_NAME])
{
	char exe[PATH_MAX] = "";
	struct procfs proc;

	if (procfs_open(&proc, pid) == 0) {
		if (procfs_exe(&proc, exe, NULL) < 0)
			exe[0] = '\0';
		procfs_close(&proc);
	}
	snprintf(name, SOAK_TARGET_NAME, "%.*s", SOAK_TARGET_NAME - 1,
		 path_base(exe));
}

/* 0: none yet. */
static pid_t
choose(const struct soak_target *target, bool child_ended)
{
	const char *glob = target->scenario->process;
	pid_t pids[SOAK_PROCESSES_MAX];
	size_t count, i;
	char name[SOAK_TARGET_NAME];

	count = soak_shots_tracked(target->child, pids, SOAK_PROCESSES_MAX);
	for (i = 0; i < count; i++) {
		if (!glob && (child_ended || pids[i] == target->child))
			return pids[i];
		get_name(pids[i], name);
		if (glob && !fnmatch(glob, name, 0))
			return pids[i];
	}
	return 0;
}

/* Its parent may leave it a zombie, and its pid may become another's. */
static void
hold_main(struct soak_target *target)
{
	if (target->main_fd >= 0)
		close(target->main_fd);
	target->main_fd = -1;
	if (!target->main)
		return;
	target->main_fd = (int)syscall(SYS_pidfd_open, target->main, 0);
	get_name(target->main, target->name);
}

static bool
main_has_ended(const struct soak_target *target)
{
	struct pollfd wait = { .fd = target->main_fd, .events = POLLIN };

	if (target->main_fd >= 0)
		return poll(&wait, 1, 0) > 0;
	return kill(target->main, 0) < 0 && errno == ESRCH;
}

int
soak_target_choose(struct soak_target *target, double timeout_s,
		   struct err *err)
{
	double end = soak_children_now() + timeout_s;
	struct strbuf how = { 0 };
	int status = 0;
	bool ended;

	for (;;) {
		ended = soak_children_ended(target->child, &status);
		if (ended && (!WIFEXITED(status) || WEXITSTATUS(status)))
			break;
		target->main = choose(target, ended);
		if (target->main || soak_children_stops())
			break;
		if (soak_children_now() >= end)
			return err_set(err, ERR_STEP,
				       "no process of '%s' was tracked within "
				       "%g s%s%s",
				       target->scenario->command[0], timeout_s,
				       target->scenario->process
					       ? " by the name "
					       : "",
				       target->scenario->process
					       ? target->scenario->process
					       : "");
		/* A daemon's child says that it is there when it has lived a
		 * second. */
		if (ended && !soak_children_are_more(&target->spare))
			break;
		soak_children_wait(LOOK_S);
	}
	if (target->main || soak_children_stops()) {
		if (target->main && target->main != target->child)
			soak_children_forget(target->main);
		hold_main(target);
		target->may_change = target->main == target->child;
		return 0;
	}
	soak_command_add_status(&how, status);
	err_set(err, ERR_STEP, "'%s' ended at once: %s",
		target->scenario->command[0], strbuf_text(&how));
	strbuf_release(&how);
	return -1;
}

bool
soak_target_is_gone(struct soak_target *target, struct strbuf *how)
{
	struct err ignored;
	int status;

	/* What ends badly, or leaves nothing, before it is chosen never will
	 * be. */
	if (!target->main)
		return target->child &&
		       soak_children_ended(target->child, &status) &&
		       (!WIFEXITED(status) || WEXITSTATUS(status) ||
			!soak_children_are_more(&target->spare));
	if (soak_children_ended(target->main, &status)) {
		if (target->may_change && WIFEXITED(status) &&
		    !WEXITSTATUS(status)) {
			target->may_change = false;
			if (!soak_target_choose(target,
						target->scenario->timeout_s,
						&ignored))
				return false;
		}
		if (how)
			soak_command_add_status(how, status);
		return true;
	}
	if (!main_has_ended(target))
		return false;
	/* Between the two looks it may have become known how. */
	if (soak_children_ended(target->main, &status))
		return soak_target_is_gone(target, how);
	if (how && soak_deaths_status(target->main_fd, &status))
		soak_command_add_status(how, status);
	else if (how)
		strbuf_adds(how, "it is no longer there");
	return true;
}

/* --- the end ---------------------------------------------------------------- */

bool
soak_target_end(struct soak_target *target, struct strbuf *how)
{
	pid_t first = target->main ? target->main : target->child;
	int status;

	if (!target->child)
		return false;
	if (soak_children_ended(first, &status) ||
	    (target->main && main_has_ended(target)))
		first = 0;
	if (target->main_fd >= 0)
		close(target->main_fd);
	target->main_fd = -1;
	soak_children_end(first, fmin(GRACE_S, target->scenario->timeout_s),
			  &target->spare);
	if (!first || !soak_children_ended(first, &status) ||
	    !WIFSIGNALED(status))
		return false;
	switch (WTERMSIG(status)) {
	case SIGTERM:
	case SIGKILL:
	case SIGINT:
	case SIGHUP:
		return false;
	default:
		soak_command_add_status(how, status);
		return true;
	}
}
