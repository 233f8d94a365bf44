/* Files of a process that still runs: of that very process, or of none. */
#include <fcntl.h>
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
#include <elfutils/libdwelf.h>
#include <gelf.h>

#include "../../analyzer/facts.h"
#include "../../analyzer/model.h"
#include "../../analyzer/sym_live.h"

static char boot_id[64];
static uint8_t build_id[64];
static uint32_t build_id_bytes;
static uint64_t start_ticks;
static uint64_t pid_namespace;

static int
learn(void **state)
{
	const void *found;
	struct stat st;
	char text[4096] = "";
	const char *at;
	ssize_t bytes;
	int fd, i;
	Elf *elf;

	(void)state;
	elf_version(EV_CURRENT);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	bytes = elf ? dwelf_elf_gnu_build_id(elf, &found) : 0;
	if (bytes < 2 || bytes > (ssize_t)sizeof(build_id))
		return -1;
	memcpy(build_id, found, (size_t)bytes);
	build_id_bytes = (uint32_t)bytes;
	elf_end(elf);
	close(fd);
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (read(fd, boot_id, sizeof(boot_id) - 1) < 36)
		return -1;
	boot_id[36] = '\0';
	close(fd);
	fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	close(fd);
	at = strrchr(text, ')');
	for (i = 2; at && i < 22; i++)
		at = strchr(at + 1, ' ');
	start_ticks = at ? strtoull(at, NULL, 10) : 0;
	if (stat("/proc/self/ns/pid", &st))
		return -1;
	pid_namespace = st.st_ino;
	return start_ticks ? 0 : -1;
}

static struct header
own_header(void)
{
	return (struct header){
		.boot_id = boot_id,
		.pid = (uint32_t)getpid(),
		.pid_namespace = pid_namespace,
		.start_ticks = start_ticks,
	};
}

/* The test itself, under a path where nothing is. */
static struct module
own_module(void)
{
	return (struct module){
		.path = "/nonexistent/test_sym_live",
		.build_id = build_id,
		.build_id_bytes = build_id_bytes,
	};
}

static bool
is_found(const struct header *header, const struct module *module)
{
	struct sym_live *live = sym_live_new();
	int fd;

	sym_live_add(live, header);
	fd = sym_live_open(live, module);
	if (fd >= 0)
		close(fd);
	sym_live_free(live);
	return fd >= 0;
}

static void
process_is_found_by_all_that_names_it(void **state)
{
	const struct module module = own_module();
	struct header header = own_header();

	(void)state;
	assert_true(is_found(&header, &module));
	header.start_ticks++; /* its pid was given out again */
	assert_false(is_found(&header, &module));
	header = own_header();
	header.pid_namespace++;
	assert_false(is_found(&header, &module));
	header = own_header();
	header.pid = 1;
	assert_false(is_found(&header, &module));
	header = own_header();
	header.boot_id = "00000000-0000-0000-0000-000000000000";
	assert_false(is_found(&header, &module));
}

static void
header_that_names_no_process_asks_none(void **state)
{
	const struct module module = own_module();
	struct header header = own_header();

	(void)state;
	header.start_ticks = 0;
	assert_false(is_found(&header, &module));
	header = own_header();
	header.pid_namespace = 0;
	assert_false(is_found(&header, &module));
	header = own_header();
	header.boot_id = "";
	assert_false(is_found(&header, &module));
}

static void
file_must_have_the_build_id(void **state)
{
	const struct header header = own_header();
	struct module module = own_module();
	uint8_t other[64];

	(void)state;
	memcpy(other, build_id, sizeof(other));
	other[0] ^= 1;
	module.build_id = other;
	assert_false(is_found(&header, &module));
	/* Without one, nothing would tell that it is the file. */
	module = own_module();
	module.build_id = NULL;
	module.build_id_bytes = 0;
	assert_false(is_found(&header, &module));
}

static void
processes_that_are_too_many_are_forgotten_in_turn(void **state)
{
	const struct module module = own_module();
	struct sym_live *live = sym_live_new();
	struct header header = own_header();
	int i, fd;

	(void)state;
	sym_live_add(live, &header);
	for (i = 1; i < SYM_LIVE_MAX; i++) {
		header.start_ticks = start_ticks + (uint64_t)i;
		sym_live_add(live, &header);
	}
	fd = sym_live_open(live, &module);
	assert_true(fd >= 0);
	close(fd);
	header.start_ticks = start_ticks + SYM_LIVE_MAX;
	sym_live_add(live, &header);
	assert_true(sym_live_open(live, &module) < 0);
	/* One that is known already takes no place. */
	header = own_header();
	sym_live_add(live, &header);
	for (i = 0; i < 3 * SYM_LIVE_MAX; i++)
		sym_live_add(live, &header);
	fd = sym_live_open(live, &module);
	assert_true(fd >= 0);
	close(fd);
	sym_live_free(live);
}

static void
what_is_in_the_way_is_not_waited_for(void **state)
{
	const struct header header = own_header();
	struct module module = own_module();
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_sym_live.%d", (int)getpid());
	module.path = path;
	assert_int_equal(mkfifo(path, 0600), 0);
	/* It is found all the same, as the program. */
	assert_true(is_found(&header, &module));
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(is_found(&header, &module));
	rmdir(path);
	assert_int_equal(symlink(path, path), 0);
	assert_true(is_found(&header, &module));
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_is_found_by_all_that_names_it),
		cmocka_unit_test(header_that_names_no_process_asks_none),
		cmocka_unit_test(file_must_have_the_build_id),
		cmocka_unit_test(
			processes_that_are_too_many_are_forgotten_in_turn),
		cmocka_unit_test(what_is_in_the_way_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, learn, NULL);
}
