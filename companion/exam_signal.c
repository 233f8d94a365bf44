#include "exam_signal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/path.h"
#include "human.h"
#include "overlay.h"
#include "step_signals.h"

/* Programs that use USR2 themselves, and for what. */
static const struct {
	const char *name; /* a version may follow */
	const char *what;
} owners[] = {
	{ "nginx", "to upgrade its binary" },
	{ "java", "to suspend threads" },
	{ "php-fpm", "to reload" },
	{ "haproxy", "to reload" },
	{ "gunicorn", "to upgrade itself" },
	{ "unicorn", "to upgrade itself" },
	{ "puma", "to restart" },
	{ "uwsgi", "to print its statistics" },
};

/* The interpreter may have an option or two before it. */
#define SCRIPT_WORDS 3

#define OWNERS (sizeof(owners) / sizeof(owners[0]))

void
exam_signal_inherited(struct exam_signal_masks *masks)
{
	struct sigaction action;
	sigset_t blocked;
	int number;

	memset(masks, 0, sizeof(*masks));
	sigemptyset(&blocked);
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (number = 1; number <= 64; number++) {
		if (sigismember(&blocked, number) == 1)
			masks->blocked |= UINT64_C(1) << (number - 1);
		if (!sigaction(number, NULL, &action) &&
		    action.sa_handler == SIG_IGN)
			masks->ignored |= UINT64_C(1) << (number - 1);
	}
}

/* The number of the user's signal; 0: none. */
static int
user_signal(const char *options)
{
	char *text = overlay_get(options, "signal");
	int number = SIGUSR2;

	if (text && *text && !step_signals_parse(text, &number))
		number = strcmp(text, "none") == 0 ? 0 : SIGUSR2;
	free(text);
	return number;
}

static bool
has_no_bell(const char *options)
{
	char *text = overlay_get(options, "bell");
	bool result = text && !strcmp(text, "none");

	free(text);
	return result;
}

/* A real-time signal that is at its default is left. */
static bool
is_bell_free(const struct exam_signal_masks *masks)
{
	uint64_t taken = masks->caught | masks->ignored;
	int number;

	for (number = SIGRTMIN; number <= SIGRTMAX; number++)
		if (!(taken & UINT64_C(1) << (number - 1)))
			return true;
	return false;
}

static const char *
find_owner(const char *program)
{
	size_t i, bytes;

	for (i = 0; i < OWNERS; i++) {
		bytes = strlen(owners[i].name);
		if (!strncmp(program, owners[i].name, bytes) &&
		    !program[bytes + strspn(program + bytes, "0123456789.")])
			return owners[i].what;
	}
	return NULL;
}

/* A script's name is among the first arguments of its interpreter. */
static const char *
find_script_owner(char *const *argv)
{
	const char *owner = NULL;
	size_t i;

	for (i = 1; argv && argv[0] && argv[i] && i <= SCRIPT_WORDS && !owner;
	     i++)
		owner = find_owner(path_base(argv[i]));
	return owner;
}

void
exam_signal(struct exam *exam, const struct exam_place *place,
	    const char *program, char *const *argv,
	    const struct exam_signal_masks *masks)
{
	const char *options = exam_place_getenv(place, "LEAKSHIM");
	const char *owner, *how = NULL;
	char name[HUMAN_SIGNAL_BYTES];
	bool no_bell;
	uint64_t bit;
	int number;

	if (!options)
		options = "";
	no_bell = has_no_bell(options);
	number = user_signal(options);
	if (!no_bell && !is_bell_free(masks)) {
		no_bell = true;
		exam_add(exam, EXAM_BELL, EXAM_WARNING,
			 "every real-time signal is handled or ignored, so "
			 "that leakshim snapshot has none to ask with");
		exam_fix(exam, "take snapshots by interval=, on= or signal=");
	}
	if (!number)
		return;
	bit = UINT64_C(1) << (number - 1);
	owner = number == SIGUSR2 ? find_owner(program) : NULL;
	if (!owner && number == SIGUSR2)
		owner = find_script_owner(argv);
	if (masks->caught & bit)
		how = "is handled by the program";
	else if (masks->ignored & bit)
		how = "is ignored";
	else if (masks->blocked & bit)
		how = "is blocked";
	else if (owner)
		how = "is used by the program";
	if (!how)
		return;
	human_signal(name, (uint64_t)number);
	exam_add(exam, EXAM_SIGNAL, no_bell ? EXAM_WARNING : EXAM_NOTE,
		 "SIG%s %s%s%s: kill -%s takes no snapshot%s", name, how,
		 owner ? " " : "", owner ? owner : "", name,
		 no_bell ? "" : ", leakshim snapshot does");
	exam_fix(exam, "signal=RTMIN+3, or another that is free");
}
