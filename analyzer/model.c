#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

/* Texts are many and small and die together: chunks, freed with the model. */
struct pool_chunk {
	struct pool_chunk *next;
	max_align_t bytes[];
};

struct model_pool {
	struct pool_chunk *chunks;
	size_t used;     /* of the first chunk */
	size_t capacity; /* of the first chunk */
};

#define POOL_CHUNK_BYTES ((size_t)64 << 10)

static void *
pool_take(struct model_pool *pool, size_t bytes)
{
	struct pool_chunk *chunk;
	void *p;

	bytes = xadd(bytes, sizeof(max_align_t) - 1) &
		~(sizeof(max_align_t) - 1);
	if (bytes > pool->capacity - pool->used) {
		size_t capacity = bytes > POOL_CHUNK_BYTES ? bytes
							   : POOL_CHUNK_BYTES;

		chunk = xmalloc(xadd(sizeof(*chunk), capacity));
		chunk->next = pool->chunks;
		pool->chunks = chunk;
		pool->used = 0;
		pool->capacity = capacity;
	}
	p = (char *)pool->chunks->bytes + pool->used;
	pool->used += bytes;
	return p;
}

char *
model_keep(struct model *model, const void *bytes, size_t len)
{
	char *text = pool_take(model->pool, xadd(len, 1));

	if (len)
		memcpy(text, bytes, len);
	text[len] = '\0';
	return text;
}

void *
model_keep_zeroed(struct model *model, size_t count, size_t size)
{
	size_t bytes = xmul(count, size);

	return memset(pool_take(model->pool, bytes), 0, bytes);
}

/* Tables with element 0 only. */
static void
begin_tables(struct model *model)
{
	model->modules = xcalloc(1, sizeof(*model->modules));
	model->modules[0].path = "";
	model->pcs = xcalloc(1, sizeof(*model->pcs));
	model->nodes = xcalloc(1, sizeof(*model->nodes));
	model->sites = xcalloc(1, sizeof(*model->sites));
	model->thread_sites = xcalloc(1, sizeof(*model->thread_sites));
}

static void
free_tables(struct model *model)
{
	free(model->modules);
	free(model->pcs);
	free(model->nodes);
	free(model->sites);
	free(model->cohorts);
	free(model->thread_sites);
}

struct model *
model_new(const char *file)
{
	struct model *model = xcalloc(1, sizeof(*model));

	model->pool = xcalloc(1, sizeof(*model->pool));
	model->file = model_keep(model, file, strlen(file));
	model->header.shim_version = "";
	model->header.boot_id = "";
	model->header.host = "";
	model->header.exe = "";
	model->header.exe_build_id = "";
	model->header.counted = "";
	model->header.machine = "";
	model->header.unwind = "";
	model->header.sample_bytes = 1;
	model->header.count_scale = 1;
	model->losses.disabled_because = "";
	begin_tables(model);
	return model;
}

void
model_free(struct model *model)
{
	struct pool_chunk *chunk;
	struct pool_chunk *next;

	if (!model)
		return;
	free_tables(model);
	free(model->marks);
	for (chunk = model->pool->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(model->pool);
	free(model);
}

void
model_drop_tables(struct model *model)
{
	free_tables(model);
	model->cohorts = NULL;
	begin_tables(model);
	model->module_count = 0;
	model->pc_count = 0;
	model->node_count = 0;
	model->site_count = 0;
	model->cohort_count = 0;
	model->thread_site_count = 0;
}
