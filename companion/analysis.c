#include "analysis.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/blame.h"
#include "../analyzer/inputs.h"
#include "../analyzer/path.h"
#include "../analyzer/select.h"
#include "../analyzer/study.h"
#include "../analyzer/symbolize.h"
#include "../analyzer/xalloc.h"

#define DESCRIPTORS "/proc/self/fd/"

struct analysis {
	pthread_mutex_t lock;
	struct symbolizer *symbolizer; /* guard: lock */
	struct blame *blame;
	struct select *select; /* all rows, in the default order */
};

struct analysis *
analysis_open(const char *sysroot, struct err *err)
{
	const struct symbolizer_options options = {
		.use_symbols = true,
		.inlines = true,
		.sysroot = sysroot,
	};
	struct analysis *analysis = xcalloc(1, sizeof(*analysis));

	pthread_mutex_init(&analysis->lock, NULL);
	analysis->blame = blame_new();
	analysis->select = select_new();
	analysis->symbolizer = symbolizer_open(&options, err);
	if (analysis->symbolizer)
		return analysis;
	analysis_close(analysis);
	return NULL;
}

void
analysis_close(struct analysis *analysis)
{
	if (!analysis)
		return;
	symbolizer_close(analysis->symbolizer);
	blame_free(analysis->blame);
	select_free(analysis->select);
	pthread_mutex_destroy(&analysis->lock);
	free(analysis);
}

/* What was opened by its descriptor has no name that tells a reader anything:
 * it is called EXE.PID. */
static void
name_models(const struct history *history)
{
	struct strbuf name = { 0 };
	size_t i;

	for (i = 0; i < history->snapshot_count; i++) {
		struct model *model = history->snapshots[i];

		if (!model || !*model->header.exe ||
		    strncmp(model->file, DESCRIPTORS, strlen(DESCRIPTORS)) != 0)
			continue;
		strbuf_clear(&name);
		strbuf_addf(&name, "%s.%u", path_base(model->header.exe),
			    model->header.pid);
		model->file = model_keep(model, name.data, name.len);
	}
	strbuf_release(&name);
}

static int
study_locked(struct analysis *analysis, const struct inputs *inputs,
	     enum grouping grouping, analysis_look *look, void *context,
	     struct strbuf *warnings, struct err *err)
{
	const struct study_settings how = {
		.grouping = grouping,
		.select = analysis->select,
		.judge = { .warmup_s = -1 },
	};
	struct study *study = study_new(inputs, &how, analysis->symbolizer,
					analysis->blame, warnings, err);
	size_t i;
	int result;

	if (!study)
		return -1;
	for (i = 0; i < study->count; i++) {
		name_models(study->parts[i].diff->history);
		select_apply(analysis->select, study->parts[i].diff,
			     study->resolver);
	}
	result = look(study, context, err);
	study_free(study);
	return result;
}

int
analysis_study(struct analysis *analysis, const char *const *files,
	       size_t count, enum grouping grouping, analysis_look *look,
	       void *context, struct strbuf *warnings, struct err *err)
{
	struct strbuf ignored = { 0 };
	struct inputs inputs;
	int result;

	if (!warnings)
		warnings = &ignored;
	pthread_mutex_lock(&analysis->lock);
	result = inputs_collect(&inputs, files, count, warnings, err);
	if (result == 0)
		result = study_locked(analysis, &inputs, grouping, look,
				      context, warnings, err);
	inputs_release(&inputs);
	pthread_mutex_unlock(&analysis->lock);
	strbuf_release(&ignored);
	return result;
}

struct writing {
	report_writer *writer;
	const struct report *like;
	struct strbuf *out;
};

static int
write_report(const struct study *study, void *as_writing, struct err *err)
{
	const struct writing *writing = as_writing;
	struct report report = *writing->like;
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);
	int result;

	if (!stream)
		return err_set(err, ERR_STEP, "no memory for a report");
	report.study = study;
	report.diff = study->parts[0].diff;
	report.resolver = study->resolver;
	result = writing->writer(&report, stream, err);
	if (fclose(stream) && result == 0)
		result = err_set(err, ERR_STEP, "no memory for a report");
	if (result == 0)
		strbuf_add(writing->out, text, len);
	free(text);
	return result;
}

int
analysis_report(struct analysis *analysis, const char *const *files,
		size_t count, report_writer *writer, const struct report *like,
		struct strbuf *out, struct err *err)
{
	struct writing writing = { writer, like, out };

	return analysis_study(analysis, files, count, GROUP_STACK, write_report,
			      &writing, NULL, err);
}
