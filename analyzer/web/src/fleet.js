/* Several processes: which sites grow in how many of them. */
import { perHour } from "./details.js";
import { h } from "./dom.js";
import * as format from "./format.js";
import { table } from "./table.js";
import { siteName } from "./verdicts.js";

/* As much of a build-id as people compare by eye. */
const SHORT_ID = 12;

const buildId = (id) => id ?
	h("code", { title: id }, id.slice(0, SHORT_ID)) : null;

export function fleet(report) {
	const rows = report.fleet;
	if (rows.length === 0)
		return null;
	const columns = [
		{
			label: "Function", main: true, first: "rising",
			cell: siteName, sort: (row) => row.function,
		}, {
			label: "Grows in", number: true,
			cell: (row) => `${format.count(row.grows_in)} of ` +
				format.count(row.processes),
			sort: (row) => row.grows_in / row.processes,
		}, {
			label: "Median per hour", number: true,
			cell: (row) => typeof row.bytes_per_hour === "number" ?
				perHour(row.bytes_per_hour) : "–",
			sort: (row) => row.bytes_per_hour ?? -Infinity,
		}, {
			label: "First in build",
			cell: (row) => h("span", { class: "amount" },
				buildId(row.first_build_id) ?? "–",
				row.build_id_before && h("small", {}, "not in ",
					buildId(row.build_id_before))),
		},
	];
	return {
		id: "fleet",
		title: `Across ${format.plural(report.processes.length,
			"process", "processes")}`,
		content: table({
			caption: "Sites across processes",
			columns,
			rows,
			matcher: (text) => report.matcher(text),
			noun: (n) => n === 1 ? "site" : "sites",
		}),
	};
}
