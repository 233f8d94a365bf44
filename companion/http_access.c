#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "../analyzer/xalloc.h"
#include "http_parts.h"

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

/* A picture or a script of another site's page has no Origin. Its links may
 * lead here. */
static bool
is_foreign_part(const struct exchange *exchange)
{
	const char *site = header(exchange, "Sec-Fetch-Site");
	const char *mode = header(exchange, "Sec-Fetch-Mode");

	return site && !strcasecmp(site, "cross-site") &&
	       !(mode && !strcasecmp(mode, "navigate"));
}

static bool
is_foreign_page(const struct exchange *exchange)
{
	const char *host = header(exchange, "Host");
	const char *origin = header(exchange, "Origin");

	if (!host)
		host = "";
	if (exchange->http->guards_host && !is_own_host(host))
		return true;
	if (exchange->authority)
		host = exchange->authority;
	if (exchange->http->guards_host && !is_own_host(host))
		return true;
	if (!origin)
		return is_foreign_part(exchange);
	origin = strstr(origin, "://");
	return !origin || strcasecmp(origin + 3, host) != 0;
}

static bool
accepts_html(const struct exchange *exchange)
{
	const char *accept = header(exchange, "Accept");

	return accept && strstr(accept, "text/html");
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
http_admit(struct exchange *exchange, const char *path, const char *method)
{
	const struct http *http = exchange->http;
	struct http_reply *reply = &exchange->reply;
	const char *below;

	if (exchange->absolute_path)
		path = exchange->absolute_path;
	below = below_prefix(http, path);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	    strcmp(method, "POST") != 0) {
		http_error(reply, MHD_HTTP_METHOD_NOT_ALLOWED,
			   "method not allowed");
		http_header(reply, "Allow", "GET, HEAD, POST");
	} else if (exchange->is_malformed) {
		http_error(reply, MHD_HTTP_BAD_REQUEST, "malformed path");
	} else if (is_foreign_page(exchange)) {
		http_error(reply, MHD_HTTP_FORBIDDEN,
			   "asked by a page of another site");
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
		exchange->request.wants_html = accepts_html(exchange);
		return true;
	}
	return false;
}
