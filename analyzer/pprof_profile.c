/*
 * protobuf-c's structure of the whole profile is grown in place: each element
 * is allocated once and never moves, only the arrays of pointers to them do.
 */
#include "pprof_profile.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "err.h"
#include "hashtab.h"
#include "profile.pb-c.h"
#include "strbuf.h"
#include "xalloc.h"

/* windowBits of zlib: the largest window, in a gzip wrapper. */
#define GZIP_WINDOW_BITS (15 + 16)

#define WRITE_BYTES 65536

struct text {
	int64_t index; /* in string_table, which points to `bytes` */
	char bytes[];
};

/* The arrays that a sample and a location point to come with them. */
struct sample {
	Perftools__Profiles__Sample pb; /* first: freed through it */
	int64_t *values;
	uint64_t locations[];
};

struct location {
	Perftools__Profiles__Location pb; /* first: freed through it */
	Perftools__Profiles__Line lines[];
};

struct pprof {
	Perftools__Profiles__Profile pb;
	Perftools__Profiles__ValueType period_type;
	Perftools__Profiles__Label base; /* of all samples of the base */
	Perftools__Profiles__Label *base_label;
	size_t type_capacity;
	size_t sample_capacity;
	size_t mapping_capacity;
	size_t location_capacity;
	size_t function_capacity;
	size_t text_capacity;
	size_t comment_capacity;
	struct hashtab texts;     /* struct text */
	struct hashtab functions; /* Perftools__Profiles__Function */
	struct hashtab samples;   /* struct sample */
	bool inlines;
	struct strbuf clean; /* scratch */
};

/* Room for one more in one of the profile's arrays. */
#define GROW(pprof, array, capacity)                                           \
	((pprof)->pb.array = xgrow((pprof)->pb.array, &(pprof)->capacity,      \
				   (pprof)->pb.n_##array + 1,                  \
				   sizeof(*(pprof)->pb.array)))

/* --- texts ----------------------------------------------------------------- */

/* Readers refuse a profile with a text that is not UTF-8, and print texts to
 * terminals. */
static const char *
cleaned(struct pprof *pprof, const char *text)
{
	strbuf_clear(&pprof->clean);
	strbuf_add_printable(&pprof->clean, text);
	return strbuf_text(&pprof->clean);
}

static bool
text_equal(const void *entry, const void *key)
{
	return strcmp(((const struct text *)entry)->bytes, key) == 0;
}

static int64_t
text_index(struct pprof *pprof, const char *dirty)
{
	const char *bytes = cleaned(pprof, dirty);
	size_t len = strlen(bytes);
	struct text *text;
	void **place = hashtab_place(&pprof->texts,
				     hash_bytes(HASH_START, bytes, len), bytes,
				     text_equal);

	if (!*place) {
		text = xmalloc(xadd(sizeof(*text), len + 1));
		memcpy(text->bytes, bytes, len + 1);
		text->index = (int64_t)pprof->pb.n_string_table;
		GROW(pprof, string_table, text_capacity);
		pprof->pb.string_table[pprof->pb.n_string_table++] =
			text->bytes;
		*place = text;
	}
	return ((struct text *)*place)->index;
}

/* --- the profile ------------------------------------------------------------ */

static void
set_type(struct pprof *pprof, Perftools__Profiles__ValueType *to,
	 const struct pprof_type *type)
{
	perftools__profiles__value_type__init(to);
	to->type = text_index(pprof, type->type);
	to->unit = text_index(pprof, type->unit);
}

struct pprof *
pprof_new(const struct pprof_type *types, size_t type_count)
{
	struct pprof *pprof = xcalloc(1, sizeof(*pprof));
	Perftools__Profiles__ValueType *type;
	size_t i;

	perftools__profiles__profile__init(&pprof->pb);
	text_index(pprof, "");
	for (i = 0; i < type_count; i++) {
		type = xmalloc(sizeof(*type));
		set_type(pprof, type, &types[i]);
		GROW(pprof, sample_type, type_capacity);
		pprof->pb.sample_type[pprof->pb.n_sample_type++] = type;
	}
	return pprof;
}

void
pprof_free(struct pprof *pprof)
{
	Perftools__Profiles__Profile *pb;
	size_t i;

	if (!pprof)
		return;
	pb = &pprof->pb;
	for (i = 0; i < pb->n_sample_type; i++)
		free(pb->sample_type[i]);
	for (i = 0; i < pb->n_sample; i++)
		free(pb->sample[i]);
	for (i = 0; i < pb->n_mapping; i++)
		free(pb->mapping[i]);
	for (i = 0; i < pb->n_location; i++) {
		free(pb->location[i]->line);
		free(pb->location[i]);
	}
	for (i = 0; i < pb->n_function; i++)
		free(pb->function[i]);
	for (i = 0; i < pprof->texts.capacity; i++)
		free(pprof->texts.slots[i].entry);
	free(pb->sample_type);
	free(pb->sample);
	free(pb->mapping);
	free(pb->location);
	free(pb->function);
	free(pb->string_table);
	free(pb->comment);
	hashtab_release(&pprof->texts);
	hashtab_release(&pprof->functions);
	hashtab_release(&pprof->samples);
	strbuf_release(&pprof->clean);
	free(pprof);
}

void
pprof_set_time(struct pprof *pprof, uint64_t wall_ns, uint64_t duration_ns)
{
	pprof->pb.time_nanos = (int64_t)wall_ns;
	pprof->pb.duration_nanos = (int64_t)duration_ns;
}

void
pprof_set_period(struct pprof *pprof, const struct pprof_type *type,
		 uint64_t period)
{
	set_type(pprof, &pprof->period_type, type);
	pprof->pb.period_type = &pprof->period_type;
	pprof->pb.period = (int64_t)period;
}

void
pprof_set_default_type(struct pprof *pprof, const char *type)
{
	pprof->pb.default_sample_type = text_index(pprof, type);
}

void
pprof_set_inlines(struct pprof *pprof, bool inlines)
{
	pprof->inlines = inlines;
}

void
pprof_add_comment(struct pprof *pprof, const char *text)
{
	int64_t index = text_index(pprof, text);

	GROW(pprof, comment, comment_capacity);
	pprof->pb.comment[pprof->pb.n_comment++] = index;
}

uint64_t
pprof_add_mapping(struct pprof *pprof, const struct pprof_mapping *mapping)
{
	Perftools__Profiles__Mapping *pb = xmalloc(sizeof(*pb));

	perftools__profiles__mapping__init(pb);
	pb->id = pprof->pb.n_mapping + 1;
	pb->memory_start = mapping->start;
	pb->memory_limit = mapping->limit;
	pb->file_offset = mapping->file_offset;
	pb->filename = text_index(pprof, mapping->filename);
	pb->build_id = text_index(pprof, mapping->build_id);
	GROW(pprof, mapping, mapping_capacity);
	pprof->pb.mapping[pprof->pb.n_mapping++] = pb;
	return pb->id;
}

/* --- functions and locations ------------------------------------------------ */

static bool
function_equal(const void *entry, const void *key)
{
	const Perftools__Profiles__Function *a = entry, *b = key;

	return a->name == b->name && a->system_name == b->system_name &&
	       a->filename == b->filename;
}

/*
 * pprof takes a name that equals its linkage name for one that is still to be
 * demangled and shortens what looks like C++ in it. A readable name that has
 * such signs must not be touched: it gets no linkage name.
 */
static bool
would_be_shortened(const struct pprof_line *line)
{
	return strcmp(line->function, line->system_name) == 0 &&
	       line->function[strcspn(line->function, "<(")];
}

static uint64_t
function_id(struct pprof *pprof, const struct pprof_line *line)
{
	Perftools__Profiles__Function key, *function;
	uint64_t hash;
	void **place;

	perftools__profiles__function__init(&key);
	key.name = text_index(pprof, line->function);
	if (!would_be_shortened(line))
		key.system_name = text_index(pprof, line->system_name);
	if (line->file)
		key.filename = text_index(pprof, line->file);
	hash = hash_u64((uint64_t)key.name, (uint64_t)key.system_name);
	hash = hash_u64(hash, (uint64_t)key.filename);
	place = hashtab_place(&pprof->functions, hash, &key, function_equal);
	if (!*place) {
		function = xmalloc(sizeof(*function));
		*function = key;
		function->id = pprof->pb.n_function + 1;
		GROW(pprof, function, function_capacity);
		pprof->pb.function[pprof->pb.n_function++] = function;
		*place = function;
	}
	return ((Perftools__Profiles__Function *)*place)->id;
}

uint64_t
pprof_add_location(struct pprof *pprof, uint64_t mapping, uint64_t address,
		   const struct pprof_line *lines, size_t line_count)
{
	struct location *location =
		xmalloc(xadd(sizeof(*location),
			     xmul(line_count, sizeof(location->lines[0]))));
	Perftools__Profiles__Location *pb = &location->pb;
	size_t i;

	perftools__profiles__location__init(pb);
	pb->id = pprof->pb.n_location + 1;
	pb->mapping_id = mapping;
	pb->address = address;
	pb->n_line = line_count;
	pb->line = xcalloc(line_count, sizeof(*pb->line));
	for (i = 0; i < line_count; i++) {
		pb->line[i] = &location->lines[i];
		perftools__profiles__line__init(pb->line[i]);
		pb->line[i]->function_id = function_id(pprof, &lines[i]);
		pb->line[i]->line = lines[i].line;
	}
	GROW(pprof, location, location_capacity);
	pprof->pb.location[pprof->pb.n_location++] = pb;
	return pb->id;
}

/* --- samples ---------------------------------------------------------------- */

struct sample_key {
	const uint64_t *locations;
	size_t count;
	bool is_base;
};

static bool
sample_equal(const void *entry, const void *key)
{
	const struct sample *sample = entry;
	const struct sample_key *wanted = key;

	return sample->pb.n_location_id == wanted->count &&
	       (sample->pb.n_label > 0) == wanted->is_base &&
	       memcmp(sample->locations, wanted->locations,
		      wanted->count * sizeof(*wanted->locations)) == 0;
}

/* One block of memory: the structure, the locations, the values. */
static struct sample *
sample_new(const struct sample_key *key, size_t type_count)
{
	size_t words = xadd(key->count, type_count);
	struct sample *sample =
		xcalloc(1, xadd(sizeof(*sample), xmul(words, 8)));

	memcpy(sample->locations, key->locations,
	       key->count * sizeof(*key->locations));
	perftools__profiles__sample__init(&sample->pb);
	sample->values = (int64_t *)(sample->locations + key->count);
	sample->pb.n_location_id = key->count;
	sample->pb.location_id = sample->locations;
	sample->pb.n_value = type_count;
	sample->pb.value = sample->values;
	return sample;
}

static bool
is_zero(const int64_t *values, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (values[i])
			return false;
	}
	return true;
}

/* Made when first needed: its texts would be in every profile. */
static Perftools__Profiles__Label **
base_labels(struct pprof *pprof)
{
	if (!pprof->base_label) {
		perftools__profiles__label__init(&pprof->base);
		pprof->base.key = text_index(pprof, "pprof::base");
		pprof->base.str = text_index(pprof, "true");
		pprof->base_label = &pprof->base;
	}
	return &pprof->base_label;
}

void
pprof_add_sample(struct pprof *pprof, const uint64_t *locations,
		 size_t location_count, const int64_t *values, bool is_base)
{
	const struct sample_key key = { locations, location_count, is_base };
	uint64_t hash = hash_u64(HASH_START, is_base);
	struct sample *sample;
	void **place;
	size_t i;

	if (is_zero(values, pprof->pb.n_sample_type))
		return;
	for (i = 0; i < location_count; i++)
		hash = hash_u64(hash, locations[i]);
	place = hashtab_place(&pprof->samples, hash, &key, sample_equal);
	sample = *place;
	if (!sample) {
		sample = sample_new(&key, pprof->pb.n_sample_type);
		if (is_base) {
			sample->pb.label = base_labels(pprof);
			sample->pb.n_label = 1;
		}
		GROW(pprof, sample, sample_capacity);
		pprof->pb.sample[pprof->pb.n_sample++] = &sample->pb;
		*place = sample;
	}
	for (i = 0; i < pprof->pb.n_sample_type; i++)
		sample->values[i] += values[i];
}

/* --- writing ---------------------------------------------------------------- */

/* What came to nothing is left out; the rest keeps its order. */
static void
drop_zero_samples(Perftools__Profiles__Profile *pb)
{
	size_t kept = 0, i;

	for (i = 0; i < pb->n_sample; i++) {
		if (is_zero(pb->sample[i]->value, pb->sample[i]->n_value))
			free(pb->sample[i]);
		else
			pb->sample[kept++] = pb->sample[i];
	}
	pb->n_sample = kept;
}

static void
claim(struct pprof *pprof)
{
	const Perftools__Profiles__Location *location;
	const Perftools__Profiles__Line *line;
	Perftools__Profiles__Mapping *mapping;
	size_t i, k;

	for (i = 0; i < pprof->pb.n_mapping; i++) {
		mapping = pprof->pb.mapping[i];
		mapping->has_functions = 1;
		mapping->has_filenames = 1;
		mapping->has_line_numbers = 1;
		mapping->has_inline_frames = pprof->inlines;
	}
	for (i = 0; i < pprof->pb.n_location; i++) {
		location = pprof->pb.location[i];
		if (!location->mapping_id)
			continue;
		mapping = pprof->pb.mapping[location->mapping_id - 1];
		if (location->n_line == 0) {
			mapping->has_functions = 0;
			mapping->has_filenames = 0;
			mapping->has_line_numbers = 0;
		}
		for (k = 0; k < location->n_line; k++) {
			line = location->line[k];
			if (!pprof->pb.function[line->function_id - 1]->filename)
				mapping->has_filenames = 0;
			if (!line->line)
				mapping->has_line_numbers = 0;
		}
	}
	for (i = 0; i < pprof->pb.n_mapping; i++) {
		mapping = pprof->pb.mapping[i];
		/* Who knows no lines knows no inlined functions. */
		mapping->has_inline_frames &= mapping->has_line_numbers;
	}
}

static int
write_gzip(uint8_t *bytes, size_t len, FILE *out, struct err *err)
{
	uint8_t *buffer = xmalloc(WRITE_BYTES);
	z_stream stream = { 0 };
	/* A profile of 100,000 stacks is larger by a twentieth than with the
	 * default level, and written in two thirds of the time. */
	int status = deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED,
				  GZIP_WINDOW_BITS, 8, Z_DEFAULT_STRATEGY);

	stream.next_in = bytes;
	while (status == Z_OK) {
		/* avail_in is 32 bits wide: the input goes in in steps. */
		if (stream.avail_in == 0) {
			stream.avail_in = len > UINT32_MAX / 2 ? UINT32_MAX / 2
							       : (uInt)len;
			len -= stream.avail_in;
		}
		stream.next_out = buffer;
		stream.avail_out = WRITE_BYTES;
		status = deflate(&stream, len > 0 ? Z_NO_FLUSH : Z_FINISH);
		fwrite(buffer, 1, WRITE_BYTES - stream.avail_out, out);
	}
	deflateEnd(&stream);
	free(buffer);
	if (status != Z_STREAM_END)
		return err_set(err, ERR_WRITE, "cannot compress: zlib error %d",
			       status);
	return 0;
}

int
pprof_write(struct pprof *pprof, FILE *out, struct err *err)
{
	uint8_t *bytes;
	size_t len;
	int result;

	drop_zero_samples(&pprof->pb);
	/* Its entries may be gone. */
	hashtab_release(&pprof->samples);
	claim(pprof);
	len = perftools__profiles__profile__get_packed_size(&pprof->pb);
	bytes = xmalloc(len);
	perftools__profiles__profile__pack(&pprof->pb, bytes);
	result = write_gzip(bytes, len, out, err);
	free(bytes);
	return result;
}
