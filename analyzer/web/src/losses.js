/* What the numbers lack: nothing is left out in silence. */
import { h } from "./dom.js";
import * as format from "./format.js";

/* The words of the text report, by the names of proto's fields. test/web
 * compares them with facts.h. */
export const LOSSES = {
	dropped_allocs: "allocations not recorded",
	dropped_frees: "frees missed: their blocks still count as live",
	truncated_stacks: "allocations whose call stack lacks outer frames",
	unknown_frees: "frees of blocks never seen",
	implicit_frees: "blocks freed without our notice",
	reentrant_calls: "calls inside another call (signal handlers)",
	early_calls: "calls before tracking could start",
	depot_overflows: "allocations without room for their call stack",
	size_clamped: "blocks of 1 TiB or more, counted as 1 TiB",
	map_failures: "refusals of memory by the kernel",
	snapshot_failures: "snapshots that could not be written",
	snapshots_removed: "older snapshots removed so far (keep=)",
	threads_untracked: "threads missing from the thread list",
	modules_unknown: "modules without room in the module list",
	late_calls: "calls without a call stack: their thread was ending",
	cohort_overflows: "live blocks without an age",
	marks_lost: "marks that found no room",
	abandoned_calls: "calls that a signal handler did not return to",
	settle_timeouts: "waits for a thread's latest calls given up",
	skipped_blocks: "live blocks left out: their table stayed locked",
};

const HIDDEN = {
	suppressed: "left out by suppressions",
	baseline: "accepted by the baseline",
	filtered: "left out by --focus or --ignore",
	small: "smaller than --min-bytes",
	beyond_top: "beyond --top",
};

function lossLine(name, value) {
	if (!value)
		return null;
	if (name === "disabled_because")
		return `tracking stopped itself: ${value}`;
	if (name === "thinning_shift")
		return `1 block of ${format.count(2 ** value)} since the ` +
			"memory cap was met: estimates";
	const words = Object.hasOwn(LOSSES, name) ? LOSSES[name] :
		name.replaceAll("_", " ");
	return `${words}: ${typeof value === "number" ?
		format.count(value) : value}`;
}

function hiddenLines(noun, hidden, hasGrowth) {
	return Object.entries(hidden ?? {}).map(([name, tally]) => {
		if (!tally?.sites)
			return null;
		const words = Object.hasOwn(HIDDEN, name) ? HIDDEN[name] :
			name.replaceAll("_", " ");
		return `${format.plural(tally.sites, noun)} ${words}: ` +
			(hasGrowth ? `${format.bytes(tally.delta_bytes,
				true)}, ` : "") +
			`live ${format.bytes(tally.live_bytes)}`;
	});
}

export function losses(report, process) {
	const { identity } = report;
	const lines = [
		...(process.snapshots ?? []).filter((one) => one.truncated)
			.map((one) => `${one.file} is truncated: a part of it ` +
				"is missing"),
		...identity.notes ?? [],
		process.not_compared > 0 && "sites not compared, as only one " +
			`snapshot has them: ${format.count(
				process.not_compared)}`,
		...hiddenLines("heap site", process.hidden, process.hasGrowth),
		...hiddenLines("thread site", process.hidden_threads,
			process.hasGrowth),
		...Object.entries(process.losses ?? {}).map(([name, value]) =>
			lossLine(name, value)),
	].filter(Boolean);
	if (lines.length === 0)
		return null;
	return {
		id: "losses",
		title: "What the numbers lack",
		content: h("ul", { class: "losses" },
			lines.map((line) => h("li", {}, line))),
	};
}
