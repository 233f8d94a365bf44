#include "model_check.h"

#include <stddef.h>

#include "../../analyzer/symbolize.h"

#define SUM_MAX ((uint64_t)INT64_MAX / 2)

static const char *
check_places(const struct model *model)
{
	uint32_t i, k;

	for (i = 1; i <= model->module_count; i++) {
		const struct module *module = &model->modules[i];

		if (!module->path)
			return "a module has a path";
		if (module->segment_count > LKS_SEGMENTS_MAX)
			return "segments have a bound";
		if (!module->build_id != !module->build_id_bytes)
			return "a build-id has bytes";
		for (k = 0; k < module->segment_count; k++) {
			if (module->segments[k].end <=
			    module->segments[k].start)
				return "a segment has bytes";
		}
	}
	for (i = 1; i <= model->pc_count; i++) {
		const struct pc *pc = &model->pcs[i];

		if (pc->module.id > model->module_count)
			return "a pc has its module";
		if (!pc->symbols)
			continue;
		if (pc->symbols->count == 0)
			return "names are one or more";
		for (k = 0; k < pc->symbols->count; k++) {
			if (!pc->symbols->entries[k].function ||
			    !pc->symbols->entries[k].linkage_name)
				return "a name is a text";
		}
	}
	return NULL;
}

static const char *
check_nodes(const struct model *model)
{
	uint32_t i;

	for (i = 1; i <= model->node_count; i++) {
		const struct node *node = &model->nodes[i];

		if (node->parent.id >= i)
			return "a parent has a lower number";
		if (node->pc.id > model->pc_count)
			return "a node has its pc";
		if (node->depth != model->nodes[node->parent.id].depth + 1)
			return "depth counts nodes";
		if (node->depth > LKS_DEPTH_MAX)
			return "depth has a bound";
	}
	return NULL;
}

static const char *
check_sites(const struct model *model)
{
	uint64_t sums[6] = { 0 };
	uint32_t i, k;

	for (i = 1; i <= model->site_count; i++) {
		const struct counts *counts = &model->sites[i].counts;
		const uint64_t columns[] = {
			counts->alloc_objects, counts->alloc_bytes,
			counts->free_objects,  counts->free_bytes,
			counts->live_objects,  counts->live_bytes,
		};

		if (model->sites[i].node.id > model->node_count)
			return "a site has its stack";
		for (k = 0; k < 6; k++) {
			if (columns[k] > SUM_MAX - sums[k])
				return "sums of columns have a bound";
			sums[k] += columns[k];
		}
	}
	for (i = 0; i < model->cohort_count; i++) {
		if (model->cohorts[i].site.id > model->site_count)
			return "a cohort has its site";
		if (model->cohorts[i].bin >= LKS_COHORTS)
			return "a cohort has its bin";
	}
	for (i = 1; i <= model->thread_site_count; i++) {
		const struct thread_site *site = &model->thread_sites[i];

		if (site->node.id > model->node_count ||
		    site->start_pc.id > model->pc_count)
			return "threads have their stack";
		if (site->running > SUM_MAX)
			return "sums of columns have a bound";
	}
	return NULL;
}

const char *
model_broken(const struct model *model)
{
	const char *broken;
	uint32_t i;

	if (model->modules[0].path[0] || model->nodes[0].depth)
		return "element 0 is none";
	if (!model->header.sample_bytes || !model->header.count_scale)
		return "scales are not 0";
	for (i = 0; i < model->mark_count; i++) {
		if (!model->marks[i].text)
			return "a mark has a text";
	}
	broken = check_places(model);
	if (!broken)
		broken = check_nodes(model);
	return broken ? broken : check_sites(model);
}
