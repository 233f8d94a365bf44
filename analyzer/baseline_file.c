/* The file of a baseline: read, checked and written. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "baseline_parts.h"
#include "output.h"
#include "site_id.h"
#include "textfile.h"
#include "xalloc.h"

/* --- days ------------------------------------------------------------------- */

int64_t
baseline_today(void)
{
	return (int64_t)time(NULL) / 86400;
}

/* The year, month and day of the Gregorian calendar; 30 February is none. */
bool
baseline_day_of(const char *text, int64_t *day)
{
	static const char form[] = "dddd-dd-dd";
	struct tm tm = { 0 };
	struct tm back;
	time_t seconds;
	size_t i;

	for (i = 0; form[i]; i++) {
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9'
				   : text[i] != form[i])
			return false;
	}
	if (text[i])
		return false;
	tm.tm_year = atoi(text) - 1900;
	tm.tm_mon = atoi(text + 5) - 1;
	tm.tm_mday = atoi(text + 8);
	back = tm;
	seconds = timegm(&back);
	if (back.tm_year != tm.tm_year || back.tm_mon != tm.tm_mon ||
	    back.tm_mday != tm.tm_mday)
		return false;
	*day = (int64_t)seconds / 86400;
	return true;
}

void
baseline_format_day(char text[16], int64_t day)
{
	time_t seconds = (time_t)day * 86400;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, 16, "%Y-%m-%d", &tm);
}

/* --- reading ---------------------------------------------------------------- */

const char *
baseline_amount_name(enum amount_kind kind)
{
	static const char *const names[AMOUNT_COUNT] = {
		"bytes",
		"bytes_per_hour",
		"threads",
	};

	return names[kind];
}

static int
refuse(const struct baseline *baseline, size_t number, struct err *err,
       const char *what)
{
	return err_set(err, ERR_CORRUPT, "baseline '%s': entry %zu: %s",
		       baseline->file, number, what);
}

static bool
read_site(const json_t *json, uint64_t *site)
{
	const char *text = json_string_value(json_object_get(json, "site"));
	char *end;

	if (!text || strlen(text) != SITE_ID_BYTES - 1 ||
	    strspn(text, "0123456789abcdef") != SITE_ID_BYTES - 1)
		return false;
	*site = strtoull(text, &end, 16);
	return true;
}

static int
read_amounts(const struct baseline *baseline, struct entry *entry,
	     size_t number, struct err *err)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < AMOUNT_COUNT; i++) {
		const json_t *value = json_object_get(
			entry->json, baseline_amount_name((enum amount_kind)i));

		entry->amounts[i] = -1;
		if (!value)
			continue;
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return refuse(baseline, number, err,
				      "a size is a whole number of bytes or "
				      "threads, not less than 0");
		entry->amounts[i] = json_integer_value(value);
		any = true;
	}
	if (any)
		return 0;
	return refuse(baseline, number, err,
		      "it accepts nothing: add \"bytes\", \"bytes_per_hour\" "
		      "or \"threads\"");
}

static bool
is_text_or_absent(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	return !value || json_is_string(value);
}

static int
read_entry(struct baseline *baseline, json_t *json, size_t number,
	   struct err *err)
{
	struct entry entry = { .json = json };
	const char *expires;

	if (!json_is_object(json))
		return refuse(baseline, number, err, "not an object");
	if (!read_site(json, &entry.site))
		return refuse(baseline, number, err,
			      "\"site\" is not 16 hexadecimal digits");
	if (!is_text_or_absent(json, "function") ||
	    !is_text_or_absent(json, "module") ||
	    !is_text_or_absent(json, "reason"))
		return refuse(baseline, number, err,
			      "\"function\", \"module\" and \"reason\" are "
			      "texts");
	if (read_amounts(baseline, &entry, number, err))
		return -1;
	expires = json_string_value(json_object_get(json, "expires"));
	if (!expires || !baseline_day_of(expires, &entry.expires))
		return refuse(baseline, number, err,
			      "\"expires\" is not a day such as 2027-02-18");
	baseline->entries = xgrow(baseline->entries, &baseline->capacity,
				  baseline->count + 1, sizeof(entry));
	baseline->entries[baseline->count++] = entry;
	return 0;
}

int
baseline_compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return left->site < right->site ? -1 : left->site > right->site;
}

/* One site twice would be accepted by whichever comes first. */
static int
sort_entries(struct baseline *baseline, struct err *err)
{
	char id[SITE_ID_BYTES];
	size_t i;

	if (baseline->count)
		qsort(baseline->entries, baseline->count,
		      sizeof(*baseline->entries), baseline_compare);
	for (i = 1; i < baseline->count; i++) {
		if (baseline->entries[i].site != baseline->entries[i - 1].site)
			continue;
		site_id_format(id, baseline->entries[i].site);
		return err_set(err, ERR_CORRUPT,
			       "baseline '%s': two entries for site %s",
			       baseline->file, id);
	}
	return 0;
}

static int
read_root(struct baseline *baseline, struct err *err)
{
	const json_t *version =
		json_object_get(baseline->root, "schema_version");
	size_t i;

	baseline->accepted = json_object_get(baseline->root, "accepted");
	if (!json_is_integer(version) || json_integer_value(version) < 1)
		return err_set(err, ERR_FOREIGN,
			       "'%s' is no baseline: it has no "
			       "\"schema_version\"",
			       baseline->file);
	if (json_integer_value(version) > BASELINE_SCHEMA)
		return err_set(err, ERR_VERSION,
			       "baseline '%s' has schema version "
			       "%" JSON_INTEGER_FORMAT
			       ", this leakdiff knows %d",
			       baseline->file, json_integer_value(version),
			       BASELINE_SCHEMA);
	if (!json_is_array(baseline->accepted))
		return err_set(err, ERR_CORRUPT,
			       "baseline '%s': \"accepted\" is no array",
			       baseline->file);
	if (json_array_size(baseline->accepted) > BASELINE_ENTRIES_MAX)
		return err_set(err, ERR_TOO_LARGE,
			       "baseline '%s' has more than %d entries",
			       baseline->file, BASELINE_ENTRIES_MAX);
	for (i = 0; i < json_array_size(baseline->accepted); i++) {
		if (read_entry(baseline, json_array_get(baseline->accepted, i),
			       i + 1, err))
			return -1;
	}
	return sort_entries(baseline, err);
}

static struct baseline *
new_baseline(const char *name)
{
	struct baseline *baseline = xcalloc(1, sizeof(*baseline));

	/* So that nothing of it fails for want of memory. */
	json_set_alloc_funcs(xmalloc, free);
	baseline->file = xstrdup(name);
	return baseline;
}

/* What jansson says quotes the file. */
static void
refuse_json(const struct baseline *baseline, const json_error_t *error,
	    struct err *err)
{
	struct strbuf text = { 0 };

	strbuf_add_printable(&text, error->text);
	err_set(err, ERR_CORRUPT, "baseline '%s', line %d: %s", baseline->file,
		error->line, strbuf_text(&text));
	strbuf_release(&text);
}

struct baseline *
baseline_parse(const char *name, const char *text, size_t len, struct err *err)
{
	struct baseline *baseline = new_baseline(name);
	json_error_t error;

	if (len > BASELINE_BYTES) {
		err_set(err, ERR_TOO_LARGE, "'%s' has more than %u bytes", name,
			BASELINE_BYTES);
		baseline_free(baseline);
		return NULL;
	}
	baseline->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!baseline->root)
		refuse_json(baseline, &error, err);
	if (!baseline->root || read_root(baseline, err)) {
		baseline_free(baseline);
		return NULL;
	}
	return baseline;
}

static struct baseline *
empty_baseline(const char *name)
{
	struct baseline *baseline = new_baseline(name);

	baseline->root = json_pack("{s:i, s:[]}", "schema_version",
				   BASELINE_SCHEMA, "accepted");
	baseline->accepted = json_object_get(baseline->root, "accepted");
	return baseline;
}

struct baseline *
baseline_load(const char *file, bool may_be_new, struct err *err)
{
	struct strbuf text = { 0 };
	struct baseline *baseline;
	bool absent = false;

	if (textfile_read(file, BASELINE_BYTES, &text,
			  may_be_new ? &absent : NULL, err)) {
		strbuf_release(&text);
		return NULL;
	}
	if (absent) {
		strbuf_release(&text);
		return empty_baseline(file);
	}
	baseline = baseline_parse(file, strbuf_text(&text), text.len, err);
	if (baseline) {
		baseline->original_len = text.len;
		baseline->original = strbuf_detach(&text);
	}
	strbuf_release(&text);
	return baseline;
}

void
baseline_free(struct baseline *baseline)
{
	if (!baseline)
		return;
	json_decref(baseline->root);
	free(baseline->entries);
	free(baseline->original);
	free(baseline->file);
	free(baseline);
}

/* Somebody may have edited it meanwhile. */
static int
check_unchanged(const struct baseline *baseline, struct err *err)
{
	struct strbuf text = { 0 };
	bool absent;
	bool same = false;

	if (textfile_read(baseline->file, BASELINE_BYTES, &text, &absent,
			  err)) {
		strbuf_release(&text);
		return -1;
	}
	if (absent || !baseline->original)
		same = absent && !baseline->original;
	else
		same = text.len == baseline->original_len &&
		       memcmp(strbuf_text(&text), baseline->original,
			      text.len) == 0;
	strbuf_release(&text);
	if (same)
		return 0;
	return err_set(err, ERR_WRITE,
		       "'%s' was changed meanwhile: left as it is; run "
		       "leakdiff again",
		       baseline->file);
}

/* What it would refuse to read it doesn't write either. */
static int
check_bounds(const struct baseline *baseline, size_t bytes, struct err *err)
{
	if (baseline->count <= BASELINE_ENTRIES_MAX && bytes <= BASELINE_BYTES)
		return 0;
	return err_set(err, ERR_TOO_LARGE,
		       "'%s' would have %zu entries, more than a baseline can "
		       "have (%d, in %u bytes)",
		       baseline->file, baseline->count, BASELINE_ENTRIES_MAX,
		       BASELINE_BYTES);
}

int
baseline_write(const struct baseline *baseline, struct err *err)
{
	char *text = json_dumps(baseline->root, JSON_INDENT(2));
	struct output *output;

	if (check_bounds(baseline, strlen(text) + 1, err) ||
	    check_unchanged(baseline, err)) {
		free(text);
		return -1;
	}
	output = output_open(baseline->file, err);
	if (!output) {
		free(text);
		return -1;
	}
	fputs(text, output_stream(output));
	fputc('\n', output_stream(output));
	free(text);
	return output_commit(output, err);
}
