#include "preload_env.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "../../preload/arena.h"
#include "../../preload/depot.h"
#include "../../preload/epoch.h"
#include "../../preload/ident.h"
#include "../../preload/livetab.h"
#include "../../preload/modmap.h"
#include "../../preload/msg.h"
#include "../../preload/opts.h"
#include "../../preload/real.h"
#include "../../preload/sampler.h"
#include "../../preload/sink.h"

static char directory[64];

static void
remove_directory(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	rmdir(directory);
}

const char *
preload_env_directory(void)
{
	if (directory[0] == '\0') {
		snprintf(directory, sizeof(directory),
			 "/tmp/leakshim-unit.XXXXXX");
		assert_non_null(mkdtemp(directory));
		atexit(remove_directory);
	}
	return directory;
}

const char *
preload_env_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", preload_env_directory(), name);
	return path;
}

void
preload_env_boot(const char *options)
{
	static bool booted;

	lks_msg_quiet();
	if (!booted) {
		assert_true(lks_real_resolve());
		lks_arena_init(1ull << 33);
		lks_epoch_init();
		assert_true(lks_depot_init());
		assert_true(lks_livetab_init());
		assert_true(lks_modmap_init());
		booted = true;
	}
	lks_ident_init();
	lks_opts_parse(options);
	lks_sampler_init(lks_opts.sample, 1);
	lks_sink_init();
}

char *
preload_env_read(const char *path, size_t *bytes)
{
	gzFile file = gzopen(path, "rb");
	size_t cap = 1 << 16;
	char *data = malloc(cap);
	int n;

	*bytes = 0;
	if (file == NULL) {
		free(data);
		return NULL;
	}
	while ((n = gzread(file, data + *bytes, (unsigned)(cap - *bytes - 1))) >
	       0) {
		*bytes += (size_t)n;
		if (*bytes + 1 == cap)
			data = realloc(data, cap *= 2);
	}
	gzclose(file);
	if (n < 0) {
		free(data);
		return NULL;
	}
	data[*bytes] = '\0';
	return data;
}

Leakshim__V1__Snapshot *
preload_env_snapshot(const char *path)
{
	Leakshim__V1__Snapshot *snapshot;
	size_t bytes;
	char *data = preload_env_read(path, &bytes);

	assert_non_null(data);
	snapshot = leakshim__v1__snapshot__unpack(NULL, bytes,
						  (const uint8_t *)data);
	free(data);
	assert_non_null(snapshot);
	return snapshot;
}
