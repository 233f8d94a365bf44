/*
 * A small shared object that a compiler makes for one test, loaded, with an
 * address in it to be looked up: a call in fixture_inlined(), which is inlined
 * into fixture_hidden(), which is not exported.
 */
#pragma once

#include <stdbool.h>

#include "../../analyzer/symbolize.h"
#include "loaded_module.h"

struct symbol_fixture {
	struct loaded_module loaded;
	struct module module; /* of the file; path and all may be changed */
	uint64_t address;     /* return address of the call */
	void *library;
};

/* Makes a directory of the test's own. For a group's set-up and tear-down. */
int symbol_fixture_set_up(void **state);
int symbol_fixture_tear_down(void **state);

/* A path in that directory; valid until the eighth call after. */
const char *symbol_fixture_path(const char *name);

/* Runs a command there, which must succeed. */
void symbol_fixture_shell(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Is there such a command? If not, says that the test is skipped. */
bool symbol_fixture_has(const char *command);

/* Compiles NAME.c (NAME.cc for a C++ compiler) to NAME.so, and loads it. */
void symbol_fixture_build(struct symbol_fixture *fixture, const char *name,
			  const char *compiler, const char *flags);
/* The same by gcc, whose debug information is then in NAME.debug only; the
 * module is NAME-stripped.so. */
void symbol_fixture_build_stripped(struct symbol_fixture *fixture,
				   const char *name);
/* The same, of which dwz moved much, so the name of the inlined function, from
 * dwz-1.debug to dwz-common.debug: two builds of one source share it. */
void symbol_fixture_build_dwz(struct symbol_fixture *fixture);
/* Copies FILE to DIR/.build-id/xx/yyyy.debug. */
void symbol_fixture_place(const struct module *module, const char *dir,
			  const char *file);
/* The build-id as hexadecimal digits; valid until the next call. */
const char *symbol_fixture_hex(const struct module *module);
void symbol_fixture_close(struct symbol_fixture *fixture);

/* Fails if `symbols` is not, innermost first, the two functions with a line
 * each; in C++ they are in namespace fixture. */
void symbol_fixture_expect_all(const struct symbols *symbols);
/* Only the real function, as a symbol table knows it. */
void symbol_fixture_expect_real(const struct symbols *symbols);
