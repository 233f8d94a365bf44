#include "unbias.h"

static void
scale(uint64_t *objects, uint32_t count_scale)
{
	*objects = (*objects + count_scale / 2) / count_scale;
}

void
unbias(struct model *model)
{
	uint32_t count_scale = model->header.count_scale;
	uint32_t i;

	if (count_scale == 1)
		return;
	for (i = 1; i <= model->site_count; i++) {
		struct site *site = &model->sites[i];

		scale(&site->counts.alloc_objects, count_scale);
		scale(&site->counts.free_objects, count_scale);
		scale(&site->counts.live_objects, count_scale);
		scale(&site->inherited_objects, count_scale);
	}
	for (i = 0; i < model->cohort_count; i++)
		scale(&model->cohorts[i].objects, count_scale);
	model->header.count_scale = 1;
}
