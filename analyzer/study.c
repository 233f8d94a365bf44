#include "study.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "reader.h"
#include "select.h"
#include "suppress.h"
#include "unbias.h"
#include "xalloc.h"

/* Of several processes the amounts over time are kept for so many rows each:
 * nobody looks at more charts, and hundreds of processes must fit. */
#define STUDY_POINTS 200

/* What loading needs at hand. */
struct loading {
	struct study *study;
	const struct study_settings *settings;
	struct strbuf *warnings;
	size_t done;
	size_t all;
	bool is_fleet;
};

static void
warn_about(const struct model *model, bool left_out, struct strbuf *warnings)
{
	if (model->truncated)
		strbuf_add_quoted(warnings, model->file);
	if (model->truncated && left_out)
		strbuf_adds(warnings, " is truncated: it is left out, as any "
				      "site may be missing\n");
	else if (model->truncated)
		strbuf_addf(warnings,
			    " is truncated: only its first %" PRIu64
			    " bytes (uncompressed) are used\n",
			    model->prefix_bytes);
	if (model->totals_disagree) {
		strbuf_add_quoted(warnings, model->file);
		strbuf_adds(warnings,
			    ": its totals are not the sums of its sites\n");
	}
}

static void
note_build(struct study_part *part, const struct model *model)
{
	struct strbuf text = { 0 };
	uint32_t i, k;

	for (i = 1; i <= model->module_count; i++) {
		const struct module *module = &model->modules[i];

		if (strcmp(module->path, model->header.exe) != 0)
			continue;
		for (k = 0; k < module->build_id_bytes; k++)
			strbuf_addf(&text, "%02x", module->build_id[k]);
		break;
	}
	free(part->build_id);
	part->build_id = text.len ? strbuf_detach(&text) : xstrdup("");
	strbuf_release(&text);
}

static int
load_file(struct loading *loading, struct study_part *part, const char *file,
	  bool is_series, struct err *err)
{
	const struct study_settings *settings = loading->settings;
	struct model *model;
	bool left_out;

	if (settings->progress)
		settings->progress(settings->progress_context, loading->done,
				   loading->all);
	loading->done++;
	model = reader_load(file, err);
	if (!model)
		return -1;
	left_out = is_series && model->truncated;
	warn_about(model, left_out, loading->warnings);
	if (left_out) {
		model_free(model);
		return 0;
	}
	unbias(model);
	resolver_meet(loading->study->resolver, &model->header);
	if (settings->visit && settings->visit(settings->visitor, model, err)) {
		model_free(model);
		return -1;
	}
	note_build(part, model);
	history_add(part->history, model);
	return 0;
}

/* What is one row, as the settings want it. */
static struct classes *
make_classes(const struct study *study, const struct study_settings *settings,
	     enum row_kind kind, bool across_builds)
{
	struct classes *classes =
		classes_new(study->atlas, study->resolver, settings->grouping,
			    kind == ROW_THREAD, across_builds);

	if (settings->select)
		select_divide(settings->select, study->atlas, study->resolver,
			      kind, classes);
	if (settings->suppress)
		suppress_divide(settings->suppress, study->atlas,
				study->resolver, kind, classes);
	return classes;
}

static void
free_part(struct study_part *part)
{
	diff_free(part->diff);
	classes_free(part->heap);
	classes_free(part->threads);
	history_free(part->history);
	free(part->build_id);
}

/* Of a process whose snapshots are all truncated nothing can be said. It is an
 * error only if there is no other. */
static int
leave_out(struct loading *loading, const struct input_group *group,
	  struct err *err)
{
	struct study *study = loading->study;

	if (!loading->is_fleet)
		return err_set(err, ERR_CORRUPT,
			       "every snapshot of the process is truncated, "
			       "the last of them is '%s'",
			       group->inputs[group->count - 1].file);
	strbuf_adds(loading->warnings, "every snapshot of ");
	process_name_printable(loading->warnings,
			       &group->inputs[0].facts->header);
	strbuf_adds(loading->warnings, " is truncated: it is left out\n");
	free_part(&study->parts[--study->count]);
	study->parts[study->count] = (struct study_part){ 0 };
	study->left_out++;
	return 0;
}

static int
load_part(struct loading *loading, const struct input_group *group,
	  struct err *err)
{
	const struct study_settings *settings = loading->settings;
	struct study *study = loading->study;
	struct study_part *part = &study->parts[study->count++];
	size_t i;

	part->history = history_new(study->atlas);
	part->history->work = settings->work;
	part->build_id = xstrdup("");
	part->given = group->count;
	for (i = 0; i < group->count; i++) {
		if (load_file(loading, part, group->inputs[i].file,
			      group->count > 2, err))
			return -1;
	}
	if (part->history->snapshot_count == 0)
		return leave_out(loading, group, err);
	part->heap =
		make_classes(study, settings, ROW_HEAP, !loading->is_fleet);
	part->threads =
		make_classes(study, settings, ROW_THREAD, !loading->is_fleet);
	part->diff = diff_new(part->history, part->heap, part->threads);
	judge(part->diff, &settings->judge);
	if (loading->is_fleet) {
		diff_keep_points(part->diff, STUDY_POINTS);
		history_drop_tracks(part->history);
	}
	return 0;
}

struct study *
study_new(const struct inputs *inputs, const struct study_settings *settings,
	  struct symbolizer *symbolizer, const struct blame *blame,
	  struct strbuf *warnings, struct err *err)
{
	struct study *study = xcalloc(1, sizeof(*study));
	struct loading loading = {
		.study = study,
		.settings = settings,
		.warnings = warnings,
		.is_fleet = inputs->group_count > 1,
	};
	size_t i;

	study->atlas = atlas_new();
	study->resolver = resolver_new(study->atlas, symbolizer, blame);
	study->parts = xcalloc(inputs->group_count, sizeof(*study->parts));
	for (i = 0; i < inputs->group_count; i++)
		loading.all += inputs->groups[i].count;
	for (i = 0; i < inputs->group_count; i++) {
		if (load_part(&loading, &inputs->groups[i], err)) {
			study_free(study);
			return NULL;
		}
	}
	if (study->count == 0) {
		err_set(err, ERR_CORRUPT,
			"every snapshot of every process is truncated");
		study_free(study);
		return NULL;
	}
	return study;
}

void
study_build_fleet(struct study *study, const struct study_settings *settings)
{
	struct fleet_part *parts = xcalloc(study->count, sizeof(*parts));
	size_t i;

	for (i = 0; i < study->count; i++) {
		parts[i].diff = study->parts[i].diff;
		parts[i].build_id = study->parts[i].build_id;
	}
	study->fleet_classes = make_classes(study, settings, ROW_HEAP, true);
	fleet_build(&study->fleet, parts, study->count, study->fleet_classes);
	free(parts);
}

void
study_free(struct study *study)
{
	size_t i;

	if (!study)
		return;
	for (i = 0; i < study->count; i++)
		free_part(&study->parts[i]);
	fleet_release(&study->fleet);
	classes_free(study->fleet_classes);
	free(study->parts);
	resolver_free(study->resolver);
	atlas_free(study->atlas);
	free(study);
}
