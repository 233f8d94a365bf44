#include "utf8.h"

#include <stdbool.h>

/* Length of the UTF-8 sequence that begins the text; 0 if none does. */
static size_t
utf8_length(const unsigned char *text)
{
	size_t len, i;

	if (text[0] < 0x80)
		return 1;
	/* Neither overlong forms (C0, C1, E0 80, F0 80) nor surrogates (ED A0)
	 * nor what is beyond Unicode (F4 90). */
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	len = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if ((text[0] == 0xe0 && text[1] < 0xa0) ||
	    (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) ||
	    (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	for (i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

void
utf8_repair(char *text)
{
	size_t len;

	for (;;) {
		/* Nearly all of nearly all names. */
		while (*text && !(*text & 0x80))
			text++;
		if (!*text)
			return;
		len = utf8_length((const unsigned char *)text);
		if (len == 0) {
			*text = '?';
			len = 1;
		}
		text += len;
	}
}

/* Characters that are shown as none, but change what stands beside them. */
static bool
is_invisible(const unsigned char *text)
{
	/* U+0080 to U+009F: to a terminal U+009B is ESC [. */
	if (text[0] == 0xc2)
		return text[1] < 0xa0;
	/* U+061C, an Arabic mark. */
	if (text[0] == 0xd8)
		return text[1] == 0x9c;
	if (text[0] != 0xe2)
		return false;
	/* U+200E, U+200F; U+2028 to U+202E: line ends and overrides of the
	 * direction; U+2066 to U+2069, the same again. */
	if (text[1] == 0x80)
		return text[2] == 0x8e || text[2] == 0x8f ||
		       (text[2] >= 0xa8 && text[2] <= 0xae);
	return text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9;
}

size_t
utf8_visible(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t len = utf8_length(bytes);

	if (bytes[0] < 0x20 || bytes[0] == 0x7f || is_invisible(bytes))
		return 0;
	return len;
}
