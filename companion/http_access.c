#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "../analyzer/xalloc.h"
#include "http_parts.h"

/* What two servers in a row may understand differently, so that the second one
 * takes a part of a body for a request (RFC 9112, 3.2, 5.1, 6.3, 11.2). */
struct framing {
	unsigned int hosts;
	unsigned int lengths;
	unsigned int codings;
	bool is_chunked;
	bool is_malformed;
};

static enum MHD_Result
see_header(void *as_framing, enum MHD_ValueKind kind, const char *name,
	   const char *value)
{
	struct framing *framing = as_framing;

	(void)kind;
	/* "Content-Length : 3" is none to us, and may be one to others. */
	if (!*name || strpbrk(name, " \t"))
		framing->is_malformed = true;
	framing->hosts += !strcasecmp(name, MHD_HTTP_HEADER_HOST);
	framing->lengths += !strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (!strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
		framing->codings++;
		framing->is_chunked = value && !strcasecmp(value, "chunked");
	}
	return MHD_YES;
}

static bool
is_ambiguous(const struct exchange *exchange, const char *version)
{
	struct framing framing = { 0 };
	bool is_old = !strcmp(version, MHD_HTTP_VERSION_1_0);

	MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND,
				  see_header, &framing);
	return framing.is_malformed || framing.hosts > 1 ||
	       (!framing.hosts && !is_old) || framing.lengths > 1 ||
	       framing.codings > 1 ||
	       (framing.codings && (framing.lengths || !framing.is_chunked));
}

static const char *
header(const struct exchange *exchange, const char *name)
{
	return MHD_lookup_connection_value(exchange->connection,
					   MHD_HEADER_KIND, name);
}

/* "Bearer TOKEN", or any user with the token as password: what a browser and
 * `go tool pprof http://x:TOKEN@host` send. */
static bool
has_token(const struct exchange *exchange)
{
	static const char bearer[] = "Bearer ";
	const char *secret = exchange->http->settings.token;
	const char *given = header(exchange, "Authorization");
	char *user, *password = NULL;
	bool same;

	if (given && !strncasecmp(given, bearer, strlen(bearer)))
		return http_same_token(secret, given + strlen(bearer));
	user = MHD_basic_auth_get_username_password(exchange->connection,
						    &password);
	same = password && http_same_token(secret, password);
	MHD_free(user);
	MHD_free(password);
	return same;
}

/* "localhost" or an address, which no foreign name server can point here. */
static bool
is_own_host(const char *host)
{
	char name[256];
	struct in_addr in;
	size_t len = strcspn(host, ":");

	if (host[0] == '[')
		return true;
	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	return !len || !strcasecmp(name, "localhost") ||
	       inet_pton(AF_INET, name, &in) == 1;
}

/* Without a token: a foreign name, which its owner can point at us, so that a
 * browser takes our answers for that site's own (DNS rebinding). */
static bool
has_foreign_host(const struct exchange *exchange)
{
	const char *host = header(exchange, "Host");

	return exchange->http->guards_host &&
	       (!is_own_host(host ? host : "") ||
		(exchange->authority && !is_own_host(exchange->authority)));
}

static bool
names_host(const char *origin, const char *host)
{
	return host && !strcasecmp(origin, host);
}

/*
 * Asked for by a page of another site, and not by a click on its link. The token
 * does not make up for it: browsers add a password that they know, and proxies
 * may add the token to whatever comes.
 *
 * Browsers say it themselves (Sec-Fetch-Site, which no page can set), but to
 * https and loopback only. Otherwise the Origin has to be the host that was
 * asked, as we see it or as a proxy that sets Host anew tells it: a foreign page
 * can't send X-Forwarded-Host without asking for leave first (CORS), which
 * nobody gets.
 */
static bool
is_foreign_page(const struct exchange *exchange)
{
	const char *site = header(exchange, "Sec-Fetch-Site");
	const char *mode = header(exchange, "Sec-Fetch-Mode");
	const char *origin = header(exchange, "Origin");

	if (site &&
	    (!strcasecmp(site, "same-origin") || !strcasecmp(site, "none")))
		return false;
	/* A picture or a script has no Origin; nor have links, which may lead
	 * here. */
	if (!origin)
		return site && !strcasecmp(site, "cross-site") &&
		       !(mode && !strcasecmp(mode, "navigate"));
	/* "null" is what pages without an origin have, whoever sent them. */
	origin = strstr(origin, "://");
	if (!origin)
		return true;
	origin += 3;
	return !names_host(origin, exchange->authority
					   ? exchange->authority
					   : header(exchange, "Host")) &&
	       !names_host(origin, header(exchange, "X-Forwarded-Host"));
}

static bool
accepts(const struct exchange *exchange, const char *type)
{
	const char *accept = header(exchange, "Accept");

	return accept && strstr(accept, type);
}

/* The path without the prefix, or NULL: it is not below it. */
static const char *
below_prefix(const struct http *http, const char *path)
{
	size_t len = strlen(http->settings.prefix);

	if (strncmp(path, http->settings.prefix, len) != 0)
		return NULL;
	path += len;
	return *path == '/' ? path : NULL;
}

bool
http_admit(struct exchange *exchange, const char *path, const char *method,
	   const char *version)
{
	const struct http *http = exchange->http;
	struct http_reply *reply = &exchange->reply;
	const char *below;

	if (exchange->absolute_path)
		path = exchange->absolute_path;
	below = below_prefix(http, path);
	if (is_ambiguous(exchange, version)) {
		http_error(reply, MHD_HTTP_BAD_REQUEST, "malformed headers");
		http_header(reply, MHD_HTTP_HEADER_CONNECTION, "close");
	} else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
		   strcmp(method, "POST") != 0) {
		http_error(reply, MHD_HTTP_METHOD_NOT_ALLOWED,
			   "method not allowed");
		http_header(reply, "Allow", "GET, HEAD, POST");
	} else if (exchange->is_malformed) {
		http_error(reply, MHD_HTTP_BAD_REQUEST, "malformed path");
	} else if (has_foreign_host(exchange)) {
		http_error(reply, MHD_HTTP_FORBIDDEN,
			   "the Host that was asked is a name: without a token "
			   "only an address or localhost is answered; start "
			   "serve with --token-file, or have the proxy set "
			   "Host to serve's address");
	} else if (is_foreign_page(exchange)) {
		http_error(reply, MHD_HTTP_FORBIDDEN,
			   "asked by a page of another site: its Origin is not "
			   "the Host that was asked; behind a proxy that sets "
			   "Host, have it set X-Forwarded-Host too");
	} else if (http->settings.token && !has_token(exchange)) {
		http_error(reply, MHD_HTTP_UNAUTHORIZED,
			   "the token is missing or wrong");
		http_header(reply, "WWW-Authenticate",
			    "Basic realm=\"leakshim\"");
	} else if (!below && !strcmp(path, http->settings.prefix)) {
		http_error(reply, MHD_HTTP_MOVED_PERMANENTLY, "%s/", path);
		http_header(reply, "Location", "%s/", path);
	} else if (!below) {
		http_error(reply, MHD_HTTP_NOT_FOUND, "404 page not found");
	} else {
		exchange->path = xstrdup(below);
		exchange->request.path = exchange->path;
		exchange->request.wants_html = accepts(exchange, "text/html");
		exchange->request.wants_json =
			!exchange->request.wants_html &&
			accepts(exchange, "application/json");
		return true;
	}
	return false;
}
