#include "status_table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/xalloc.h"
#include "human.h"
#include "target.h"

enum column {
	PID,
	STATE,
	MODE,
	LIVE,
	AGE,
	OWN,
	LOST,
	SNAPSHOT,
	PROGRAM, /* the last: of any width */
};

static const struct {
	const char *name;
	bool right;
} columns[STATUS_TABLE_COLUMNS] = {
	[PID] = { "PID", true },
	[STATE] = { "STATE", false },
	[MODE] = { "MODE", false },
	[LIVE] = { "LIVE", true },
	[AGE] = { "AS OF", true },
	[OWN] = { "OWN", true },
	[LOST] = { "LOST", true },
	[SNAPSHOT] = { "LAST SNAPSHOT", false },
	[PROGRAM] = { "PROGRAM", false },
};

static void __attribute__((format(printf, 2, 3)))
set(char **cell, const char *format, ...)
{
	struct strbuf raw = { 0 }, text = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&raw, format, args);
	va_end(args);
	strbuf_add_printable(&text, strbuf_text(&raw));
	strbuf_release(&raw);
	*cell = text.len ? strbuf_detach(&text) : xstrdup("-");
}

/* How many calls, stacks and so on; a thinning is no number of losses. */
static uint64_t
count_losses(const struct status *status)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < status->loss_count; i++) {
		const struct status_loss *loss = &status->losses[i];

		if (strcmp(loss->name, STATUS_THINNING) != 0 &&
		    __builtin_add_overflow(sum, loss->count, &sum))
			sum = UINT64_MAX;
	}
	return sum;
}

void
status_table_add(struct status_table *table, const struct target *target,
		 uint64_t now_ns)
{
	const struct status *status = &target->status;
	char text[HUMAN_BYTES], **row;
	bool thinned = status_loss(status, STATUS_THINNING) != 0;

	table->rows = xgrow(table->rows, &table->capacity, table->count + 1,
			    sizeof(*table->rows));
	row = table->rows[table->count++];
	set(&row[PID], "%d", (int)target->proc.pid);
	set(&row[STATE], "%s", status->state_name);
	human_bytes(text, status->sample);
	if (status->sample > 1)
		set(&row[MODE], "%s (%s)", status->mode, text);
	else
		set(&row[MODE], "%s", thinned ? "thinned" : status->mode);
	human_bytes(text, status->live_bytes);
	set(&row[LIVE], "%s", status->has_totals ? text : "-");
	human_age(text, now_ns, status->updated_ns);
	set(&row[AGE], "%s", text);
	human_bytes(text, status->own_bytes);
	set(&row[OWN], "%s", text);
	set(&row[LOST], "%" PRIu64, count_losses(status));
	human_age(text, now_ns, status->snapshot_ns);
	if (status->sequence)
		set(&row[SNAPSHOT], "number %" PRIu64 ", %s", status->sequence,
		    text);
	else
		set(&row[SNAPSHOT], "none yet");
	set(&row[PROGRAM], "%s", status->exe);
}

static size_t
width_of(const struct status_table *table, size_t column)
{
	size_t width = strlen(columns[column].name), i;

	for (i = 0; i < table->count; i++)
		if (strlen(table->rows[i][column]) > width)
			width = strlen(table->rows[i][column]);
	return width;
}

void
status_table_print(const struct status_table *table, struct strbuf *out)
{
	int widths[STATUS_TABLE_COLUMNS];
	size_t i, j;

	/* All but the last are ours, or of few letters. */
	for (j = 0; j < PROGRAM; j++)
		widths[j] = (int)width_of(table, j);
	for (i = 0; i <= table->count; i++) {
		for (j = 0; j < PROGRAM; j++) {
			const char *text = i ? table->rows[i - 1][j]
					     : columns[j].name;

			strbuf_addf(out, columns[j].right ? "%*s  " : "%-*s  ",
				    widths[j], text);
		}
		strbuf_addf(out, "%s\n",
			    i ? table->rows[i - 1][PROGRAM]
			      : columns[PROGRAM].name);
	}
}

void
status_table_release(struct status_table *table)
{
	size_t i, j;

	for (i = 0; i < table->count; i++)
		for (j = 0; j < STATUS_TABLE_COLUMNS; j++)
			free(table->rows[i][j]);
	free(table->rows);
	memset(table, 0, sizeof(*table));
}
