/*
 * A template in force has every % code replaced but %n; a percent sign that
 * is meant stays doubled until a name is made of it.
 */
#include "outname.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../proto/defaults.h"
#include "ident.h"
#include "msg.h"
#include "opts.h"
#include "sys.h"

static char templates[2][LKS_PATH_BYTES]; /* by place; "" = leads nowhere */
static bool has_number;                   /* the template has a %n */

struct text {
	char *at;
	size_t left; /* without the terminator */
	bool cut;
};

static void
put(struct text *out, char c)
{
	if (out->left == 0) {
		out->cut = true;
		return;
	}
	*out->at++ = c;
	out->left--;
	*out->at = '\0';
}

static void
put_all(struct text *out, const char *s)
{
	while (*s != '\0')
		put(out, *s++);
}

/* For a template: no slash from names the host chose, percent doubled. */
static void
put_name(struct text *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '%')
			put(out, '%');
		put(out, *s == '/' ? '_' : *s);
	}
}

static void
put_number(struct text *out, uint64_t value, int digits)
{
	char decimal[24];
	size_t length = lks_format(decimal, sizeof(decimal), "%lu",
				   (unsigned long)value);

	for (; digits > (int)length; digits--)
		put(out, '0');
	put_all(out, decimal);
}

/* UTC as 20240131T235959Z. Days to a date as by H. Hinnant's civil_from_days:
 * years are taken to begin in March, so that the leap day is their last. */
static void
put_time(struct text *out, uint64_t ns)
{
	uint64_t s = ns / 1000000000u;
	uint64_t day = s / 86400 + 719468; /* since 0000-03-01 */
	uint64_t era = day / 146097;
	uint64_t of_era = day % 146097;
	uint64_t year =
		(of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) /
		365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * of_year + 2) / 153;

	put_number(out, era * 400 + year + (month >= 10 ? 1 : 0), 4);
	put_number(out, month < 10 ? month + 3 : month - 9, 2);
	put_number(out, of_year - (153 * month + 2) / 5 + 1, 2);
	put(out, 'T');
	put_number(out, s / 3600 % 24, 2);
	put_number(out, s / 60 % 60, 2);
	put_number(out, s % 60, 2);
	put(out, 'Z');
}

/* Replaces every code but %n and %%. Returns the first unknown one, 0: none. */
static char
expand(struct text *out, const char *raw)
{
	char unknown = '\0';

	for (; *raw != '\0'; raw++) {
		if (*raw != '%') {
			put(out, *raw);
			continue;
		}
		switch (*++raw) {
		case 'e':
			put_name(out, lks_ident.name);
			break;
		case 'h':
			put_name(out, lks_ident.host);
			break;
		case 'p':
			put_number(out, (uint64_t)lks_ident.pid, 0);
			break;
		case 't':
			put_time(out, lks_ident.start_wall_ns);
			break;
		case 'n':
			has_number = true;
			put_all(out, "%n");
			break;
		case '%':
			put_all(out, "%%");
			break;
		default:
			unknown = *raw != '\0' ? *raw : '%';
			put_all(out, "%%");
			raw--;
			break;
		}
	}
	return unknown;
}

long
lks_outname_make(enum lks_place where, uint32_t number, char *path, size_t cap)
{
	struct text out = { path, cap - 1, false };

	path[0] = '\0';
	if (templates[where][0] == '\0')
		return -ENOENT;
	for (const char *t = templates[where]; *t != '\0'; t++) {
		if (*t == '%' && *++t == 'n')
			put_number(&out, number, 0);
		else
			put(&out, *t);
	}
	/* Without %n the first file has the very name that was asked for. */
	if (!has_number && number > 0) {
		put(&out, '.');
		put_number(&out, number, 0);
	}
	return out.cut ? -ENAMETOOLONG : 0;
}

uint32_t
lks_outname_first(void)
{
	return has_number ? 1 : 0;
}

/* Is what out= says, with its codes replaced, a directory? */
static bool
is_directory(void)
{
	/* Not on the stack: it may be a handler's. */
	static char path[LKS_PATH_BYTES];
	struct stat st;

	return lks_outname_make(LKS_PLACE_WANTED, lks_outname_first(), path,
				sizeof(path)) == 0 &&
	       !lks_sys_failed(
		       lks_sys4(SYS_newfstatat, AT_FDCWD, path, &st, 0)) &&
	       S_ISDIR(st.st_mode);
}

char
lks_outname_resolve(void)
{
	struct text wanted = { templates[LKS_PLACE_WANTED], LKS_PATH_BYTES - 1,
			       false };
	struct text fallback = { templates[LKS_PLACE_FALLBACK],
				 LKS_PATH_BYTES - 1, false };
	const char *raw = lks_opts.out;
	const char *slash = strrchr(raw, '/');
	/* A directory, whether it is there or not. */
	bool ends_in_slash = slash != NULL && slash[1] == '\0';
	char unknown;

	has_number = false;
	if (raw[0] != '/') {
		for (const char *s = lks_ident.start_directory; *s; s++)
			put_all(&wanted, *s == '%' ? "%%" : (char[]){ *s, 0 });
		put(&wanted, '/');
	}
	unknown = expand(&wanted, raw);
	/* Without a start directory a relative path leads nowhere. */
	if (wanted.cut || (raw[0] != '/' && lks_ident.start_directory[0] == 0))
		templates[LKS_PLACE_WANTED][0] = '\0';
	if (ends_in_slash || is_directory()) {
		if (!ends_in_slash)
			put(&wanted, '/');
		expand(&wanted, LKS_OUT_DEFAULT);
		slash = NULL;
		raw = LKS_OUT_DEFAULT;
	}
	put_all(&fallback, LKS_FALLBACK_DIRECTORY);
	put_number(&fallback, (uint64_t)lks_sys0(SYS_geteuid), 0);
	put(&fallback, '/');
	expand(&fallback, slash != NULL ? slash + 1 : raw);
	return unknown;
}

const char *
lks_outname_template(enum lks_place where)
{
	return templates[where];
}
