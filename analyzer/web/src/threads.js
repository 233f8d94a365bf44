/* Threads by the call stack that created them. Their bytes are reserved
 * stacks, which never count as heap. */
import { threadDetails, unitColumn } from "./details.js";
import { h } from "./dom.js";
import * as format from "./format.js";
import { table } from "./table.js";
import { badge, isEmpty, siteName } from "./verdicts.js";

/* 15, and (+12) where it changed. */
const state = (now, before, hasGrowth) => {
	const change = (now ?? 0) - (before ?? 0);
	return h("span", { class: "amount" }, format.count(now ?? 0),
		hasGrowth && change !== 0 &&
			h("small", {}, format.count(change, true)));
};

export function threads(report, process) {
	const rows = process.thread ?? [];
	if (rows.length === 0)
		return null;
	const columns = [
		rows.some((row) => row.verdict) && {
			label: "Verdict", cell: (row) => badge(row.verdict),
		},
		{
			label: "Created by", main: true, first: "rising",
			cell: siteName, sort: (row) => row.function,
		},
		unitColumn(rows, "objects_per_unit", (value) =>
			`${value > 0 ? "+" : ""}${Number(value.toPrecision(4))}`),
		{
			label: "Running", number: true,
			cell: (row) => state(row.running_new, row.running_old,
				process.hasGrowth),
			sort: (row) => row.running_new,
		}, {
			label: "Not joined", number: true,
			hint: "Exited, but never joined nor detached: they " +
				"keep their stacks",
			cell: (row) => state(row.unjoined_new,
				row.unjoined_old, process.hasGrowth),
			sort: (row) => row.unjoined_new,
		}, {
			label: "Reserved stack", number: true,
			cell: (row) => h("span", { class: "amount" },
				format.bytes(row.live_bytes_new),
				process.hasGrowth && row.delta_bytes !== 0 &&
					h("small", {}, format.bytes(
						row.delta_bytes, true))),
			sort: (row) => row.live_bytes_new,
		},
	].filter(Boolean);
	return {
		id: "threads",
		title: "Threads",
		content: table({
			caption: "Threads by the call stack that created them",
			columns,
			rows,
			matcher: (text) => report.matcher(text),
			noun: (n) => n === 1 ? "creating site" :
				"creating sites",
			isEmpty,
			details: (row) => threadDetails(report, process, row),
		}),
	};
}
