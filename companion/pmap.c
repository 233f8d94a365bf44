#include "pmap.h"

#include <inttypes.h>
#include <string.h>

#include "../analyzer/clock.h"
#include "../analyzer/csv_fields.h"
#include "../analyzer/format.h"
#include "../analyzer/jsonval.h"

/* Looks until both accounts agree; a busy process never stands still. */
#define ATTEMPTS 5

#define SCHEMA_VERSION 1

/* Whether the two differ in nothing but the rounding of the rows. */
static bool
agree(const struct smaps *maps, const struct smaps_amounts *rollup)
{
	const struct smaps_amounts *sum = &maps->total;
	uint64_t slack = maps->count * 1024;

	return sum->rss == rollup->rss &&
	       sum->shared_clean == rollup->shared_clean &&
	       sum->shared_dirty == rollup->shared_dirty &&
	       sum->private_clean == rollup->private_clean &&
	       sum->private_dirty == rollup->private_dirty &&
	       sum->anonymous == rollup->anonymous &&
	       sum->swap == rollup->swap && sum->pss <= rollup->pss &&
	       rollup->pss - sum->pss <= slack &&
	       sum->swap_pss <= rollup->swap_pss &&
	       rollup->swap_pss - sum->swap_pss <= slack;
}

int
pmap_take(struct pmap *pmap, const struct procfs *proc, const char *name)
{
	struct smaps_amounts rollup;
	int i;

	memset(pmap, 0, sizeof(*pmap));
	pmap->pid = proc->pid;
	pmap->name = name;
	for (i = 0; i < ATTEMPTS; i++) {
		pmap->wall_ns = clock_ns(CLOCK_REALTIME);
		if (smaps_read(&pmap->maps, proc) < 0 ||
		    smaps_rollup(&rollup, proc) < 0) {
			smaps_release(&pmap->maps);
			return -1;
		}
		pmap->moved = !agree(&pmap->maps, &rollup);
		if (!pmap->moved)
			break;
	}
	pmap->total = pmap->moved ? pmap->maps.total : rollup;
	pmap->total.size = pmap->maps.total.size;
	return 0;
}

void
pmap_release(struct pmap *pmap)
{
	smaps_release(&pmap->maps);
}

/* --- a table ------------------------------------------------------------------ */

static void
text_amounts(struct strbuf *out, const struct smaps_amounts *amounts)
{
	const uint64_t columns[] = {
		amounts->size,
		amounts->rss,
		amounts->pss,
		smaps_uss(amounts),
		amounts->shared_clean + amounts->shared_dirty,
		amounts->anonymous,
		amounts->swap,
	};
	size_t i;

	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		strbuf_addf(out, " %10" PRIu64, columns[i] / 1024);
}

static void
text_line(struct strbuf *out, const char *first,
	  const struct smaps_amounts *amounts)
{
	strbuf_addf(out, "%-38s", first);
	text_amounts(out, amounts);
	strbuf_addc(out, '\n');
}

void
pmap_text(struct strbuf *out, const struct pmap *pmap)
{
	const struct smaps_mapping *mapping;
	char place[64];
	size_t i;

	strbuf_addf(out, "process %d ", (int)pmap->pid);
	strbuf_add_quoted(out, pmap->name);
	strbuf_adds(out, " at ");
	format_time(out, pmap->wall_ns);
	strbuf_addf(out, ", %zu mappings, in KiB\n\n", pmap->maps.count);
	strbuf_addf(out, "%-38s %10s %10s %10s %10s %10s %10s %10s %-9s %s\n",
		    "RANGE AND PERMISSIONS", "SIZE", "RSS", "PSS", "USS",
		    "SHARED", "ANONYMOUS", "SWAP", "KIND", "PATH");
	for (i = 0; i < pmap->maps.count; i++) {
		mapping = &pmap->maps.list[i];
		snprintf(place, sizeof(place),
			 "%012" PRIx64 "-%012" PRIx64 " %s", mapping->start,
			 mapping->end, mapping->permissions);
		strbuf_addf(out, "%-38s", place);
		text_amounts(out, &mapping->amounts);
		strbuf_addf(out, " %-9s ", smaps_kind_name(mapping->kind));
		strbuf_add_printable(out, smaps_path(&pmap->maps, mapping));
		while (out->data[out->len - 1] == ' ')
			out->len--;
		strbuf_addc(out, '\n');
	}
	strbuf_addc(out, '\n');
	for (i = 0; i < SMAPS_KIND_COUNT; i++)
		text_line(out, smaps_kind_name((enum smaps_kind)i),
			  &pmap->maps.by_kind[i]);
	text_line(out, "total", &pmap->total);
	if (pmap->moved)
		strbuf_adds(out, "\nThe process, or one that shares its pages, "
				 "moved while it was read:\nthe total is the "
				 "sum of the rows.\n");
	else if (pmap->total.pss != pmap->maps.total.pss)
		strbuf_addf(out,
			    "\nThe kernel rounds PSS of each mapping down: the "
			    "rows add up to %" PRIu64 ".\n",
			    pmap->maps.total.pss / 1024);
}

/* --- CSV ------------------------------------------------------------------------ */

void
pmap_csv_header(struct strbuf *out)
{
	strbuf_adds(out, "pid,kind,start,end,permissions,offset,device,inode,"
			 "size_bytes,rss_bytes,pss_bytes,uss_bytes,"
			 "shared_clean_bytes,shared_dirty_bytes,"
			 "private_clean_bytes,private_dirty_bytes,"
			 "anonymous_bytes,swap_bytes,swap_pss_bytes,path\n");
}

static void
csv_amounts(struct strbuf *out, const struct smaps_amounts *amounts)
{
	strbuf_addf(out,
		    ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
		    ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
		    ",%" PRIu64 ",",
		    amounts->size, amounts->rss, amounts->pss,
		    smaps_uss(amounts), amounts->shared_clean,
		    amounts->shared_dirty, amounts->private_clean,
		    amounts->private_dirty, amounts->anonymous, amounts->swap,
		    amounts->swap_pss);
}

void
pmap_csv(struct strbuf *out, const struct pmap *pmap)
{
	const struct smaps_mapping *mapping;
	size_t i;

	for (i = 0; i < pmap->maps.count; i++) {
		mapping = &pmap->maps.list[i];
		strbuf_addf(out,
			    "%d,%s,%" PRIx64 ",%" PRIx64 ",%s,%" PRIx64
			    ",%02x:%02x,%" PRIu64,
			    (int)pmap->pid, smaps_kind_name(mapping->kind),
			    mapping->start, mapping->end, mapping->permissions,
			    mapping->offset, (unsigned)(mapping->device >> 32),
			    (unsigned)mapping->device, mapping->inode);
		csv_amounts(out, &mapping->amounts);
		csv_add_field(out, smaps_path(&pmap->maps, mapping));
		strbuf_addc(out, '\n');
	}
	strbuf_addf(out, "%d,total,,,,,,", (int)pmap->pid);
	csv_amounts(out, &pmap->total);
	strbuf_addc(out, '\n');
}

/* --- JSON ----------------------------------------------------------------------- */

void
pmap_json_amounts(json_t *object, const struct smaps_amounts *amounts)
{
	jsonval_set_count(object, "size_bytes", amounts->size);
	jsonval_set_count(object, "rss_bytes", amounts->rss);
	jsonval_set_count(object, "pss_bytes", amounts->pss);
	jsonval_set_count(object, "uss_bytes", smaps_uss(amounts));
	jsonval_set_count(object, "shared_clean_bytes", amounts->shared_clean);
	jsonval_set_count(object, "shared_dirty_bytes", amounts->shared_dirty);
	jsonval_set_count(object, "private_clean_bytes",
			  amounts->private_clean);
	jsonval_set_count(object, "private_dirty_bytes",
			  amounts->private_dirty);
	jsonval_set_count(object, "anonymous_bytes", amounts->anonymous);
	jsonval_set_count(object, "swap_bytes", amounts->swap);
	jsonval_set_count(object, "swap_pss_bytes", amounts->swap_pss);
}

/* Addresses as text: JSON's readers take numbers for doubles. */
static void
set_hex(json_t *object, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIx64, value);
	jsonval_set_text(object, key, text);
}

static json_t *
json_mapping(const struct smaps *maps, const struct smaps_mapping *mapping)
{
	json_t *object = json_object();

	jsonval_set_text(object, "kind", smaps_kind_name(mapping->kind));
	set_hex(object, "start", mapping->start);
	set_hex(object, "end", mapping->end);
	jsonval_set_text(object, "permissions", mapping->permissions);
	set_hex(object, "offset", mapping->offset);
	jsonval_set_count(object, "inode", mapping->inode);
	pmap_json_amounts(object, &mapping->amounts);
	jsonval_set_text(object, "path", smaps_path(maps, mapping));
	return object;
}

json_t *
pmap_json(const struct pmap *pmap)
{
	json_t *object = json_object(), *part, *rows;
	size_t i;

	jsonval_set_integer(object, "schema_version", SCHEMA_VERSION);
	jsonval_set_integer(object, "pid", pmap->pid);
	jsonval_set_text(object, "name", pmap->name);
	jsonval_set_count(object, "wall_ns", pmap->wall_ns);
	jsonval_set_boolean(object, "moved", pmap->moved);
	part = json_object();
	pmap_json_amounts(part, &pmap->total);
	jsonval_set(object, "total", part);
	rows = json_object();
	for (i = 0; i < SMAPS_KIND_COUNT; i++) {
		part = json_object();
		pmap_json_amounts(part, &pmap->maps.by_kind[i]);
		jsonval_set(rows, smaps_kind_name((enum smaps_kind)i), part);
	}
	jsonval_set(object, "kinds", rows);
	rows = json_array();
	for (i = 0; i < pmap->maps.count; i++)
		json_array_append_new(rows, json_mapping(&pmap->maps,
							 &pmap->maps.list[i]));
	jsonval_set(object, "mappings", rows);
	return object;
}
