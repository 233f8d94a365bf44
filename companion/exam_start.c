#include "exam_start.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "elf_file.h"
#include "exam_program.h"
#include "overlay.h"
#include "program.h"
#include "words.h"
#include "wrapper.h"

/* --- what does not last ----------------------------------------------------- */

/* Programs whose command does not get our environment, or not from us. */
static const struct {
	const char *name;
	enum exam_id id;
	const char *what;
	const char *fix;
} launchers[] = {
	{ "sudo", EXAM_ENVIRONMENT, "drops LD_PRELOAD",
	  "start leakshim by it: sudo leakshim run -- CMD" },
	{ "doas", EXAM_ENVIRONMENT, "drops LD_PRELOAD",
	  "start leakshim by it: doas leakshim run -- CMD" },
	{ "su", EXAM_ENVIRONMENT, "drops LD_PRELOAD",
	  "start leakshim by it: su USER -c 'leakshim run -- CMD'" },
	{ "pkexec", EXAM_ENVIRONMENT, "drops LD_PRELOAD",
	  "start leakshim by it: pkexec leakshim run -- CMD" },
	{ "docker", EXAM_ELSEWHERE, "has a daemon start it in a container",
	  "bring libleakshim.so into the container (-v) and set LD_PRELOAD and "
	  "LEAKSHIM there (-e)" },
	{ "podman", EXAM_ELSEWHERE, "starts it in a container",
	  "bring libleakshim.so into the container (-v) and set LD_PRELOAD and "
	  "LEAKSHIM there (-e)" },
	{ "kubectl", EXAM_ELSEWHERE, "has a cluster start it",
	  "mount libleakshim.so into the pod and set LD_PRELOAD and LEAKSHIM "
	  "in its env:" },
	{ "systemctl", EXAM_ELSEWHERE, "has systemd start it",
	  "set Environment=LD_PRELOAD= and LEAKSHIM= by systemctl edit" },
	{ "systemd-run", EXAM_ELSEWHERE, "has systemd start it",
	  "give it --setenv=LD_PRELOAD=... and --setenv=LEAKSHIM=..." },
	{ "service", EXAM_ELSEWHERE, "has the init system start it",
	  "set Environment=LD_PRELOAD= and LEAKSHIM= by systemctl edit" },
	{ "snap", EXAM_ELSEWHERE, "starts it in a sandbox that hides our files",
	  "start the program by snap run --shell, with libleakshim.so in "
	  "$SNAP_USER_DATA" },
	{ "flatpak", EXAM_ELSEWHERE,
	  "starts it in a sandbox that hides our files",
	  "flatpak run --env=LD_PRELOAD=... --filesystem= with the directory "
	  "of libleakshim.so" },
	{ "ssh", EXAM_ELSEWHERE, "starts it on another host",
	  "use leakshim on that host" },
	{ "valgrind", EXAM_VALGRIND, "has an allocator and a clock of its own",
	  "use one of the two" },
};

#define LAUNCHERS (sizeof(launchers) / sizeof(launchers[0]))

/* A walk along the command line. */
struct walk {
	struct exam *exam;
	struct exam_place *place;
	struct words words;
	/* A wrapper or script was met: what follows is no longer what the
	 * user named. */
	bool is_nested;
};

static void
add_lost(struct walk *walk, const char *how)
{
	exam_add(walk->exam, EXAM_ENVIRONMENT, EXAM_BLIND,
		 "%s takes LD_PRELOAD out of the environment, so that the "
		 "program is not tracked",
		 how);
	exam_fix(walk->exam, "put leakshim behind it: env ... leakshim run -- "
			     "CMD");
}

/* Children that execute something are not tracked with follow=fork. */
static void
look_at_follow(struct walk *walk, const char *base)
{
	const char *options = exam_place_getenv(walk->place, "LEAKSHIM");
	char *follow = overlay_get(options ? options : "", "follow");

	if (follow && !strstr(follow, "exec") && *follow) {
		exam_add(walk->exam, EXAM_OPTIONS, EXAM_BLIND,
			 "%s executes the program, and follow=%s leaves out "
			 "what is executed",
			 base, follow);
		exam_fix(walk->exam, "do without follow=, or name the program "
				     "itself");
	}
	free(follow);
}

/* --- the walk --------------------------------------------------------------- */

enum step {
	STEP_ON,   /* the line was rewritten */
	STEP_END,  /* this is the program */
	STEP_LOST, /* what is started can't be told, or is not ours */
};

static enum step
take_launcher(struct walk *walk, const char *base, const char *real)
{
	size_t i;

	for (i = 0; i < LAUNCHERS; i++) {
		if (strcmp(base, launchers[i].name) != 0 &&
		    strcmp(real, launchers[i].name) != 0)
			continue;
		exam_add(walk->exam, launchers[i].id, EXAM_BLIND, "%s %s%s",
			 base, launchers[i].what,
			 launchers[i].id == EXAM_ELSEWHERE
				 ? ": our environment does not reach it"
				 : "");
		exam_fix(walk->exam, "%s", launchers[i].fix);
		return STEP_LOST;
	}
	return STEP_END;
}

/* The program behind a wrapper takes the place of the line. */
static bool
take_wrapper(struct walk *walk, const struct elf_file *file)
{
	struct wrapper_effect effect = { .drops = NULL };
	char *name = xstrdup(path_base(walk->words.at[0]));
	bool unwrapped = wrapper_unwrap(&walk->words, &effect);
	size_t i;

	if (unwrapped) {
		exam_add(walk->exam, EXAM_WRAPPER, EXAM_NOTE,
			 "%s only starts %s, which is what is examined", name,
			 path_base(walk->words.at[0]));
		if (elf_file_raises(file))
			add_lost(walk, name);
		look_at_follow(walk, name);
		walk->is_nested = true;
		if (effect.drops)
			add_lost(walk, effect.drops);
		for (i = 0; i < effect.assigned.count; i++)
			exam_place_setenv(walk->place, effect.assigned.at[i]);
	}
	words_release(&effect.assigned);
	free(name);
	return unwrapped;
}

static enum step
take_elf(struct walk *walk, const struct elf_file *file, const char *real)
{
	/* The name that counts is the one that the user wrote: programs by
	 * many names (busybox) go by it. */
	const char *base = path_base(walk->words.at[0]);
	char *const *words = walk->words.at;

	if (take_launcher(walk, base, real) == STEP_LOST)
		return STEP_LOST;
	if ((wrapper_is(base) || wrapper_is_shell(base)) &&
	    take_wrapper(walk, file))
		return STEP_ON;
	if (wrapper_is_shell(base) && words[1] && !strcmp(words[1], "-c")) {
		exam_add(walk->exam, EXAM_WRAPPER, EXAM_NOTE,
			 "%s runs a command line of several parts: it is "
			 "tracked, and so is each program that it starts",
			 base);
		exam_fix(walk->exam, "examine the program by its own name");
		look_at_follow(walk, base);
	}
	return STEP_END;
}

/* #!/bin/sh, #!/usr/bin/env bash. */
static bool
is_shell_script(const struct elf_file *file)
{
	const char *base = path_base(file->interpreter);

	if (!strcmp(base, "env") && file->argument)
		base = path_base(file->argument);
	return wrapper_is_shell(base);
}

/* The interpreter, its argument and the script take the place of the name. */
static void
take_script(struct walk *walk, const struct elf_file *file)
{
	struct words other = { 0 };
	const char *base = path_base(file->path);

	exam_add(walk->exam, EXAM_SCRIPT, EXAM_NOTE,
		 "%s is a script: what is tracked is %s, and the programs that "
		 "it starts",
		 base, file->interpreter);
	if (is_shell_script(file))
		exam_fix(walk->exam, "if it starts another program, examine "
				     "that one by its own name");
	words_add(&other, file->interpreter);
	if (file->argument)
		words_add(&other, file->argument);
	words_add(&other, file->path);
	words_add_all(&other, walk->words.at + 1);
	words_become(&walk->words, &other);
	walk->is_nested = true;
}

static bool
is_text(const struct elf_file *file)
{
	char head[512];
	ssize_t bytes = pread(file->fd, head, sizeof(head), 0);

	return bytes >= 0 && !memchr(head, '\0', (size_t)bytes);
}

/* A text without #! is run by sh, where execvp(3) or a shell starts it. */
static bool
take_text(struct walk *walk, const struct elf_file *file)
{
	struct words other = { 0 };

	if (!is_text(file))
		return false;
	exam_add(walk->exam, EXAM_SCRIPT, EXAM_NOTE,
		 "%s is a text without a #! line: sh runs it, and is tracked "
		 "with the programs that it starts",
		 path_base(file->path));
	words_add(&other, "/bin/sh");
	words_add(&other, file->path);
	words_add_all(&other, walk->words.at + 1);
	words_become(&walk->words, &other);
	walk->is_nested = true;
	return true;
}

static int
fail_missing(struct walk *walk, struct err *err)
{
	int error = errno;

	if (!walk->is_nested)
		return err_set(err, ERR_TARGET, "cannot run '%s': %s",
			       walk->words.at[0], strerror(error));
	exam_add(walk->exam, EXAM_FORMAT, EXAM_BLIND,
		 "it would start %s, which can't be run: %s", walk->words.at[0],
		 strerror(error));
	exam_fix(walk->exam, "install it, or correct the name");
	return 1;
}

/* One program of the line, found at `path`. */
static enum step
take_program(struct walk *walk, const char *path)
{
	struct elf_file file;
	enum step step = STEP_END;
	char *real;
	struct err err;

	if (elf_file_open(&file, path, &err) < 0) {
		exam_add(walk->exam, EXAM_UNREADABLE, EXAM_WARNING,
			 "%s can be run, but not read: what it is can't be "
			 "told",
			 path);
		exam_fix(walk->exam, "examine it as a user who may read it");
		return STEP_LOST;
	}
	if (file.kind == ELF_FILE_SCRIPT && *file.interpreter) {
		take_script(walk, &file);
		step = STEP_ON;
	} else if (file.kind == ELF_FILE_OTHER && take_text(walk, &file)) {
		step = STEP_ON;
	} else {
		real = realpath(path, NULL);
		step = take_elf(walk, &file, path_base(real ? real : path));
		free(real);
	}
	if (step == STEP_END)
		exam_program(walk->exam, &file, path, true);
	elf_file_close(&file);
	return step;
}

int
exam_start(struct exam_start *start, struct exam *exam, char *const *argv,
	   struct exam_place *place, struct err *err)
{
	struct walk walk = { .exam = exam, .place = place };
	enum step step = STEP_ON;
	char *path = NULL;
	int result = 0, i;

	memset(start, 0, sizeof(*start));
	words_add_all(&walk.words, argv);
	for (i = 0; i < EXAM_START_STEPS && walk.words.count &&
		    step == STEP_ON && !result;
	     i++) {
		free(path);
		path = program_find(walk.words.at[0]);
		if (path)
			step = take_program(&walk, path);
		else
			result = fail_missing(&walk, err);
	}
	if (!result && step == STEP_END) {
		/* What /proc/PID/exe will be. */
		start->program = realpath(path, NULL);
		if (!start->program)
			start->program = xstrdup(path);
		free(path);
		start->argv = walk.words.at;
		return 0;
	}
	if (!result && step == STEP_ON) {
		exam_add(exam, EXAM_FORMAT, EXAM_BLIND,
			 "%s leads through more than %d scripts and wrappers, "
			 "or to itself",
			 path_base(argv[0]), EXAM_START_STEPS);
		exam_fix(exam, "examine the program itself");
	}
	free(path);
	words_release(&walk.words);
	return result < 0 ? -1 : 0;
}

void
exam_start_release(struct exam_start *start)
{
	size_t i;

	for (i = 0; start->argv && start->argv[i]; i++)
		free(start->argv[i]);
	free(start->argv);
	free(start->program);
}
