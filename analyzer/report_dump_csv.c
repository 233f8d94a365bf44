/* Ten million rows: what they say of their sites is made once for each site. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "csv_fields.h"
#include "err.h"
#include "report_dump.h"
#include "site_id.h"
#include "xalloc.h"

/* Texts of sites kept: with a hundred thousand sites of deep C++ stacks all of
 * them would be a gigabyte. What is beyond is made anew for each row. */
#define KEPT_BYTES (128u << 20)

struct rows {
	struct dump *dump;
	FILE *out;
	char **by_site; /* ",SITE,FUNCTION,FILE,LINE,MODULE,STACK"; NULL: not
			 * made or not kept */
	size_t kept_bytes;
	struct strbuf line;
	struct strbuf site;
	struct strbuf scratch;
};

static void
make_site(struct rows *rows, uint32_t site)
{
	const struct stack *stack = dump_stack(rows->dump, site);
	char id[SITE_ID_BYTES];

	strbuf_clear(&rows->site);
	site_id_format(id, dump_site_id(rows->dump));
	strbuf_addc(&rows->site, ',');
	strbuf_adds(&rows->site, id);
	strbuf_addc(&rows->site, ',');
	csv_add_field(&rows->site,
		      stack->frames[stack->blamed].symbol->function);
	csv_add_place(&rows->site, &rows->scratch, stack);
}

static const char *
text_of_site(struct rows *rows, uint32_t site)
{
	if (rows->by_site[site])
		return rows->by_site[site];
	make_site(rows, site);
	if (rows->kept_bytes + rows->site.len > KEPT_BYTES)
		return strbuf_text(&rows->site);
	rows->kept_bytes += rows->site.len;
	rows->by_site[site] = xstrdup(strbuf_text(&rows->site));
	return rows->by_site[site];
}

static void
add_hex(struct strbuf *line, const uint8_t *bytes, uint32_t count)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t i;

	for (i = 0; i < count; i++) {
		strbuf_addc(line, digits[bytes[i] >> 4]);
		strbuf_addc(line, digits[bytes[i] & 15]);
	}
}

static int
write_block(void *visitor, const struct block *block,
	    const struct dump_block *known, struct err *err)
{
	const int64_t numbers[] = { (int64_t)known->size,
				    (int64_t)known->age_s };
	struct rows *rows = visitor;
	struct strbuf *line = &rows->line;

	strbuf_clear(line);
	strbuf_addf(line, "0x%" PRIx64, known->address);
	csv_add_integers(line, numbers, sizeof(numbers) / sizeof(numbers[0]));
	strbuf_adds(line, text_of_site(rows, known->site));
	strbuf_addc(line, ',');
	if (known->type)
		csv_add_field(line, known->type);
	strbuf_addc(line, ',');
	add_hex(line, block->contents, block->contents_bytes);
	strbuf_addc(line, '\n');
	/* Nobody reads the rest: a pipe's other end has gone, a disk is full. */
	if (fwrite(line->data, 1, line->len, rows->out) != line->len)
		return err_set(err, ERR_WRITE, "cannot write the report: %s",
			       strerror(errno));
	return 0;
}

int
report_dump_csv(struct dump *dump, FILE *out, struct err *err)
{
	size_t sites = (size_t)dump_model(dump)->site_count + 1;
	struct rows rows = {
		.dump = dump,
		.out = out,
		.by_site = xcalloc(sites, sizeof(*rows.by_site)),
	};
	size_t i;
	int result;

	fputs("address,size,age_s,site,function," CSV_PLACE_COLUMNS
	      ",type,contents\n",
	      out);
	result = dump_each(dump, write_block, &rows, err);
	for (i = 0; i < sites; i++)
		free(rows.by_site[i]);
	free(rows.by_site);
	strbuf_release(&rows.line);
	strbuf_release(&rows.site);
	strbuf_release(&rows.scratch);
	return result;
}
