/* The module map: what is loaded where, through loading and unloading. */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/image.h"
#include "../../preload/loader.h"
#include "../../preload/modmap.h"
#include "../../preload/rules.h"

static const struct lks_module *
module_at(uintptr_t pc)
{
	const struct lks_module *m = lks_modmap_get(lks_modmap_find(pc));

	assert_non_null(m);
	return m;
}

static void
main_program_has_its_path_and_build_id(void **state)
{
	const struct lks_module *m = module_at((uintptr_t)&module_at);
	char exe[4096];
	ssize_t got = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const struct lks_segment *s = &m->segments[0];

	(void)state;
	assert_true(got > 0);
	exe[got] = '\0';
	assert_string_equal(m->path, exe);
	assert_int_equal(m->segment_count, 1);
	assert_true(s->start <= (uintptr_t)&module_at &&
		    (uintptr_t)&module_at < s->end);
	assert_int_not_equal(m->build_id_bytes, 0);
	assert_non_null(m->eh_frame_hdr);
	assert_false(m->unloaded);
}

static void
libc_has_an_absolute_path_and_a_build_id(void **state)
{
	const struct lks_module *m =
		module_at((uintptr_t)&gnu_get_libc_version);

	(void)state;
	assert_int_equal(m->path[0], '/');
	assert_non_null(strstr(m->path, "libc.so.6"));
	assert_int_equal(m->build_id_bytes, 20);
	assert_ptr_equal(m, module_at((uintptr_t)&gnu_get_libc_version + 5));
	assert_int_equal(lks_modmap_get(m->generation) == m, 1);
}

static void
vdso_is_named(void **state)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	(void)state;
	if (vdso == 0) {
		puts("skip: the kernel gives no vDSO here");
		skip();
	}
	assert_string_equal(module_at(vdso + 0x400)->path, "[vdso]");
}

static void
no_module_where_there_is_none(void **state)
{
	int local;

	(void)state;
	assert_int_equal(lks_modmap_find((uintptr_t)&local), 0);
	assert_int_equal(lks_modmap_find(0), 0);
	assert_int_equal(lks_modmap_find(~0ul), 0);
	assert_null(lks_modmap_get(0));
	assert_null(lks_modmap_get(lks_modmap_count() + 1));
}

/* A copy of some library that is not loaded yet, under a name of our own. */
static void
copy_library(const char *name, const char *to)
{
	static const char *const places[] = { "/lib/x86_64-linux-gnu",
					      "/usr/lib/x86_64-linux-gnu",
					      "/lib/aarch64-linux-gnu",
					      "/usr/lib/aarch64-linux-gnu",
					      "/usr/lib64",
					      "/lib64" };
	static char bytes[1 << 16];
	char path[4096];
	ssize_t got;
	int from = -1;
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		from = open(path, O_RDONLY);
		if (from >= 0)
			break;
	}
	assert_true(from >= 0);
	assert_true(out >= 0);
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)got), got);
	close(from);
	close(out);
}

struct plugins {
	char directory[64];
	char a[96];
	char b[96];
};

static int
make_plugins(void **state)
{
	struct plugins *p = calloc(1, sizeof(*p));

	strcpy(p->directory, "/tmp/test_modmap.XXXXXX");
	if (mkdtemp(p->directory) == NULL)
		return -1;
	snprintf(p->a, sizeof(p->a), "%s/a.so", p->directory);
	snprintf(p->b, sizeof(p->b), "%s/b.so", p->directory);
	copy_library("libz.so.1", p->a);
	copy_library("libz.so.1", p->b);
	*state = p;
	return 0;
}

static int
remove_plugins(void **state)
{
	struct plugins *p = *state;

	unlink(p->a);
	unlink(p->b);
	rmdir(p->directory);
	free(p);
	return 0;
}

static void *
open_at(const char *path, uintptr_t *pc)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	assert_non_null(handle);
	*pc = (uintptr_t)dlsym(handle, "deflate");
	assert_int_not_equal(*pc, 0);
	return handle;
}

static void
unloaded_module_is_marked_and_comes_back(void **state)
{
	const struct plugins *p = *state;
	uintptr_t pc;
	uintptr_t again;
	void *handle = open_at(p->a, &pc);
	uint32_t number = lks_modmap_find(pc);
	const struct lks_module *m = lks_modmap_get(number);
	uint64_t salt = lks_rules_salt();

	assert_string_equal(m->path, p->a);
	lks_modmap_refresh();
	assert_false(m->unloaded);
	assert_int_equal(lks_rules_salt(), salt);

	dlclose(handle);
	lks_modmap_refresh();
	assert_true(m->unloaded);
	assert_int_not_equal(lks_rules_salt(), salt);
	assert_string_equal(m->path, p->a);

	handle = open_at(p->a, &again);
	if (again == pc) {
		assert_int_equal(lks_modmap_find(again), number);
		assert_false(m->unloaded);
	} else {
		assert_int_not_equal(lks_modmap_find(again), number);
	}
	dlclose(handle);
	lks_modmap_refresh();
	assert_true(m->unloaded);
}

/* One thread closes a library, another opens the next one in its place, and
 * the first has not come back yet to tell of it. */
static void
library_in_a_closing_ones_place_has_its_own_rules(void **state)
{
	const struct plugins *p = *state;
	uint64_t clear = lks_rules_salt();
	uintptr_t pc;
	uintptr_t other;
	void *handle = open_at(p->a, &pc);
	uint64_t rule = lks_rules_get(pc + 1, clear);
	uint64_t now;

	assert_string_equal(lks_modmap_get(lks_rule_module(rule))->path, p->a);
	lks_rules_doubt();
	lks_rules_doubt();
	lks_rules_trust();
	assert_true(lks_rules_doubts(lks_rules_salt()));
	assert_int_equal(lks_rules_get(pc + 1, lks_rules_salt()), rule);
	dlclose(handle);
	handle = open_at(p->b, &other);
	if (other != pc) {
		puts("skip: the second library went elsewhere");
		lks_rules_trust();
		dlclose(handle);
		skip();
	}
	now = lks_rules_get(pc + 1, lks_rules_salt());
	assert_string_equal(lks_modmap_get(lks_rule_module(now))->path, p->b);
	assert_int_equal((uint32_t)now, (uint32_t)rule); /* the same code */
	lks_rules_trust();
	assert_false(lks_rules_doubts(lks_rules_salt()));
	assert_int_equal(lks_rules_get(pc + 1, lks_rules_salt()), now);
	dlclose(handle);
	lks_modmap_refresh();
}

/* Closings that were under way in other threads have no end in a child. */
static void
closings_of_a_childs_own_thread_go_on(void **state)
{
	uint64_t clear = lks_rules_salt();

	(void)state;
	for (int i = 0; i < 3; i++)
		lks_rules_doubt();
	lks_rules_fork_child(1);
	assert_true(lks_rules_doubts(lks_rules_salt()));
	lks_rules_trust();
	assert_int_equal(lks_rules_salt(), clear);
	lks_rules_doubt();
	lks_rules_fork_child(0);
	assert_int_equal(lks_rules_salt(), clear);
}

/* Same bytes at the same place under another name: nothing told us, and the
 * loader even reuses its records' memory. */
static void
replaced_module_is_noticed_without_refresh(void **state)
{
	const struct plugins *p = *state;
	uintptr_t pc;
	uintptr_t other;
	void *handle = open_at(p->a, &pc);
	uint32_t number = lks_modmap_find(pc);
	uint64_t salt;

	dlclose(handle);
	handle = open_at(p->b, &other);
	if (other != pc) {
		puts("skip: the second library went elsewhere");
		dlclose(handle);
		skip();
	}
	salt = lks_rules_salt();
	assert_int_not_equal(lks_modmap_find(other), number);
	assert_true(lks_modmap_get(number)->unloaded);
	assert_int_not_equal(lks_rules_salt(), salt);
	assert_string_equal(module_at(other)->path, p->b);
	dlclose(handle);
	lks_modmap_refresh();
}

static void
relative_names_are_made_absolute(void **state)
{
	const struct plugins *p = *state;
	char before[4096];
	uintptr_t pc;
	void *handle;

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(p->directory), 0);
	handle = open_at("./a.so", &pc);
	assert_int_equal(module_at(pc)->path[0], '/');
	assert_int_equal(access(module_at(pc)->path, R_OK), 0);
	assert_int_equal(chdir(before), 0);
	dlclose(handle);
	lks_modmap_refresh();
}

struct places {
	uintptr_t at[64];
	int count;
};

/* No asserts in here: the loader's lock is held. */
static int
note_code(struct dl_phdr_info *info, size_t size, void *out)
{
	struct places *places = out;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X) != 0 &&
		    places->count < 64)
			places->at[places->count++] =
				info->dlpi_addr + ph->p_vaddr;
	}
	return 0;
}

static void
maps_tell_what_the_loader_tells(void **state)
{
	struct places places = { .count = 0 };
	struct lks_object dl;
	struct lks_object maps;
	int local;

	(void)state;
	if (!lks_loader_is_free()) {
		puts("skip: the C library has no _dl_find_object");
		skip();
	}
	dl_iterate_phdr(note_code, &places);
	assert_true(places.count > 3);
	for (int i = 0; i < places.count; i++) {
		assert_true(lks_loader_find_by_dl(places.at[i], &dl));
		assert_true(lks_loader_find_by_maps(places.at[i], &maps));
		assert_int_equal(dl.map_start, maps.map_start);
		/* All but its zeroed memory, and in whole pages. */
		assert_true(maps.map_end > places.at[i]);
		assert_true(maps.map_end < dl.map_end + 4096);
		/* The program is known from its headers, to both. */
		assert_ptr_equal(maps.headers, dl.headers);
		assert_int_equal(dl.headers != NULL, lks_loader_is_main(&dl));
		if (dl.headers != NULL)
			assert_int_equal(maps.map_end, dl.map_end);
		assert_true(maps.name[0] == '/' ||
			    strcmp(maps.name, "[vdso]") == 0);
	}
	assert_false(lks_loader_find_by_maps((uintptr_t)&local, &maps));
	assert_false(lks_loader_find_by_maps(1, &maps));
	assert_false(lks_loader_find_by_maps(~0ul, &maps));
}

static void
broken_headers_give_fewer_parts(void **state)
{
	uint8_t *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t libc = module_at((uintptr_t)&gnu_get_libc_version)->map_start;
	uintptr_t start = (uintptr_t)page;
	Elf64_Ehdr *header = (Elf64_Ehdr *)page;
	struct lks_image image;
	uint64_t x = 88172645463325252u;

	(void)state;
	assert_ptr_not_equal(page, MAP_FAILED);
	mprotect(page + 4096, 8192, PROT_NONE);
	assert_false(lks_image_read(start, start + 3 * 4096, &image));
	memcpy(page, (const void *)libc, 4096);
	/* Its segments are outside the object now: nothing can be read. */
	assert_true(lks_image_read(start, start + 4096, &image));
	assert_int_equal(image.segment_count, 0);
	assert_int_equal(image.build_id_bytes, 0);
	assert_int_equal(image.eh_frame_hdr.start, 0);
	for (int round = 0; round < 50000; round++) {
		memcpy(page, (const void *)libc, 1024);
		for (int flips = 0; flips < 8; flips++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			page[64 + (x >> 20) % 960] ^= (uint8_t)(x >> 3);
		}
		lks_image_read(start, start + 3 * 4096, &image);
	}
	memcpy(page, (const void *)libc, 4096);
	header->e_phnum = 0xffff;
	assert_false(lks_image_read(start, start + 3 * 4096, &image));
	header->e_phnum = 1;
	header->e_phoff = ~7ull;
	assert_false(lks_image_read(start, start + 3 * 4096, &image));
	assert_false(lks_image_read(start + 4096, start + 8192, &image));
	munmap(page, 3 * 4096);
}

/* libc's headers, and nothing behind them. */
static void
what_changed_or_went_away_is_not_there(void **state)
{
	char *page = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t start = (uintptr_t)page;
	uint8_t build_id[LKS_BUILD_ID_MAX] = { 1, 2, 3 };
	struct lks_image image;
	char copy[16] = "before";

	(void)state;
	assert_ptr_not_equal(page, MAP_FAILED);
	memcpy(page,
	       (const void *)module_at((uintptr_t)&gnu_get_libc_version)
		       ->map_start,
	       4096);
	assert_true(lks_image_read(start, start + 4096, &image));
	assert_int_equal(image.build_id_bytes, 0);
	assert_true(lks_image_is_there(&image, NULL));
	page[image.headers_at - start + image.headers_bytes - 1] ^= 1;
	assert_false(lks_image_is_there(&image, NULL));
	page[image.headers_at - start + image.headers_bytes - 1] ^= 1;
	assert_true(lks_image_is_there(&image, NULL));
	/* By build-id alone, where there is one. */
	image.build_id = start + 4096;
	image.build_id_bytes = 20;
	memcpy(page + 4096, build_id, 20);
	assert_true(lks_image_is_there(&image, build_id));
	page[4096 + 19] = 9;
	assert_false(lks_image_is_there(&image, build_id));
	munmap(page + 4096, 4096);
	assert_false(lks_image_is_there(&image, build_id));
	image.build_id_bytes = 0;
	munmap(page, 4096);
	assert_false(lks_image_is_there(&image, NULL));
	assert_false(lks_copy_memory(copy, start, sizeof(copy)));
}

static void
can_read_tells_every_page(void **state)
{
	char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t at = (uintptr_t)page;

	(void)state;
	mprotect(page + 4096, 4096, PROT_NONE);
	assert_true(lks_can_read(at, 4096));
	assert_true(lks_can_read(at + 4095, 1));
	assert_false(lks_can_read(at + 4095, 2));
	assert_false(lks_can_read(at, 3 * 4096));
	assert_false(lks_can_read(at + 4096, 1));
	assert_true(lks_can_read(at + 8192, 4096));
	assert_false(lks_can_read(at, 0));
	assert_false(lks_can_read(16, 8));
	assert_false(lks_can_read(~0ul - 5, 100));
	munmap(page, 3 * 4096);
}

static void
fork_leaves_the_map_usable(void **state)
{
	const struct plugins *p = *state;
	uintptr_t pc;
	void *handle;
	int status;
	pid_t pid;

	lks_modmap_fork_prepare();
	pid = fork();
	lks_modmap_fork_release();
	handle = open_at(p->a, &pc);
	if (pid == 0)
		_exit(lks_modmap_find(pc) != 0 ? 0 : 1);
	assert_int_not_equal(lks_modmap_find(pc), 0);
	dlclose(handle);
	lks_modmap_refresh();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A program that has the rooms linked in, as this one, is not the shim. */
static void
test_program_is_no_shim(void **state)
{
	(void)state;
	assert_false(lks_modmap_is_shim((uintptr_t)&lks_modmap_find));
	assert_false(lks_modmap_is_shim((uintptr_t)&gnu_get_libc_version));
}

/* Not before the last tests: from here on the loader is not asked. */
static void
everything_is_found_by_maps_alone(void **state)
{
	const struct plugins *p = *state;
	struct timespec pause = { 0, LKS_LOADER_PAUSE_NS };
	uintptr_t pc;
	void *handle = open_at(p->b, &pc);
	uint32_t number;
	int local;

	lks_loader_init(false);
	assert_false(lks_loader_is_free());
	number = lks_modmap_find(pc);
	assert_int_not_equal(number, 0);
	assert_string_equal(lks_modmap_get(number)->path, p->b);
	assert_int_equal(lks_modmap_find(pc + 1), number);
	assert_int_equal(lks_modmap_get(number)->segment_count, 1);
	dlclose(handle);
	lks_modmap_refresh();
	assert_true(lks_modmap_get(number)->unloaded);

	/* After a question without an answer there is a pause. */
	assert_int_equal(lks_modmap_find((uintptr_t)&local), 0);
	handle = open_at(p->a, &pc);
	assert_int_equal(lks_modmap_find(pc), 0);
	nanosleep(&pause, NULL);
	assert_string_equal(module_at(pc)->path, p->a);
	dlclose(handle);
}

/* The first byte of a page between two segments of this program, 0 = none. */
static uintptr_t
own_gap(void)
{
	const ElfW(Phdr) *ph = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	const ElfW(Phdr) *below = NULL;
	uintptr_t bias = (uintptr_t)ph - ph->p_vaddr; /* PT_PHDR is first */

	for (uint64_t i = 0; i < getauxval(AT_PHNUM); i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (below != NULL) {
			uintptr_t end = below->p_vaddr + below->p_memsz;

			end = (end + 4095) & ~4095ul;
			if (end + 4096 <= (ph[i].p_vaddr & ~4095ul))
				return bias + end;
		}
		below = &ph[i];
	}
	return 0;
}

/* This program is linked with gaps (Makefile). What lies there, such as code
 * made at run time, is not its; nor does it end the program. */
static void
what_lies_in_a_gap_is_not_the_programs(void **state)
{
	struct timespec pause = { 0, LKS_LOADER_PAUSE_NS };
	uint32_t number = lks_modmap_find((uintptr_t)&module_at);
	uint64_t salt = lks_rules_salt();
	uintptr_t gap = own_gap();

	(void)state;
	assert_int_not_equal(gap, 0);
	assert_true(gap > lks_modmap_get(number)->map_start);
	assert_true(gap < lks_modmap_get(number)->map_end);
	assert_ptr_equal(mmap((void *)gap, 4096, PROT_READ | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			      -1, 0),
			 gap);
	assert_int_equal(lks_modmap_find(gap + 16), 0);
	munmap((void *)gap, 4096);
	nanosleep(&pause, NULL);
	assert_int_equal(lks_modmap_find((uintptr_t)&module_at), number);
	assert_false(lks_modmap_get(number)->unloaded);
	assert_int_equal(lks_rules_salt(), salt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_program_has_its_path_and_build_id),
		cmocka_unit_test(libc_has_an_absolute_path_and_a_build_id),
		cmocka_unit_test(vdso_is_named),
		cmocka_unit_test(no_module_where_there_is_none),
		cmocka_unit_test(unloaded_module_is_marked_and_comes_back),
		cmocka_unit_test(
			library_in_a_closing_ones_place_has_its_own_rules),
		cmocka_unit_test(closings_of_a_childs_own_thread_go_on),
		cmocka_unit_test(replaced_module_is_noticed_without_refresh),
		cmocka_unit_test(relative_names_are_made_absolute),
		cmocka_unit_test(maps_tell_what_the_loader_tells),
		cmocka_unit_test(broken_headers_give_fewer_parts),
		cmocka_unit_test(what_changed_or_went_away_is_not_there),
		cmocka_unit_test(can_read_tells_every_page),
		cmocka_unit_test(fork_leaves_the_map_usable),
		cmocka_unit_test(test_program_is_no_shim),
		cmocka_unit_test(what_lies_in_a_gap_is_not_the_programs),
		cmocka_unit_test(everything_is_found_by_maps_alone),
		cmocka_unit_test(what_lies_in_a_gap_is_not_the_programs),
	};

	if (!lks_modmap_init() || !lks_rules_init())
		return 1;
	return cmocka_run_group_tests(tests, make_plugins, remove_plugins);
}
