/* leakshim doctor CMD [ARG...] | PID | NAME */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/jsonval.h"
#include "../analyzer/path.h"
#include "../analyzer/terminal.h"
#include "../analyzer/xalloc.h"
#include "cmd.h"
#include "exam_process.h"
#include "exam_program.h"
#include "exam_report.h"
#include "exam_runtime.h"
#include "exam_signal.h"
#include "exam_start.h"
#include "exam_surroundings.h"
#include "needed.h"
#include "pick.h"
#include "program.h"

#define SCHEMA_VERSION 1

static const char help[] =
	"Usage: leakshim doctor [--json] [--] CMD [ARG...]\n"
	"       leakshim doctor [--json] [--process] PID|NAME\n"
	"\n"
	"Says before a run whether tracking will work, what it will miss, and\n"
	"what helps. CMD is only looked at, never started. A running process is\n"
	"examined as if it were to be started again, and, if it is tracked, for\n"
	"how that goes.\n"
	"\n"
	"A word of digits is a PID; a word that names no program that can be\n"
	"started is the NAME of a process.\n"
	"\n"
	"Options:\n"
	"  -j, --json     as a JSON object, for programs\n"
	"  -p, --process  the word is the NAME of running processes\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit status: 0 tracking works, 1 a part or all of it would be missed,\n"
	"2 usage, 3 no such program or process.\n"
	"\n"
	"Examples:\n"
	"  leakshim doctor ./server --port 8080\n"
	"  leakshim doctor env PYTHONMALLOC=malloc python3 app.py\n"
	"  leakshim doctor --process nginx\n"
	"  leakshim doctor --json 4711 | jq -r '.examined[].findings[].id'\n";

struct doctor {
	bool json;
	bool process;
	json_t *examined; /* for JSON; owned */
	struct page page; /* for text */
	enum exam_severity worst;
};

/* --- one examination -------------------------------------------------------- */

/* `label` is what the first line says it is about. */
static void
finish(struct doctor *doctor, struct exam *exam, const char *label,
       const char *program, pid_t pid)
{
	json_t *object;

	if (exam_verdict(exam) > doctor->worst)
		doctor->worst = exam_verdict(exam);
	if (doctor->json) {
		object = json_object();
		jsonval_set_text(object, "program", program);
		if (pid)
			jsonval_set_integer(object, "pid", pid);
		else
			jsonval_set(object, "pid", json_null());
		jsonval_set_text(object, "verdict", exam_report_verdict(exam));
		jsonval_set(object, "findings", exam_report_json(exam));
		json_array_append_new(doctor->examined, object);
	} else {
		if (doctor->page.text.len)
			strbuf_addc(&doctor->page.text, '\n');
		exam_report_text(&doctor->page, exam, label);
	}
	exam_release(exam);
}

/* Wrappers and scripts have another name than the program at their end. */
static void
finish_command(struct doctor *doctor, struct exam *exam,
	       const struct exam_start *start, const char *command)
{
	const char *program = start->program ? start->program : command;
	struct strbuf label = { 0 };

	strbuf_adds(&label, path_base(command));
	if (start->argv &&
	    strcmp(path_base(start->argv[0]), path_base(command)) != 0)
		strbuf_addf(&label, " -> %s", path_base(start->argv[0]));
	finish(doctor, exam, strbuf_text(&label), program, 0);
	strbuf_release(&label);
}

/* What only holds for a program that is still to be started. Returns its C
 * library, NULL = unknown; the caller frees it. */
static char *
examine_program(struct exam *exam, const struct exam_start *start,
		const struct exam_place *place)
{
	const char *search = exam_place_getenv(place, "LD_LIBRARY_PATH");
	struct exam_signal_masks masks;
	struct needed needed;
	struct elf_file file;
	char *libc = NULL;
	struct err err;
	size_t i;

	exam_runtime(exam, start->program, start->argv, place);
	if (!elf_file_open(&file, start->program, &err)) {
		needed_find(&needed, &file, search);
		for (i = 0; i < needed.count; i++) {
			exam_program_library(exam, needed.paths[i]);
			exam_runtime_library(exam, needed.paths[i]);
			if (!libc &&
			    !strcmp(path_base(needed.paths[i]), "libc.so.6"))
				libc = xstrdup(needed.paths[i]);
		}
		needed_release(&needed);
		elf_file_close(&file);
	}
	exam_signal_inherited(&masks);
	exam_signal(exam, place, path_base(start->program), start->argv,
		    &masks);
	return libc;
}

static int
examine_command(struct doctor *doctor, char **argv, struct err *err)
{
	struct exam exam = { 0 };
	struct exam_start start;
	struct exam_place place;
	char *libc = NULL;
	int result;

	exam_place_here(&place);
	result = exam_start(&start, &exam, argv, &place, err);
	if (result == 0) {
		if (start.program)
			libc = examine_program(&exam, &start, &place);
		exam_surroundings(&exam, &place,
				  path_base(start.program ? start.program
							  : argv[0]),
				  libc);
		finish_command(doctor, &exam, &start, argv[0]);
		exam_start_release(&start);
		free(libc);
	} else {
		exam_release(&exam);
	}
	exam_place_release(&place);
	return result;
}

static int
examine_process(struct doctor *doctor, pid_t pid, struct err *err)
{
	struct exam exam = { 0 };
	struct strbuf label = { 0 };
	struct exam_place place;
	struct target target;
	char *name;
	int result;

	if (target_open(&target, pid, err) < 0)
		return -1;
	exam_place_of(&place, &target);
	result = exam_process(&exam, &target, &place, err);
	if (result == 0) {
		name = exam_process_name(&target);
		strbuf_addf(&label, "%s (%d)", path_base(name), (int)pid);
		finish(doctor, &exam, strbuf_text(&label), name, pid);
		strbuf_release(&label);
		free(name);
	} else {
		exam_release(&exam);
	}
	exam_place_release(&place);
	target_close(&target);
	return result;
}

/* All that the word means; one that ended meanwhile is passed over, unless it
 * is the only one. */
static int
examine_processes(struct doctor *doctor, const char *word, struct err *err)
{
	size_t i, done = 0;
	struct pick pick;

	if (pick_processes(&pick, word, err) < 0)
		return -1;
	for (i = 0; i < pick.count; i++)
		done += examine_process(doctor, pick.pids[i], err) == 0;
	pick_release(&pick);
	return done ? 0 : -1;
}

/* --- the command line ------------------------------------------------------- */

static int
examine(struct doctor *doctor, char **argv, struct err *err)
{
	char *program;

	if (doctor->process || (pick_is_pid(argv[0]) && !argv[1]))
		return examine_processes(doctor, argv[0], err);
	program = program_find(argv[0]);
	if (!program && !argv[1] && !strchr(argv[0], '/')) {
		if (examine_processes(doctor, argv[0], err) == 0)
			return 0;
		return err_set(err, ERR_TARGET,
			       "no program and no process is called '%s'",
			       argv[0]);
	}
	free(program);
	return examine_command(doctor, argv, err);
}

static void
print(struct doctor *doctor)
{
	json_t *root;
	char *text;

	if (!doctor->json) {
		fputs(strbuf_text(&doctor->page.text), stdout);
		return;
	}
	root = json_object();
	jsonval_set_integer(root, "schema_version", SCHEMA_VERSION);
	jsonval_set(root, "examined", json_incref(doctor->examined));
	text = json_dumps(root, JSON_INDENT(2));
	puts(text ? text : "");
	free(text);
	json_decref(root);
}

static int
run(struct doctor *doctor, char **argv)
{
	struct err err;
	int result;

	if (doctor->json)
		doctor->examined = json_array();
	doctor->page.color = terminal_has_color(STDOUT_FILENO, COLOR_AUTO);
	doctor->page.width = terminal_width(STDOUT_FILENO, COLOR_AUTO);
	if (examine(doctor, argv, &err) < 0) {
		result = cmd_fail(&err);
	} else {
		print(doctor);
		result = cmd_finish();
		if (!result && doctor->worst >= EXAM_WARNING)
			result = CMD_FOUND;
	}
	page_release(&doctor->page);
	json_decref(doctor->examined);
	return result;
}

int
cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "process", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct doctor doctor = { .json = false };
	int option;

	while ((option = getopt_long(argc, argv, "+jph", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'j':
			doctor.json = true;
			break;
		case 'p':
			doctor.process = true;
			break;
		case 'h':
			return cmd_help(help);
		default:
			return cmd_usage("doctor", NULL);
		}
	}
	if (optind >= argc)
		return cmd_usage("doctor", "doctor needs a command, or the PID "
					   "or name of a process");
	if (doctor.process && optind + 1 < argc)
		return cmd_usage("doctor",
				 "--process takes one PID or name, not '%s' "
				 "as well",
				 argv[optind + 1]);
	return run(&doctor, argv + optind);
}
