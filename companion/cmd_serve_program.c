#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"
#include "cmd.h"
#include "cmd_serve.h"
#include "family.h"
#include "human.h"
#include "target.h"
#include "tracked.h"

/* A program that starts gets so long to be tracked. */
#define START_NS 10000000000ull
/* More need not be named. */
#define NAMED_MAX 10

/* Becomes `leakshim run -q -- CMD`, which becomes CMD. */
static void
exec_run(const struct serve_program *program, char **command)
{
	static char name[] = "leakshim", verb[] = "run", quiet[] = "-q",
		    end_of_options[] = "--";
	size_t i, count = 0;
	char **argv;

	while (command[count])
		count++;
	argv = xcalloc(count + 5, sizeof(*argv));
	argv[0] = name;
	argv[1] = verb;
	argv[2] = quiet;
	argv[3] = end_of_options;
	for (i = 0; i < count; i++)
		argv[4 + i] = command[i];
	sigaction(SIGPIPE, &program->pipe, NULL);
	sigaction(SIGCHLD, &program->child, NULL);
	if (program->files.rlim_max)
		setrlimit(RLIMIT_NOFILE, &program->files);
	execv("/proc/self/exe", argv);
	perror("leakshim: cannot execute itself");
	_exit(127);
}

void
cmd_serve_program_look(struct serve_program *program)
{
	char end[HUMAN_END_BYTES];
	int status;
	pid_t pid;

	if (!program->pid)
		return;
	while ((pid = family_reap(&status)) > 0) {
		if (pid != program->pid || program->has_ended)
			continue;
		program->has_ended = true;
		human_end(end, status);
		cmd_tell("%s, process %d, has ended: %s", program->name,
			 (int)pid, end);
	}
	program->is_alone = pid < 0;
}

struct left {
	struct strbuf pids;
	size_t count;
};

static int
see_left(struct target *target, void *as_left)
{
	struct left *left = as_left;

	if (!family_has(target->proc.pid))
		return 0;
	if (left->count++ < NAMED_MAX)
		strbuf_addf(&left->pids, " %d", (int)target->proc.pid);
	return 0;
}

/* What it started, tracked. */
static struct left
find_left(void)
{
	struct left left = { .count = 0 };
	struct err err;

	/* Without /proc there is nobody to tell of. */
	if (tracked_each(see_left, &left, NULL, &err) < 0)
		left.count = 0;
	return left;
}

void
cmd_serve_program_tell_left(const struct serve_program *program)
{
	struct left left = { .count = 0 };

	if (program->pid && !program->is_alone)
		left = find_left();
	if (left.count)
		cmd_tell("%zu %s that %s started %s on, tracked and not "
			 "served: leakshim serve%s, or start it with --watch "
			 "--run",
			 left.count, left.count == 1 ? "process" : "processes",
			 program->name, left.count == 1 ? "goes" : "go",
			 strbuf_text(&left.pids));
	strbuf_release(&left.pids);
}

/* A daemon's first process is gone in a moment; what it leaves is looked for. */
static bool
has_left(void)
{
	struct left left = find_left();

	strbuf_release(&left.pids);
	return left.count > 0;
}

/* Until it is tracked, or we are to end. A failure of `run` is told by that. */
static int
await_tracked(struct serve_program *program, struct served *served, bool watch)
{
	const struct timespec pause = { 0, SERVE_PAUSE_NS };
	struct err err = { .text = "" };
	uint64_t waited_ns;

	for (waited_ns = 0; waited_ns < START_NS; waited_ns += SERVE_PAUSE_NS) {
		if (cmd_serve_is_over())
			return 0;
		cmd_serve_program_look(program);
		if (program->is_alone || (program->has_ended && !watch)) {
			err_set(&err, ERR_TARGET,
				"the program ended before it was tracked");
			break;
		}
		if (program->has_ended
			    ? has_left()
			    : !served_add(served, program->pid, &err))
			return 0;
		nanosleep(&pause, NULL);
	}
	cmd_tell("not served: %s", err.text);
	cmd_serve_program_tell_left(program);
	return CMD_FAILED;
}

int
cmd_serve_program_start(struct serve_program *program, struct served *served,
			char **command, bool watch)
{
	family_begin();
	fflush(NULL);
	program->name = command[0];
	program->pid = fork();
	if (program->pid < 0) {
		perror("leakshim: cannot start a process");
		return CMD_FAILED;
	}
	if (program->pid == 0)
		exec_run(program, command);
	return await_tracked(program, served, watch);
}
