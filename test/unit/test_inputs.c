/* Files and directories, put in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/inputs.h"
#include "../../analyzer/strbuf.h"
#include "snapgen.h"

struct scene {
	char directory[64];
	char *paths[16];
	size_t path_count;
	struct inputs inputs;
	struct strbuf warnings;
	struct err err;
};

static int
begin(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	strcpy(scene->directory, "/tmp/test_inputs.XXXXXX");
	*state = scene;
	return mkdtemp(scene->directory) ? 0 : -1;
}

static int
end(void **state)
{
	struct scene *scene = *state;
	size_t i;

	for (i = 0; i < scene->path_count; i++) {
		unlink(scene->paths[i]);
		free(scene->paths[i]);
	}
	rmdir(scene->directory);
	inputs_release(&scene->inputs);
	strbuf_release(&scene->warnings);
	free(scene);
	return 0;
}

static const char *
add_bytes(struct scene *scene, const char *name, const void *bytes, size_t len)
{
	struct strbuf text = { 0 };
	char *path;
	FILE *file;

	strbuf_addf(&text, "%s/%s", scene->directory, name);
	path = scene->paths[scene->path_count++] = strbuf_detach(&text);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* A snapshot of a process, taken `second` seconds after its start. */
static const char *
add_set(struct scene *scene, const char *name, uint32_t pid, uint64_t sequence,
	uint64_t second, uint64_t clock_s)
{
	struct snapgen *gen = snapgen_new();
	Leakshim__V1__Header *header = snapgen_header(gen);
	struct snapgen_buffer packed, zipped;
	const char *path;

	header->pid = pid;
	header->start_ticks = pid;
	header->start_wall_ns =
		UINT64_C(1700000000000000000) - pid + clock_s * 1000000000;
	header->sequence = sequence;
	header->monotonic_ns = header->start_monotonic_ns + second * 1000000000;
	packed = snapgen_pack(gen, 1);
	zipped = snapgen_gzip(packed.data, packed.len);
	path = add_bytes(scene, name, zipped.data, zipped.len);
	free(packed.data);
	free(zipped.data);
	snapgen_free(gen);
	return path;
}

static const char *
add(struct scene *scene, const char *name, uint32_t pid, uint64_t sequence,
    uint64_t second)
{
	return add_set(scene, name, pid, sequence, second, 0);
}

static int
collect(struct scene *scene, const char *const *args, size_t count)
{
	return inputs_collect(&scene->inputs, args, count, &scene->warnings,
			      &scene->err);
}

static const char *
name_at(const struct scene *scene, size_t group, size_t i)
{
	return strrchr(scene->inputs.groups[group].inputs[i].file, '/') + 1;
}

static void
two_files_keep_their_order(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { add(scene, "x.2.snap", 7, 2, 20),
			       add(scene, "x.1.snap", 7, 1, 10) };

	assert_int_equal(collect(scene, args, 2), 0);
	assert_int_equal(scene->inputs.group_count, 1);
	assert_string_equal(name_at(scene, 0, 0), "x.2.snap");
	assert_string_equal(name_at(scene, 0, 1), "x.1.snap");
}

/* As a glob sorts them. */
static void
more_files_are_sorted_by_time(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { add(scene, "x.1.snap", 7, 1, 10),
			       add(scene, "x.10.snap", 7, 10, 100),
			       add(scene, "x.2.snap", 7, 2, 20) };

	assert_int_equal(collect(scene, args, 3), 0);
	assert_int_equal(scene->inputs.group_count, 1);
	assert_int_equal(scene->inputs.groups[0].count, 3);
	assert_string_equal(name_at(scene, 0, 0), "x.1.snap");
	assert_string_equal(name_at(scene, 0, 1), "x.2.snap");
	assert_string_equal(name_at(scene, 0, 2), "x.10.snap");
	assert_int_equal(scene->warnings.len, 0);
}

/* The one with the larger pid started first here. */
static void
processes_are_grouped_and_sorted_by_start(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { add(scene, "a.snap", 7, 1, 10),
			       add(scene, "b.snap", 8, 1, 15),
			       add(scene, "c.snap", 7, 2, 20),
			       add(scene, "d.snap", 8, 2, 5) };

	assert_int_equal(collect(scene, args, 4), 0);
	assert_int_equal(scene->inputs.group_count, 2);
	assert_string_equal(name_at(scene, 0, 0), "d.snap");
	assert_string_equal(name_at(scene, 0, 1), "b.snap");
	assert_string_equal(name_at(scene, 1, 0), "a.snap");
	assert_string_equal(name_at(scene, 1, 1), "c.snap");
}

/* A clock that was set in between: the start then reads otherwise. */
static void
process_is_one_whatever_its_clock_says(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { add_set(scene, "a.snap", 7, 1, 10, 0),
			       add_set(scene, "b.snap", 8, 1, 10, 1),
			       add_set(scene, "c.snap", 7, 2, 20, 2),
			       add_set(scene, "d.snap", 8, 2, 20, 3),
			       add_set(scene, "e.snap", 7, 3, 30, 4) };

	assert_int_equal(collect(scene, args, 5), 0);
	assert_int_equal(scene->inputs.group_count, 2);
	assert_int_equal(scene->inputs.groups[0].count, 3);
	assert_string_equal(name_at(scene, 0, 0), "a.snap");
	assert_string_equal(name_at(scene, 0, 2), "e.snap");
}

static void
directory_is_all_that_is_in_it(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { scene->directory };

	add(scene, "x.2.snap", 7, 2, 20);
	add(scene, "x.1.snap", 7, 1, 10);
	add_bytes(scene, "notes.txt", "hello", 5);
	add_bytes(scene, ".x.3.snap", "unfinished", 10);
	assert_int_equal(collect(scene, args, 1), 0);
	assert_int_equal(scene->inputs.group_count, 1);
	assert_int_equal(scene->inputs.groups[0].count, 2);
	assert_string_equal(name_at(scene, 0, 0), "x.1.snap");
	assert_true(scene->inputs.groups[0].inputs[0].found);
	assert_int_equal(scene->warnings.len, 0);
}

static void
damaged_file_in_a_directory_costs_only_itself(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { scene->directory };

	add(scene, "x.1.snap", 7, 1, 10);
	add_bytes(scene, "x.2.snap", "garbage", 7);
	assert_int_equal(collect(scene, args, 1), 0);
	assert_int_equal(scene->inputs.groups[0].count, 1);
	assert_non_null(strstr(strbuf_text(&scene->warnings), "x.2.snap"));
	assert_non_null(strstr(strbuf_text(&scene->warnings), "left out"));
}

static void
damaged_file_that_was_named_is_an_error(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { add(scene, "x.1.snap", 7, 1, 10),
			       add_bytes(scene, "x.2.snap", "garbage", 7),
			       add(scene, "x.3.snap", 7, 3, 30) };

	assert_int_equal(collect(scene, args, 3), -1);
	assert_non_null(strstr(scene->err.text, "x.2.snap"));
}

static void
directory_of_nothing_is_an_error(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { scene->directory };

	assert_int_equal(collect(scene, args, 1), -1);
	assert_non_null(strstr(scene->err.text, "holds no snapshots"));
}

static void
directory_of_damage_is_an_error(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { scene->directory };

	add_bytes(scene, "x.1.snap", "garbage", 7);
	assert_int_equal(collect(scene, args, 1), -1);
	assert_non_null(strstr(strbuf_text(&scene->warnings), "x.1.snap"));
	assert_string_equal(scene->err.text, "no file can be read");
}

static void
snapshot_given_twice_counts_once(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { add(scene, "x.1.snap", 7, 1, 10),
			       add(scene, "copy.snap", 7, 1, 10),
			       add(scene, "x.2.snap", 7, 2, 20) };

	assert_int_equal(collect(scene, args, 3), 0);
	assert_int_equal(scene->inputs.groups[0].count, 2);
	assert_non_null(strstr(strbuf_text(&scene->warnings), "same snapshot"));
}

/* Nothing is called a copy that is none: a clock may be coarse. */
static void
snapshots_of_one_moment_are_two(void **state)
{
	struct scene *scene = *state;
	const char *args[] = { add(scene, "x.1.snap", 7, 1, 10),
			       add(scene, "x.2.snap", 7, 2, 10),
			       add(scene, "x.3.snap", 7, 3, 20) };

	assert_int_equal(collect(scene, args, 3), 0);
	assert_int_equal(scene->inputs.groups[0].count, 3);
	assert_string_equal(strbuf_text(&scene->warnings), "");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(two_files_keep_their_order),
		TEST(more_files_are_sorted_by_time),
		TEST(processes_are_grouped_and_sorted_by_start),
		TEST(process_is_one_whatever_its_clock_says),
		TEST(directory_is_all_that_is_in_it),
		TEST(damaged_file_in_a_directory_costs_only_itself),
		TEST(damaged_file_that_was_named_is_an_error),
		TEST(directory_of_nothing_is_an_error),
		TEST(directory_of_damage_is_an_error),
		TEST(snapshot_given_twice_counts_once),
		TEST(snapshots_of_one_moment_are_two),
	};

	return cmocka_run_group_tests_name("inputs", tests, NULL, NULL);
}
