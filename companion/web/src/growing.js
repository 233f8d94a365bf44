/* The functions that grow, from leakdiff's report of the last hour. */
import { kindClass } from "../../src/data.js";
import { h } from "../../src/dom.js";
import * as format from "../../src/format.js";

const ROWS = 10;

const rateOf = (row) => {
	const rate = row.verdict?.bytes_per_hour;
	return typeof rate === "number" ? `${format.bytes(rate, true)}/h` : "–";
};

function rowOf(row) {
	const name = format.shortName(row.function ?? row.label ?? "");
	return h("tr", {},
		h("td", {}, h("span", { class: "function", title: name !==
			row.function && row.function }, name), " ",
		h("span", { class: "where" }, format.place(row))),
		h("td", {}, row.verdict ? h("span", {
			class: `badge ${kindClass(row.verdict.kind)}`,
		}, row.verdict.kind) : "–"),
		h("td", { class: "number" }, rateOf(row)),
		h("td", { class: "number", "data-what": "growth" },
			format.bytes(row.delta_bytes ?? 0, true)),
		h("td", { class: "number", "data-what": "live" },
			format.bytes(row.live_bytes_new ?? 0)));
}

/* leakdiff's sentence, for who takes snapshots himself: here serve does. */
function sentence(line, rows) {
	for (const { verdict } of rows) {
		const { more_snapshots: more, advice } = verdict ?? {};
		if (typeof more === "number" && advice)
			line = line.replace(advice, more > 0 ?
				`serve takes ${more} more ${more === 1 ?
					"snapshot" : "snapshots"} by itself` :
				"serve takes more snapshots by itself");
	}
	return line;
}

export class Growing {
	constructor() {
		this.headline = h("div", { class: "headline" },
			"Waiting for the first snapshot …");
		this.body = h("tbody");
		this.element = h("section", { id: "growing" },
			h("h2", {}, "Functions that grow"),
			this.headline,
			h("div", { class: "table scroll" }, h("table", {},
				h("thead", {}, h("tr", {},
					["Function", "Verdict"].map((text) =>
						h("th", { scope: "col" }, text)),
					["Rate", "Growth", "Live"].map((text) =>
						h("th", { scope: "col",
							class: "number" },
						text)))),
				this.body)));
	}

	show(report) {
		const process = report?.processes?.[0];
		if (!process)
			return;
		const rows = process.heap ?? [];
		const growing = rows.filter((row) => (row.delta_bytes ?? 0) > 0);
		this.headline.replaceChildren(...(report.headline ?? [])
			.slice(0, 2).map((line) =>
				h("p", {}, sentence(line, rows))));
		this.body.replaceChildren(...(growing.length ?
			growing.slice(0, ROWS).map(rowOf) :
			[h("tr", {}, h("td", { colspan: "5", class: "muted" },
				"None holds more than at the first snapshot."))]));
	}
}
