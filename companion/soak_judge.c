#include "soak_judge.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/blame.h"
#include "../analyzer/culprit.h"
#include "../analyzer/html_page.h"
#include "../analyzer/inputs.h"
#include "../analyzer/jsonval.h"
#include "../analyzer/output.h"
#include "../analyzer/path.h"
#include "../analyzer/report.h"
#include "../analyzer/select.h"
#include "../analyzer/site_id.h"
#include "../analyzer/stack.h"
#include "../analyzer/study.h"
#include "../analyzer/symbolize.h"
#include "../analyzer/terminal.h"
#include "../analyzer/work.h"
#include "../analyzer/xalloc.h"

/* Of a process that is not the main one: a worker that lived for a few
 * snapshots says nothing, and must not make the whole run say nothing. */
#define OTHERS_MIN 8
/* As leakdiff's. */
#define REPORT_TOP 10

/* --- the gate --------------------------------------------------------------- */

/* "64" is per unit of work. */
static char *
site_limit(const struct scenario *scenario)
{
	struct strbuf text = { 0 };

	if (scenario->fail_over)
		return xstrdup(scenario->fail_over);
	if (!scenario->limit)
		return xstrdup("0");
	strbuf_adds(&text, scenario->limit);
	if (!strchr(scenario->limit, '/'))
		strbuf_adds(&text, "/unit");
	return strbuf_detach(&text);
}

int
soak_judge_init(struct soak_judge *judge, const struct scenario *scenario,
		struct err *err)
{
	char *limit = site_limit(scenario);
	const struct gate_options options = {
		.fail_over = limit,
		.fail_over_total = scenario->fail_over_total,
		.fail_threads = scenario->fail_threads,
		.max_loss = scenario->max_loss,
		.knows_work = true,
	};
	int result;

	*judge = (struct soak_judge){ .settings = { .format = FORMAT_TEXT } };
	judge->settings.judge.warmup_s = -1;
	judge->settings.judge.limit_bytes = (uint64_t)scenario->memory_limit;
	judge->settings.baseline = scenario->baseline;
	judge->suppressions[0] = scenario->suppressions;
	judge->settings.suppressions.texts = judge->suppressions;
	judge->settings.suppressions.count = scenario->suppressions ? 1 : 0;
	result = gate_parse(&judge->gate, &options, err);
	if (result && scenario->limit)
		err_set(err, ERR_PATTERN,
			"limit takes a size per unit of work such as 64 or "
			"1K, or one per hour such as 1M/h, not '%s'",
			scenario->limit);
	free(limit);
	judge->threads_given = scenario->fail_threads != NULL;
	if (!result && accept_open(&judge->accept, &judge->settings, err)) {
		accept_release(&judge->accept);
		result = -1;
	}
	return result;
}

void
soak_judge_release(struct soak_judge *judge)
{
	accept_release(&judge->accept);
}

void
soak_verdict_release(struct soak_verdict *verdict)
{
	size_t i;

	for (i = 0; i < verdict->finding_count; i++) {
		json_decref(verdict->findings[i].json);
		free(verdict->findings[i].key);
		free(verdict->findings[i].place);
	}
	free(verdict->findings);
	free(verdict->report_failure);
	strbuf_release(&verdict->lines);
	*verdict = (struct soak_verdict){ 0 };
}

/* --- what is judged --------------------------------------------------------- */

struct judging {
	struct soak_judge *judge;
	const struct scenario *scenario;
	struct soak_verdict *out;
	struct study *study;
	struct stack stack;
	const char *directory;
};

/* A row that leaks, and the process's that it is of. */
struct leaking {
	const struct diff *diff;
	const struct row *row;
};

static size_t
count_of(const struct soak_shots *shots, const struct soak_shot *of)
{
	size_t count = 0, i;

	for (i = 0; i < shots->count; i++)
		count += soak_shots_are_same(&shots->list[i], of);
	return count;
}

/* A process that executed a program is another one to the analyzer, whose work
 * could not be told from that of the one before: the sequence of snapshots is
 * what knows it. So the one with the most snapshots stands for it, the last of
 * several. */
static bool
is_outdone(const struct soak_shots *shots, const struct soak_shot *of)
{
	size_t has = count_of(shots, of), i, other;
	bool is_later = false;

	for (i = 0; i < shots->count; i++) {
		const struct soak_shot *shot = &shots->list[i];

		if (soak_shots_are_same(shot, of)) {
			is_later = true;
			continue;
		}
		if (shot->pid != of->pid ||
		    shot->start_ticks != of->start_ticks)
			continue;
		other = count_of(shots, shot);
		if (other > has || (other == has && is_later))
			return true;
	}
	return false;
}

static bool
is_judged(const struct soak_shots *shots, const struct soak_shot *shot,
	  pid_t main)
{
	size_t wanted = shot->pid == main ? SOAK_SHOTS_TREND : OTHERS_MIN;

	return count_of(shots, shot) >= wanted && !is_outdone(shots, shot);
}

/* Those of processes with snapshots enough; the caller frees the array. */
static const struct soak_shot **
choose_shots(const struct soak_shots *shots, pid_t main,
	     struct soak_verdict *out, size_t *count)
{
	const struct soak_shot **chosen =
		xcalloc(shots->count + 1, sizeof(const struct soak_shot *));
	size_t i, k;

	*count = 0;
	for (i = 0; i < shots->count; i++) {
		const struct soak_shot *shot = &shots->list[i];
		bool is_good = is_judged(shots, shot, main);

		for (k = 0; k < i; k++)
			if (soak_shots_are_same(&shots->list[k], shot))
				break;
		if (k == i && is_good)
			out->processes++;
		else if (k == i)
			out->too_few++;
		if (is_good)
			chosen[(*count)++] = shot;
	}
	out->too_few += shots->short_lived;
	return chosen;
}

static struct work_entry *
make_work(const struct soak_shot *const *chosen, size_t count)
{
	struct work_entry *entries = xcalloc(count + 1, sizeof(*entries));
	size_t i;

	for (i = 0; i < count; i++)
		entries[i] = (struct work_entry){
			.pid = chosen[i]->own_pid,
			.start_ticks = chosen[i]->start_ticks,
			.sequence = chosen[i]->sequence,
			.units = (double)chosen[i]->moment.units,
		};
	return entries;
}

/* --- findings --------------------------------------------------------------- */

static void
set_site(struct judging *judging, json_t *json, const struct diff *diff,
	 const struct row *row, struct soak_finding *finding)
{
	struct stack *stack = &judging->stack;
	uint64_t id = site_id_of_row(judging->study->atlas,
				     judging->study->resolver, row, stack);
	const struct stack_frame *blamed = &stack->frames[stack->blamed];
	const char *kind = row->kind == ROW_THREAD ? "thread" : "heap";
	struct strbuf text = { 0 };
	json_t *frames = json_array();
	char id_text[SITE_ID_BYTES];
	size_t i;

	site_id_format(id_text, id);
	jsonval_set_text(json, "kind", kind);
	jsonval_set_text(json, "site", id_text);
	jsonval_set_text(json, "function", blamed->symbol->function);
	jsonval_set_text(json, "file", blamed->symbol->file);
	jsonval_set(json, "line",
		    blamed->symbol->line ? json_integer(blamed->symbol->line)
					 : json_null());
	jsonval_set_text(json, "module", blamed->module->path);
	for (i = 0; i < stack->count; i++)
		json_array_append_new(
			frames,
			jsonval_text(stack->frames[i].symbol->function));
	jsonval_set(json, "stack", frames);
	culprit_add_frame(&text, blamed);
	finding->place = strbuf_detach(&text);
	/* A program that was started anew has the same sites. */
	strbuf_addf(&text, "%s %s %s %s",
		    path_base(diff->new_model->header.exe), kind, id_text,
		    verdict_name(row->verdict.kind));
	finding->key = strbuf_detach(&text);
}

static void
set_numbers(json_t *json, const struct diff *diff, const struct row *row,
	    const char *unit)
{
	const struct verdict *verdict = &row->verdict;
	const struct work_rate *rate = &row->per_unit;
	const struct header *header = &diff->new_model->header;

	jsonval_set_text(json, "verdict", verdict_name(verdict->kind));
	jsonval_set_real(json, "confidence", verdict->confidence);
	jsonval_set_text(json, "unit", unit);
	jsonval_set_real(json, "bytes_per_unit", rate->bytes);
	jsonval_set_real(json, "bytes_per_unit_low", rate->bytes_low);
	jsonval_set_real(json, "bytes_per_unit_high", rate->bytes_high);
	jsonval_set_real(json, "objects_per_unit", rate->objects);
	jsonval_set_real(json, "bytes_per_hour", verdict->bytes_per_hour);
	jsonval_set_real(json, "objects_per_hour", verdict->objects_per_hour);
	jsonval_set(json, "eta_hours",
		    verdict->eta_hours < 0 ? json_null()
					   : jsonval_real(verdict->eta_hours));
	jsonval_set_integer(json, "delta_bytes", row->delta.bytes);
	jsonval_set_integer(json, "delta_objects", row->delta.objects);
	jsonval_set_integer(json, "live_bytes", row->live_new.bytes);
	jsonval_set_count(json, "pid", header->pid);
	jsonval_set_text(json, "exe", header->exe);
}

static void
add_finding(struct judging *judging, const struct leaking *leaking)
{
	const struct row *row = leaking->row;
	struct soak_verdict *out = judging->out;
	struct soak_finding *finding;

	if (row->kind == ROW_HEAP) {
		out->bytes_per_unit += row->per_unit.bytes;
		out->bytes_per_unit_low += row->per_unit.bytes_low;
		out->bytes_per_unit_high += row->per_unit.bytes_high;
	} else {
		out->threads_per_unit += row->per_unit.objects;
		out->threads_per_unit_low += row->per_unit.objects_low;
		out->threads_per_unit_high += row->per_unit.objects_high;
	}
	if (out->finding_count == SOAK_FINDINGS_MAX) {
		out->more++;
		return;
	}
	finding = &out->findings[out->finding_count++];
	finding->json = json_object();
	set_site(judging, finding->json, leaking->diff, row, finding);
	set_numbers(finding->json, leaking->diff, row, judging->scenario->unit);
}

/* Bytes of the heap are used, those of a thread's stack are reserved: the one is
 * not worse than the other by its number. */
static int
compare_leaking(const void *a, const void *b)
{
	const struct row *left = ((const struct leaking *)a)->row;
	const struct row *right = ((const struct leaking *)b)->row;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return verdict_compare(&left->verdict, &right->verdict);
}

/* All rows that leak, of all processes, the worst first; the caller frees the
 * array. */
static struct leaking *
list_leaking(const struct study *study, size_t *count)
{
	struct leaking *list = NULL;
	size_t capacity = 0, i, k;
	unsigned int kind;

	*count = 0;
	for (i = 0; i < study->count; i++) {
		const struct diff *diff = study->parts[i].diff;

		for (kind = ROW_HEAP; kind <= ROW_THREAD; kind++) {
			const struct row *rows = diff->rows + diff->first[kind];

			for (k = 0; k < diff->count[kind]; k++) {
				if (rows[k].fate != FATE_LISTED ||
				    !verdict_is_leak(&rows[k].verdict))
					continue;
				list = xgrow(list, &capacity, *count + 1,
					     sizeof(*list));
				list[(*count)++] =
					(struct leaking){ diff, &rows[k] };
			}
		}
	}
	if (*count)
		qsort(list, *count, sizeof(*list), compare_leaking);
	return list;
}

/* Threads have a gate of their own only if one was asked for; else their
 * verdicts are one. */
static void
gather_findings(struct judging *judging)
{
	struct soak_verdict *out = judging->out;
	size_t threads = 0, count, i;
	struct leaking *list = list_leaking(judging->study, &count);

	out->findings = xcalloc(SOAK_FINDINGS_MAX, sizeof(*out->findings));
	for (i = 0; i < count; i++) {
		add_finding(judging, &list[i]);
		threads += list[i].row->kind == ROW_THREAD;
	}
	free(list);
	if (!threads || judging->judge->threads_given)
		return;
	/* Else the gate's own line says that it passed. */
	if (out->outcome == GATE_PASSED)
		strbuf_clear(&out->lines);
	out->outcome = GATE_FAILED;
	strbuf_addf(&out->lines, "gate: %zu call stack%s ever more threads\n",
		    threads, threads == 1 ? " creates" : "s create");
}

/* --- reports ---------------------------------------------------------------- */

static int
write_report(const struct judging *judging, report_writer *writer,
	     const char *name, bool is_text, struct err *err)
{
	struct report report = {
		.study = judging->study,
		.diff = judging->study->parts[0].diff,
		.resolver = judging->study->resolver,
		.top = is_text ? REPORT_TOP : 0,
		.utf8 = terminal_is_utf8(),
		.limit_bytes = judging->judge->settings.judge.limit_bytes,
	};
	struct strbuf path = { 0 };
	struct output *output;
	int result = -1;

	strbuf_addf(&path, "%s/%s", judging->directory, name);
	output = output_open(strbuf_text(&path), err);
	if (output && writer(&report, output_stream(output), err))
		output_discard(output);
	else if (output)
		result = output_commit(output, err);
	strbuf_release(&path);
	return result;
}

static int
write_reports(const struct judging *judging, struct err *err)
{
	if (!judging->directory)
		return 0;
	if (write_report(judging, report_text, "report.txt", true, err) ||
	    write_report(judging, report_csv, "report.csv", false, err) ||
	    write_report(judging, report_json, "report.json", false, err))
		return -1;
	/* A build without the page still has the other three. */
	if (!html_page_template().len)
		return 0;
	return write_report(judging, report_html, "report.html", false, err);
}

/* --- the whole -------------------------------------------------------------- */

static void
add_lines(struct strbuf *out, const struct strbuf *lines, const char *before)
{
	const char *line = strbuf_text(lines), *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		strbuf_addf(out, "%s%.*s\n", before, (int)(end - line), line);
}

static void
judge_study(struct judging *judging, const struct inputs *inputs,
	    const struct study_settings *how)
{
	struct soak_judge *judge = judging->judge;
	struct soak_verdict *out = judging->out;
	struct strbuf warnings = { 0 };
	struct err failure;
	size_t i;

	accept_apply(&judge->accept, judging->study, &warnings);
	strbuf_release(&warnings);
	for (i = 0; i < judging->study->count; i++)
		select_apply(how->select, judging->study->parts[i].diff,
			     judging->study->resolver);
	if (judging->study->count > 1)
		study_build_fleet(judging->study, how);
	out->outcome = gate_judge(&judge->gate, judging->study, inputs,
				  &how->judge, judge->accept.suppress,
				  &out->lines);
	gather_findings(judging);
	/* A full disk takes the reports, not what is known. */
	if (write_reports(judging, &failure))
		out->report_failure = xstrdup(failure.text);
}

static int
run_study(struct judging *judging, const struct inputs *inputs,
	  const struct work *work, struct err *err)
{
	const struct symbolizer_options symbols = { .use_symbols = true,
						    .inlines = true };
	struct study_settings how = {
		.suppress = judging->judge->accept.suppress,
		.judge = judging->judge->settings.judge,
		.work = work,
	};
	struct symbolizer *symbolizer = symbolizer_open(&symbols, err);
	struct select *select = select_new();
	struct blame *blame = blame_new();
	struct strbuf warnings = { 0 };
	int result = -1;

	how.select = select;
	if (symbolizer)
		judging->study = study_new(inputs, &how, symbolizer, blame,
					   &warnings, err);
	if (symbolizer && judging->study) {
		judge_study(judging, inputs, &how);
		result = 0;
		add_lines(&judging->out->lines, &warnings, "warning: ");
		study_free(judging->study);
	}
	strbuf_release(&warnings);
	stack_release(&judging->stack);
	blame_free(blame);
	select_free(select);
	symbolizer_close(symbolizer);
	return result;
}

/* That a program which was given nothing to do does not grow says nothing. */
static void
doubt_idle(const struct soak_shots *shots, const char *unit,
	   struct soak_verdict *out)
{
	if (shots->list[shots->count - 1].moment.units)
		return;
	out->outcome = GATE_UNSURE;
	strbuf_clear(&out->lines);
	strbuf_addf(&out->lines,
		    "gate: not enough evidence: no work was done (0 %ss)\n",
		    unit);
}

int
soak_judge_run(struct soak_judge *judge, const struct scenario *scenario,
	       const struct soak_shots *shots, pid_t main,
	       const char *directory, struct soak_verdict *out, struct err *err)
{
	struct judging judging = {
		.judge = judge,
		.scenario = scenario,
		.out = out,
		.directory = directory,
	};
	struct strbuf warnings = { 0 };
	struct inputs inputs;
	struct work work = { .unit = scenario->unit };
	struct work_entry *entries;
	const struct soak_shot **chosen;
	const char **files;
	size_t count, i;
	int result = 0;

	*out = (struct soak_verdict){ .outcome = GATE_UNSURE };
	chosen = choose_shots(shots, main, out, &count);
	files = xcalloc(count + 1, sizeof(*files));
	for (i = 0; i < count; i++)
		files[i] = chosen[i]->path;
	entries = make_work(chosen, count);
	work.entries = entries;
	work.count = count;
	if (!count) {
		strbuf_addf(&out->lines,
			    "gate: not enough evidence: no process lived "
			    "through %d snapshots",
			    SOAK_SHOTS_TREND);
		/* Then it is not the fault of the processes. */
		if (shots->rounds < SOAK_SHOTS_TREND)
			strbuf_addf(&out->lines, ", as only %zu %s taken",
				    shots->rounds,
				    shots->rounds == 1 ? "was" : "were");
		strbuf_addc(&out->lines, '\n');
	} else {
		result = inputs_collect(&inputs, files, count, &warnings, err);
		add_lines(&out->lines, &warnings, "warning: ");
		if (!result)
			result = run_study(&judging, &inputs, &work, err);
		inputs_release(&inputs);
	}
	if (!result && out->outcome == GATE_PASSED)
		doubt_idle(shots, scenario->unit, out);
	strbuf_release(&warnings);
	free(entries);
	free(files);
	free(chosen);
	if (result)
		soak_verdict_release(out);
	return result;
}
