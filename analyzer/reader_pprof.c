/*
 * A pprof profile has its texts last, or anywhere: so the whole is kept in
 * memory (PROFILE_BYTES_MAX) and walked once for each table, each row unpacked
 * and let go again.
 *
 * Producers disagree on what they call the columns, hence type_names; what is
 * in use is all we need. Both Go and tcmalloc write addresses of calls (the
 * return address minus one) and numbers that are estimates already.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profile.pb-c.h"
#include "reader_profile.h"
#include "strbuf.h"
#include "xalloc.h"

#define PPROF_CHUNK ((size_t)64 << 10)

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

struct type_name {
	const char *type;
	const char *unit;
	enum pprof_role role;
};

/* Go, tcmalloc, ddprof, heapprofd of perfetto; then Go's counts of what runs.
 * The first match of a role wins. */
static const struct type_name type_names[] = {
	{ "inuse_objects", "count", PPROF_LIVE_OBJECTS },
	{ "inuse_space", "bytes", PPROF_LIVE_BYTES },
	{ "alloc_objects", "count", PPROF_ALLOC_OBJECTS },
	{ "alloc_space", "bytes", PPROF_ALLOC_BYTES },
	{ "objects", "count", PPROF_LIVE_OBJECTS },
	{ "space", "bytes", PPROF_LIVE_BYTES },
	{ "inuse-objects", "count", PPROF_LIVE_OBJECTS },
	{ "inuse-space", "bytes", PPROF_LIVE_BYTES },
	{ "alloc-samples", "count", PPROF_ALLOC_OBJECTS },
	{ "alloc-space", "bytes", PPROF_ALLOC_BYTES },
	{ "Unreleased malloc count", "count", PPROF_LIVE_OBJECTS },
	{ "Unreleased malloc size", "bytes", PPROF_LIVE_BYTES },
	{ "Total malloc count", "count", PPROF_ALLOC_OBJECTS },
	{ "Total malloc size", "bytes", PPROF_ALLOC_BYTES },
	{ "goroutine", "count", PPROF_THREADS },
	{ "goroutineleak", "count", PPROF_THREADS },
	{ "threadcreate", "count", PPROF_THREADS },
};

/* --- fields ------------------------------------------------------------------ */

/* Until a sample type was seen the bytes may be anything. */
static int
broken(struct pprof_profile *profile, const char *what)
{
	if (profile->type_count == 0)
		return build_foreign(profile->build.model->file, profile->plain,
				     profile->build.err);
	return build_corrupt(&profile->build, "%s", what);
}

static int
take_varint(struct pprof_profile *profile, size_t *at, uint64_t *value)
{
	unsigned int shift;
	uint8_t byte;

	*value = 0;
	for (shift = 0; shift < 64; shift += 7) {
		if (*at == profile->len)
			return broken(profile, "it ends within a field");
		byte = profile->bytes[(*at)++];
		/* The tenth byte has room for one bit. */
		if (shift == 63 && byte > 1)
			break;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return broken(profile, "a number of more than 64 bits");
}

static int
take_fixed(struct pprof_profile *profile, size_t *at, size_t bytes,
	   uint64_t *value)
{
	size_t i;

	*value = 0;
	if (profile->len - *at < bytes)
		return broken(profile, "it ends within a field");
	for (i = 0; i < bytes; i++)
		*value |= (uint64_t)profile->bytes[*at + i] << (8 * i);
	*at += bytes;
	return 0;
}

/* The field at *at, which moves behind it. 1, 0 at the end, -1 and `err` is
 * filled. */
static int
pprof_next(struct pprof_profile *profile, size_t *at, struct pprof_item *item)
{
	uint64_t tag, len;

	profile->build.offset = *at;
	*item = (struct pprof_item){ 0 };
	if (*at == profile->len)
		return 0;
	if (take_varint(profile, at, &tag) < 0)
		return -1;
	if (tag >> 3 == 0 || tag >> 3 >= 1u << 29)
		return broken(profile, "an impossible field number");
	item->number = (uint32_t)(tag >> 3);
	switch (tag & 7) {
	case WIRE_VARINT:
		return take_varint(profile, at, &item->value) < 0 ? -1 : 1;
	case WIRE_FIXED64:
		return take_fixed(profile, at, 8, &item->value) < 0 ? -1 : 1;
	case WIRE_FIXED32:
		return take_fixed(profile, at, 4, &item->value) < 0 ? -1 : 1;
	case WIRE_BYTES:
		if (take_varint(profile, at, &len) < 0)
			return -1;
		if (len > profile->len - *at)
			return broken(profile, "it ends within a field");
		if (len > LKS_FIELD_BYTES)
			return broken(profile, "a field of more than 1 MiB");
		item->is_bytes = true;
		item->data = profile->bytes + *at;
		item->len = (size_t)len;
		*at += (size_t)len;
		return 1;
	default:
		return broken(profile, "an impossible field type");
	}
}

int
pprof_next_of(struct pprof_profile *profile, enum pprof_field number,
	      size_t *at, struct pprof_item *item)
{
	int result;

	do {
		result = pprof_next(profile, at, item);
	} while (result == 1 && item->number != number);
	if (result == 1 && !item->is_bytes)
		return broken(profile, "a field of the wrong type");
	return result;
}

int
pprof_no_message(struct pprof_profile *profile, const char *what)
{
	return build_corrupt(&profile->build, "the %s is not a message", what);
}

/* --- texts ------------------------------------------------------------------- */

const char *
pprof_text(struct pprof_profile *profile, int64_t index)
{
	struct pprof_text *text;

	/* Whatever the file says there: producers agree that it is "". */
	if (index == 0)
		return "";
	if (index < 0 || (uint64_t)index >= profile->text_count) {
		build_corrupt(&profile->build, "there is no text %" PRId64,
			      index);
		return NULL;
	}
	text = &profile->texts[index];
	if (!text->kept) {
		if (text->len && memchr(text->bytes, '\0', text->len)) {
			build_corrupt(&profile->build,
				      "text %" PRId64 " has a NUL in it",
				      index);
			return NULL;
		}
		text->kept = model_keep(profile->build.model, text->bytes,
					text->len);
	}
	return text->kept;
}

static int
add_text(struct pprof_profile *profile, const struct pprof_item *item)
{
	if (profile->text_count == PROFILE_ROWS_MAX)
		return err_at(profile->build.err, ERR_TOO_LARGE,
			      profile->build.model->file, profile->build.offset,
			      "more than %u texts", PROFILE_ROWS_MAX);
	profile->texts = xgrow(profile->texts, &profile->text_capacity,
			       profile->text_count + 1,
			       sizeof(*profile->texts));
	profile->texts[profile->text_count++] = (struct pprof_text){
		.bytes = item->data,
		.len = item->len,
	};
	return 0;
}

/* --- facts ------------------------------------------------------------------- */

static int
unpack_type(struct pprof_profile *profile, const struct pprof_item *item,
	    struct pprof_value_type *out)
{
	Perftools__Profiles__ValueType *message =
		perftools__profiles__value_type__unpack(NULL, item->len,
							item->data);

	if (!message)
		return broken(profile, "a value type is not a message");
	out->type = message->type;
	out->unit = message->unit;
	perftools__profiles__value_type__free_unpacked(message, NULL);
	return 0;
}

/* What is in the file besides tables; texts may come later than who names
 * them. */
struct loose_facts {
	bool has_time;
	uint64_t time_ns;
	int64_t period;
	struct pprof_value_type period_type;
	int64_t comments[2]; /* leakdiff's first two say what the file is */
	size_t comment_count;
};

static int
take_comments(struct pprof_profile *profile, const struct pprof_item *item,
	      struct loose_facts *facts)
{
	size_t at = (size_t)(item->data - profile->bytes);
	size_t end = at + item->len;
	uint64_t value = item->value;

	if (!item->is_bytes) {
		if (facts->comment_count < 2)
			facts->comments[facts->comment_count++] =
				(int64_t)value;
		return 0;
	}
	while (at < end && facts->comment_count < 2) {
		if (take_varint(profile, &at, &value) < 0)
			return -1;
		facts->comments[facts->comment_count++] = (int64_t)value;
	}
	return 0;
}

static int
take_fact(struct pprof_profile *profile, const struct pprof_item *item,
	  struct loose_facts *facts)
{
	bool wants_bytes = item->number == PPROF_SAMPLE_TYPE ||
			   item->number == PPROF_TEXT ||
			   item->number == PPROF_PERIOD_TYPE;
	bool wants_value = item->number == PPROF_TIME ||
			   item->number == PPROF_PERIOD;

	if ((wants_bytes && !item->is_bytes) || (wants_value && item->is_bytes))
		return broken(profile, "a field of the wrong type");
	switch (item->number) {
	case PPROF_SAMPLE_TYPE:
		if (profile->type_count == PPROF_TYPES_MAX)
			return broken(profile, "too many sample types");
		if (unpack_type(profile, item,
				&profile->types[profile->type_count]) < 0)
			return -1;
		profile->type_count++;
		return 0;
	case PPROF_TEXT:
		return add_text(profile, item);
	case PPROF_TIME:
		if (facts->has_time)
			return broken(profile,
				      "it is several profiles in one file");
		facts->has_time = true;
		facts->time_ns = item->value > INT64_MAX ? 0 : item->value;
		return 0;
	case PPROF_PERIOD:
		facts->period = (int64_t)item->value;
		return 0;
	case PPROF_PERIOD_TYPE:
		return unpack_type(profile, item, &facts->period_type);
	case PPROF_COMMENT:
		return take_comments(profile, item, facts);
	default:
		return 0;
	}
}

/* "samples/count, cpu/nanoseconds: not a heap profile" */
static int
refuse_types(struct pprof_profile *profile)
{
	struct strbuf list = { 0 };
	const char *type, *unit;
	size_t i;

	for (i = 0; i < profile->type_count; i++) {
		type = pprof_text(profile, profile->types[i].type);
		unit = type ? pprof_text(profile, profile->types[i].unit)
			    : NULL;
		if (!unit) {
			strbuf_release(&list);
			return -1;
		}
		if (i > 0)
			strbuf_adds(&list, ", ");
		strbuf_add_printable(&list, type);
		strbuf_addc(&list, '/');
		strbuf_add_printable(&list, unit);
	}
	err_set(profile->build.err, ERR_FOREIGN,
		"'%s': holds %s: not a heap profile",
		profile->build.model->file, strbuf_text(&list));
	strbuf_release(&list);
	return -1;
}

static int
find_role(struct pprof_profile *profile, int column)
{
	const struct pprof_value_type *value_type = &profile->types[column];
	const char *type = pprof_text(profile, value_type->type);
	const char *unit = type ? pprof_text(profile, value_type->unit) : NULL;
	size_t i;

	if (!unit)
		return -1;
	for (i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
		const struct type_name *name = &type_names[i];

		if (strcmp(type, name->type) == 0 &&
		    strcmp(unit, name->unit) == 0 &&
		    profile->column[name->role] < 0)
			profile->column[name->role] = column;
	}
	return 0;
}

/* What a profile counts that has no heap. */
static const char *
counted_by(struct pprof_profile *profile)
{
	const struct pprof_value_type *value_type =
		&profile->types[profile->column[PPROF_THREADS]];
	const char *type = pprof_text(profile, value_type->type);

	return type && strcmp(type, "threadcreate") == 0 ? "threads"
							 : "goroutines";
}

static int
find_roles(struct pprof_profile *profile)
{
	int i;

	for (i = 0; i < PPROF_ROLE_COUNT; i++)
		profile->column[i] = -1;
	for (i = 0; i < (int)profile->type_count; i++) {
		if (find_role(profile, i) < 0)
			return -1;
	}
	if (profile->column[PPROF_LIVE_BYTES] < 0 &&
	    profile->column[PPROF_LIVE_OBJECTS] < 0 &&
	    profile->column[PPROF_THREADS] < 0)
		return refuse_types(profile);
	if (profile->column[PPROF_LIVE_BYTES] < 0 &&
	    profile->column[PPROF_LIVE_OBJECTS] < 0)
		profile->build.model->header.counted = counted_by(profile);
	profile->build.has_alloc = profile->column[PPROF_ALLOC_BYTES] >= 0;
	return 0;
}

static bool
starts_with(const char *text, const char *with, const char **rest)
{
	size_t len = strlen(with);

	if (strncmp(text, with, len) != 0)
		return false;
	*rest = text + len;
	return true;
}

/* "snapshot 2 of /usr/bin/server, pid 1234, ..."; the program's name may have
 * anything in it, so its pid is the last one said. */
static void
take_identity(struct header *header, const char *text)
{
	static const char mark[] = ", pid ";
	const char *rest, *found, *pid = NULL;

	if (!starts_with(text, "snapshot ", &rest))
		return;
	for (found = strstr(rest, mark); found; found = strstr(pid, mark))
		pid = found + strlen(mark);
	if (!pid)
		return;
	header->sequence = strtoull(rest, NULL, 10);
	header->pid = (uint32_t)strtoul(pid, NULL, 10);
}

/* What our own profiles say in their comments. */
static int
take_our_comments(struct pprof_profile *profile,
		  const struct loose_facts *facts)
{
	struct model *model = profile->build.model;
	const char *first, *second, *rest;

	if (facts->comment_count < 2)
		return 0;
	first = pprof_text(profile, facts->comments[0]);
	second = first ? pprof_text(profile, facts->comments[1]) : NULL;
	if (!second)
		return -1;
	if (!starts_with(first, "leakshim ", &rest))
		return 0;
	profile->ours = true;
	model->header.shim_version = rest;
	if (starts_with(second, "base: ", &rest))
		return err_set(
			profile->build.err, ERR_FOREIGN,
			"'%s': the difference of two snapshots, not a profile of one",
			model->file);
	if (starts_with(second, "live: ", &rest))
		take_identity(&model->header, rest);
	return 0;
}

static int
keep_facts(struct pprof_profile *profile, const struct loose_facts *facts)
{
	struct header *header = &profile->build.model->header;
	const char *type = pprof_text(profile, facts->period_type.type);
	const char *unit = type ? pprof_text(profile, facts->period_type.unit)
				: NULL;

	if (!unit)
		return -1;
	header->wall_ns = facts->time_ns;
	header->monotonic_ns = facts->time_ns;
	if (strcmp(type, "space") == 0 && strcmp(unit, "bytes") == 0 &&
	    facts->period > 0) {
		if (facts->period > (int64_t)LKS_SAMPLE_MAX)
			return build_corrupt(&profile->build,
					     "a sampling rate of %" PRId64,
					     facts->period);
		header->sample_bytes = (uint64_t)facts->period;
	}
	return take_our_comments(profile, facts);
}

static int
take_facts(struct pprof_profile *profile)
{
	struct loose_facts facts = { 0 };
	struct pprof_item item;
	size_t at = 0;
	int result;

	while ((result = pprof_next(profile, &at, &item)) == 1) {
		if (take_fact(profile, &item, &facts) < 0)
			return -1;
	}
	if (result < 0)
		return -1;
	if (profile->type_count == 0)
		return build_foreign(profile->build.model->file, profile->plain,
				     profile->build.err);
	if (find_roles(profile) < 0 || keep_facts(profile, &facts) < 0)
		return -1;
	return pprof_main_mapping(profile);
}

/* --- the whole --------------------------------------------------------------- */

static int
slurp(struct gunzip *stream, const char *file, struct strbuf *bytes,
      struct err *err)
{
	uint8_t *chunk = xmalloc(PPROF_CHUNK);
	int result;
	size_t got;

	do {
		result = gunzip_next(stream, chunk, PPROF_CHUNK, &got, err);
		if (result == 0 && got > PROFILE_BYTES_MAX - bytes->len)
			result = err_at(err, ERR_TOO_LARGE, file,
					PROFILE_BYTES_MAX,
					"larger than any profile");
		if (result == 0)
			strbuf_add(bytes, chunk, got);
	} while (result == 0 && got == PPROF_CHUNK);
	free(chunk);
	return result;
}

int
reader_pprof(struct model *model, struct gunzip *stream, bool facts_only,
	     struct err *err)
{
	struct pprof_profile profile = { 0 };
	struct strbuf bytes = { 0 };
	int result = slurp(stream, model->file, &bytes, err);

	build_begin(&profile.build, model, err);
	model->origin = ORIGIN_PROFILE;
	if (result == 0) {
		profile.bytes = (const uint8_t *)strbuf_text(&bytes);
		profile.len = bytes.len;
		profile.plain = gunzip_is_plain(stream);
		result = take_facts(&profile);
		if (gunzip_cut_short(stream) && profile.type_count > 0)
			result = err_at(err, ERR_CORRUPT, model->file,
					bytes.len, "a truncated profile");
	}
	if (result == 0 && !facts_only)
		result = pprof_tables(&profile);
	build_release(&profile.build);
	free(profile.texts);
	strbuf_release(&bytes);
	return result;
}
