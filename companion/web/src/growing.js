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
		this.headline.replaceChildren(...(report.headline ?? [])
			.slice(0, 2).map((line) => h("p", {}, line)));
		this.body.replaceChildren(...(process.heap ?? [])
			.slice(0, ROWS).map(rowOf));
	}
}
