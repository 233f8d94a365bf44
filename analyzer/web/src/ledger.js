/* The memory ledger: what resident memory consists of, and what made it
 * grow. */
import { chart } from "./charts.js";
import { perHour } from "./details.js";
import { h } from "./dom.js";
import * as format from "./format.js";
import { table } from "./table.js";
import { badge } from "./verdicts.js";

/* All other lines are its parts. */
const WHOLE = "rss";

/* Why leakdiff judges all lines but some. */
const UNJUDGED = "Grows with the blocks it is kept for, or is leakshim's own";

const COLOURS = ["--series-1", "--series-2", "--series-3", "--series-4",
	"--series-5", "--series-6", "--series-7", "--series-8"];

function ledgerChart(process, rows) {
	const whole = rows.find((row) => row.line === WHOLE);
	/* A line that is nothing throughout would only fill the legend. */
	const parts = rows.filter((row) => row !== whole &&
		row.series?.bytes?.some((value) => value > 0));
	if (parts.length === 0 || process.points_s.length < 2)
		return null;
	return chart({
		title: "Resident memory by what holds it",
		seconds: process.points_s,
		marks: process.marks,
		stack: true,
		curves: [
			...parts.map((row, i) => ({
				label: row.words, unit: "bytes",
				values: row.series.bytes,
				colour: COLOURS[i % COLOURS.length],
			})),
			whole?.series?.bytes && {
				label: whole.words, unit: "bytes", dashed: true,
				values: whole.series.bytes, colour: "--text",
			},
		].filter(Boolean),
	});
}

export function ledger(report, process) {
	const rows = process.ledger ?? [];
	if (rows.length === 0)
		return null;
	const bytes = (label, key, sign) => ({
		label, number: true,
		cell: (row) => format.bytes(row[key], sign),
	});
	const columns = [
		{ label: "Memory", main: true, cell: (row) => row.words },
		...process.hasGrowth ? [
			bytes("Old", "bytes_old"),
			bytes("New", "bytes_new"),
			bytes("Difference", "delta_bytes", true),
		] : [bytes("Bytes", "bytes_new")],
		rows.some((row) => row.verdict) && {
			label: "Verdict",
			cell: (row) => row.verdict ? h("span", {},
				badge(row.verdict), " ",
				perHour(row.verdict.bytes_per_hour)) :
				h("span", { class: "muted", title: UNJUDGED },
					"–"),
		},
	].filter(Boolean);
	return {
		id: "ledger",
		title: "Memory ledger",
		content: h("div", {},
			ledgerChart(process, rows),
			table({
				caption: "Memory ledger", columns, rows,
				noun: (n) => n === 1 ? "line" : "lines",
			})),
	};
}

/* The whole process over its snapshots: live heap and resident memory. */
export function totals(report, process) {
	const taken = process.snapshots ?? [];
	const hasRss = taken.some((one) => typeof one.rss_bytes === "number");
	if (!process.hasTrend || taken.length < 2)
		return null;
	return {
		id: "totals",
		title: "Growth over time",
		content: chart({
			title: hasRss ? "Live heap and resident memory" :
				"Live heap",
			seconds: taken.map((one) => one.elapsed_s),
			marks: process.marks,
			curves: [
				{ label: "Live heap", unit: "bytes",
					colour: "--series-1",
					values: taken.map((one) =>
						one.live_bytes ?? null) },
				hasRss && { label: "Resident (RSS)",
					unit: "bytes", colour: "--series-2",
					values: taken.map((one) =>
						one.rss_bytes ?? null) },
			].filter(Boolean),
		}),
	};
}
