/*
 * Numbers as people write them on a command line or in a file: the whole text
 * or nothing. The spellings are those of LEAKSHIM= (leakshim(7)). No locale has
 * a say.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* 12, from 0 to UINT64_MAX. */
bool parse_count(const char *text, uint64_t *count)
	__attribute__((warn_unused_result));

/* 4096, 64K, 1M, 2G, 1T, also 64KiB and 64k: powers of 1024, whole numbers, up
 * to INT64_MAX. */
bool parse_size(const char *text, int64_t *bytes)
	__attribute__((warn_unused_result));

/* 30s, 5m, 8h, 2d, 100ms, or 30 for seconds. Whole numbers. */
bool parse_duration(const char *text, double *seconds)
	__attribute__((warn_unused_result));
