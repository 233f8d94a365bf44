/* Programs before they are started: what is found, refused and let through. */
#include <elf.h>
#include <errno.h>
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

#include "../../companion/program.h"

static char top[32];
static char path[64];

static int
set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/lks-program-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(path, sizeof(path), "%s/prog", top);
	return 0;
}

static int
tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void
write_program(const void *bytes, size_t count, mode_t mode)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, count, out), count);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
assert_refused(const char *part)
{
	struct err err = { .text = "" };

	assert_int_equal(program_check(path, &err), -1);
	if (!strstr(err.text, part))
		fail_msg("'%s' does not say '%s'", err.text, part);
}

static void
assert_taken(const char *file)
{
	struct err err;

	assert_int_equal(program_check(file, &err), 0);
}

/* An ELF file with one program header, of this machine. */
struct elf {
	Elf64_Ehdr head;
	Elf64_Phdr segment;
};

static struct elf
make_elf(void)
{
	struct elf elf;
	FILE *own = fopen("/proc/self/exe", "r");

	memset(&elf, 0, sizeof(elf));
	assert_non_null(own);
	assert_int_equal(fread(&elf.head, sizeof(elf.head), 1, own), 1);
	fclose(own);
	elf.head.e_phoff = sizeof(elf.head);
	elf.head.e_phnum = 1;
	elf.segment.p_type = PT_LOAD;
	return elf;
}

static void
dynamic_program_is_taken(void **state)
{
	struct elf elf = make_elf();

	(void)state;
	/* This test itself may be built with a sanitizer. */
	assert_taken("/bin/sh");
	elf.segment.p_type = PT_INTERP;
	write_program(&elf, sizeof(elf), 0755);
	assert_taken(path);
}

static void
static_program_is_refused(void **state)
{
	struct elf elf = make_elf();

	(void)state;
	write_program(&elf, sizeof(elf), 0755);
	assert_refused("statically linked");
}

static void
the_loader_is_taken(void **state)
{
	struct elf elf = make_elf();

	(void)state;
	snprintf(path, sizeof(path), "%s/ld-linux-x.so.2", top);
	write_program(&elf, sizeof(elf), 0755);
	assert_taken(path);
}

static void
other_machine_is_refused(void **state)
{
	struct elf elf = make_elf();

	(void)state;
	elf.segment.p_type = PT_INTERP;
	elf.head.e_machine = EM_S390;
	write_program(&elf, sizeof(elf), 0755);
	assert_refused("another machine");
}

static void
other_word_size_is_refused(void **state)
{
	struct elf elf = make_elf();

	(void)state;
	elf.segment.p_type = PT_INTERP;
	elf.head.e_ident[EI_CLASS] = ELFCLASS32;
	write_program(&elf, sizeof(elf), 0755);
	assert_refused("word size");
}

/* Doubt never refuses: exec(2) knows better. */
static void
odd_files_are_taken(void **state)
{
	struct elf elf = make_elf();

	(void)state;
	write_program("", 0, 0755);
	assert_taken(path);
	write_program("#!/bin/sh\n", 10, 0755);
	assert_taken(path);
	write_program("\177ELF", 4, 0755);
	assert_taken(path);
	elf.head.e_phoff = (uint64_t)-8;
	write_program(&elf, sizeof(elf), 0755);
	assert_taken(path);
	elf.head.e_phoff = sizeof(elf.head);
	elf.head.e_phnum = 0xffff;
	write_program(&elf, sizeof(elf), 0755);
	assert_taken(path);
	unlink(path);
	assert_taken(path);
}

/* Built by the compiler at hand, as users do. */
static void
assert_sanitizer_refused(const char *flag, const char *name)
{
	const char *compiler = getenv("CC");
	char command[256];

	snprintf(command, sizeof(command),
		 "echo 'int main(void) { return 0; }' | %s -x c -fsanitize=%s "
		 "-o %s - 2>/dev/null",
		 compiler ? compiler : "cc", flag, path);
	if (system(command) != 0) {
		print_message("the compiler has no -fsanitize=%s\n", flag);
		return;
	}
	assert_refused(name);
}

static void
sanitized_program_is_refused(void **state)
{
	(void)state;
	assert_sanitizer_refused("address", "was built with AddressSanitizer");
	assert_sanitizer_refused("thread", "was built with ThreadSanitizer");
	assert_sanitizer_refused("leak", "was built with LeakSanitizer");
	assert_sanitizer_refused("address -static-libasan",
				 "was built with AddressSanitizer");
}

/* It checks, and leaves the allocator as it is. */
static void
program_with_ubsan_is_taken(void **state)
{
	const char *compiler = getenv("CC");
	char command[256];

	(void)state;
	snprintf(command, sizeof(command),
		 "echo 'int main(void) { return 0; }' | %s -x c "
		 "-fsanitize=undefined -o %s - 2>/dev/null",
		 compiler ? compiler : "cc", path);
	if (system(command) != 0)
		skip();
	assert_taken(path);
}

static void
raised_privileges_are_refused(void **state)
{
	struct elf elf = make_elf();

	(void)state;
	elf.segment.p_type = PT_INTERP;
	write_program(&elf, sizeof(elf), 0755);
	/* Its own user gains nothing by the bit. */
	assert_int_equal(chmod(path, 04755), 0);
	assert_taken(path);
	if (geteuid() != 0) {
		print_message("only root can give a file away\n");
		skip();
	}
	assert_int_equal(chown(path, 1, 0), 0);
	assert_int_equal(chmod(path, 04755), 0);
	assert_refused("set-user-ID");
	assert_int_equal(chown(path, 0, 1), 0);
	assert_int_equal(chmod(path, 02755), 0);
	assert_refused("set-group-ID");
}

static void
assert_found(const char *name, const char *expected, int error)
{
	char *found;

	errno = 0;
	found = program_find(name);
	if (expected) {
		assert_non_null(found);
		assert_string_equal(found, expected);
	} else {
		assert_null(found);
		assert_int_equal(errno, error);
	}
	free(found);
}

static void
path_is_searched_as_execvp_does(void **state)
{
	char *old = getenv("PATH"), search[128];

	(void)state;
	old = old ? strdup(old) : NULL;
	write_program("", 0, 0755);
	snprintf(search, sizeof(search), "/nonexistent:%s:/bin", top);
	setenv("PATH", search, 1);
	assert_found("prog", path, 0);
	assert_found("no such program", NULL, ENOENT);
	assert_found("", NULL, ENOENT);
	assert_found(top, NULL, EACCES);
	assert_found(path, path, 0);
	/* An empty entry is the current directory, which has no such file. */
	setenv("PATH", ":", 1);
	assert_found("prog", NULL, ENOENT);
	unsetenv("PATH");
	assert_found("sh", "/bin/sh", 0);
	setenv("PATH", top, 1);
	assert_int_equal(chmod(path, 0644), 0);
	assert_found("prog", NULL, EACCES);
	if (old)
		setenv("PATH", old, 1);
	free(old);
}

static void
assert_exe(const char *text, const char *expected)
{
	char *name;

	write_program(text, strlen(text), 0755);
	name = program_name(path);
	if (expected)
		assert_string_equal(name, expected);
	else
		assert_null(name);
	free(name);
}

static void
script_is_called_by_its_interpreter(void **state)
{
	char *real = realpath("/bin/sh", NULL), *base;

	(void)state;
	assert_non_null(real);
	base = strrchr(real, '/') + 1;
	assert_exe("not a script", "prog");
	assert_exe("#!/bin/sh\n", base);
	assert_exe("#! /bin/sh -e\n", base);
	assert_exe("#!/bin/sh", base);
	assert_exe("#!/usr/bin/env sh\n", NULL);
	assert_exe("#!/nonexistent/sh\n", NULL);
	free(real);
}

static void
link_is_called_by_its_own_name(void **state)
{
	char other[128];
	char *name;

	(void)state;
	write_program("\177ELF", 4, 0755);
	snprintf(other, sizeof(other), "%s/other", top);
	assert_int_equal(symlink("prog", other), 0);
	name = program_name(other);
	assert_int_equal(unlink(other), 0);
	assert_string_equal(name, "other");
	free(name);
}

#define PROGRAM_TEST(name)                                                     \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PROGRAM_TEST(dynamic_program_is_taken),
		PROGRAM_TEST(static_program_is_refused),
		PROGRAM_TEST(the_loader_is_taken),
		PROGRAM_TEST(other_machine_is_refused),
		PROGRAM_TEST(other_word_size_is_refused),
		PROGRAM_TEST(odd_files_are_taken),
		PROGRAM_TEST(sanitized_program_is_refused),
		PROGRAM_TEST(program_with_ubsan_is_taken),
		PROGRAM_TEST(raised_privileges_are_refused),
		PROGRAM_TEST(path_is_searched_as_execvp_does),
		PROGRAM_TEST(script_is_called_by_its_interpreter),
		PROGRAM_TEST(link_is_called_by_its_own_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
