/*
 * The test program looks itself up: its own functions, by return addresses
 * that they hand out, in itself and in changed copies of its file.
 */
#include <dlfcn.h>
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

#include "../../analyzer/err.h"
#include "../../analyzer/model.h"
#include "../../analyzer/symbolize.h"
#include "loaded_module.h"

/* clang has no noipa, and does not clone what is visible outside. */
#if __has_attribute(noipa)
#define NOINLINE __attribute__((noipa))
#else
#define NOINLINE __attribute__((noinline))
#endif
#define INLINE static inline __attribute__((always_inline))

/* Uses the value after the call that made it, which is no tail call then. */
#define KEEP(value) __asm__ volatile("" : "+r"(value))

/* --- code to look up -------------------------------------------------------- */

NOINLINE void *symbolize_return_address(void);
NOINLINE void *symbolize_plain(int *line);
NOINLINE void *symbolize_outer(int lines[3]);

NOINLINE void *
symbolize_return_address(void)
{
	return __builtin_return_address(0);
}

NOINLINE void *
symbolize_plain(int *line)
{
	void *address;

	*line = __LINE__ + 1;
	address = symbolize_return_address();
	KEEP(address);
	return address;
}

INLINE void *
symbolize_innermost(int lines[3])
{
	void *address;

	lines[0] = __LINE__ + 1;
	address = symbolize_return_address();
	KEEP(address);
	return address;
}

INLINE void *
symbolize_middle(int lines[3])
{
	lines[1] = __LINE__ + 1;
	return symbolize_innermost(lines);
}

NOINLINE void *
symbolize_outer(int lines[3])
{
	lines[2] = __LINE__ + 1;
	return symbolize_middle(lines);
}

/* --- this program as a module ------------------------------------------------ */

static struct loaded_module self_module;
static struct module self;
static const char *self_path;
static char directory[] = "/tmp/test_symbolize.XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	if (loaded_module_take(&self_module, &self_path) < 0 ||
	    !mkdtemp(directory))
		return -1;
	self = self_module.module;
	self_path = self.path;
	return self.segment_count == 1 && self.build_id_bytes == 20 ? 0 : -1;
}

static void __attribute__((format(printf, 1, 2))) shell(const char *format, ...)
{
	char command[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

/* A path in our directory; valid until the fourth call after. */
static const char *
path_of(const char *name)
{
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static struct symbolizer *
open_symbolizer(bool use_symbols, bool inlines, const char *debug_path)
{
	const struct symbolizer_options options = {
		.use_symbols = use_symbols,
		.inlines = inlines,
		.debug_path = debug_path,
	};
	struct symbolizer *symbolizer;
	struct err err;

	symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	return symbolizer;
}

static const struct symbols *
look_up(struct symbolizer *symbolizer, const struct module *module,
	const void *address)
{
	const struct symbols *symbols = symbolizer_lookup(
		symbolizer, module, (uint64_t)(uintptr_t)address);
	size_t i;

	assert_non_null(symbols);
	assert_true(symbols->count >= 1);
	for (i = 0; i < symbols->count; i++) {
		assert_non_null(symbols->entries[i].function);
		assert_non_null(symbols->entries[i].linkage_name);
	}
	return symbols;
}

static void
expect_symbol(const struct symbol *symbol, const char *function, int line)
{
	const char *file = symbol->file;

	assert_string_equal(symbol->function, function);
	assert_string_equal(symbol->linkage_name, function);
	assert_int_equal(symbol->line, line);
	assert_non_null(file);
	assert_non_null(strstr(file, "test_symbolize.c"));
}

static void
expect_fallback(const struct symbols *symbols, const char *base,
		const void *address)
{
	char name[512];
	uint64_t call = (uint64_t)(uintptr_t)address - 1;

	snprintf(name, sizeof(name), "%s+0x%llx", base,
		 (unsigned long long)(call - self.segments[0].start +
				      self.segments[0].vaddr));
	assert_int_equal(symbols->count, 1);
	assert_false(symbols->named);
	assert_string_equal(symbols->entries[0].function, name);
	assert_string_equal(symbols->entries[0].linkage_name, name);
	assert_null(symbols->entries[0].file);
	assert_int_equal(symbols->entries[0].line, 0);
}

static void
expect_one_warning(const struct symbolizer *symbolizer, const char *words)
{
	const char *warning = symbolizer_warning(symbolizer, 0);

	assert_non_null(warning);
	assert_non_null(strstr(warning, words));
	assert_null(symbolizer_warning(symbolizer, 1));
}

/* --- tests ------------------------------------------------------------------ */

static void
return_address_gives_line_of_the_call(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	const struct symbols *symbols;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	symbols = look_up(symbolizer, &self, address);
	assert_true(symbols->named);
	assert_int_equal(symbols->count, 1);
	expect_symbol(&symbols->entries[0], "symbolize_plain", line);
	assert_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
}

static void
inlined_functions_come_innermost_first(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	const struct symbols *symbols;
	int lines[3];
	void *address = symbolize_outer(lines);

	(void)state;
	symbols = look_up(symbolizer, &self, address);
	assert_int_equal(symbols->count, 3);
	expect_symbol(&symbols->entries[0], "symbolize_innermost", lines[0]);
	expect_symbol(&symbols->entries[1], "symbolize_middle", lines[1]);
	expect_symbol(&symbols->entries[2], "symbolize_outer", lines[2]);
	symbolizer_close(symbolizer);
}

static void
without_inlines_the_real_function_is_left(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, false, NULL);
	const struct symbols *symbols;
	int lines[3];
	void *address = symbolize_outer(lines);

	(void)state;
	symbols = look_up(symbolizer, &self, address);
	assert_int_equal(symbols->count, 1);
	expect_symbol(&symbols->entries[0], "symbolize_outer", lines[2]);
	symbolizer_close(symbolizer);
}

static void
equal_places_are_one(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	const struct symbols *first;
	struct module elsewhere = self;
	int line, lines[3];
	char *address = symbolize_plain(&line);

	(void)state;
	first = look_up(symbolizer, &self, address);
	look_up(symbolizer, &self, symbolize_outer(lines));
	/* The same file in another process, or mapped again. */
	elsewhere.segments[0].start += 0x10000;
	elsewhere.segments[0].end += 0x10000;
	assert_ptr_equal(look_up(symbolizer, &elsewhere, address + 0x10000),
			 first);
	assert_ptr_equal(look_up(symbolizer, &self, address), first);
	symbolizer_close(symbolizer);
}

static void
module_that_lies_where_another_lay_is_another(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	struct module module = self;
	uint8_t build_id[20];
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	assert_true(look_up(symbolizer, &module, address)->named);
	memcpy(build_id, self.build_id, sizeof(build_id));
	build_id[19] ^= 1;
	module.build_id = build_id;
	assert_false(look_up(symbolizer, &module, address)->named);
	module = self;
	assert_true(look_up(symbolizer, &module, address)->named);
	module.path = "/nonexistent/other";
	module.build_id = NULL;
	module.build_id_bytes = 0;
	expect_fallback(look_up(symbolizer, &module, address), "other",
			address);
	symbolizer_close(symbolizer);
}

static void
bare_name_of_inlined_code_is_the_real_functions(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	int lines[3];
	uint64_t address = (uint64_t)(uintptr_t)symbolize_outer(lines);

	(void)state;
	assert_string_equal(symbolizer_bare_name(symbolizer,
						 symbolizer_lookup(symbolizer,
								   &self,
								   address)),
			    "symbolize_outer");
	assert_null(symbolizer_bare_name(
		symbolizer, symbolizer_lookup(symbolizer, NULL, address)));
	symbolizer_close(symbolizer);
}

static void
no_symbols_opens_no_file(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(false, true, NULL);
	struct module gone = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	expect_fallback(look_up(symbolizer, &self, address),
			strrchr(self_path, '/') + 1, address);
	gone.path = "/nonexistent/app";
	gone.build_id_bytes = 0;
	expect_fallback(look_up(symbolizer, &gone, address), "app", address);
	assert_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
}

static void
other_build_id_gives_no_names_but_one_warning(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	struct module other = self;
	uint8_t build_id[20];
	int line, lines[3];
	void *address = symbolize_plain(&line);

	(void)state;
	memcpy(build_id, self.build_id, sizeof(build_id));
	build_id[19] ^= 1;
	other.build_id = build_id;
	expect_fallback(look_up(symbolizer, &other, address),
			strrchr(self_path, '/') + 1, address);
	look_up(symbolizer, &other, symbolize_outer(lines));
	expect_one_warning(symbolizer, "not the file that ran (build-id ");
	symbolizer_close(symbolizer);
}

static void
missing_build_id_on_one_side_is_another_file(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	struct module without = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	without.build_id = NULL;
	without.build_id_bytes = 0;
	expect_fallback(look_up(symbolizer, &without, address),
			strrchr(self_path, '/') + 1, address);
	expect_one_warning(symbolizer, ", not none)");
	symbolizer_close(symbolizer);
}

static void
missing_file_gives_a_warning(void **state)
{
	struct symbolizer *symbolizer =
		open_symbolizer(true, true, "/nonexistent");
	struct module gone = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	gone.path = "/tmp/app (deleted)";
	expect_fallback(look_up(symbolizer, &gone, address), "app (deleted)",
			address);
	expect_one_warning(symbolizer, "'/tmp/app (deleted)': No such file");
	symbolizer_close(symbolizer);
}

static void
second_path_of_a_build_id_is_tried(void **state)
{
	struct symbolizer *symbolizer =
		open_symbolizer(true, true, "/nonexistent");
	struct module gone = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	gone.path = "/nonexistent/app";
	assert_false(look_up(symbolizer, &gone, address)->named);
	expect_symbol(look_up(symbolizer, &self, address)->entries,
		      "symbolize_plain", line);
	symbolizer_close(symbolizer);
}

static void
opened_file_serves_other_paths_of_its_build_id(void **state)
{
	struct symbolizer *symbolizer =
		open_symbolizer(true, true, "/nonexistent");
	struct module gone = self;
	const struct symbols *symbols;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	gone.path = "/nonexistent/app";
	symbols = look_up(symbolizer, &self, address);
	assert_ptr_equal(look_up(symbolizer, &gone, address), symbols);
	assert_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
}

static void
what_is_no_file_is_left_alone(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	struct module vdso = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	vdso.path = "[vdso]";
	vdso.build_id_bytes = 0;
	expect_fallback(look_up(symbolizer, &vdso, address), "[vdso]", address);
	assert_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
}

static void
address_in_no_module_is_its_own_name(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	const struct symbols *symbols;

	(void)state;
	symbols = symbolizer_lookup(symbolizer, NULL, 0x1235);
	assert_string_equal(symbols->entries[0].function, "0x1234");
	assert_false(symbols->named);
	/* Before the module's only segment. */
	assert_ptr_equal(symbolizer_lookup(symbolizer, &self, 0x1235), symbols);
	symbols = symbolizer_lookup(symbolizer, NULL, 0);
	assert_string_equal(symbols->entries[0].function, "0xffffffffffffffff");
	symbolizer_close(symbolizer);
}

static void
fifo_in_place_of_the_file_does_not_hang(void **state)
{
	struct symbolizer *symbolizer =
		open_symbolizer(true, true, "/nonexistent");
	struct module fifo = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	fifo.path = path_of("fifo");
	assert_int_equal(mkfifo(fifo.path, 0600), 0);
	expect_fallback(look_up(symbolizer, &fifo, address), "fifo", address);
	expect_one_warning(symbolizer, "not a regular file");
	symbolizer_close(symbolizer);
}

static void
text_in_place_of_the_file_gives_a_warning(void **state)
{
	struct symbolizer *symbolizer =
		open_symbolizer(true, true, "/nonexistent");
	struct module text = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	text.path = path_of("text");
	shell("echo hello >'%s'", text.path);
	expect_fallback(look_up(symbolizer, &text, address), "text", address);
	expect_one_warning(symbolizer, "not an ELF file");
	symbolizer_close(symbolizer);
}

static void
without_any_build_id_names_come_with_a_warning(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	struct module copy = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	copy.path = path_of("no-id");
	shell("objcopy --remove-section=.note.gnu.build-id '%s' '%s'",
	      self_path, copy.path);
	copy.build_id = NULL;
	copy.build_id_bytes = 0;
	expect_symbol(look_up(symbolizer, &copy, address)->entries,
		      "symbolize_plain", line);
	expect_one_warning(symbolizer, "has no build-id");
	symbolizer_close(symbolizer);
}

static void
without_any_build_id_another_layout_is_another_file(void **state)
{
	struct symbolizer *symbolizer = open_symbolizer(true, true, NULL);
	struct module copy = self;
	int line;
	char *address = symbolize_plain(&line);

	(void)state;
	copy.path = path_of("no-id");
	copy.build_id = NULL;
	copy.build_id_bytes = 0;
	copy.segments[0].vaddr += 0x1000;
	assert_false(look_up(symbolizer, &copy, address)->named);
	expect_one_warning(symbolizer, "laid out differently");
	symbolizer_close(symbolizer);
}

static void
stripped_functions_get_no_neighbours_name(void **state)
{
	struct symbolizer *symbolizer =
		open_symbolizer(true, true, "/nonexistent");
	struct module stripped = self;
	int line;
	void *address = symbolize_plain(&line);

	(void)state;
	stripped.path = path_of("stripped");
	shell("strip --strip-all -o '%s' '%s'", stripped.path, self_path);
	expect_fallback(look_up(symbolizer, &stripped, address), "stripped",
			address);
	assert_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
}

static void
symbol_table_alone_gives_the_real_function(void **state)
{
	struct symbolizer *symbolizer =
		open_symbolizer(true, true, "/nonexistent");
	struct module copy = self;
	const struct symbols *symbols;
	int lines[3];
	void *address = symbolize_outer(lines);

	(void)state;
	copy.path = path_of("no-dwarf");
	shell("strip --strip-debug -o '%s' '%s'", copy.path, self_path);
	symbols = look_up(symbolizer, &copy, address);
	assert_int_equal(symbols->count, 1);
	assert_true(symbols->named);
	assert_string_equal(symbols->entries[0].function, "symbolize_outer");
	assert_null(symbols->entries[0].file);
	symbolizer_close(symbolizer);
}

/* DIR/debug/.build-id/xx/yyyy.debug of this program. */
static void
make_debug_file(void)
{
	char hex[64] = "";
	size_t i;

	for (i = 0; i < self.build_id_bytes; i++)
		sprintf(hex + 2 * i, "%02x", self.build_id[i]);
	shell("mkdir -p '%s/debug/.build-id/%.2s'", directory, hex);
	shell("objcopy --only-keep-debug '%s' "
	      "'%s/debug/.build-id/%.2s/%s.debug'",
	      self_path, directory, hex, hex + 2);
}

static void
separate_debug_file_is_found_by_build_id(void **state)
{
	struct symbolizer *symbolizer;
	struct module module = self;
	const struct symbols *symbols;
	int lines[3];
	void *address = symbolize_outer(lines);

	(void)state;
	make_debug_file();
	module.path = path_of("stripped-2");
	shell("strip --strip-all -o '%s' '%s'", module.path, self_path);
	symbolizer = open_symbolizer(true, true, path_of("debug"));
	symbols = look_up(symbolizer, &module, address);
	assert_int_equal(symbols->count, 3);
	expect_symbol(&symbols->entries[2], "symbolize_outer", lines[2]);
	symbolizer_close(symbolizer);
}

static void
debug_file_alone_names_a_deleted_file(void **state)
{
	struct symbolizer *symbolizer;
	struct module module = self;
	const struct symbols *symbols;
	int lines[3];
	void *address = symbolize_outer(lines);

	(void)state;
	make_debug_file();
	module.path = "/nonexistent/app";
	symbolizer = open_symbolizer(true, true, path_of("debug"));
	symbols = look_up(symbolizer, &module, address);
	assert_int_equal(symbols->count, 3);
	expect_symbol(&symbols->entries[0], "symbolize_innermost", lines[0]);
	assert_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
}

/*
 * What gcc inlines at link time has no linkage name in DWARF. The function
 * that the library exports returns an address in the inlined one.
 */
static void
names_without_linkage_name_have_their_scopes(void **state)
{
	static const char source[] =
		"extern \"C\" __attribute__((noipa)) void *here() "
		"{ return __builtin_return_address(0); } "
		"namespace outer { namespace { template <typename T> "
		"struct Pool { "
		"static inline __attribute__((always_inline)) void *take() "
		"{ void *p = here(); __asm__ volatile(\"\" : \"+r\"(p)); "
		"return p; } }; } } "
		"extern \"C\" void *fixture() "
		"{ return outer::Pool<int>::take(); }";
	struct symbolizer *symbolizer;
	struct loaded_module module;
	const struct symbols *symbols;
	void *(*fixture)(void);
	void *library, *address;

	(void)state;
	if (system("g++ --version >/dev/null 2>&1") != 0) {
		print_message("skipped: there is no g++\n");
		skip();
	}
	shell("echo '%s' >'%s'", source, path_of("lto.cc"));
	shell("g++ -g -O2 -flto -fPIC -shared -o '%s' '%s'", path_of("lto.so"),
	      path_of("lto.cc"));
	library = dlopen(path_of("lto.so"), RTLD_NOW);
	assert_non_null(library);
	*(void **)&fixture = dlsym(library, "fixture");
	assert_non_null(fixture);
	address = fixture();
	assert_int_equal(loaded_module_take(&module, address), 0);
	symbolizer = open_symbolizer(true, true, NULL);
	symbols = look_up(symbolizer, &module.module, address);
	assert_int_equal(symbols->count, 2);
	assert_string_equal(symbols->entries[0].function,
			    "outer::(anonymous namespace)::Pool<int>::take");
	assert_string_equal(symbols->entries[1].function, "fixture");
	symbolizer_close(symbolizer);
	dlclose(library);
}

static void
network_is_never_asked(void **state)
{
	struct symbolizer *symbolizer;

	(void)state;
	assert_int_equal(setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9", 1), 0);
	symbolizer = open_symbolizer(true, true, NULL);
	assert_null(getenv("DEBUGINFOD_URLS"));
	symbolizer_close(symbolizer);
}

static void
close_takes_null(void **state)
{
	(void)state;
	symbolizer_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(return_address_gives_line_of_the_call),
		cmocka_unit_test(inlined_functions_come_innermost_first),
		cmocka_unit_test(without_inlines_the_real_function_is_left),
		cmocka_unit_test(equal_places_are_one),
		cmocka_unit_test(module_that_lies_where_another_lay_is_another),
		cmocka_unit_test(
			bare_name_of_inlined_code_is_the_real_functions),
		cmocka_unit_test(no_symbols_opens_no_file),
		cmocka_unit_test(other_build_id_gives_no_names_but_one_warning),
		cmocka_unit_test(missing_build_id_on_one_side_is_another_file),
		cmocka_unit_test(missing_file_gives_a_warning),
		cmocka_unit_test(second_path_of_a_build_id_is_tried),
		cmocka_unit_test(
			opened_file_serves_other_paths_of_its_build_id),
		cmocka_unit_test(what_is_no_file_is_left_alone),
		cmocka_unit_test(address_in_no_module_is_its_own_name),
		cmocka_unit_test(fifo_in_place_of_the_file_does_not_hang),
		cmocka_unit_test(text_in_place_of_the_file_gives_a_warning),
		cmocka_unit_test(
			without_any_build_id_names_come_with_a_warning),
		cmocka_unit_test(
			without_any_build_id_another_layout_is_another_file),
		cmocka_unit_test(stripped_functions_get_no_neighbours_name),
		cmocka_unit_test(symbol_table_alone_gives_the_real_function),
		cmocka_unit_test(separate_debug_file_is_found_by_build_id),
		cmocka_unit_test(debug_file_alone_names_a_deleted_file),
		cmocka_unit_test(names_without_linkage_name_have_their_scopes),
		cmocka_unit_test(network_is_never_asked),
		cmocka_unit_test(close_takes_null),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
