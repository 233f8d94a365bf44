#include "selftest_look.h"

#include <string.h>

#include "../analyzer/atlas.h"
#include "../analyzer/blame.h"
#include "../analyzer/err.h"
#include "../analyzer/inputs.h"
#include "../analyzer/resolver.h"
#include "../analyzer/study.h"
#include "../analyzer/symbolize.h"
#include "selftest_leak.h"

/* Does the row's stack pass through the function that leaks? */
static bool
passes(const struct study *study, const struct row *row, bool *named)
{
	const struct model *model = atlas_model(study->atlas);
	const struct symbols *symbols;
	struct node_id id = row->node;
	const struct node *node;
	size_t i;

	for (; id.id; id = node->parent) {
		node = model_node(model, id);
		symbols = resolver_symbols(study->resolver, node->pc);
		for (i = 0; i < symbols->count; i++) {
			if (strcmp(symbols->entries[i].function,
				   SELFTEST_FUNCTION) == 0) {
				*named = true;
				return true;
			}
		}
		if (!symbols->named &&
		    selftest_leak_is_at(atlas_place(study->atlas, node->pc)) &&
		    strcmp(model_module(model,
					model_pc(model, node->pc)->module)
				   ->path,
			   study->parts[0].diff->new_model->header.exe) == 0)
			return true;
	}
	return false;
}

static void
add(struct amount *sum, const struct amount *amount)
{
	sum->objects += amount->objects;
	sum->bytes += amount->bytes;
}

static void
look(struct selftest_sight *out, const struct study *study)
{
	const struct diff *diff = study->parts[0].diff;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < diff->count[ROW_HEAP]; i++) {
		const struct row *row = &diff->rows[diff->first[ROW_HEAP] + i];

		if (!passes(study, row, &out->named))
			continue;
		out->found = true;
		add(&out->live, &row->live_new);
		add(&out->delta, &row->delta);
	}
}

static int
look_at_inputs(struct selftest_sight *out, const struct inputs *inputs,
	       struct strbuf *warnings, struct err *err)
{
	const struct symbolizer_options options = { .use_symbols = true,
						    .inlines = true };
	const struct study_settings how = { .judge = { .warmup_s = -1 } };
	struct symbolizer *symbolizer = symbolizer_open(&options, err);
	struct blame *blame;
	struct study *study;

	if (!symbolizer)
		return -1;
	blame = blame_new();
	study = study_new(inputs, &how, symbolizer, blame, warnings, err);
	if (study)
		look(out, study);
	study_free(study);
	blame_free(blame);
	symbolizer_close(symbolizer);
	return study ? 0 : -1;
}

int
selftest_look(struct selftest_sight *out, const char *const *files,
	      size_t count, struct err *err)
{
	struct strbuf warnings = { 0 };
	struct inputs inputs;
	int result = inputs_collect(&inputs, files, count, &warnings, err);

	if (!result)
		result = look_at_inputs(out, &inputs, &warnings, err);
	inputs_release(&inputs);
	strbuf_release(&warnings);
	return result;
}
