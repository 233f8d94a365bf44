#include "charts_page.h"

#include <stdint.h>

/* charts_page_text.S */
extern const char charts_page_text[] __attribute__((visibility("hidden")));
extern const uint64_t charts_page_len __attribute__((visibility("hidden")));

void
charts_page_reply(struct http_reply *reply)
{
	if (!charts_page_len) {
		http_error(reply, 501,
			   "built without the page of the charts: run 'make "
			   "web' and 'make install', and start serve again");
		return;
	}
	reply->type = "text/html; charset=utf-8";
	http_header(reply, "Cache-Control", "no-cache");
	strbuf_add(&reply->body, charts_page_text, charts_page_len);
}
