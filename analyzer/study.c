#include "study.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
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
	if (model->truncated && left_out)
		strbuf_addf(warnings,
			    "'%s' is truncated: it is left out, as any site "
			    "may be missing\n",
			    model->file);
	else if (model->truncated)
		strbuf_addf(warnings,
			    "'%s' is truncated: only its first %" PRIu64
			    " bytes (uncompressed) are used\n",
			    model->file, model->prefix_bytes);
	if (model->totals_disagree)
		strbuf_addf(warnings,
			    "'%s': its totals are not the sums of its sites\n",
			    model->file);
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
	if (settings->visit && settings->visit(settings->visitor, model, err)) {
		model_free(model);
		return -1;
	}
	note_build(part, model);
	history_add(part->history, model);
	return 0;
}

static int
load_part(struct loading *loading, const struct input_group *group,
	  struct err *err)
{
	struct study *study = loading->study;
	struct study_part *part = &study->parts[study->count++];
	enum grouping grouping = loading->settings->grouping;
	size_t i;

	part->history = history_new(study->atlas);
	part->build_id = xstrdup("");
	for (i = 0; i < group->count; i++) {
		if (load_file(loading, part, group->inputs[i].file,
			      group->count > 2, err))
			return -1;
	}
	if (part->history->snapshot_count == 0)
		return err_set(err, ERR_CORRUPT,
			       "every snapshot of the process is truncated, "
			       "the last of them is '%s'",
			       group->inputs[group->count - 1].file);
	part->heap =
		classes_new(study->atlas, study->resolver, grouping, false);
	part->threads =
		classes_new(study->atlas, study->resolver, grouping, true);
	if (loading->settings->select) {
		select_divide(loading->settings->select, study->atlas,
			      study->resolver, ROW_HEAP, part->heap);
		select_divide(loading->settings->select, study->atlas,
			      study->resolver, ROW_THREAD, part->threads);
	}
	if (loading->settings->suppress) {
		suppress_divide(loading->settings->suppress, study->atlas,
				study->resolver, ROW_HEAP, part->heap);
		suppress_divide(loading->settings->suppress, study->atlas,
				study->resolver, ROW_THREAD, part->threads);
	}
	part->diff = diff_new(part->history, part->heap, part->threads);
	judge(part->diff, &loading->settings->judge);
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
	return study;
}

void
study_free(struct study *study)
{
	size_t i;

	if (!study)
		return;
	for (i = 0; i < study->count; i++) {
		struct study_part *part = &study->parts[i];

		diff_free(part->diff);
		classes_free(part->heap);
		classes_free(part->threads);
		history_free(part->history);
		free(part->build_id);
	}
	fleet_release(&study->fleet);
	free(study->parts);
	resolver_free(study->resolver);
	atlas_free(study->atlas);
	free(study);
}
