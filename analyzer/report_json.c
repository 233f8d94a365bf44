/*
 * The document around the processes (json_process.h). Frames come last, because
 * they are known once all rows were met.
 *
 * A row as a value takes 3 KiB, so that --json makes one row after another and
 * writes it; only the page, which has few, holds the whole.
 */
#include "report_json.h"

#include <inttypes.h>
#include <stdlib.h>

#include "json_process.h"
#include "json_rows.h"
#include "jsonval.h"
#include "report_fleet.h"
#include "strbuf.h"
#include "xalloc.h"

/* Text is collected up to here before it is written. */
#define WRITE_BYTES (1 << 16)

/* Of several processes what they have in common. */
static json_t *
describe_answer(const struct report *report)
{
	struct strbuf line = { 0 };
	json_t *list;

	if (report->study->count == 1)
		return json_process_headline(report,
					     report->study->parts[0].diff);
	report_fleet_sentence(&line, report);
	strbuf_addc(&line, '\n');
	list = json_process_lines(&line);
	strbuf_release(&line);
	return list;
}

static const char *
mode_of(const struct study *study)
{
	size_t most = 0;
	size_t i;

	for (i = 0; i < study->count; i++) {
		if (study->parts[i].diff->snapshot_count > most)
			most = study->parts[i].diff->snapshot_count;
	}
	return most > 2 ? "trend" : most == 2 ? "diff" : "snapshot";
}

/* Of one process its own, of several those that compare them. */
static json_t *
describe_identity(const struct study *study)
{
	const struct classes *classes = study->fleet_classes
						? study->fleet_classes
						: study->parts[0].heap;
	uint32_t unmatched = classes->unmatched;
	json_t *object = json_object();
	json_t *notes = json_array();
	struct strbuf note = { 0 };

	jsonval_set_text(object, "by",
			 classes->by_names ? "names" : "build-id");
	jsonval_set_count(object, "sites_unmatched", unmatched);
	if (classes->by_names)
		json_array_append_new(
			notes, jsonval_text("a file was built anew between "
					    "the snapshots: its frames are "
					    "compared by function name"));
	if (unmatched) {
		strbuf_addf(&note,
			    "%" PRIu32
			    " call stack%s of a file that was built anew "
			    "and has no names match%s in no other build",
			    unmatched, unmatched == 1 ? "" : "s",
			    unmatched == 1 ? "es" : "");
		json_array_append_new(notes, jsonval_text(strbuf_text(&note)));
	}
	strbuf_release(&note);
	jsonval_set(object, "notes", notes);
	return object;
}

static json_t *
describe_fleet(struct json_rows *rows, const struct fleet *fleet)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < fleet->count; i++) {
		const struct fleet_row *row = &fleet->rows[i];
		json_t *object = json_object();

		json_rows_set_site(rows, object, row->row);
		jsonval_set_count(object, "grows_in", row->leaks);
		jsonval_set_count(object, "processes", fleet->judged);
		jsonval_set_name(object, "first_build_id", row->first_build);
		jsonval_set_name(object, "build_id_before", row->build_before);
		jsonval_set_real(object, "bytes_per_hour", row->bytes_per_hour);
		json_array_append_new(list, object);
	}
	return list;
}

/* What does not depend on rows. */
static json_t *
describe_study(const struct report *report)
{
	json_t *document = json_object();

	jsonval_set_integer(document, "schema_version", REPORT_JSON_SCHEMA);
	jsonval_set_text(document, "tool", "leakdiff " LEAKSHIM_VERSION);
	jsonval_set_text(document, "mode", mode_of(report->study));
	jsonval_set(document, "headline", describe_answer(report));
	jsonval_set(document, "identity", describe_identity(report->study));
	return document;
}

/* Which kinds have rows of call stacks, and under which names. */
static const struct {
	enum row_kind kind;
	const char *key;
} row_lists[] = {
	{ ROW_HEAP, "heap" },
	{ ROW_THREAD, "thread" },
};

#define ROW_LIST_COUNT (sizeof(row_lists) / sizeof(row_lists[0]))

/* --- as a value ------------------------------------------------------------- */

static json_t *
build_part(struct json_rows *rows, const struct study_part *part)
{
	json_t *process = json_process(rows, part);
	json_t *list, *row;
	size_t i;

	for (i = 0; i < ROW_LIST_COUNT; i++) {
		struct select_cursor cursor = { 0 };

		list = json_array();
		while ((row = json_rows_next(rows, row_lists[i].kind, &cursor)))
			json_array_append_new(list, row);
		jsonval_set(process, row_lists[i].key, list);
	}
	return process;
}

json_t *
report_json_build(const struct report *report)
{
	const struct study *study = report->study;
	json_t *document, *processes;
	struct json_rows rows;
	size_t i;

	json_set_alloc_funcs(xmalloc, free);
	json_rows_init(&rows, report);
	document = describe_study(report);
	processes = json_array();
	for (i = 0; i < study->count; i++)
		json_array_append_new(processes,
				      build_part(&rows, &study->parts[i]));
	jsonval_set(document, "processes", processes);
	jsonval_set(document, "fleet", describe_fleet(&rows, &study->fleet));
	jsonval_set(document, "frames", json_incref(rows.frames));
	json_rows_release(&rows);
	return document;
}

/* --- as text ---------------------------------------------------------------- */

struct json_out {
	struct strbuf text;
	FILE *file;
	bool failed; /* jansson could not make it */
};

static int
collect(const char *bytes, size_t len, void *data)
{
	struct json_out *out = data;

	strbuf_add(&out->text, bytes, len);
	return 0;
}

static void
flush(struct json_out *out)
{
	fwrite(strbuf_text(&out->text), 1, out->text.len, out->file);
	strbuf_clear(&out->text);
}

/* Members of an object without its braces, if JSON_EMBED is in the flags. */
static void
put(struct json_out *out, json_t *take_value, size_t flags)
{
	if (json_dump_callback(take_value, collect, out,
			       flags | JSON_COMPACT |
				       JSON_REAL_PRECISION(REPORT_JSON_DIGITS)))
		out->failed = true;
	json_decref(take_value);
	if (out->text.len >= WRITE_BYTES)
		flush(out);
}

static void
put_part(struct json_out *out, struct json_rows *rows,
	 const struct study_part *part)
{
	json_t *row;
	size_t i;

	strbuf_addc(&out->text, '{');
	put(out, json_process(rows, part), JSON_EMBED);
	for (i = 0; i < ROW_LIST_COUNT; i++) {
		struct select_cursor cursor = { 0 };
		const char *comma = "";

		strbuf_addf(&out->text, ",\"%s\":[", row_lists[i].key);
		while ((row = json_rows_next(rows, row_lists[i].kind,
					     &cursor))) {
			strbuf_adds(&out->text, comma);
			put(out, row, 0);
			comma = ",";
		}
		strbuf_addc(&out->text, ']');
	}
	strbuf_addc(&out->text, '}');
}

int
report_json(const struct report *report, FILE *file, struct err *err)
{
	const struct study *study = report->study;
	struct json_out out = { .file = file };
	struct json_rows rows;
	size_t i;

	json_set_alloc_funcs(xmalloc, free);
	json_rows_init(&rows, report);
	strbuf_addc(&out.text, '{');
	put(&out, describe_study(report), JSON_EMBED);
	strbuf_adds(&out.text, ",\"processes\":[");
	for (i = 0; i < study->count; i++) {
		if (i > 0)
			strbuf_addc(&out.text, ',');
		put_part(&out, &rows, &study->parts[i]);
	}
	strbuf_adds(&out.text, "],\"fleet\":");
	put(&out, describe_fleet(&rows, &study->fleet), 0);
	strbuf_adds(&out.text, ",\"frames\":");
	put(&out, json_incref(rows.frames), 0);
	strbuf_adds(&out.text, "}\n");
	flush(&out);
	strbuf_release(&out.text);
	json_rows_release(&rows);
	/* A failed write is the caller's to notice. */
	if (out.failed)
		return err_set(err, ERR_WRITE, "the JSON can't be made");
	return 0;
}
