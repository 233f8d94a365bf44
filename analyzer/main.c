/* leakdiff: what grew over snapshots, or what one of them holds. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accept.h"
#include "blame.h"
#include "dump_options.h"
#include "err.h"
#include "gate.h"
#include "inputs.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "report_dump.h"
#include "report_series.h"
#include "select.h"
#include "study.h"
#include "symbolize.h"
#include "terminal.h"
#include "verify.h"

/* As many sites as fit the attention of someone who reads the report. */
#define MAIN_TOP_TEXT 10
/* Files without names that are told one by one. */
#define MAIN_FILE_WARNINGS 3

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FOUND = 1,
	EXIT_USAGE = 2,
	EXIT_INPUT = 3,
	EXIT_UNSURE = 4,
	EXIT_STEP = 5,
};

/* One harmless line, whatever is in the names of files and processes. */
static void __attribute__((format(printf, 1, 0)))
print_line(const char *format, va_list args, const char *end)
{
	struct strbuf text = { 0 }, line = { 0 };

	strbuf_vaddf(&text, format, args);
	strbuf_add_printable(&line, strbuf_text(&text));
	fprintf(stderr, "leakdiff: %s%s\n", strbuf_text(&line), end);
	strbuf_release(&text);
	strbuf_release(&line);
}

static void __attribute__((format(printf, 1, 2)))
complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args, "");
	va_end(args);
}

static int __attribute__((format(printf, 1, 2))) usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args, "; try 'leakdiff --help'");
	va_end(args);
	return EXIT_USAGE;
}

/* Help on a full disk is a failure like any other. `file` NULL: standard
 * output. */
static int
print_to(const char *file, const char *text)
{
	struct err err;
	struct output *output = output_open(file, &err);

	if (output) {
		fputs(text, output_stream(output));
		if (output_commit(output, &err) == 0)
			return EXIT_DONE;
	}
	complain("%s", err.text);
	return EXIT_STEP;
}

static int
print_and_leave(const char *text)
{
	return print_to(NULL, text);
}

static bool
is_standard(const char *file)
{
	return !file || strcmp(file, "-") == 0;
}

/* Would the report be written to what the input is? */
static bool
is_same_file(const struct stat *out, const char *file)
{
	struct stat in;
	int result = is_standard(file) ? fstat(STDIN_FILENO, &in)
				       : stat(file, &in);

	return result == 0 && in.st_dev == out->st_dev &&
	       in.st_ino == out->st_ino;
}

/* A report in the place of the snapshot it is made of would be the end of
 * that. */
static const char *
find_overwritten(const struct settings *settings, const struct inputs *inputs)
{
	struct stat out;
	size_t i, k;

	/* What is not there yet is no input; what is no file loses nothing. */
	if (is_standard(settings->out) || stat(settings->out, &out) < 0 ||
	    !S_ISREG(out.st_mode))
		return NULL;
	for (i = 0; i < inputs->group_count; i++) {
		const struct input_group *group = &inputs->groups[i];

		for (k = 0; k < group->count; k++) {
			if (is_same_file(&out, group->inputs[k].file))
				return group->inputs[k].file;
		}
	}
	return NULL;
}

/* What the options alone can't tell. EXIT_DONE: go on. */
static int
check_output(const struct settings *settings, const struct inputs *inputs)
{
	const char *overwritten = find_overwritten(settings, inputs);

	if (overwritten)
		return usage("-o '%s' would replace the snapshot '%s' by its "
			     "report",
			     settings->out, overwritten);
	if (settings->format == FORMAT_PPROF && is_standard(settings->out) &&
	    isatty(STDOUT_FILENO))
		return usage("a profile is no text for a terminal: add -o "
			     "FILE");
	if ((settings->format == FORMAT_PPROF ||
	     settings->format == FORMAT_FOLDED) &&
	    inputs->group_count > 1)
		return usage("%s is of one process, but the files are of %zu",
			     options_format_name(settings->format),
			     inputs->group_count);
	return EXIT_DONE;
}

static void
print_lines(const struct strbuf *lines, const char *before)
{
	const char *line = strbuf_text(lines);
	const char *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		complain("%s%.*s", before, (int)(end - line), line);
}

static void
print_warnings(const struct strbuf *warnings)
{
	print_lines(warnings, "warning: ");
}

static void
warn_about_order(const struct diff *diff)
{
	if (diff->reversed)
		complain("warning: '%s' was taken before '%s': give the older "
			 "one first",
			 diff->new_model->file, diff->old_model->file);
	if (!diff->same_process)
		complain("warning: '%s' and '%s' are of different processes",
			 diff->old_model->file, diff->new_model->file);
}

/* Read on another machine, a snapshot lacks nearly all its files. */
static void
warn_about_symbols(const struct symbolizer *symbolizer)
{
	struct strbuf places = { 0 };
	const char *warning;
	size_t count = 0;

	symbolizer_check_places(symbolizer, &places);
	print_warnings(&places);
	strbuf_release(&places);
	while ((warning = symbolizer_warning(symbolizer, count))) {
		if (count++ < MAIN_FILE_WARNINGS)
			complain("warning: %s", warning);
	}
	if (count > MAIN_FILE_WARNINGS)
		complain("warning: ... and %zu more file%s",
			 count - MAIN_FILE_WARNINGS,
			 count - MAIN_FILE_WARNINGS == 1 ? "" : "s");
}

static report_writer *
writer_of(enum report_format format)
{
	switch (format) {
	case FORMAT_CSV:
		return report_csv;
	case FORMAT_FOLDED:
		return report_folded;
	case FORMAT_HTML:
		return report_html;
	case FORMAT_JSON:
		return report_json;
	case FORMAT_PPROF:
		return report_pprof;
	case FORMAT_NONE:
	case FORMAT_TEXT:
	case FORMAT_SERIES: /* written while loading */
		break;
	}
	return report_text;
}

/* A file is read in any place: no colour by itself, no width. */
static void
fit_text(const struct settings *settings, struct report *report)
{
	int fd = is_standard(settings->out) ? STDOUT_FILENO : -1;

	if (!settings->top_given)
		report->top = MAIN_TOP_TEXT;
	report->color = terminal_has_color(fd, settings->color);
	report->width = terminal_width(fd, settings->color);
	report->utf8 = terminal_is_utf8();
}

static int
write_report(const struct settings *settings, const struct study *study)
{
	struct report report = {
		.study = study,
		.diff = study->parts[0].diff,
		.resolver = study->resolver,
		.top = settings->top,
		.all_frames = settings->all_frames,
		.growth_only = settings->growth_only,
		.threads = settings->threads,
		.limit_bytes = settings->judge.limit_bytes,
	};
	struct output *output;
	struct err err;

	if (settings->format == FORMAT_TEXT)
		fit_text(settings, &report);
	output = output_open(settings->out, &err);
	if (!output) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	if (writer_of(settings->format)(&report, output_stream(output), &err)) {
		output_discard(output);
		complain("%s", err.text);
		return EXIT_STEP;
	}
	if (output_commit(output, &err) < 0) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	return EXIT_DONE;
}

/* --series is written while the files are loaded. EXIT_DONE: go on. */
struct series_output {
	struct output *output; /* NULL: another format */
	struct series *series;
};

static int
begin_series(struct series_output *streaming, const struct settings *settings,
	     struct symbolizer *symbolizer, const struct blame *blame)
{
	struct err err;

	if (settings->format != FORMAT_SERIES || settings->show_suppressions)
		return EXIT_DONE;
	streaming->output = output_open(settings->out, &err);
	if (!streaming->output) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	streaming->series =
		series_new(output_stream(streaming->output), symbolizer, blame);
	return EXIT_DONE;
}

static int
end_series(struct series_output *streaming, bool good)
{
	struct err err;

	series_free(streaming->series);
	if (!good && streaming->output)
		output_discard(streaming->output);
	else if (streaming->output && output_commit(streaming->output, &err)) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	return EXIT_DONE;
}

/* NULL: a usage error, told in `err`. */
static struct select *
make_select(const struct settings *settings, struct err *err)
{
	struct select *select = select_new();
	size_t i;
	int result = 0;

	select_min_bytes(select, settings->min_bytes);
	select_order(select, settings->order);
	for (i = 0; i < settings->focus.count && !result; i++)
		result = select_focus(select, settings->focus.texts[i], err);
	for (i = 0; i < settings->ignore.count && !result; i++)
		result = select_ignore(select, settings->ignore.texts[i], err);
	if (!result)
		return select;
	select_free(select);
	return NULL;
}

/* Which rows are listed, and what the processes have in common. Suppressions
 * and the baseline come before. */
static void
select_rows(struct study *study, const struct study_settings *how)
{
	size_t i;

	for (i = 0; i < study->count; i++)
		select_apply(how->select, study->parts[i].diff,
			     study->resolver);
	if (study->count > 1)
		study_build_fleet(study, how);
}

static bool
is_any_judged(const struct study *study)
{
	size_t i;

	for (i = 0; i < study->count; i++) {
		if (study->parts[i].diff->judged)
			return true;
	}
	return false;
}

/* --- what is accepted, and the gate ------------------------------------------ */

static int
print_suppressions(const struct settings *settings,
		   const struct suppress *suppress)
{
	struct strbuf text = { 0 };
	int status;

	suppress_print(suppress, settings->file_count > 0, &text);
	status = print_to(settings->out, strbuf_text(&text));
	strbuf_release(&text);
	return status;
}

static int
write_baseline(struct accept *accept, const struct study *study,
	       double max_loss)
{
	struct strbuf lines = { 0 };
	struct err err;
	int failed = accept_write(accept, study, max_loss, &lines, &err);

	print_lines(&lines, "");
	strbuf_release(&lines);
	if (!failed)
		return EXIT_DONE;
	complain("%s", err.text);
	return err.code == ERR_STEP ? EXIT_UNSURE : EXIT_STEP;
}

static int
judge_gate(const struct gate *gate, const struct settings *settings,
	   const struct study *study, const struct inputs *inputs,
	   struct suppress *suppress)
{
	struct strbuf lines = { 0 };
	int status = EXIT_DONE;

	if (!gate_is_wanted(gate))
		return EXIT_DONE;
	switch (gate_judge(gate, study, inputs, &settings->judge, suppress,
			   &lines)) {
	case GATE_PASSED:
		break;
	case GATE_UNSURE:
		status = EXIT_UNSURE;
		break;
	case GATE_FAILED:
		status = EXIT_FOUND;
		break;
	}
	print_lines(&lines, "");
	strbuf_release(&lines);
	return status;
}

/* --verify: no report, no names. */
static int
run_verify(const struct settings *settings, const struct inputs *inputs,
	   struct symbolizer *symbolizer, const struct blame *blame)
{
	struct verify *verify = verify_new();
	const struct study_settings how = {
		.judge = settings->judge,
		.visit = verify_visit,
		.visitor = verify,
	};
	struct strbuf text = { 0 };
	struct study *study;
	struct err err;
	int status = EXIT_INPUT;
	size_t unused = 0; /* files of processes that are left out, too */
	size_t i;

	study = study_new(inputs, &how, symbolizer, blame, &text, &err);
	print_warnings(&text);
	strbuf_clear(&text);
	if (study) {
		for (i = 0; i < inputs->group_count; i++)
			unused += inputs->groups[i].count;
		for (i = 0; i < study->count; i++)
			unused -= study->parts[i].history->snapshot_count;
		verify_left_out(verify, unused + inputs->left_out);
		verify_tell(verify, &text);
		status = print_to(settings->out, strbuf_text(&text));
	} else {
		complain("%s", err.text);
	}
	if (status == EXIT_DONE && verify_violations(verify))
		status = EXIT_FOUND;
	else if (status == EXIT_DONE && verify_unverified(verify))
		status = EXIT_UNSURE;
	strbuf_release(&text);
	study_free(study);
	verify_free(verify);
	return status;
}

/* Reads everything, then reports. */
static int
run_study(const struct settings *settings, const struct inputs *inputs,
	  struct symbolizer *symbolizer, const struct blame *blame,
	  const struct select *select, const struct gate *gate,
	  struct accept *accept)
{
	struct study_settings how = {
		.grouping = settings->grouping,
		.select = select,
		.suppress = accept->suppress,
		.judge = settings->judge,
	};
	struct series_output streaming = { 0 };
	struct progress progress;
	struct strbuf warnings = { 0 };
	struct study *study;
	struct err err;
	int gated;
	int status;

	status = begin_series(&streaming, settings, symbolizer, blame);
	if (status != EXIT_DONE)
		return status;
	if (streaming.series) {
		how.visit = series_visit;
		how.visitor = streaming.series;
	}
	progress_begin(&progress, "reading files");
	how.progress = progress_step;
	how.progress_context = &progress;
	study = study_new(inputs, &how, symbolizer, blame, &warnings, &err);
	progress_end(&progress);
	print_warnings(&warnings);
	strbuf_release(&warnings);
	if (!study) {
		complain("%s", err.text);
		end_series(&streaming, false);
		return EXIT_INPUT;
	}
	if (inputs->group_count == 1 && study->parts[0].diff->old_model)
		warn_about_order(study->parts[0].diff);
	accept_apply(accept, study, &warnings);
	print_lines(&warnings, "");
	strbuf_release(&warnings);
	select_rows(study, &how);
	if ((settings->order == ORDER_RATE ||
	     settings->order == ORDER_VERDICT) &&
	    !is_any_judged(study))
		complain("warning: a rate or verdict to sort by needs three "
			 "snapshots of one process: sorted by growth");
	if (settings->show_suppressions)
		status = print_suppressions(settings, accept->suppress);
	else if (settings->format == FORMAT_SERIES)
		status = end_series(&streaming, true);
	else
		status = write_report(settings, study);
	if (status == EXIT_DONE)
		warn_about_symbols(symbolizer);
	if (status == EXIT_DONE)
		status = write_baseline(accept, study, gate->max_loss);
	/* Whatever became of the report, what was found is told. */
	gated = judge_gate(gate, settings, study, inputs, accept->suppress);
	if (status == EXIT_DONE)
		status = gated;
	study_free(study);
	return status;
}

static int
run_inputs(const struct settings *settings, const struct inputs *inputs,
	   const struct gate *gate, struct accept *accept)
{
	struct symbolizer *symbolizer;
	struct select *select;
	struct symbolizer_options symbols;
	struct blame *blame;
	struct err err;
	size_t i;
	int status;

	status = check_output(settings, inputs);
	if (status != EXIT_DONE)
		return status;
	select = make_select(settings, &err);
	if (!select)
		return usage("%s", err.text);
	blame = blame_new();
	for (i = 0; i < settings->skip.count; i++) {
		if (blame_skip(blame, settings->skip.texts[i], &err)) {
			blame_free(blame);
			select_free(select);
			return usage("%s", err.text);
		}
	}
	symbols = settings->symbols;
	symbols.progress = progress_line;
	symbolizer = symbolizer_open(&symbols, &err);
	if (symbolizer && settings->verify) {
		status = run_verify(settings, inputs, symbolizer, blame);
	} else if (symbolizer) {
		status = run_study(settings, inputs, symbolizer, blame, select,
				   gate, accept);
	} else {
		complain("%s", err.text);
		status = EXIT_STEP;
	}
	symbolizer_close(symbolizer);
	blame_free(blame);
	select_free(select);
	return status;
}

static int
collect_and_run(const struct settings *settings, const struct gate *gate,
		struct accept *accept)
{
	struct strbuf warnings = { 0 };
	struct inputs inputs;
	struct err err;
	int status;

	if (inputs_collect(&inputs, settings->files, settings->file_count,
			   &warnings, &err) < 0) {
		print_warnings(&warnings);
		complain("%s", err.text);
		status = EXIT_INPUT;
	} else {
		print_warnings(&warnings);
		status = run_inputs(settings, &inputs, gate, accept);
	}
	strbuf_release(&warnings);
	inputs_release(&inputs);
	return status;
}

/* Would the report be written over what people wrote? */
static bool
overwrites_lists(const struct settings *settings)
{
	struct stat out;
	size_t i;

	if (is_standard(settings->out) || stat(settings->out, &out) < 0 ||
	    !S_ISREG(out.st_mode))
		return false;
	for (i = 0; i < settings->suppressions.count; i++) {
		if (is_same_file(&out, settings->suppressions.texts[i]))
			return true;
	}
	return (settings->baseline && is_same_file(&out, settings->baseline)) ||
	       (settings->write_baseline &&
		is_same_file(&out, settings->write_baseline));
}

/* What --verify and --show-suppressions leave no room for; NULL: nothing. */
static const char *
find_conflict(const struct settings *settings, const struct gate *gate)
{
	bool needs_files = gate_is_wanted(gate) || settings->baseline ||
			   settings->write_baseline || settings->verify;

	if ((settings->verify || settings->show_suppressions) &&
	    settings->format != FORMAT_TEXT)
		return "--verify and --show-suppressions write no report";
	if (settings->verify &&
	    (gate_is_wanted(gate) || settings->show_suppressions ||
	     settings->baseline || settings->write_baseline))
		return "--verify is a run of its own, without gates, "
		       "suppressions and baseline";
	if (settings->file_count == 0 && needs_files)
		return "no snapshot was given";
	if (settings->max_loss && !gate_is_wanted(gate) &&
	    !settings->write_baseline)
		return "--max-loss is for a gate: add --fail-over or the like";
	if (settings->grouping != GROUP_STACK &&
	    (settings->baseline || settings->write_baseline))
		return "a baseline is of call stacks: --by has no meaning "
		       "there";
	if ((settings->baseline && is_standard(settings->baseline)) ||
	    (settings->write_baseline && is_standard(settings->write_baseline)))
		return "a baseline is a file, not '-'";
	if (overwrites_lists(settings))
		return "-o would replace a suppression file or baseline by "
		       "the report";
	return NULL;
}

static int
run(const struct settings *settings)
{
	const struct gate_options options = {
		.fail_over = settings->fail_over,
		.fail_over_total = settings->fail_over_total,
		.fail_threads = settings->fail_threads,
		.max_loss = settings->max_loss,
	};
	struct accept accept;
	struct gate gate;
	struct err err;
	int status;

	if (gate_parse(&gate, &options, &err) < 0)
		return usage("%s", err.text);
	if (find_conflict(settings, &gate))
		return usage("%s", find_conflict(settings, &gate));
	if (accept_open(&accept, settings, &err) < 0) {
		complain("%s", err.text);
		status = EXIT_INPUT;
	} else if (settings->file_count == 0) {
		status = print_suppressions(settings, accept.suppress);
	} else {
		status = collect_and_run(settings, &gate, &accept);
	}
	accept_release(&accept);
	return status;
}

/* --- leakdiff dump ----------------------------------------------------------- */

static int
write_dump(const struct settings *settings, struct dump *dump, FILE *out,
	   struct err *err)
{
	if (settings->format == FORMAT_CSV)
		return report_dump_csv(dump, out, err);
	if (settings->format == FORMAT_JSON)
		return report_dump_json(dump, settings->top, out, err);
	return report_dump_text(dump, settings->top, out, err);
}

static int
put_dump(const struct settings *settings, struct dump *dump)
{
	struct output *output;
	struct err err;

	output = output_open(settings->out, &err);
	if (!output) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	if (write_dump(settings, dump, output_stream(output), &err) < 0) {
		output_discard(output);
		complain("%s", err.text);
		return err.code == ERR_WRITE ? EXIT_STEP : EXIT_INPUT;
	}
	if (output_commit(output, &err) < 0) {
		complain("%s", err.text);
		return EXIT_STEP;
	}
	if (dump_model(dump)->truncated)
		complain("warning: '%s' is truncated: some blocks and all call "
			 "stacks are missing",
			 settings->files[0]);
	return EXIT_DONE;
}

static int
open_dump(const struct settings *settings, struct symbolizer *symbolizer,
	  const struct blame *blame)
{
	struct dump *dump;
	struct err err;
	int status;

	dump = dump_open(settings->files[0], symbolizer, blame, &err);
	if (!dump) {
		complain("%s", err.text);
		return EXIT_INPUT;
	}
	status = put_dump(settings, dump);
	if (status == EXIT_DONE)
		warn_about_symbols(symbolizer);
	dump_close(dump);
	return status;
}

static int
run_dump(const struct settings *settings)
{
	struct symbolizer_options symbols = settings->symbols;
	struct symbolizer *symbolizer;
	struct blame *blame;
	struct stat out;
	struct err err;
	size_t i;
	int status;

	if (!is_standard(settings->out) && stat(settings->out, &out) == 0 &&
	    S_ISREG(out.st_mode) && is_same_file(&out, settings->files[0]))
		return usage("-o '%s' would replace the dump by its report",
			     settings->out);
	blame = blame_new();
	for (i = 0; i < settings->skip.count; i++) {
		if (blame_skip(blame, settings->skip.texts[i], &err)) {
			blame_free(blame);
			return usage("%s", err.text);
		}
	}
	symbols.progress = progress_line;
	symbolizer = symbolizer_open(&symbols, &err);
	if (symbolizer) {
		status = open_dump(settings, symbolizer, blame);
	} else {
		complain("%s", err.text);
		status = EXIT_STEP;
	}
	symbolizer_close(symbolizer);
	blame_free(blame);
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
	struct strbuf message = { 0 };
	struct settings settings;
	enum options_result parsed;
	int status = EXIT_DONE;
	bool dump;

	leave_tracking();
	/* A file of that name is ./dump. */
	dump = argc > 1 && strcmp(argv[1], "dump") == 0;
	if (dump)
		parsed = dump_options_parse(&settings, argc - 1, argv + 1,
					    &message);
	else
		parsed = options_parse(&settings, argc, argv, &message);
	switch (parsed) {
	case OPTIONS_GO_ON:
		status = dump ? run_dump(&settings) : run(&settings);
		break;
	case OPTIONS_HELP:
		status = print_and_leave(dump ? dump_options_help
					      : options_help);
		break;
	case OPTIONS_VERSION:
		status = print_and_leave(options_version);
		break;
	case OPTIONS_USAGE:
		status = usage("%s", strbuf_text(&message));
		break;
	}
	strbuf_release(&message);
	options_release(&settings);
	return status;
}
