#include "utf8.h"

#include <stddef.h>

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

	while (*text) {
		len = utf8_length((const unsigned char *)text);
		if (len == 0) {
			*text = '?';
			len = 1;
		}
		text += len;
	}
}
