#include "symbol_fixture.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* C as well as C++; the lines are counted below. */
static const char source[] =
	"#ifdef __cplusplus\n"
	"#define BEGIN namespace fixture {\n"
	"#define END }\n"
	"#define IN(name) fixture::name\n"
	"extern \"C\" void *fixture_address(void);\n"
	"extern \"C\" void *fixture_here(void);\n"
	"#else\n"
	"#define BEGIN\n"
	"#define END\n"
	"#define IN(name) name\n"
	"#endif\n"
	"void *fixture_address(void);\n"
	"void *fixture_here(void);\n"
	"__attribute__((noinline)) void *fixture_here(void)\n"
	"{ return __builtin_return_address(0); }\n"
	"BEGIN\n"
	"static inline __attribute__((always_inline)) void *\n"
	"fixture_inlined(void)\n"
	"{\n"
	"	void *address = fixture_here();\n"
	"	__asm__ volatile(\"\" : \"+r\"(address));\n"
	"	return address;\n"
	"}\n"
	"static __attribute__((noinline)) void *fixture_hidden(int more)\n"
	"{\n"
	"	void *address = fixture_inlined();\n"
	"	__asm__ volatile(\"\" : : \"r\"(more));\n"
	"	return address;\n"
	"}\n"
	"END\n"
	"void *fixture_address(void) { return IN(fixture_hidden)(1); }\n"
	/* Enough for dwz to find it worth a file. */
	"struct fixture_shared {\n"
	"	struct fixture_shared *next_of_the_shared;\n"
	"	long first_of_the_shared;\n"
	"	char name_of_the_shared[9];\n"
	"} fixture_shared;\n";

static char directory[] = "/tmp/test_symbols.XXXXXX";

int
symbol_fixture_set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

int
symbol_fixture_tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

const char *
symbol_fixture_path(const char *name)
{
	static char paths[8][256];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

void
symbol_fixture_shell(const char *format, ...)
{
	char command[8192];
	int len = snprintf(command, sizeof(command), "cd '%s' && ", directory);
	va_list args;

	va_start(args, format);
	vsnprintf(command + len, sizeof(command) - (size_t)len, format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

bool
symbol_fixture_has(const char *command)
{
	char test[256];

	snprintf(test, sizeof(test), "command -v '%s' >/dev/null", command);
	if (system(test) == 0)
		return true;
	print_message("skipped: there is no %s\n", command);
	return false;
}

void
symbol_fixture_build(struct symbol_fixture *fixture, const char *name,
		     const char *compiler, const char *flags)
{
	const char *ext = strstr(compiler, "++") ? "cc" : "c";
	char path[64];
	void *(*address)(void);
	FILE *file;

	snprintf(path, sizeof(path), "%s.%s", name, ext);
	file = fopen(symbol_fixture_path(path), "w");
	assert_non_null(file);
	assert_true(fputs(source, file) >= 0);
	assert_int_equal(fclose(file), 0);
	/* In two steps: .dwo files are named after the object. */
	symbol_fixture_shell("%s -O2 -fPIC %s -c -o %s.o %s", compiler, flags,
			     name, path);
	symbol_fixture_shell("%s -O2 -fPIC %s -shared -Wl,--build-id -o %s.so "
			     "%s.o",
			     compiler, flags, name, name);
	snprintf(path, sizeof(path), "%s.so", name);
	memset(fixture, 0, sizeof(*fixture));
	fixture->library = dlopen(symbol_fixture_path(path), RTLD_NOW);
	assert_non_null(fixture->library);
	*(void **)&address = dlsym(fixture->library, "fixture_address");
	assert_non_null(address);
	fixture->address = (uint64_t)(uintptr_t)address();
	assert_int_equal(
		loaded_module_take(&fixture->loaded,
				   (const void *)(uintptr_t)fixture->address),
		0);
	fixture->module = fixture->loaded.module;
	assert_int_equal(fixture->module.build_id_bytes, 20);
}

void
symbol_fixture_build_stripped(struct symbol_fixture *fixture, const char *name)
{
	char path[64];

	symbol_fixture_build(fixture, name, "gcc", "-g");
	symbol_fixture_shell("objcopy --only-keep-debug %s.so %s.debug && "
			     "strip --strip-all -o %s-stripped.so %s.so",
			     name, name, name, name);
	snprintf(path, sizeof(path), "%s-stripped.so", name);
	fixture->module.path = symbol_fixture_path(path);
}

void
symbol_fixture_build_dwz(struct symbol_fixture *fixture)
{
	symbol_fixture_build_stripped(fixture, "dwz-1");
	symbol_fixture_shell(
		"gcc -g -O1 -fPIC -shared -Wl,--build-id -o dwz-2.so dwz-1.c "
		"&& objcopy --only-keep-debug dwz-2.so dwz-2.debug && "
		"dwz -m dwz-common.debug -M %s dwz-1.debug dwz-2.debug && "
		"readelf -SW dwz-1.debug | grep -q gnu_debugaltlink && "
		"readelf --debug-dump=info dwz-common.debug | "
		"grep -q fixture_inlined",
		symbol_fixture_path("dwz-common.debug"));
}

const char *
symbol_fixture_hex(const struct module *module)
{
	static char hex[129];
	size_t i;

	for (i = 0; i < module->build_id_bytes; i++)
		sprintf(hex + 2 * i, "%02x", module->build_id[i]);
	return hex;
}

void
symbol_fixture_place(const struct module *module, const char *dir,
		     const char *file)
{
	const char *hex = symbol_fixture_hex(module);

	symbol_fixture_shell("mkdir -p %s/.build-id/%.2s && "
			     "cp %s %s/.build-id/%.2s/%s.debug",
			     dir, hex, file, dir, hex, hex + 2);
}

void
symbol_fixture_close(struct symbol_fixture *fixture)
{
	dlclose(fixture->library);
}

/* C++ names have parameters and, of the real function perhaps, none. */
static void
expect_function(const struct symbol *symbol, const char *name)
{
	const char *function = symbol->function;

	if (strncmp(function, "fixture::", 9) == 0)
		function += 9;
	if (strncmp(function, name, strlen(name)) != 0 ||
	    (function[strlen(name)] && function[strlen(name)] != '('))
		fail_msg("'%s' is not %s", symbol->function, name);
}

void
symbol_fixture_expect_all(const struct symbols *symbols)
{
	size_t i;

	for (i = 0; i < symbols->count; i++)
		print_message("  %s %s:%u\n", symbols->entries[i].function,
			      symbols->entries[i].file,
			      symbols->entries[i].line);
	assert_true(symbols->named);
	assert_int_equal(symbols->count, 2);
	expect_function(&symbols->entries[0], "fixture_inlined");
	expect_function(&symbols->entries[1], "fixture_hidden");
	for (i = 0; i < 2; i++)
		assert_non_null(symbols->entries[i].file);
	assert_int_equal(symbols->entries[0].line, 20);
	assert_int_equal(symbols->entries[1].line, 26);
}

void
symbol_fixture_expect_real(const struct symbols *symbols)
{
	assert_true(symbols->named);
	assert_int_equal(symbols->count, 1);
	expect_function(&symbols->entries[0], "fixture_hidden");
}
