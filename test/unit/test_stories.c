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
	{ "test/cli/leakdiff-output/in/old.snap", story_server_old, 0 },
	{ "test/cli/leakdiff-output/in/new.snap", story_server_new, 0 },
};

static struct snapgen_buffer
tell(const struct input *input)
{
	struct snapgen *gen = input->story();
	struct snapgen_buffer packed = snapgen_pack(gen, 1);

	packed.len -= (size_t)input->cut;
	snapgen_free(gen);
	return packed;
}

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

/* Compared uncompressed: zlib may pack differently from version to version. */
static void
committed_cli_inputs_are_current(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		struct snapgen_buffer packed = tell(&inputs[i]);
		uint8_t *got = xmalloc(packed.len + 1);
		gzFile file;
		int len;

		if (getenv("UPDATE"))
			update(inputs[i].path, &packed);
		file = gzopen(inputs[i].path, "r");
		assert_non_null(file);
		len = gzread(file, got, (unsigned int)packed.len + 1);
		assert_int_equal(len, packed.len);
		assert_memory_equal(got, packed.data, packed.len);
		gzclose(file);
		free(packed.data);
		free(got);
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
