/*
 * The committed inputs of test/cli are what stories.c tells. UPDATE=1 writes
 * them anew, as it does the expected outputs (scripts/run-cli-tests).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "../../analyzer/xalloc.h"
#include "stories.h"

static struct snapgen *
last_of_trend(void)
{
	return story_trend(STORY_TREND_COUNT);
}

struct input {
	const char *path;
	struct snapgen *(*story)(void);
	int cut; /* bytes missing at the end of the uncompressed stream */
};

static const struct input inputs[] = {
	{ "test/cli/leakdiff-text/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-text/in/new.snap", story_server_new, 0 },
	{ "test/cli/leakdiff-csv/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-csv/in/new.snap", story_server_new, 0 },
	{ "test/cli/leakdiff-single/in/new.snap", story_server_new, 0 },
	{ "test/cli/leakdiff-folded/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-folded/in/new.snap", story_server_new, 0 },
	{ "test/cli/leakdiff-json/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-json/in/new.snap", story_server_new, 0 },
	{ "test/cli/leakdiff-series/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-series/in/new.snap", story_server_new, 0 },
	{ "test/cli/leakdiff-processes/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-processes/in/other.snap", story_server_other, 0 },
	{ "test/cli/leakdiff-reversed/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-reversed/in/new.snap", story_server_new, 0 },
	{ "test/cli/leakdiff-sampled/in/new.snap", story_server_sampled, 0 },
	{ "test/cli/leakdiff-truncated/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-truncated/in/new.snap", story_server_new, 60 },
	{ "test/cli/leakdiff-prefix/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-prefix/in/new.snap", story_server_new, 200 },
	{ "test/cli/leakdiff-idle/in/idle.snap", story_idle, 0 },
	{ "test/cli/leakdiff-missing-files/in/plugins.snap", story_plugins, 0 },
	{ "test/cli/leakdiff-ages/in/server.snap", last_of_trend, 0 },
	{ "test/cli/leakdiff-listing/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-listing/in/new.snap", story_server_new, 0 },
	{ "test/cli/leakdiff-output/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-output/in/new.snap", story_server_new, 0 },
};

/* Snapshots of one process: NAME.1.snap and so on. */
struct series {
	const char *name;
	struct snapgen *(*story)(unsigned int number);
	unsigned int count;
};

static const struct series series[] = {
	{ "test/cli/leakdiff-trend/in/server", story_trend, STORY_TREND_COUNT },
	{ "test/cli/leakdiff-color/in/server", story_trend, STORY_TREND_COUNT },
	{ "test/cli/leakdiff-fleet/in/pod-1", story_pod_1, STORY_POD_COUNT },
	{ "test/cli/leakdiff-fleet/in/pod-2", story_pod_2, STORY_POD_COUNT },
	{ "test/cli/leakdiff-fleet/in/pod-3", story_pod_3, STORY_POD_COUNT },
};

static void
update(const char *path, const struct snapgen_buffer *packed)
{
	struct snapgen_buffer zipped = snapgen_gzip(packed->data, packed->len);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(zipped.data, 1, zipped.len, file), zipped.len);
	assert_int_equal(fclose(file), 0);
	free(zipped.data);
}

/* Compared uncompressed: zlib may pack differently from version to version.
 * `cut` bytes are missing at the end. */
static void
assert_current(const char *path, struct snapgen *take_gen, int cut)
{
	struct snapgen_buffer packed = snapgen_pack(take_gen, 1);
	uint8_t *got = xmalloc(packed.len + 1);
	gzFile file;
	int len;

	snapgen_free(take_gen);
	packed.len -= (size_t)cut;
	if (getenv("UPDATE"))
		update(path, &packed);
	file = gzopen(path, "r");
	assert_non_null(file);
	len = gzread(file, got, (unsigned int)packed.len + 1);
	assert_int_equal(len, packed.len);
	assert_memory_equal(got, packed.data, packed.len);
	gzclose(file);
	free(packed.data);
	free(got);
}

static void
committed_cli_inputs_are_current(void **state)
{
	char path[256];
	unsigned int number;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		assert_current(inputs[i].path, inputs[i].story(),
			       inputs[i].cut);
	for (i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
		for (number = 1; number <= series[i].count; number++) {
			snprintf(path, sizeof(path), "%s.%u.snap",
				 series[i].name, number);
			assert_current(path, series[i].story(number), 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(committed_cli_inputs_are_current),
	};

	return cmocka_run_group_tests_name("stories", tests, NULL, NULL);
}
