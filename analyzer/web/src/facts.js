/* What was compared: the process, its snapshots, how sites were matched. */
import { h } from "./dom.js";
import * as format from "./format.js";

const TRIGGERS = {
	signal: "at a signal",
	bell: "asked by leakshim",
	interval: "interval",
	growth: "growth",
	limit: "memory limit",
	exit: "at exit",
	program: "by the program",
};

/* More than these are folded away. */
const SNAPSHOTS_SHOWN = 3;

function snapshotItem(one) {
	const trigger = TRIGGERS[one.trigger];
	return h("li", {},
		h("span", { class: "file" }, one.file),
		[one.sequence ? `, number ${format.count(one.sequence)}` +
			(trigger ? ` (${trigger})` : "") : ", not numbered",
		format.time(one.wall_ns),
		typeof one.elapsed_s === "number" && one.elapsed_s >= 0 &&
			`${format.duration(one.elapsed_s)} after tracking ` +
			"began",
		one.truncated && "truncated"].filter(Boolean).join(", "));
}

function snapshotList(taken) {
	const list = h("ol", { class: "snapshots" }, taken.map(snapshotItem));
	if (taken.length <= SNAPSHOTS_SHOWN)
		return list;
	const first = taken[0], last = taken[taken.length - 1];
	return h("details", {}, h("summary", {},
		`${format.count(taken.length)} snapshots over ` +
		format.duration(last.elapsed_s - first.elapsed_s)), list);
}

const markItem = (mark) => h("li", {}, h("span", { class: "file" }, mark.text),
	`, ${format.time(mark.wall_ns)}`);

function markList(marks) {
	const list = h("ol", { class: "snapshots" }, marks.map(markItem));
	return marks.length <= SNAPSHOTS_SHOWN ? list :
		h("details", {}, h("summary", {},
			format.plural(marks.length, "mark")), list);
}

function counted(process) {
	const mean = process.sample_bytes;
	if (mean > 1)
		return `a sample, one in ${format.bytes(mean)} on average: ` +
			"amounts are estimates";
	return process.estimated ? "amounts are estimates" :
		"every allocation";
}

const fact = (name, ...value) =>
	h("div", {}, h("dt", {}, name), h("dd", {}, ...value));

export function facts(report, process) {
	const { identity } = report;
	const taken = process.snapshots ?? [];
	const argv = (process.argv ?? []).join(" ");
	return h("dl", { class: "facts process" },
		fact("Process", [process.exe, process.pid > 0 &&
			`pid ${process.pid}`].filter(Boolean).join(", ") +
			(process.host ? ` on ${process.host}` : "") ||
			process.name),
		argv && fact("Command", h("code", {}, argv)),
		process.build_id && fact("Build-id",
			h("code", {}, process.build_id)),
		fact("Counted", counted(process)),
		process.hasGrowth && identity.by && fact("Sites matched by",
			identity.by === "names" ? "symbol names" : identity.by,
			process.same_process === false ?
				", between different processes" : ""),
		taken.length > 0 && fact(taken.length === 1 ? "Snapshot" :
			"Snapshots", snapshotList(taken)),
		process.marks?.length > 0 && fact(
			process.marks.length === 1 ? "Mark" : "Marks",
			markList(process.marks)));
}
