/* What opens below a row: its call stack, its history, its ages. */
import { chart } from "./charts.js";
import { h, styled } from "./dom.js";
import * as format from "./format.js";

/* A path is told whole to who hovers. */
function where(frame) {
	const place = format.place(frame);
	const module = frame.module ?? "";
	return h("span", { class: "where", title: [place, module]
		.filter(Boolean).join(" in ") },
	place || (module && format.baseName(module)));
}

function stackList(report, row) {
	const frames = report.stackOf(row);
	if (frames.length === 0)
		return h("p", { class: "muted" }, "No call stack is known.");
	return h("ol", { class: "stack" },
		frames.map((frame, i) => h("li", {
			class: [frame.named === false && "nameless",
				i === row.blamed && "blamed"]
				.filter(Boolean).join(" ") || null,
		},
		h("span", { class: "function" }, frame.function),
		frame.inlined && h("span", { class: "tag" }, "inlined"),
		" ", where(frame))),
		row.truncated && h("li", { class: "nameless" },
			"outer frames are missing: the stack is truncated"));
}

export const ageRange = (age) =>
	`${format.duration(age.min_s)} to ${format.duration(age.max_s)}`;

/* The youngest second is a bin per snapshot's tick, mostly empty. */
const isTold = (age) => age.objects > 0 || age.bytes > 0 || age.max_s >= 1;

function ageBars(all) {
	const ages = all.filter(isTold);
	const most = Math.max(1, ...ages.map((age) => age.bytes));
	return h("div", { class: "ages" },
		h("h4", {}, "Age of what is live"),
		h("ul", {}, ages.map((age) => h("li", {},
			h("span", { class: "age-range" }, ageRange(age)),
			h("span", { class: "age-track" },
				styled(h("span", { class: "age-bar" }), {
					width: `${Math.max(100 * age.bytes /
						most, age.bytes > 0 ? 1 : 0)}%`,
				})),
			h("span", { class: "age-amount" },
				`${format.bytes(age.bytes)} in ` +
				format.objects(age.objects))))));
}

function fact(name, value) {
	return value && h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

/* Until the memory limit at this rate; null = never, or no limit is known. */
export const hoursToLimit = (verdict) => verdict?.bytes_per_hour > 0 ?
	verdict.eta_hours ?? null : null;

export const perHour = (value) => `${format.bytes(value, true)}/h`;

/* A unit of work may leave less than a byte behind on average. */
export const perUnit = (value) => Math.abs(value) < 10 &&
	!Number.isInteger(value) ? `${value > 0 ? "+" : ""}` +
	`${Number(value.toPrecision(2))} B` : format.bytes(value, true);

const few = (value) => `${value > 0 ? "+" : ""}` +
	`${Number(value.toPrecision(4))} ` +
	(Math.abs(value) === 1 ? "object" : "objects");

/* What work was counted by; undefined where none was. */
export const unitOf = (rows) =>
	rows.find((row) => row.verdict?.unit)?.verdict.unit;

/* The column of growth per unit of work; null where none was counted. */
export function unitColumn(rows, key, show) {
	const unit = unitOf(rows);
	return unit ? {
		label: `Per ${unit}`, number: true,
		hint: `Growth for each ${unit} that was done`,
		cell: (row) => row.verdict?.unit ?
			show(row.verdict[key]) : "–",
		sort: (row) => row.verdict?.[key] ?? -Infinity,
	} : null;
}

function verdictFacts(verdict) {
	if (!verdict)
		return [];
	return [
		fact("Growth per hour", `${perHour(verdict.bytes_per_hour)}, ` +
			`${format.objects(verdict.objects_per_hour, true)}/h`),
		fact("95% interval",
			`${perHour(verdict.bytes_per_hour_low)} to ` +
			perHour(verdict.bytes_per_hour_high)),
		verdict.unit && fact(`Growth per ${verdict.unit}`,
			`${perUnit(verdict.bytes_per_unit)} (95%: ` +
			`${perUnit(verdict.bytes_per_unit_low)} to ` +
			`${perUnit(verdict.bytes_per_unit_high)}), ` +
			few(verdict.objects_per_unit)),
		fact("Confidence", format.share(verdict.confidence, 1)),
		hoursToLimit(verdict) !== null && fact("Limit reached in",
			format.duration(hoursToLimit(verdict) * 3600)),
		/* Where work is counted, warm-up is what the user asked for. */
		verdict.warmup_s > 0 && fact(verdict.unit ?
			"Left out of its beginning" : "Warm-up left out",
			format.duration(verdict.warmup_s)),
		verdict.more_snapshots > 0 && fact("It takes",
			format.plural(verdict.more_snapshots,
				"more snapshot") + (verdict.spacing_s > 0 ?
				`, ${format.duration(verdict.spacing_s)} ` +
				"apart" : "")),
	];
}

function amountFacts(process, row) {
	const sign = process.hasGrowth;
	return [
		fact("Live", `${format.bytes(row.live_bytes_new)} in ` +
			format.objects(row.live_objects_new)),
		sign && fact("Was", `${format.bytes(row.live_bytes_old)} in ` +
			format.objects(row.live_objects_old)),
		fact(sign ? "Allocated in between" : "Allocated",
			`${format.bytes(row.alloc_bytes)} in ` +
			format.objects(row.alloc_objects)),
		fact(sign ? "Freed in between" : "Freed",
			`${format.bytes(row.free_bytes)} in ` +
			format.objects(row.free_objects)),
		typeof row.suspicion === "number" && fact("Suspicion",
			`${row.suspicion.toFixed(2)} of 1`),
		row.stacks > 1 && fact("Call stacks", format.count(row.stacks)),
		fact("Site", row.id),
	];
}

/* report, process, row -> the details of a heap site. */
export function siteDetails(report, process, row) {
	const { verdict, series, ages } = row;
	return h("div", { class: "detail" },
		verdict?.advice && h("p", { class: "advice" },
			h("strong", {}, "Next: "), verdict.advice),
		h("dl", { class: "facts" }, verdictFacts(verdict),
			amountFacts(process, row)),
		series?.bytes?.length > 1 && chart({
			title: "Live over time",
			seconds: process.points_s,
			marks: process.marks,
			curves: [
				{ label: "Bytes", unit: "bytes",
					colour: "--series-1",
					values: series.bytes },
				series.objects && { label: "Objects",
					unit: "objects", colour: "--series-2",
					dashed: true,
					values: series.objects },
			].filter(Boolean),
		}),
		ages?.length > 0 && ageBars(ages),
		h("h4", {}, "Call stack, innermost first"),
		stackList(report, row));
}

/* The same for a site that creates threads: its bytes are reserved stacks. */
export function threadDetails(report, process, row) {
	const { verdict, series } = row;
	return h("div", { class: "detail" },
		verdict?.advice && h("p", { class: "advice" },
			h("strong", {}, "Next: "), verdict.advice),
		h("dl", { class: "facts" }, verdictFacts(verdict),
			fact("Site", row.id)),
		series?.objects?.length > 1 && chart({
			title: "Threads that hold resources",
			seconds: process.points_s,
			marks: process.marks,
			curves: [{ label: "Threads", unit: "count",
				colour: "--series-1", values: series.objects }],
		}),
		h("h4", {}, "Created from, innermost first"),
		stackList(report, row));
}
