/*
 * References between tables, checked when all tables are there: a file may
 * have its fields in any order.
 */
#include <string.h>

#include "reader_parts.h"

/* Makes errors about a row name the message that it came in. */
static void
go_to_row(struct reader *reader, const struct reader_table *table, uint32_t row)
{
	size_t low = 0;
	size_t high = table->span_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (table->spans[middle].first <= row)
			low = middle;
		else
			high = middle;
	}
	reader->offset = table->spans[low].offset;
}

/* An address without its module still is an address. */
static int
link_pcs(struct reader *reader)
{
	struct model *model = reader->model;
	uint32_t i;

	for (i = 1; i <= model->pc_count; i++) {
		struct pc *pc = &model->pcs[i];

		if (pc->module.id <= model->module_count)
			continue;
		if (!model->truncated) {
			go_to_row(reader, &reader->pcs, i);
			return reader_corrupt(reader, "there is no module %u",
					      pc->module.id);
		}
		pc->module.id = 0;
	}
	return 0;
}

/* A stack whose address is missing ends the usable stacks: they are written
 * after the addresses, so nothing good follows. */
static int
link_nodes(struct reader *reader)
{
	struct model *model = reader->model;
	uint32_t i;

	for (i = 1; i <= model->node_count; i++) {
		if (model->nodes[i].pc.id <= model->pc_count)
			continue;
		if (!model->truncated) {
			go_to_row(reader, &reader->nodes, i);
			return reader_corrupt(reader, "there is no address %u",
					      model->nodes[i].pc.id);
		}
		model->node_count = i - 1;
	}
	return 0;
}

static int
link_sites(struct reader *reader)
{
	struct model *model = reader->model;
	uint32_t i;

	for (i = 1; i <= model->site_count; i++) {
		struct site *site = &model->sites[i];

		if (site->node.id <= model->node_count)
			continue;
		if (!model->truncated) {
			go_to_row(reader, &reader->sites, i);
			return reader_corrupt(reader, "there is no stack %u",
					      site->node.id);
		}
		memset(site, 0, sizeof(*site));
		model->dropped_rows++;
	}
	for (i = 1; i <= model->thread_site_count; i++) {
		struct thread_site *site = &model->thread_sites[i];

		if (site->node.id <= model->node_count &&
		    site->start_pc.id <= model->pc_count)
			continue;
		if (!model->truncated) {
			go_to_row(reader, &reader->thread_sites, i);
			return reader_corrupt(
				reader, "there is no stack %u or address %u",
				site->node.id, site->start_pc.id);
		}
		memset(site, 0, sizeof(*site));
		model->dropped_rows++;
	}
	return 0;
}

static int
link_cohorts(struct reader *reader)
{
	struct model *model = reader->model;
	uint32_t i;

	for (i = 0; i < model->cohort_count; i++) {
		struct cohort *cohort = &model->cohorts[i];

		if (cohort->site.id <= model->site_count)
			continue;
		if (!model->truncated) {
			go_to_row(reader, &reader->cohorts, i + 1);
			return reader_corrupt(reader, "there is no site %u",
					      cohort->site.id);
		}
		memset(cohort, 0, sizeof(*cohort));
		model->dropped_rows++;
	}
	return 0;
}

int
reader_link(struct reader *reader)
{
	struct model *model = reader->model;

	if (!model->truncated && !reader->has_losses)
		return reader_corrupt(reader, "it has no list of losses");
	if (link_pcs(reader) < 0 || link_nodes(reader) < 0 ||
	    link_sites(reader) < 0 || link_cohorts(reader) < 0)
		return -1;
	model->totals_disagree = !model->truncated &&
				 (reader->trailer_sites != model->site_count ||
				  memcmp(&reader->trailer_sums, &reader->sums,
					 sizeof(reader->sums)) != 0);
	return 0;
}
