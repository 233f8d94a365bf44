#include "exam_report.h"

#include "../analyzer/jsonval.h"

/* Columns of the longest severity and what parts it from the text. */
#define INDENT 10

/* The findings in the order of the report: by severity, the worst first, else
 * as they were found. NULL after the last; *at is 0 before the first. */
static const struct exam_finding *
next(const struct exam *exam, size_t *at)
{
	size_t i, seen = 0;
	int severity;

	for (severity = EXAM_BLIND; severity >= EXAM_OK; severity--)
		for (i = 0; i < exam->count; i++)
			if ((int)exam->findings[i].severity == severity &&
			    seen++ == *at) {
				(*at)++;
				return &exam->findings[i];
			}
	return NULL;
}

/* What can't be read may be anything, unless something else decides. */
static bool
is_unknown(const struct exam *exam)
{
	return exam_verdict(exam) < EXAM_BLIND &&
	       exam_has(exam, EXAM_UNREADABLE);
}

const char *
exam_report_verdict(const struct exam *exam)
{
	enum exam_severity verdict = exam_verdict(exam);

	if (verdict == EXAM_BLIND)
		return "blind";
	if (is_unknown(exam))
		return "unknown";
	return verdict == EXAM_WARNING ? "limited" : "works";
}

/* Titles of the findings that decide, each once. */
static void
add_titles(struct strbuf *out, const struct exam *exam)
{
	enum exam_severity verdict = exam_verdict(exam);
	bool seen[EXAM_IDS] = { false };
	const struct exam_finding *finding;
	const char *comma = "";
	size_t i;

	for (i = 0; i < exam->count; i++) {
		finding = &exam->findings[i];
		if (finding->severity != verdict || seen[finding->id])
			continue;
		seen[finding->id] = true;
		strbuf_addf(out, "%s%s", comma, exam_id_title(finding->id));
		comma = ", ";
	}
}

static void
add_summary(struct page *page, const struct exam *exam)
{
	enum exam_severity verdict = exam_verdict(exam);

	if (verdict == EXAM_BLIND)
		page_adds(page, PAGE_BAD, "tracking would be blind");
	else if (is_unknown(exam))
		page_adds(page, PAGE_DOUBT,
			  "whether tracking will work can't be told");
	else if (verdict == EXAM_WARNING)
		page_adds(page, PAGE_DOUBT, "tracking will work, but");
	else
		page_adds(page, PAGE_GOOD, "tracking will work");
	if (verdict >= EXAM_WARNING) {
		strbuf_adds(&page->text, ": ");
		add_titles(&page->text, exam);
	}
}

static void
add_finding(struct page *page, const struct exam_finding *finding)
{
	static const enum page_style styles[EXAM_SEVERITIES] = {
		[EXAM_OK] = PAGE_GOOD,
		[EXAM_NOTE] = PAGE_STRONG,
		[EXAM_WARNING] = PAGE_DOUBT,
		[EXAM_BLIND] = PAGE_BAD,
	};
	const char *severity = exam_severity_text(finding->severity);
	size_t begin = page->text.len;

	page_adds(page, styles[finding->severity], severity);
	strbuf_addf(&page->text, "%*s", INDENT - (int)page_columns(severity),
		    "");
	strbuf_add_printable(&page->text, finding->what);
	strbuf_addc(&page->text, '\n');
	page_wrap(page, begin, INDENT);
	if (!finding->fix)
		return;
	begin = page->text.len;
	strbuf_addf(&page->text, "%*sfix: ", INDENT, "");
	strbuf_add_printable(&page->text, finding->fix);
	strbuf_addc(&page->text, '\n');
	page_wrap(page, begin, INDENT);
}

void
exam_report_text(struct page *page, const struct exam *exam, const char *label)
{
	const struct exam_finding *finding;
	size_t begin = page->text.len, at = 0;

	if (*label) {
		strbuf_add_printable(&page->text, label);
		strbuf_adds(&page->text, ": ");
	}
	add_summary(page, exam);
	strbuf_addc(&page->text, '\n');
	page_wrap(page, begin, INDENT);
	while ((finding = next(exam, &at)))
		add_finding(page, finding);
}

json_t *
exam_report_json(const struct exam *exam)
{
	const struct exam_finding *finding;
	json_t *array = json_array(), *object;
	size_t at = 0;

	while ((finding = next(exam, &at))) {
		object = json_object();
		jsonval_set_text(object, "id", exam_id_text(finding->id));
		jsonval_set_text(object, "severity",
				 exam_severity_text(finding->severity));
		jsonval_set_text(object, "what", finding->what);
		jsonval_set_text(object, "fix", finding->fix);
		json_array_append_new(array, object);
	}
	return array;
}
