/* ELF files and scripts: facts of real ones, and what hostile ones do. */
#include <elf.h>
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

#include "../../companion/elf_file.h"

static char top[32];
static char path[64];

static int
set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/lks-elf-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(path, sizeof(path), "%s/file", top);
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
write_file(const void *bytes, size_t count)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, count, out), count);
	assert_int_equal(fclose(out), 0);
}

static void
open_file(struct elf_file *file)
{
	struct err err;

	assert_int_equal(elf_file_open(file, path, &err), 0);
}

static bool
count_version(const char *version, void *arg)
{
	assert_true(strlen(version) < 1u << 20);
	++*(unsigned int *)arg;
	return true;
}

/* Everything that may be asked, so that a fault would show. */
static void
ask_all(void)
{
	const char *names[] = { "malloc", "je_*", "" };
	const char *texts[] = { "<jemalloc>", "\x7f"
					      "ELF" };
	enum elf_file_symbol found[3];
	unsigned int versions = 0;
	struct elf_file file;
	bool has[2];

	open_file(&file);
	elf_file_versions(&file, "libc.so.6", count_version, &versions);
	elf_file_symbols(&file, names, 3, found);
	elf_file_texts(&file, texts, 2, has);
	elf_file_sanitizer(&file);
	elf_file_raises(&file);
	elf_file_close(&file);
}

/* This very program: it needs libc, and has symbols and debug information. */
static void
own_program_is_known(void **state)
{
	static const char *const names[] = { "malloc", "main", "own_program_*",
					     "no_such_symbol" };
	enum elf_file_symbol found[4];
	struct elf_file file;
	bool libc = false;
	struct err err;
	size_t i;

	(void)state;
	assert_int_equal(elf_file_open(&file, "/proc/self/exe", &err), 0);
	assert_int_equal(file.kind, ELF_FILE_ELF);
	assert_true(file.is_own_machine);
	assert_false(file.is_damaged);
	assert_true(file.is_dynamic);
	assert_true(file.has_unwind);
	assert_true(file.has_symtab);
	assert_true(file.has_debug_info);
	assert_int_equal(file.build_id_bytes, 20);
	assert_non_null(file.loader);
	assert_true(elf_file_is_glibc_loader(file.loader));
	assert_false(elf_file_is_musl_loader(file.loader));
	for (i = 0; i < file.needed_count; i++)
		libc = libc || !strcmp(file.needed[i], "libc.so.6");
	assert_true(libc);
	elf_file_symbols(&file, names, 4, found);
	assert_int_equal(found[1], ELF_FILE_LOCAL);
	assert_int_equal(found[2], ELF_FILE_LOCAL);
	assert_int_equal(found[3], ELF_FILE_ABSENT);
	elf_file_close(&file);
}

static bool
find_first(const char *version, void *arg)
{
	assert_false(*(bool *)arg); /* not called again after false */
	*(bool *)arg = true;
	return strncmp(version, "GLIBC_", 6) != 0;
}

static void
needed_versions_are_told_until_one_is_enough(void **state)
{
	unsigned int all = 0, other = 0;
	struct elf_file file;
	bool found = false;
	struct err err;

	(void)state;
	assert_int_equal(elf_file_open(&file, "/proc/self/exe", &err), 0);
	elf_file_versions(&file, "libc.so.6", count_version, &all);
	elf_file_versions(&file, "libother.so.6", count_version, &other);
	elf_file_versions(&file, "libc.so.6", find_first, &found);
	assert_true(all > 1);
	assert_int_equal(other, 0);
	assert_true(found);
	elf_file_close(&file);
}

static void
library_exports_what_it_defines(void **state)
{
	static const char *const names[] = { "malloc", "__libc_malloc",
					     "__tls_get_addr" };
	enum elf_file_symbol found[3];
	struct elf_file file;
	struct err err;

	(void)state;
	if (elf_file_open(&file, "/lib/x86_64-linux-gnu/libc.so.6", &err) < 0) {
		print_message("no libc at its usual place\n");
		skip();
	}
	assert_string_equal(file.soname, "libc.so.6");
	elf_file_symbols(&file, names, 3, found);
	assert_int_equal(found[0], ELF_FILE_EXPORTED);
	assert_int_equal(found[2], ELF_FILE_IMPORTED);
	elf_file_close(&file);
}

static void
assert_script(const char *text, const char *interpreter, const char *argument)
{
	struct elf_file file;

	write_file(text, strlen(text));
	open_file(&file);
	assert_int_equal(file.kind, ELF_FILE_SCRIPT);
	assert_string_equal(file.interpreter, interpreter);
	if (argument)
		assert_string_equal(file.argument, argument);
	else
		assert_null(file.argument);
	elf_file_close(&file);
}

static void
script_is_read_as_by_the_kernel(void **state)
{
	char line[1024] = "#!/bin/";

	(void)state;
	assert_script("#!/bin/sh\n", "/bin/sh", NULL);
	assert_script("#! /bin/sh -e \nno\n", "/bin/sh", "-e");
	assert_script("#!/usr/bin/env -S a b  c\n", "/usr/bin/env",
		      "-S a b  c");
	assert_script("#!/bin/sh", "/bin/sh", NULL);
	assert_script("#!\n", "", NULL);
	assert_script("#!   ", "", NULL);
	memset(line + 7, 'x', sizeof(line) - 8);
	write_file(line, sizeof(line));
	ask_all();
}

static void
what_is_no_file_is_an_error(void **state)
{
	struct elf_file file;
	struct err err;

	(void)state;
	assert_int_equal(elf_file_open(&file, path, &err), -1);
	assert_int_equal(err.code, ERR_OPEN);
	assert_int_equal(elf_file_open(&file, top, &err), -1);
	assert_non_null(strstr(err.text, "regular file"));
	/* Nobody writes to it: this must not wait. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(elf_file_open(&file, path, &err), -1);
	assert_int_equal(elf_file_open(&file, "/dev/zero", &err), -1);
}

static void
text_is_found_across_pieces(void **state)
{
	static const char *const texts[] = { "needle", "absent" };
	size_t bytes = (1u << 18) + 100, at;
	char *content = calloc(1, bytes);
	struct elf_file file;
	bool found[2];

	(void)state;
	assert_non_null(content);
	for (at = (1u << 18) - 70; at < (1u << 18) + 4; at++) {
		memset(content, 'x', bytes);
		memcpy(content + at, texts[0], strlen(texts[0]));
		write_file(content, bytes);
		open_file(&file);
		elf_file_texts(&file, texts, 2, found);
		elf_file_close(&file);
		assert_true(found[0]);
		assert_false(found[1]);
	}
	free(content);
}

/* --- hostile ---------------------------------------------------------------- */

static char *
read_own(size_t *bytes)
{
	FILE *own = fopen("/bin/true", "r");
	char *content = malloc(1u << 20);

	assert_non_null(own);
	assert_non_null(content);
	*bytes = fread(content, 1, 1u << 20, own);
	assert_true(*bytes > sizeof(Elf64_Ehdr));
	fclose(own);
	return content;
}

static void
cut_file_is_damaged_or_less(void **state)
{
	struct elf_file file;
	size_t bytes, cut;
	char *content = read_own(&bytes);

	(void)state;
	for (cut = SELFMAG; cut < bytes; cut += cut < 1500 ? 7 : 997) {
		write_file(content, cut);
		ask_all();
		open_file(&file);
		assert_int_equal(file.kind, ELF_FILE_ELF);
		/* Program headers and what they need are in front. */
		if (cut < 1000)
			assert_true(file.is_damaged);
		elf_file_close(&file);
	}
	free(content);
}

/* Each byte of the headers becomes each of some values in turn. */
static void
changed_headers_do_no_harm(void **state)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t bytes, at, i;
	char *content = read_own(&bytes), old;

	(void)state;
	for (at = SELFMAG; at < 64 + 13 * 56 && at < bytes; at += 3) {
		old = content[at];
		for (i = 0; i < sizeof(values); i++) {
			content[at] = (char)values[i];
			write_file(content, bytes);
			ask_all();
		}
		content[at] = old;
	}
	free(content);
}

/* A multiplicative generator: the same bytes in every run. */
static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void
random_changes_do_no_harm(void **state)
{
	uint32_t seed = 1, round, i;
	size_t bytes;
	char *content = read_own(&bytes), *copy = malloc(bytes);

	(void)state;
	assert_non_null(copy);
	for (round = 0; round < 300; round++) {
		memcpy(copy, content, bytes);
		for (i = 0; i < 64; i++)
			copy[next_random(&seed) % bytes] =
				(char)next_random(&seed);
		/* What leads elsewhere lies in the first and last pages. */
		for (i = 0; i < 8; i++) {
			copy[SELFMAG + next_random(&seed) % 1000] =
				(char)next_random(&seed);
			copy[bytes - 1 - next_random(&seed) % 1800] =
				(char)next_random(&seed);
		}
		memcpy(copy, content, SELFMAG);
		write_file(copy, bytes);
		ask_all();
	}
	free(copy);
	free(content);
}

/* A file that says of a huge table that it has it. */
static void
huge_sizes_are_not_believed(void **state)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segments[3];
		Elf64_Shdr sections[3];
	} elf;
	struct elf_file file;
	FILE *own = fopen("/proc/self/exe", "r");

	(void)state;
	memset(&elf, 0, sizeof(elf));
	assert_non_null(own);
	assert_int_equal(fread(&elf.head, sizeof(elf.head), 1, own), 1);
	fclose(own);
	elf.head.e_phoff = offsetof(__typeof__(elf), segments);
	elf.head.e_phnum = 3;
	elf.head.e_shoff = offsetof(__typeof__(elf), sections);
	elf.head.e_shnum = 3;
	elf.head.e_shstrndx = 1;
	elf.segments[0].p_type = PT_INTERP;
	elf.segments[0].p_offset = UINT64_MAX - 4;
	elf.segments[0].p_filesz = UINT64_MAX;
	elf.segments[1].p_type = PT_DYNAMIC;
	elf.segments[1].p_filesz = UINT64_MAX / 2;
	elf.segments[2].p_type = PT_NOTE;
	elf.segments[2].p_offset = 64;
	elf.segments[2].p_filesz = 1u << 20;
	elf.sections[1].sh_type = SHT_STRTAB;
	elf.sections[1].sh_size = UINT64_MAX;
	elf.sections[2].sh_type = SHT_SYMTAB;
	elf.sections[2].sh_size = UINT64_MAX;
	elf.sections[2].sh_entsize = 1;
	elf.sections[2].sh_link = 1;
	write_file(&elf, sizeof(elf));
	ask_all();
	open_file(&file);
	assert_true(file.is_damaged);
	assert_null(file.loader);
	assert_int_equal(file.needed_count, 0);
	elf_file_close(&file);
}

#define ELF_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ELF_TEST(own_program_is_known),
		ELF_TEST(needed_versions_are_told_until_one_is_enough),
		ELF_TEST(library_exports_what_it_defines),
		ELF_TEST(script_is_read_as_by_the_kernel),
		ELF_TEST(what_is_no_file_is_an_error),
		ELF_TEST(text_is_found_across_pieces),
		ELF_TEST(cut_file_is_damaged_or_less),
		ELF_TEST(changed_headers_do_no_harm),
		ELF_TEST(random_changes_do_no_harm),
		ELF_TEST(huge_sizes_are_not_believed),
	};

	return cmocka_run_group_tests_name("elf_file", tests, NULL, NULL);
}
