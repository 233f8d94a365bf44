/*
 * The rooms of the shim as its constructor leaves them, in a test program that
 * is not interposed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "snapshot.pb-c.h"

/* Boots the rooms a snapshot needs, once per program; parses `options` each
 * time. Fails the test if a room refuses. */
void preload_env_boot(const char *options);

/* A fresh directory, removed with what is in it when the program ends. */
const char *preload_env_directory(void);

/* A file, gunzipped if it is gzip'ed; the caller frees it. NULL: unreadable. */
char *preload_env_read(const char *path, size_t *bytes);

/* A snapshot file, unpacked; free with leakshim__v1__snapshot__free_unpacked.
 * Fails the test if it is none. */
Leakshim__V1__Snapshot *preload_env_snapshot(const char *path);

/* A path in the directory, in static memory that the next call overwrites. */
const char *preload_env_path(const char *name);
