#include "comparison.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../analyzer/reader.h"
#include "../../analyzer/unbias.h"
#include "../../analyzer/xalloc.h"
#include <stdlib.h>

struct comparison *
comparison_new(struct model *const *take_models, size_t count,
	       struct symbolizer *symbolizer, const struct blame *blame)
{
	struct comparison *made = xcalloc(1, sizeof(*made));
	struct study_part *part = &made->part;
	struct study *study = &made->study;
	size_t i;

	study->atlas = atlas_new();
	study->resolver = resolver_new(study->atlas, symbolizer, blame);
	study->parts = part;
	study->count = 1;
	part->history = history_new(study->atlas);
	part->build_id = xstrdup("");
	for (i = 0; i < count; i++) {
		if (take_models[i])
			history_add(part->history, take_models[i]);
	}
	part->given = part->history->snapshot_count;
	part->heap = classes_new(study->atlas, study->resolver, GROUP_STACK,
				 false, true);
	part->threads = classes_new(study->atlas, study->resolver, GROUP_STACK,
				    true, true);
	part->diff = diff_new(part->history, part->heap, part->threads);
	made->diff = part->diff;
	return made;
}

struct comparison *
comparison_of(struct model *take_old, struct model *take_new)
{
	struct model *models[] = { take_old, take_new };

	return comparison_new(models, 2, NULL, NULL);
}

void
comparison_free(struct comparison *comparison)
{
	struct study_part *part = &comparison->part;

	diff_free(part->diff);
	classes_free(part->heap);
	classes_free(part->threads);
	history_free(part->history);
	resolver_free(comparison->study.resolver);
	atlas_free(comparison->study.atlas);
	free(part->build_id);
	free(comparison);
}

struct model *
comparison_load(struct snapgen *take_gen)
{
	struct model *model;
	struct err err;

	if (!take_gen)
		return NULL;
	model = reader_load(snapgen_write(take_gen), &err);
	snapgen_free(take_gen);
	snapgen_clean();
	assert_non_null(model);
	unbias(model);
	return model;
}
