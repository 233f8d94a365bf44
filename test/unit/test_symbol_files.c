/*
 * Where names can come from besides the file that ran: each kind of debug file
 * and of debug information, made by the real tools from a small library.
 */
#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include <cmocka.h>

#include "../../analyzer/err.h"
#include "symbol_fixture.h"

static struct symbolizer *
open_with(const struct symbolizer_options *wanted)
{
	struct symbolizer_options options = *wanted;
	struct symbolizer *symbolizer;
	struct err err;

	options.use_symbols = true;
	options.inlines = true;
	if (!options.debug_path && !options.sysroot)
		options.debug_path = "/nonexistent";
	symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	return symbolizer;
}

static struct symbolizer *
open_plain(void)
{
	return open_with(&(struct symbolizer_options){ 0 });
}

static const struct symbols *
look_up(struct symbolizer *symbolizer, const struct symbol_fixture *fixture)
{
	return symbolizer_lookup(symbolizer, &fixture->module,
				 fixture->address);
}

static void
expect_no_warning(const struct symbolizer *symbolizer)
{
	const char *warning = symbolizer_warning(symbolizer, 0);

	if (warning)
		fail_msg("warning: %s", warning);
}

static void
expect_warning(const struct symbolizer *symbolizer, const char *words)
{
	const char *warning = symbolizer_warning(symbolizer, 0);

	assert_non_null(warning);
	if (!strstr(warning, words))
		fail_msg("warning: %s", warning);
	assert_null(symbolizer_warning(symbolizer, 1));
}

/* --- kinds of debug information ---------------------------------------------- */

static const struct {
	const char *name;
	const char *compiler;
	const char *flags;
} kinds[] = {
	{ "gcc4", "gcc", "-gdwarf-4" },
	{ "gcc5", "gcc", "-gdwarf-5" },
	{ "gcc1", "gcc", "-g1" },
	{ "gccz", "gcc", "-g -gz=zlib" },
	{ "gcczgnu", "gcc", "-gdwarf-4 -gz=zlib-gnu" },
	{ "gcclto", "gcc", "-g -flto" },
	{ "gccsplit4", "gcc", "-gdwarf-4 -gsplit-dwarf" },
	{ "gccsplit5", "gcc", "-gdwarf-5 -gsplit-dwarf" },
	{ "gxx4", "g++", "-gdwarf-4 -fdebug-types-section" },
	{ "gxx5", "g++", "-gdwarf-5" },
	{ "gxx1", "g++", "-g1" },
	{ "gxxlto", "g++", "-g -flto" },
	{ "clang4", "clang", "-gdwarf-4" },
	{ "clang5", "clang", "-gdwarf-5" },
	{ "clangsplit", "clang", "-g -gsplit-dwarf" },
	{ "clanglines", "clang", "-gline-tables-only" },
	{ "clangxx5", "clang++", "-gdwarf-5" },
	{ "clangxxlines", "clang++", "-gline-tables-only" },
};

static void
every_kind_of_debug_information_is_read(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct symbol_fixture fixture;
		struct symbolizer *symbolizer;

		if (!symbol_fixture_has(kinds[i].compiler))
			skip();
		print_message("%s:\n", kinds[i].name);
		symbol_fixture_build(&fixture, kinds[i].name, kinds[i].compiler,
				     kinds[i].flags);
		symbolizer = open_plain();
		symbol_fixture_expect_all(look_up(symbolizer, &fixture));
		expect_no_warning(symbolizer);
		symbolizer_close(symbolizer);
		symbol_fixture_close(&fixture);
	}
}

static void
split_debug_information_that_is_gone_leaves_the_symbol_table(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;
	const struct symbols *symbols;

	(void)state;
	symbol_fixture_build(&fixture, "nodwo", "gcc", "-g -gsplit-dwarf");
	symbol_fixture_shell("rm nodwo.dwo");
	symbolizer = open_plain();
	symbols = look_up(symbolizer, &fixture);
	symbol_fixture_expect_real(symbols);
	/* The line table stays in the file: the line of the inlined call. */
	assert_int_equal(symbols->entries[0].line, 20);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
damaged_debug_information_leaves_the_symbol_table(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build(&fixture, "damaged", "gcc", "-g");
	/* Every byte of the abbreviations says something else. */
	symbol_fixture_shell(
		"objcopy --dump-section .debug_abbrev=abbrev damaged.so copy && "
		"tr '\\000-\\377' '\\377\\000-\\376' <abbrev >bad && "
		"objcopy --update-section .debug_abbrev=bad damaged.so "
		"damaged-2.so");
	fixture.module.path = symbol_fixture_path("damaged-2.so");
	symbolizer = open_plain();
	symbol_fixture_expect_real(look_up(symbolizer, &fixture));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

/*
 * Scopes in scopes, 200 deep, the first of which says where the next one of its
 * level is: at `first`, and so on in steps of `step` bytes. A DIE has 5 bytes
 * and stands at 28, 33 ... in its unit. Walking them must end.
 */
static void
expect_end_of_walk(const char *name, int first, int step)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;
	char path[64];

	symbol_fixture_build(&fixture, name, "gcc", "-g0");
	symbol_fixture_shell(
		"as -o dies.o - <<'END'\n"
		".section .debug_abbrev,\"\",@progbits\n"
		/* A unit with code; a namespace with a sibling. */
		".byte 1,0x11,1,0x11,1,0x12,7,0,0,2,0x39,1,1,0x13,0,0,0\n"
		".section .debug_info,\"\",@progbits\n"
		".long 2000\n.value 4\n.long 0\n.byte 8\n"
		".byte 1\n.quad 0x100,0x100000\n"
		".set at,%d\n"
		".rept 200\n.byte 2\n.long at\n.set at,at+%d\n.endr\n"
		".fill 2004 - (. - .debug_info),1,0\n"
		"END\n",
		first, step);
	symbol_fixture_shell(
		"objcopy --dump-section .debug_info=info "
		"--dump-section .debug_abbrev=abbrev dies.o copy.o && "
		"objcopy --add-section .debug_info=info "
		"--add-section .debug_abbrev=abbrev %s.so %s-2.so",
		name, name);
	snprintf(path, sizeof(path), "%s-2.so", name);
	fixture.module.path = symbol_fixture_path(path);
	symbolizer = open_plain();
	symbol_fixture_expect_real(look_up(symbolizer, &fixture));
	expect_no_warning(symbolizer);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
scopes_that_follow_themselves_come_to_an_end(void **state)
{
	(void)state;
	expect_end_of_walk("round", 28, 0);
}

/* The second of a level is the first in the first: 2 to the 200th ways. */
static void
scopes_that_are_in_and_behind_each_other_come_to_an_end(void **state)
{
	(void)state;
	expect_end_of_walk("both", 33, 5);
}

/* The sections are there; how they are compressed is unknown to all. */
static void
unreadable_debug_information_gives_a_warning(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build(&fixture, "unreadable", "gcc", "-g -gz=zlib");
	symbol_fixture_shell(
		"python3 -I - <<'END'\n"
		"data = bytearray(open('unreadable.so', 'rb').read())\n"
		"at = int.from_bytes(data[40:48], 'little')\n"
		"size, count = (int.from_bytes(data[i:i + 2], 'little')\n"
		"               for i in (58, 60))\n"
		"for k in range(count):\n"
		"    head = data[at + k * size:at + (k + 1) * size]\n"
		"    if head[9] & 8:\n" /* SHF_COMPRESSED */
		"        place = int.from_bytes(head[24:32], 'little')\n"
		"        data[place] = 77\n"
		"open('unreadable-2.so', 'wb').write(data)\n"
		"END\n");
	fixture.module.path = symbol_fixture_path("unreadable-2.so");
	symbolizer = open_plain();
	symbol_fixture_expect_real(look_up(symbolizer, &fixture));
	expect_warning(symbolizer, "libdw can't read it");
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

/* clang's -gline-tables-only says "push_back" and nothing of what it is in. */
static void
bare_names_in_headers_of_the_library_are_in_std(void **state)
{
	static const char source[] =
		"#include <vector>\n"
		"extern \"C\" __attribute__((noinline)) void *here(void)\n"
		"{ return __builtin_return_address(0); }\n"
		"struct Own { void *at; Own() : at(nullptr) {}\n"
		"Own(const Own &) : at(here()) { asm volatile(\"\"); } };\n"
		"extern \"C\" __attribute__((noinline)) void *fixture(void)\n"
		"{ std::vector<Own> own; Own one; own.push_back(one);\n"
		"return own[0].at; }\n";
	struct symbolizer *symbolizer;
	struct loaded_module module;
	const struct symbols *symbols;
	void *(*fixture)(void);
	void *library, *address;
	size_t i, in_std = 0;
	FILE *file;

	(void)state;
	if (!symbol_fixture_has("clang++"))
		skip();
	file = fopen(symbol_fixture_path("bare.cc"), "w");
	assert_non_null(file);
	fputs(source, file);
	assert_int_equal(fclose(file), 0);
	symbol_fixture_shell("clang++ -O2 -gline-tables-only -fPIC -shared "
			     "-o bare.so bare.cc");
	library = dlopen(symbol_fixture_path("bare.so"), RTLD_NOW);
	assert_non_null(library);
	*(void **)&fixture = dlsym(library, "fixture");
	assert_non_null(fixture);
	address = fixture();
	assert_int_equal(loaded_module_take(&module, address), 0);
	symbolizer = open_plain();
	symbols = symbolizer_lookup(symbolizer, &module.module,
				    (uint64_t)(uintptr_t)address);
	assert_true(symbols->count >= 3);
	assert_string_equal(symbols->entries[0].function, "Own");
	for (i = 1; i < symbols->count; i++) {
		print_message("  %s\n", symbols->entries[i].function);
		in_std += strncmp(symbols->entries[i].function, "std::", 5) ==
			  0;
	}
	assert_true(in_std + 2 >= symbols->count && in_std > 0);
	symbolizer_close(symbolizer);
	dlclose(library);
}

/* --- separate debug files ---------------------------------------------------- */

static void
debug_link_is_followed_beside_the_file(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build_stripped(&fixture, "link");
	symbol_fixture_shell("objcopy --add-gnu-debuglink=link.debug "
			     "link-stripped.so && mkdir -p .debug && "
			     "mv link.debug .debug/");
	symbolizer = open_with(&(struct symbolizer_options){
		.debug_path = ":.debug:/nonexistent" });
	symbol_fixture_expect_all(look_up(symbolizer, &fixture));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
debug_link_to_another_build_gives_no_names(void **state)
{
	struct symbol_fixture fixture, other;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build_stripped(&fixture, "link1");
	symbol_fixture_build_stripped(&other, "link2");
	symbol_fixture_shell("cp link2.debug wrong.debug && "
			     "objcopy --add-gnu-debuglink=wrong.debug "
			     "link1-stripped.so");
	symbolizer = open_with(&(struct symbolizer_options){
		.debug_path = ":.debug:/nonexistent" });
	assert_false(look_up(symbolizer, &fixture)->named);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
	symbol_fixture_close(&other);
}

static void
debug_file_under_a_wrong_build_id_gives_no_names(void **state)
{
	struct symbol_fixture fixture, other;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build_stripped(&fixture, "id1");
	symbol_fixture_build_stripped(&other, "id2");
	symbol_fixture_place(&fixture.module, "wrong", "id2.debug");
	symbolizer = open_with(&(struct symbolizer_options){
		.debug_path = symbol_fixture_path("wrong") });
	assert_false(look_up(symbolizer, &fixture)->named);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
	symbol_fixture_close(&other);
}

static void
mini_debug_info_names_hidden_functions(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	if (!symbol_fixture_has("xz"))
		skip();
	symbol_fixture_build_stripped(&fixture, "mini");
	symbolizer = open_plain();
	assert_false(look_up(symbolizer, &fixture)->named);
	symbolizer_close(symbolizer);
	symbol_fixture_shell(
		"objcopy --strip-all "
		"--wildcard --keep-symbol='fixture_hidden*' mini.debug mini && "
		"xz -f mini && objcopy "
		"--add-section .gnu_debugdata=mini.xz "
		"mini-stripped.so");
	symbolizer = open_plain();
	symbol_fixture_expect_real(look_up(symbolizer, &fixture));
	expect_no_warning(symbolizer);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

/* --- what dwz makes, as in Debian's -dbgsym packages ------------------------- */

static void
build_dwz(struct symbol_fixture *fixture)
{
	symbol_fixture_build_dwz(fixture);
	symbol_fixture_place(&fixture->module, "dwz-dir", "dwz-1.debug");
}

static struct symbolizer *
open_dwz(void)
{
	return open_with(&(struct symbolizer_options){
		.debug_path = symbol_fixture_path("dwz-dir") });
}

static void
what_dwz_moved_to_another_file_is_found(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	if (!symbol_fixture_has("dwz"))
		skip();
	build_dwz(&fixture);
	symbolizer = open_dwz();
	symbol_fixture_expect_all(look_up(symbolizer, &fixture));
	expect_no_warning(symbolizer);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
without_that_file_a_warning_says_so(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;
	const struct symbols *symbols;

	(void)state;
	if (!symbol_fixture_has("dwz"))
		skip();
	build_dwz(&fixture);
	symbol_fixture_shell("rm dwz-common.debug");
	symbolizer = open_dwz();
	symbols = look_up(symbolizer, &fixture);
	assert_true(symbols->named);
	assert_string_equal(symbols->entries[symbols->count - 1].function,
			    "fixture_hidden");
	expect_warning(symbolizer, "dwz-common.debug', which can't");
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
such_a_file_of_another_build_gives_no_wrong_names(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;
	const struct symbols *symbols;

	(void)state;
	if (!symbol_fixture_has("dwz"))
		skip();
	build_dwz(&fixture);
	/* All its texts are others now, and its build-id too. */
	symbol_fixture_shell(
		"objcopy --dump-section .note.gnu.build-id=note "
		"--dump-section .debug_str=str dwz-common.debug && "
		"tr '[0-9a-zA-Z]' '[1-9a-zA-Z0]' <str >str2 && "
		"head -c 16 note >note2 && head -c 20 /dev/zero >>note2 && "
		"objcopy --update-section .note.gnu.build-id=note2 "
		"--update-section .debug_str=str2 dwz-common.debug");
	symbolizer = open_dwz();
	symbols = look_up(symbolizer, &fixture);
	symbol_fixture_expect_real(symbols);
	assert_non_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

/* --- sysroot ------------------------------------------------------------------ */

static struct symbolizer *
open_sysroot(void)
{
	return open_with(&(struct symbolizer_options){
		.sysroot = symbol_fixture_path("root") });
}

static void
sysroot_is_where_modules_are(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build(&fixture, "sys", "gcc", "-g");
	symbol_fixture_shell("mkdir -p root/opt/lib && cp sys.so root/opt/lib");
	fixture.module.path = "/opt/lib/sys.so";
	symbolizer = open_sysroot();
	symbol_fixture_expect_all(look_up(symbolizer, &fixture));
	expect_no_warning(symbolizer);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
outside_the_sysroot_nothing_is_looked_for(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;
	char up[512];

	(void)state;
	symbol_fixture_build(&fixture, "outside", "gcc", "-g");
	symbol_fixture_shell("mkdir -p root/opt/lib && "
			     "ln -sf \"$PWD/outside.so\" root/opt/lib/link.so");
	symbolizer = open_sysroot();
	/* Here, but not there. */
	assert_false(look_up(symbolizer, &fixture)->named);
	expect_warning(symbolizer, "No such file");
	/* A link that is right outside only, and a way up. */
	fixture.module.path = "/opt/lib/link.so";
	assert_false(look_up(symbolizer, &fixture)->named);
	snprintf(up, sizeof(up), "/../../../..%s",
		 symbol_fixture_path("outside.so"));
	fixture.module.path = up;
	assert_false(look_up(symbolizer, &fixture)->named);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
absolute_links_stay_in_the_sysroot(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build(&fixture, "inside", "gcc", "-g");
	symbol_fixture_shell("mkdir -p root/opt/real root/lib && "
			     "cp inside.so root/opt/real && "
			     "ln -sf /opt/real/inside.so root/lib/inside.so");
	fixture.module.path = "/lib/inside.so";
	symbolizer = open_sysroot();
	symbol_fixture_expect_all(look_up(symbolizer, &fixture));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
debug_files_of_the_sysroot_are_found(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build_stripped(&fixture, "sysdebug");
	symbol_fixture_shell("mkdir -p root/opt/lib root/usr/lib/debug && "
			     "cp sysdebug-stripped.so root/opt/lib");
	symbol_fixture_place(&fixture.module, "root/usr/lib/debug",
			     "sysdebug.debug");
	fixture.module.path = "/opt/lib/sysdebug-stripped.so";
	symbolizer = open_sysroot();
	symbol_fixture_expect_all(look_up(symbolizer, &fixture));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
debug_link_is_followed_in_the_sysroot(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build_stripped(&fixture, "syslink");
	symbol_fixture_shell("objcopy --add-gnu-debuglink=syslink.debug "
			     "syslink-stripped.so && "
			     "mkdir -p root/opt/lib root/usr/lib/debug/opt/lib "
			     "&& cp syslink-stripped.so root/opt/lib && "
			     "cp syslink.debug root/usr/lib/debug/opt/lib");
	fixture.module.path = "/opt/lib/syslink-stripped.so";
	symbolizer = open_sysroot();
	symbol_fixture_expect_all(look_up(symbolizer, &fixture));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
missing_sysroot_is_an_error(void **state)
{
	const struct symbolizer_options options = {
		.use_symbols = true,
		.sysroot = "/nonexistent/root",
	};
	struct err err;

	(void)state;
	assert_null(symbolizer_open(&options, &err));
	assert_non_null(strstr(err.text, "sysroot '/nonexistent/root': No"));
}

/* --- the vDSO ------------------------------------------------------------------ */

static void
own_vdso_has_names(void **state)
{
	struct symbolizer *symbolizer = open_plain();
	const struct symbols *symbols;
	struct loaded_module vdso = { 0 };
	uint8_t build_id[64];
	void *library = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
	void *function = library ? dlsym(library, "__vdso_clock_gettime")
				 : NULL;

	(void)state;
	/* It has no path, which is the only thing that fails. */
	if (!function || loaded_module_take(&vdso, function) == 0 ||
	    vdso.module.build_id_bytes == 0) {
		print_message("skipped: no vDSO with a build-id here\n");
		skip();
	}
	vdso.module.path = "[vdso]";
	symbols = symbolizer_lookup(symbolizer, &vdso.module,
				    (uint64_t)(uintptr_t)function + 1);
	assert_true(symbols->named);
	assert_non_null(strstr(symbols->entries[0].function, "clock_gettime"));
	/* Another kernel's. */
	memcpy(build_id, vdso.build_id, sizeof(build_id));
	build_id[0] ^= 1;
	vdso.module.build_id = build_id;
	assert_false(symbolizer_lookup(symbolizer, &vdso.module,
				       (uint64_t)(uintptr_t)function + 1)
			     ->named);
	expect_no_warning(symbolizer);
	symbolizer_close(symbolizer);
}

/* --- names for identity --------------------------------------------------------- */

static const char *
bare_name(struct symbolizer *symbolizer, const struct module *module,
	  uint64_t address)
{
	return symbolizer_bare_name(
		symbolizer, symbolizer_lookup(symbolizer, module, address));
}

static void
bare_name_is_that_of_the_real_function(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;
	const char *name;

	(void)state;
	/* Copied for its constant argument: fixture_hidden(int).constprop.0 */
	symbol_fixture_build(&fixture, "identity", "g++", "-g1 -O3");
	symbolizer = open_plain();
	name = bare_name(symbolizer, &fixture.module, fixture.address);
	assert_string_equal(name, "_ZN7fixtureL14fixture_hiddenEi");
	assert_ptr_equal(
		bare_name(symbolizer, &fixture.module, fixture.address), name);
	assert_null(bare_name(symbolizer, NULL, 0x1234));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
bare_name_needs_no_debug_information(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	symbol_fixture_build(&fixture, "identity0", "g++", "-O3");
	symbolizer = open_plain();
	assert_string_equal(bare_name(symbolizer, &fixture.module,
				      fixture.address),
			    "_ZN7fixtureL14fixture_hiddenEi");
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_debug_information_is_read),
		cmocka_unit_test(
			split_debug_information_that_is_gone_leaves_the_symbol_table),
		cmocka_unit_test(
			damaged_debug_information_leaves_the_symbol_table),
		cmocka_unit_test(scopes_that_follow_themselves_come_to_an_end),
		cmocka_unit_test(
			scopes_that_are_in_and_behind_each_other_come_to_an_end),
		cmocka_unit_test(unreadable_debug_information_gives_a_warning),
		cmocka_unit_test(
			bare_names_in_headers_of_the_library_are_in_std),
		cmocka_unit_test(debug_link_is_followed_beside_the_file),
		cmocka_unit_test(debug_link_to_another_build_gives_no_names),
		cmocka_unit_test(
			debug_file_under_a_wrong_build_id_gives_no_names),
		cmocka_unit_test(mini_debug_info_names_hidden_functions),
		cmocka_unit_test(what_dwz_moved_to_another_file_is_found),
		cmocka_unit_test(without_that_file_a_warning_says_so),
		cmocka_unit_test(
			such_a_file_of_another_build_gives_no_wrong_names),
		cmocka_unit_test(sysroot_is_where_modules_are),
		cmocka_unit_test(outside_the_sysroot_nothing_is_looked_for),
		cmocka_unit_test(absolute_links_stay_in_the_sysroot),
		cmocka_unit_test(debug_files_of_the_sysroot_are_found),
		cmocka_unit_test(debug_link_is_followed_in_the_sysroot),
		cmocka_unit_test(missing_sysroot_is_an_error),
		cmocka_unit_test(own_vdso_has_names),
		cmocka_unit_test(bare_name_is_that_of_the_real_function),
		cmocka_unit_test(bare_name_needs_no_debug_information),
	};

	return cmocka_run_group_tests(tests, symbol_fixture_set_up,
				      symbol_fixture_tear_down);
}
