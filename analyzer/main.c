/* leakdiff: what grew between two snapshots, or what one of them holds. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blame.h"
#include "diff.h"
#include "err.h"
#include "output.h"
#include "reader.h"
#include "report.h"
#include "symbolize.h"
#include "unbias.h"

/* As many sites as fit the attention of someone who reads the report. */
#define MAIN_TOP_TEXT 10
/* Files without names that are told one by one. */
#define MAIN_FILE_WARNINGS 3

enum exit_status {
	EXIT_DONE = 0,
	EXIT_USAGE = 2,
	EXIT_INPUT = 3,
	EXIT_STEP = 5,
};

typedef int report_writer(const struct report *report, FILE *out,
			  struct err *err);

struct settings {
	report_writer *writer;
	const char *out; /* NULL: standard output */
	bool top_given;
	size_t top;
	bool all_frames;
	struct symbolizer_options symbols;
	struct blame *blame;
	const char *files[2];
	int file_count;
};

enum option_name {
	OPTION_ALL_FRAMES = 256,
	OPTION_CSV,
	OPTION_DEBUG_DIR,
	OPTION_NO_INLINES,
	OPTION_NO_SYMBOLS,
	OPTION_PPROF,
	OPTION_SKIP,
	OPTION_TEXT,
	OPTION_TOP,
};

static const struct option options[] = {
	{ "all-frames", no_argument, NULL, OPTION_ALL_FRAMES },
	{ "csv", no_argument, NULL, OPTION_CSV },
	{ "debug-dir", required_argument, NULL, OPTION_DEBUG_DIR },
	{ "help", no_argument, NULL, 'h' },
	{ "no-inlines", no_argument, NULL, OPTION_NO_INLINES },
	{ "no-symbols", no_argument, NULL, OPTION_NO_SYMBOLS },
	{ "output", required_argument, NULL, 'o' },
	{ "pprof", no_argument, NULL, OPTION_PPROF },
	{ "skip", required_argument, NULL, OPTION_SKIP },
	{ "text", no_argument, NULL, OPTION_TEXT },
	{ "top", required_argument, NULL, OPTION_TOP },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* The Makefile defines the version. */
static const char version_text[] = "leakdiff " LEAKSHIM_VERSION "\n";

static const char help_text[] =
	"Usage: leakdiff [OPTIONS] OLD NEW   what grew between two snapshots\n"
	"       leakdiff [OPTIONS] SNAP      what one snapshot holds\n"
	"\n"
	"Snapshots come from a program that runs under leakshim; one of them\n"
	"may be '-', standard input. Options stand before or after the files.\n"
	"\n"
	"What to write:\n"
	"  --text            a report to read (the default)\n"
	"  --csv             all sites as comma-separated values\n"
	"  --pprof           a profile for pprof; needs -o FILE or a pipe\n"
	"  -o, --output FILE write to FILE, '-' is standard output\n"
	"  --top N           only the first N sites; 0 is all (text: 10)\n"
	"\n"
	"How to name call stacks:\n"
	"  --skip RE         take functions that match the extended regular\n"
	"                    expression for allocation wrappers, name their\n"
	"                    callers instead; may be repeated\n"
	"  --all-frames      wrappers as well where a call stack begins with\n"
	"                    more than three\n"
	"  --no-inlines      leave inlined functions out\n"
	"  --no-symbols      no names, only modules and offsets\n"
	"  --debug-dir PATH  where separate debug files are, joined by ':'\n"
	"\n"
	"  -h, --help        this\n"
	"  -V, --version\n"
	"\n"
	"Examples:\n"
	"  leakdiff app.1.snap app.2.snap\n"
	"  leakdiff app.1.snap app.2.snap --csv -o growth.csv\n"
	"  leakdiff app.1.snap app.2.snap --skip '^pool_' --top 30\n"
	"  leakdiff app.1.snap app.2.snap --pprof -o growth.pb.gz\n"
	"  leakdiff app.2.snap\n"
	"\n"
	"Exit status: 0 the report was made, 2 wrong usage, 3 a snapshot\n"
	"can't be read, 5 the report can't be written.\n";

static void __attribute__((format(printf, 1, 2)))
complain(const char *format, ...)
{
	va_list args;

	fputs("leakdiff: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static int __attribute__((format(printf, 1, 2))) usage(const char *format, ...)
{
	va_list args;

	fputs("leakdiff: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; try 'leakdiff --help'\n", stderr);
	return EXIT_USAGE;
}

/* The whole string is a number from 0 to SIZE_MAX. */
static int
parse_top(struct settings *settings, const char *text)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		return usage("--top takes a number, not '%s'", text);
	settings->top = (size_t)value;
	settings->top_given = true;
	return EXIT_DONE;
}

/* The last of two formats would win in silence. */
static int
take_writer(struct settings *settings, report_writer *writer)
{
	if (settings->writer && settings->writer != writer)
		return usage(
			"--text, --csv and --pprof exclude each other: choose one");
	settings->writer = writer;
	return EXIT_DONE;
}

static int
take_option(struct settings *settings, int option, char **argv)
{
	struct err err;

	switch (option) {
	case OPTION_CSV:
		return take_writer(settings, report_csv);
	case OPTION_PPROF:
		return take_writer(settings, report_pprof);
	case OPTION_TEXT:
		return take_writer(settings, report_text);
	case 'o':
		settings->out = optarg;
		return EXIT_DONE;
	case OPTION_DEBUG_DIR:
		settings->symbols.debug_path = optarg;
		return EXIT_DONE;
	case OPTION_ALL_FRAMES:
		settings->all_frames = true;
		return EXIT_DONE;
	case OPTION_NO_INLINES:
		settings->symbols.inlines = false;
		return EXIT_DONE;
	case OPTION_NO_SYMBOLS:
		settings->symbols.use_symbols = false;
		return EXIT_DONE;
	case OPTION_SKIP:
		if (blame_skip(settings->blame, optarg, &err) == 0)
			return EXIT_DONE;
		return usage("%s", err.text);
	case OPTION_TOP:
		return parse_top(settings, optarg);
	case ':':
		return usage("%s needs a value", argv[optind - 1]);
	default:
		/* A letter of a long option is that of one with a value it
		 * does not take. */
		if (optopt > 0 && optopt < OPTION_ALL_FRAMES &&
		    !strchr("hoV", optopt))
			return usage("unknown option '-%c'", optopt);
		return usage("unknown option '%s'", argv[optind - 1]);
	}
}

/* Help on a full disk is a failure like any other. */
static int
print_and_leave(const char *text)
{
	struct err err;
	struct output *output = output_open(NULL, &err);

	fputs(text, output_stream(output));
	if (output_commit(output, &err) == 0)
		return EXIT_DONE;
	complain("%s", err.text);
	return EXIT_STEP;
}

/* A report in the place of the snapshot it is made of would be the end of
 * that. */
static const char *
find_overwritten(const struct settings *settings)
{
	struct stat out, in;
	int i;

	/* What is not there yet is no input; what is no file loses nothing. */
	if (!settings->out || strcmp(settings->out, "-") == 0 ||
	    stat(settings->out, &out) < 0 || !S_ISREG(out.st_mode))
		return NULL;
	for (i = 0; i < settings->file_count; i++) {
		const char *file = settings->files[i];
		int result = strcmp(file, "-") == 0 ? fstat(STDIN_FILENO, &in)
						    : stat(file, &in);

		if (result == 0 && in.st_dev == out.st_dev &&
		    in.st_ino == out.st_ino)
			return file;
	}
	return NULL;
}

/*
 * Fills `settings`. Returns true to go on; else *status is the exit status.
 */
static bool
parse_arguments(struct settings *settings, int argc, char **argv, int *status)
{
	const char *overwritten;
	int option;
	int count;

	/* ':' makes getopt leave the messages to us. It moves the file names
	 * behind the options, wherever they stood. */
	while ((option = getopt_long(argc, argv, ":ho:V", options, NULL)) !=
	       -1) {
		if (option == 'h' || option == 'V') {
			*status = print_and_leave(option == 'h' ? help_text
								: version_text);
			return false;
		}
		*status = take_option(settings, option, argv);
		if (*status != EXIT_DONE)
			return false;
	}
	if (!settings->writer)
		settings->writer = report_text;
	count = argc - optind;
	if (count < 1 || count > 2) {
		*status =
			count < 1
				? usage("no snapshot was given")
				: usage("%d snapshots were given; it compares two",
					count);
		return false;
	}
	while (settings->file_count < count)
		settings->files[settings->file_count++] = argv[optind++];
	if (count == 2 && strcmp(settings->files[0], "-") == 0 &&
	    strcmp(settings->files[1], "-") == 0) {
		*status = usage("only one snapshot can be standard input");
		return false;
	}
	overwritten = find_overwritten(settings);
	if (overwritten) {
		*status = usage(
			"-o '%s' would replace the snapshot '%s' by its report",
			settings->out, overwritten);
		return false;
	}
	if (settings->writer == report_pprof &&
	    (!settings->out || strcmp(settings->out, "-") == 0) &&
	    isatty(STDOUT_FILENO)) {
		*status = usage(
			"a profile is no text for a terminal: add -o FILE");
		return false;
	}
	return true;
}

/* Says on stderr what the report's reader should know even if the report goes
 * to a file. */
static void
warn_about(const struct model *model)
{
	if (model->truncated)
		complain("warning: '%s' is truncated: only its first %" PRIu64
			 " bytes (uncompressed) are used",
			 model->file, model->prefix_bytes);
	if (model->totals_disagree)
		complain(
			"warning: '%s': its totals are not the sums of its sites",
			model->file);
}

static void
warn_about_order(const struct diff *diff)
{
	if (diff->reversed)
		complain(
			"warning: '%s' was taken before '%s': give the older one first",
			diff->new_model->file, diff->old_model->file);
	if (!diff->same_process)
		complain("warning: '%s' and '%s' are of different processes",
			 diff->old_model->file, diff->new_model->file);
}

/* Read on another machine, a snapshot lacks nearly all its files. */
static void
warn_about_symbols(const struct symbolizer *symbolizer)
{
	const char *warning;
	size_t count = 0;

	while ((warning = symbolizer_warning(symbolizer, count))) {
		if (count++ < MAIN_FILE_WARNINGS)
			complain("warning: %s", warning);
	}
	if (count > MAIN_FILE_WARNINGS)
		complain("warning: ... and %zu more file%s",
			 count - MAIN_FILE_WARNINGS,
			 count - MAIN_FILE_WARNINGS == 1 ? "" : "s");
}

static int
write_report(const struct settings *settings, const struct diff *diff,
	     struct symbolizer *symbolizer)
{
	struct report report = {
		.diff = diff,
		.symbolizer = symbolizer,
		.blame = settings->blame,
		.top = settings->top,
		.all_frames = settings->all_frames,
	};
	struct output *output;
	struct err err;

	if (!settings->top_given && settings->writer == report_text)
		report.top = MAIN_TOP_TEXT;
	output = output_open(settings->out, &err);
	if (!output) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	if (settings->writer(&report, output_stream(output), &err) < 0) {
		output_discard(output);
		complain("%s", err.text);
		return EXIT_STEP;
	}
	if (output_commit(output, &err) < 0) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	warn_about_symbols(symbolizer);
	return EXIT_DONE;
}

static int
compare(const struct settings *settings, const struct model *old_model,
	const struct model *new_model)
{
	struct symbolizer *symbolizer;
	struct diff *diff;
	struct err err;
	int status;

	symbolizer = symbolizer_open(&settings->symbols, &err);
	if (!symbolizer) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	diff = diff_new(old_model, new_model);
	if (old_model)
		warn_about_order(diff);
	status = write_report(settings, diff, symbolizer);
	diff_free(diff);
	symbolizer_close(symbolizer);
	return status;
}

static int
load_and_compare(const struct settings *settings)
{
	struct model *models[2] = { NULL, NULL };
	int status = EXIT_DONE;
	struct err err;
	int i;

	for (i = 0; i < settings->file_count; i++) {
		models[i] = reader_load(settings->files[i], &err);
		if (!models[i]) {
			complain("%s", err.text);
			status = EXIT_INPUT;
			break;
		}
		warn_about(models[i]);
		unbias(models[i]);
	}
	if (status == EXIT_DONE)
		status = settings->file_count == 2
				 ? compare(settings, models[0], models[1])
				 : compare(settings, NULL, models[0]);
	model_free(models[0]);
	model_free(models[1]);
	return status;
}

/* Who exported the shim's variables to a whole shell session means other
 * programs, not the one that reads the result. */
static void
leave_tracking(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (preload && strstr(preload, "libleakshim"))
		unsetenv("LD_PRELOAD");
	unsetenv("LEAKSHIM");
}

int
main(int argc, char **argv)
{
	struct settings settings = {
		.symbols = { .use_symbols = true, .inlines = true },
	};
	int status;

	leave_tracking();
	settings.blame = blame_new();
	if (parse_arguments(&settings, argc, argv, &status))
		status = load_and_compare(&settings);
	blame_free(settings.blame);
	return status;
}
