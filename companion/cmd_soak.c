/* leakshim soak SCENARIO.json */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/output.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "cmd.h"
#include "scenario.h"
#include "soak.h"
#include "soak_children.h"
#include "soak_ready.h"
#include "soak_result.h"

/* Directories that are tried for a name: soak.1 ... */
#define NUMBER_MAX 10000
/* getopt's values of the keys, above those of the letters. */
#define FIRST_KEY 256
#define OPTIONS_MAX 64

static const char help[] =
	"Usage: leakshim soak [OPTIONS] [SCENARIO.json] [-- CMD [ARG...]]\n"
	"\n"
	"Starts a program under the shim, works with it, takes snapshots and says\n"
	"what grows, per unit of work and per hour. A scenario is a JSON object;\n"
	"each option is also a key of it, and replaces the file's.\n"
	"\n"
	"What is run:\n"
	"  --command TEXT        the program; or what stands after --\n"
	"  --setup CMD           before it (sh -c)\n"
	"  --teardown CMD        after it\n"
	"  --env NAME=VALUE      for the program and the commands; may repeat\n"
	"  --ready WHAT          tcp:HOST:PORT, URL, file:PATH or a command\n"
	"  --process GLOB        which of its processes gets the signals\n"
	"  --ab NAME=COMMAND     twice: two variants; says which one grows\n"
	"The work:\n"
	"  --step KIND:TEXT      http:URL (10s of load each time), exec:CMD,\n"
	"                        signal:HUP,USR1, reload:SIGNAL, config:FILE,FILE;\n"
	"                        or a JSON object; may repeat\n"
	"  --iterations N        that often (20), or\n"
	"  --duration TIME       that long: 8h, or forever until SIGTERM; http\n"
	"                        steps then leave room for the snapshots\n"
	"  --warmup N|TIME       of the steps before the first snapshot (0)\n"
	"  --unit NAME           what growth is counted by: iteration, request ...\n"
	"  --timeout TIME        of each step, command and snapshot (60s)\n"
	"Snapshots:\n"
	"  --snapshot-every N|TIME\n"
	"                        (about 20 in all)\n"
	"  --settle TIME         pause before each (1s; less in a --duration below\n"
	"                        40s)\n"
	"  --before-snapshot WHAT\n"
	"                        signal:NAME, URL or a command\n"
	"  --trim                malloc_trim before each\n"
	"  --sample SIZE         1 is exact (1); 512K samples\n"
	"  --keep N              files per process (64)\n"
	"What is found:\n"
	"  --limit SIZE          per unit of work that a site may grow by (0);\n"
	"                        SIZE/h per hour\n"
	"  --fail-over SIZE      as leakdiff's, as are\n"
	"  --fail-over-total SIZE\n"
	"  --fail-threads N\n"
	"  --max-loss SHARE\n"
	"  --suppressions FILE\n"
	"  --baseline FILE\n"
	"  --memory-limit SIZE   until when a leak has time\n"
	"  --on-leak CMD         once for each new verdict\n"
	"  --out DIR             all files; new or empty (soak.1, soak.2 ...)\n"
	"  --json                the result as JSON on standard output\n"
	"  -q, --quiet           do not say what happens\n"
	"  -h, --help            this text\n"
	"\n"
	"Exit status: 0 nothing grows over the limit, 1 something does, 2 usage,\n"
	"3 unreadable scenario, 4 not enough evidence, 5 the target or a step\n"
	"failed. SIGINT and SIGTERM end it with the report; a second one ends it\n"
	"at once.\n"
	"\n"
	"Examples:\n"
	"  leakshim soak scripts/soak/reload.json\n"
	"  leakshim soak --step http:http://127.0.0.1:8080/ --duration 10m \\\n"
	"      --ready tcp:127.0.0.1:8080 -- ./server\n"
	"  leakshim soak --iterations 200 --step reload:HUP --limit 64 -- ./server\n";

struct options {
	struct scenario_source source;
	bool json;
	bool quiet;
};

static int
fail(const struct err *err)
{
	if (err->code == ERR_PATTERN)
		return cmd_usage("soak", "%s", err->text);
	fprintf(stderr, "leakshim: %s\n", err->text);
	if (err->code == ERR_OPEN || err->code == ERR_READ ||
	    err->code == ERR_TOO_LARGE || err->code == ERR_CORRUPT ||
	    err->code == ERR_TARGET)
		return CMD_TARGET;
	return CMD_FAILED;
}

/* --- options ---------------------------------------------------------------- */

static void
list_options(struct option *out)
{
	size_t i, count = 0;

	for (i = 0; i < scenario_key_count && count < OPTIONS_MAX - 4; i++)
		out[count++] = (struct option){
			.name = scenario_keys[i].name,
			.has_arg = scenario_keys[i].is_flag ? no_argument
							    : required_argument,
			.val = FIRST_KEY + (int)i,
		};
	out[count++] = (struct option){ "json", no_argument, NULL, 'j' };
	out[count++] = (struct option){ "quiet", no_argument, NULL, 'q' };
	out[count++] = (struct option){ "help", no_argument, NULL, 'h' };
	out[count] = (struct option){ NULL, 0, NULL, 0 };
}

/* "--" and what follows are cut off, for getopt would sort it. */
static char **
cut_command(int *argc, char **argv)
{
	int i;

	for (i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		*argc = i;
		return argv + i + 1;
	}
	return NULL;
}

/* The scenario is read before the options, which replace what it says: so its
 * name is looked for first. 0 to go on, an exit status, or -1: help. */
static int
find_file(int argc, char **argv, const struct option *known, const char **file)
{
	int option;

	while ((option = getopt_long(argc, argv, "hq", known, NULL)) != -1) {
		if (option == 'h')
			return -1;
		if (option == '?')
			return cmd_usage("soak", NULL);
	}
	*file = optind < argc ? argv[optind++] : NULL;
	if (optind < argc)
		return cmd_usage("soak",
				 "soak takes one scenario, not '%s' as well; "
				 "a program stands after --",
				 argv[optind]);
	return 0;
}

static int
take_option(struct options *options, int option, struct err *err)
{
	if (option == 'j')
		options->json = true;
	else if (option == 'q')
		options->quiet = true;
	else if (option >= FIRST_KEY)
		return scenario_source_set(
			&options->source,
			scenario_keys[option - FIRST_KEY].name, optarg, err);
	return 0;
}

/* 0 to go on, an exit status, or -1: help. */
static int
take_options(struct options *options, int argc, char **argv)
{
	struct option known[OPTIONS_MAX];
	char **command = cut_command(&argc, argv);
	const char *file = NULL;
	struct err err;
	int option, result;

	list_options(known);
	result = find_file(argc, argv, known, &file);
	if (result)
		return result;
	if (command && !*command)
		return cmd_usage("soak", "nothing stands after --");
	if (file && scenario_source_read(&options->source, file, &err))
		return fail(&err);
	optind = 0;
	while ((option = getopt_long(argc, argv, "hq", known, NULL)) != -1)
		if (take_option(options, option, &err))
			return fail(&err);
	if (command)
		scenario_source_set_command(&options->source, command);
	return 0;
}

/* --- where ------------------------------------------------------------------ */

/* 1: it is there and not empty, 0: it may be used, -1 and errno. */
static int
is_used(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int used = 0;

	if (!directory)
		return errno == ENOENT ? 0 : -1;
	while (!used && (entry = readdir(directory)))
		used = strcmp(entry->d_name, ".") != 0 &&
		       strcmp(entry->d_name, "..") != 0;
	closedir(directory);
	return used;
}

static int
cannot_make(const char *path, struct err *err)
{
	return err_set(err, ERR_WRITE, "cannot make '%s': %s", path,
		       strerror(errno));
}

/* The first free of soak.1, soak.2 ...: a second run neither replaces the first
 * nor is mixed up with it. */
static int
make_numbered(char *name, size_t size, struct err *err)
{
	int i;

	for (i = 1; i < NUMBER_MAX; i++) {
		snprintf(name, size, "soak.%d", i);
		if (mkdir(name, 0777) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return cannot_make(name, err);
}

static int
make_named(const char *out, struct err *err)
{
	int used = is_used(out);

	if (used > 0)
		return err_set(err, ERR_PATTERN,
			       "out: '%s' is not empty: name another one, or "
			       "remove it",
			       out);
	if (used < 0 || (mkdir(out, 0777) < 0 && errno != EEXIST))
		return cannot_make(out, err);
	return 0;
}

/* Makes the directory of all files; absolute, the caller frees it. */
static char *
make_out(const struct scenario_source *source, struct err *err)
{
	const json_t *value = json_object_get(source->json, "out");
	const char *out = json_string_value(value);
	char name[32], *path;

	if (value && (!out || !*out)) {
		err_set(err, ERR_PATTERN, "out takes the name of a directory");
		return NULL;
	}
	if (out ? make_named(out, err) : make_numbered(name, sizeof(name), err))
		return NULL;
	path = realpath(out ? out : name, NULL);
	if (!path)
		cannot_make(out ? out : name, err);
	return path;
}

/* --- the runs ---------------------------------------------------------------- */

/* Progress is one line that is written over. */
struct mouth {
	bool quiet;
	bool is_terminal;
	bool has_line;
};

static void
clear_line(struct mouth *mouth)
{
	if (mouth->has_line)
		fputs("\r\033[K", stderr);
	mouth->has_line = false;
}

static void
tell(void *context, bool is_progress, const char *line)
{
	struct mouth *mouth = context;

	if (mouth->quiet || (is_progress && !mouth->is_terminal))
		return;
	clear_line(mouth);
	fprintf(stderr, "leakshim: soak: %s%s", line, is_progress ? "" : "\n");
	mouth->has_line = is_progress;
	fflush(stderr);
}

static int
write_result(const char *out, const json_t *json, struct err *err)
{
	struct strbuf path = { 0 };
	struct output *output;
	int result = -1;

	strbuf_addf(&path, "%s/result.json", out);
	output = output_open(strbuf_text(&path), err);
	if (output) {
		json_dumpf(json, output_stream(output), JSON_INDENT(2));
		fputc('\n', output_stream(output));
		result = output_commit(output, err);
	}
	strbuf_release(&path);
	return result;
}

static int
status_of(enum soak_outcome outcome)
{
	switch (outcome) {
	case SOAK_CLEAN:
		break;
	case SOAK_UNSURE:
		return CMD_EVIDENCE;
	case SOAK_FOUND:
		return CMD_FOUND;
	case SOAK_FAILED:
		return CMD_FAILED;
	}
	return CMD_OK;
}

static void
print_gate(const struct soak_run *run)
{
	const char *line = strbuf_text(&run->verdict.lines), *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		fprintf(stderr, "leakshim: %s%s%.*s\n", run->scenario->name,
			*run->scenario->name ? ": " : "", (int)(end - line),
			line);
}

static int
report(const struct options *options, const struct scenario_set *set,
       const struct soak_run *runs, size_t count, const char *out)
{
	json_t *json = soak_result_json(set, runs, count);
	int status = status_of(soak_result_of_all(set, runs, count)), written;
	struct strbuf text = { 0 };
	struct err err;
	size_t i;

	/* That a run which failed has too little evidence as well is no news;
	 * what it found is. */
	for (i = 0; i < count; i++)
		if (runs[i].judged &&
		    (soak_result_of(&runs[i]) != SOAK_FAILED ||
		     runs[i].verdict.outcome == GATE_FAILED))
			print_gate(&runs[i]);
	if (options->json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		soak_result_text(&text, set, runs, count);
		fputs(strbuf_text(&text), stdout);
	}
	strbuf_release(&text);
	written = write_result(out, json, &err);
	json_decref(json);
	if (written)
		return fail(&err);
	return cmd_finish() == CMD_OK ? status : CMD_FAILED;
}

static int
run_set(const struct options *options, const struct scenario_set *set,
	struct soak_judge *judge, const char *out)
{
	struct mouth mouth = {
		.quiet = options->quiet,
		.is_terminal = isatty(STDERR_FILENO),
	};
	const struct soak_ear ear = { tell, &mouth };
	struct soak_run *runs = xcalloc(set->count, sizeof(*runs));
	struct err err;
	size_t i, count = 0;
	int status;

	if (soak_children_init(&err)) {
		free(runs);
		return fail(&err);
	}
	for (i = 0; i < set->count && !soak_children_stops(); i++)
		soak_run(&runs[count++], &set->runs[i], judge, &ear);
	clear_line(&mouth);
	status = report(options, set, runs, count, out);
	for (i = 0; i < count; i++)
		soak_run_release(&runs[i]);
	free(runs);
	return status;
}

/* What is wrong with a scenario is said before anything is made. */
static int
check(const struct options *options, struct err *err)
{
	struct soak_judge judge;
	struct scenario_set set;
	int result = scenario_set_init(&set, &options->source, "/", err);
	size_t i;

	if (result)
		return result;
	for (i = 0; i < set.count && !result; i++)
		if (set.runs[i].ready)
			result = soak_ready_check(set.runs[i].ready, err);
	if (!result) {
		result = soak_judge_init(&judge, &set.runs[0], err);
		if (!result)
			soak_judge_release(&judge);
	}
	scenario_set_release(&set);
	return result;
}

static int
soak(const struct options *options)
{
	struct scenario_set set;
	struct soak_judge judge;
	struct err err;
	char *out;
	int status;

	if (check(options, &err))
		return fail(&err);
	out = make_out(&options->source, &err);
	if (!out)
		return fail(&err);
	if (scenario_set_init(&set, &options->source, out, &err)) {
		free(out);
		return fail(&err);
	}
	if (soak_judge_init(&judge, &set.runs[0], &err)) {
		status = fail(&err);
	} else {
		status = run_set(options, &set, &judge, out);
		soak_judge_release(&judge);
	}
	scenario_set_release(&set);
	free(out);
	return status;
}

int
cmd_soak(int argc, char **argv)
{
	struct options options = { .json = false };
	int result;

	scenario_source_init(&options.source);
	result = take_options(&options, argc, argv);
	if (result < 0)
		result = cmd_help(help);
	else if (!result)
		result = soak(&options);
	scenario_source_release(&options.source);
	return result;
}
