/* The HTML report is the JSON report, held by a page that draws it. */
#include "html_page.h"
#include "report.h"
#include "report_json.h"

int
report_html(const struct report *report, FILE *out, struct err *err)
{
	const struct html_template page = html_page_template();
	json_t *document;
	int result;

	/* Before the work, which would be for nothing. */
	if (page.len == 0)
		return html_page_missing(err);
	document = report_json_build(report);
	html_page_limit(document, HTML_ROWS_MAX);
	result = html_page_write(&page, document, out, err);
	json_decref(document);
	return result;
}
