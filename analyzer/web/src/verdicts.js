/* The list of heap sites: by verdict, by growth, or by suspicion, whichever
 * the number of snapshots allows. leakdiff's order comes first. */
import { sparkline } from "./charts.js";
import { kindClass, kindRank } from "./data.js";
import { hoursToLimit, perHour, perUnit, siteDetails, unitColumn } from "./details.js";
import { h } from "./dom.js";
import * as format from "./format.js";
import { table } from "./table.js";

export const badge = (verdict) => verdict ?
	h("span", { class: `badge ${kindClass(verdict.kind)}` }, verdict.kind) :
	"";

/* What names a row: a function and where it is. */
export function siteName(row) {
	const name = format.shortName(row.function);
	return h("span", { class: "site" },
		h("span", {
			class: "function",
			title: name !== row.function && row.function,
		}, name),
		h("span", { class: "where" }, format.place(row) ||
			(row.module && format.baseName(row.module))));
}

const AMOUNTS = ["delta_bytes", "delta_objects", "live_bytes_old",
	"live_bytes_new", "live_objects_old", "live_objects_new"];

/* Did the site hold nothing when the snapshots were taken? What it allocated
 * was freed in between: of all there is, the least likely to matter. */
export const isEmpty = (row) => AMOUNTS.every((key) => !row[key]);

/* Bytes with their objects below. */
const amount = (bytes, objects, sign) =>
	h("span", { class: "amount" }, format.bytes(bytes, sign),
		h("small", {}, format.objects(objects, sign)));

const eta = (row) => hoursToLimit(row.verdict) ?? Infinity;

function columnsFor(process, rows) {
	const live = {
		label: "Live", number: true,
		cell: (row) => amount(row.live_bytes_new, row.live_objects_new),
		sort: (row) => row.live_bytes_new,
	};
	const site = {
		label: "Function", main: true, first: "rising",
		cell: siteName, sort: (row) => row.function,
	};
	if (!process.hasGrowth)
		return [{
			label: "Suspicion", number: true,
			hint: "How much the ages of its live blocks speak " +
				"for a leak, 0 to 1",
			cell: (row) => typeof row.suspicion === "number" ?
				row.suspicion.toFixed(2) : "–",
			sort: (row) => row.suspicion ?? -1,
		}, site, live, {
			label: "Allocated", number: true,
			cell: (row) => amount(row.alloc_bytes,
				row.alloc_objects),
			sort: (row) => row.alloc_bytes,
		}];
	const growth = {
		label: "Growth", number: true,
		cell: (row) => amount(row.delta_bytes, row.delta_objects, true),
		sort: (row) => row.delta_bytes,
	};
	if (!process.hasTrend)
		return [site, growth, live, {
			label: "Was", number: true,
			cell: (row) => amount(row.live_bytes_old,
				row.live_objects_old),
			sort: (row) => row.live_bytes_old,
		}];
	return [{
		label: "Verdict", first: "rising",
		cell: (row) => badge(row.verdict),
		sort: (row) => kindRank(row.verdict?.kind),
	}, site, {
		label: "Trend",
		cell: (row) => row.series?.bytes ?
			sparkline(row.series.bytes, process.points_s) : "",
	}, unitColumn(rows, "bytes_per_unit", perUnit), {
		label: "Per hour", number: true,
		cell: (row) => row.verdict ?
			h("span", { class: "amount" },
				perHour(row.verdict.bytes_per_hour),
				h("small", {}, format.share(
					row.verdict.confidence, 1),
				" sure")) : "–",
		sort: (row) => row.verdict?.bytes_per_hour ?? -Infinity,
	}, growth, live, {
		label: "Limit in", number: true, first: "rising",
		hint: "Until the memory limit is reached at this rate",
		cell: (row) => Number.isFinite(eta(row)) ?
			format.duration(eta(row) * 3600) : "",
		sort: eta,
	}];
}

const TITLES = {
	snapshot: "Suspects",
	diff: "Heap sites by growth",
	trend: "Verdicts",
};

export function verdicts(report, process) {
	const rows = process.heap ?? [];
	if (rows.length === 0)
		return null;
	const title = TITLES[process.mode];
	/* No limit is known in most reports: then nobody misses the column. */
	const columns = columnsFor(process, rows).filter((column) =>
		column && (column.label !== "Limit in" ||
		rows.some((row) => Number.isFinite(eta(row)))));
	return {
		id: "sites",
		title,
		content: table({
			caption: title,
			columns,
			rows,
			matcher: (text) => report.matcher(text),
			noun: (n) => n === 1 ? "site" : "sites",
			isEmpty,
			details: (row) => siteDetails(report, process, row),
		}),
	};
}
