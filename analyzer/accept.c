#include "accept.h"

#include "gate.h"

int
accept_open(struct accept *accept, const struct settings *settings,
	    struct err *err)
{
	size_t i;

	*accept = (struct accept){
		.suppress = suppress_new(),
		.today = baseline_today(),
	};
	for (i = 0; i < settings->suppressions.count; i++) {
		if (suppress_load(accept->suppress,
				  settings->suppressions.texts[i], err))
			return -1;
	}
	if (settings->baseline) {
		accept->baseline =
			baseline_load(settings->baseline, false, err);
		if (!accept->baseline)
			return -1;
	}
	if (settings->write_baseline) {
		accept->target =
			baseline_load(settings->write_baseline, true, err);
		if (!accept->target)
			return -1;
	}
	return 0;
}

void
accept_release(struct accept *accept)
{
	suppress_free(accept->suppress);
	baseline_free(accept->baseline);
	baseline_free(accept->target);
}

void
accept_apply(struct accept *accept, struct study *study, struct strbuf *lines)
{
	size_t i;

	for (i = 0; i < study->count; i++) {
		struct diff *diff = study->parts[i].diff;

		suppress_apply(accept->suppress, diff, study->resolver);
		if (accept->baseline)
			baseline_apply(accept->baseline, diff, study->atlas,
				       study->resolver, accept->today);
	}
	if (accept->baseline)
		baseline_tell(accept->baseline, accept->today, lines);
}

int
accept_write(struct accept *accept, const struct study *study, double max_loss,
	     struct strbuf *lines, struct err *err)
{
	struct strbuf reason = { 0 };
	size_t i;

	if (!accept->target)
		return 0;
	for (i = 0; i < study->count; i++) {
		const struct study_part *part = &study->parts[i];

		if (gate_is_blind(part, max_loss, &reason)) {
			err_set(err, ERR_STEP, "no baseline was written: %s",
				strbuf_text(&reason));
			strbuf_release(&reason);
			return -1;
		}
		baseline_accept(accept->target, part->diff, study->atlas,
				study->resolver, accept->today);
	}
	if (baseline_write(accept->target, err))
		return -1;
	baseline_tell_written(accept->target, lines);
	return 0;
}
