/*
 * The sink: where a snapshot goes, byte by byte, until it is a file.
 *
 * Written under a temporary name in the directory of out= (0600, created
 * exclusively, links never followed), then published under its final name
 * without ever replacing a file: the number in the name is the next that is
 * free. Where out= can't be written, /tmp/leakshim-UID/ is used, and
 * lks_sink_note() says why. A failure leaves no temporary file behind and the
 * files published before as they are.
 *
 * One snapshot at a time: all state is static and belongs to who holds the
 * writer (writer.h).
 */
#pragma once

#include "lks.h"

/* BOOT, after opts and ident. Resolves out= to an absolute path, looks whether
 * its directory can be written, says so if not (msg.h). */
void lks_sink_init(void);

/* FORK, in the child: %p and %t have changed, no file is its own yet. */
void lks_sink_fork_child(void);

/* WRITER, the four in this order. False: lks_sink_error() says why; after a
 * failed write or publish only discard may follow. */
bool lks_sink_open(void);
bool lks_sink_write(const void *data, size_t bytes);
/* Publishes, then removes older files of this process as keep= wants. */
bool lks_sink_publish(uint64_t sequence);
/* Publishes a dump instead: under the name that the next snapshot would get,
 * with ".dump" for ".snap" or behind it. */
bool lks_sink_publish_dump(void);
/*
 * Instead of the above: a file beside the status file, for who asked for it,
 * which takes the place of the one before. Begin first, since what fails from
 * then on is not the row's, which has an error of its own.
 */
void lks_sink_begin_scrape(void);
bool lks_sink_open_scrape(void);
bool lks_sink_publish_scrape(void);
const char *lks_sink_scrape_error(void); /* of the last one, or "" */
/* Closes and removes the temporary file. */
void lks_sink_discard(void);
/* The writer before us was killed: removes what it left. Its descriptor was in
 * a table of its own. */
void lks_sink_recover(void);

/* WRITER. Absolute template in force, with %n; path of the file published
 * last ("" = none); why it is not where it was asked to be, or ""; why the
 * last attempt failed, or "". */
const char *lks_sink_template(void);
const char *lks_sink_last_path(void);
const char *lks_sink_dump_path(void); /* as last_path, of a dump */
const char *lks_sink_note(void);
const char *lks_sink_error(void);
/* Sets the error from outside: `what`, and the reason if `result` is a
 * negative errno. */
void lks_sink_fail(const char *what, long result);
