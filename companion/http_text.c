/* The texts of requests and pages; pure. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../analyzer/xalloc.h"
#include "http.h"

bool
http_same_token(const char *secret, const char *given)
{
	size_t secret_len = strlen(secret);
	size_t given_len = strlen(given);
	unsigned char differ = secret_len != given_len;
	size_t i;

	for (i = 0; i < given_len; i++)
		differ |=
			(unsigned char)(given[i] ^
					secret[secret_len ? i % secret_len : 0]);
	return !differ;
}

const char *
http_path(const char *target, const char **authority, size_t *bytes)
{
	static const char *const schemes[] = { "http://", "https://" };
	const char *at;
	size_t i, len;

	*authority = NULL;
	*bytes = 0;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		len = strlen(schemes[i]);
		if (strncasecmp(target, schemes[i], len) != 0)
			continue;
		target += len;
		*bytes = strcspn(target, "/?");
		/* Who asks, as "user@", is no part of where. */
		at = memrchr(target, '@', *bytes);
		*authority = at ? at + 1 : target;
		target += *bytes;
		*bytes = (size_t)(target - *authority);
		break;
	}
	return target;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

void
http_decode(char *text, bool plus)
{
	char *out = text;

	for (; *text; text++) {
		if (*text == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
			*out++ = (char)(hex(text[1]) * 16 + hex(text[2]));
			text += 2;
		} else {
			*out++ = plus && *text == '+' ? ' ' : *text;
		}
	}
	*out = '\0';
}

char *
http_query(const struct http_request *request, const char *key)
{
	const char *at = request->query;
	size_t key_len = strlen(key);

	while (*at) {
		size_t len = strcspn(at, "&");
		size_t name_len = strcspn(at, "=&");

		if (name_len == key_len && !memcmp(at, key, key_len)) {
			char *value;

			at += name_len;
			len -= name_len;
			if (len)
				at++, len--;
			value = xmalloc(len + 1);
			memcpy(value, at, len);
			value[len] = '\0';
			http_decode(value, true);
			return value;
		}
		at += len;
		at += *at == '&';
	}
	return NULL;
}

void
http_add_html(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			strbuf_addf(out, "&#%d;", *text);
		else
			strbuf_addc(out, *text);
	}
}
