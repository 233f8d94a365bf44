/*
 * What fuzz targets share. A target is one file, fuzz_NOUN.c, which has
 * LLVMFuzzerTestOneInput and hands its bytes to one reader of untrusted files;
 * its first inputs are those that scripts/run-fuzz puts together for NOUN. The
 * Makefile finds it by its name.
 *
 * A finding is a crash, a sanitizer's report, a hang (10 s), 2 GiB of memory,
 * or a call of fuzz_broken.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A file with these bytes: its path, valid until the next call. */
const char *fuzz_file(const uint8_t *data, size_t len);
/* The same bytes behind gzip, not compressed, so that the fuzzer's changes
 * arrive. */
const char *fuzz_gzip_file(const uint8_t *data, size_t len);

/* Peeks into the file and loads it: what comes is an error of one line, or a
 * model that keeps its promises, and the same header from both. */
void fuzz_load(const char *file);

/* Ends the run: that promise is broken. */
void fuzz_broken(const char *promise) __attribute__((noreturn));
