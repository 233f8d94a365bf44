/*
 * /debug/charts/: how the process did in the last hour, and how it does now.
 * Everything is fetched relative to this page, so that it works below any
 * prefix.
 */
import "../../src/style.css";
import "./style.css";
import { choice, h } from "../../src/dom.js";
import * as format from "../../src/format.js";
import { themeButton } from "../../src/theme.js";
import { Curves } from "./curves.js";
import { Growing } from "./growing.js";
import { History } from "./history.js";

const RANGES = [["300", "5 min"], ["900", "15 min"], ["3600", "1 h"]];

/* The ledger's lines from the ground up; all colours differ side by side. */
const LEDGER = [
	["live_heap", "live heap", "--series-1"],
	["allocator_retained", "kept by the allocator", "--series-3"],
	["direct_mmap", "mapped directly", "--series-2"],
	["thread_stacks", "thread stacks", "--series-5"],
	["files", "files", "--series-4"],
	["shared", "shared memory", "--series-6"],
	["shim", "leakshim with its code", "--series-8"],
	["unexplained", "unexplained", "--series-7"],
];

class Page {
	constructor(history) {
		this.history = history;
		this.range = Number(RANGES[0][0]);
		this.state = h("span", { class: "state", role: "status" });
		this.numbers = {};
		this.growing = new Growing();
		const compare = (seconds) => window.open(
			`diff?from=${Math.round(seconds * 1000)}`, "_blank",
			"noopener");
		const byTime = { choose: compare };
		this.charts = [
			[new Curves({ title: "Memory", unit: "bytes", curves: [
				{ label: "resident", colour: "--series-2" },
				{ label: "live heap", colour: "--series-1" },
			], ...byTime }), (past) => [past.column("rss_bytes"),
				past.column("live_bytes")]],
			[new Curves({
				title: "Resident memory by kind, at snapshots",
				unit: "bytes", stack: true,
				curves: LEDGER.map(([, label, colour]) =>
					({ label, colour })),
			...byTime }), (past) => LEDGER.map(([name]) =>
				past.column(`ledger_${name}`)), "ledger_ms"],
			[new Curves({ title: "Allocated and freed per second",
				unit: "rate", curves: [
					{ label: "allocated",
						colour: "--series-1" },
					{ label: "freed", colour: "--series-4" },
				] }), (past) => [
				past.rate("alloc_bytes", 1, "counted_ms"),
				past.rate("free_bytes", 1, "counted_ms")]],
			[new Curves({ title: "Processor time", unit: "percent",
				curves: [{ label: "of one processor",
					colour: "--series-5" }],
			}), (past) => [past.rate("cpu_ms", 0.1)]],
			[new Curves({ title: "Threads and descriptors",
				unit: "count", curves: [
					{ label: "threads", colour: "--series-2" },
					{ label: "descriptors",
						colour: "--series-3" },
				] }), (past) => [past.column("threads"),
				past.column("descriptors")]],
			[new Curves({ title: "Live blocks", unit: "count",
				curves: [{ label: "blocks",
					colour: "--series-6" }] }),
			(past) => [past.column("live_objects")]],
		];
		this.element = this.#layout();
	}

	#number(key, words) {
		this.numbers[key] = h("dd", {}, "–");
		return h("div", {}, h("dt", {}, words), this.numbers[key]);
	}

	#layout() {
		const { history } = this;
		return h("main", {},
			h("header", {},
				h("div", { class: "top" },
					h("span", { class: "brand" }, "leakshim"),
					themeButton()),
				h("h1", {}, `${history.exe}, process ${history.pid} `,
					this.state),
				h("nav", { "aria-label": "Other pages" },
					h("a", { href: "../pprof/" }, "Profiles"),
					h("a", { href: "../snapshots/" },
						"Snapshots"),
					h("a", { href: "../../" }, "Overview"),
					h("a", { href: "diff?from=0",
						target: "_blank",
						rel: "noopener" },
					"What changed since the first snapshot"))),
			h("section", {}, h("dl", { class: "now" },
				this.#number("live_bytes", "Live heap"),
				this.#number("live_objects", "Live blocks"),
				this.#number("rss_bytes", "Resident"),
				this.#number("threads", "Threads"),
				this.#number("descriptors", "Descriptors"),
				this.#number("own_bytes", "leakshim's tables"))),
			this.growing.element,
			h("section", {},
				h("div", { class: "bar" },
					choice("The last", RANGES, RANGES[0][0],
						(value) => {
							this.range = Number(value);
							this.draw();
						}),
					h("span", { class: "muted" },
						"Click a moment in the first two " +
						"charts, or choose it with the arrow " +
						"keys and Enter, to compare it with " +
						"now.")),
				h("div", { class: "charts" },
					this.charts.map(([curves]) =>
						curves.element))));
	}

	setState(kind, words) {
		this.state.className = `state ${kind}`;
		this.state.textContent = words;
	}

	draw() {
		const { history } = this;
		const seconds = history.seconds();
		const last = seconds[seconds.length - 1] ?? 0;
		let from = seconds.findIndex((s) => s >= last - this.range);
		if (from < 0)
			from = 0;
		const shown = seconds.slice(from);
		for (const [curves, columns, when] of this.charts)
			curves.show(shown, columns(history).map((column) =>
				column.slice(from)),
			when && history.column(when).slice(from));
		for (const [name, element] of Object.entries(this.numbers)) {
			const column = history.column(name);
			const value = column[column.length - 1];
			element.textContent = typeof value !== "number" ? "–" :
				name.endsWith("_bytes") ? format.bytes(value) :
					format.count(value);
		}
	}
}

function listen(page) {
	const events = new EventSource("events");
	let ended = false;
	page.setState("", "connecting …");
	events.addEventListener("open", () => page.setState("live", "live"));
	events.addEventListener("point", (event) => {
		if (page.history.add(JSON.parse(event.data)))
			page.draw();
	});
	events.addEventListener("report", (event) =>
		page.growing.show(JSON.parse(event.data)));
	events.addEventListener("end", () => {
		ended = true;
		events.close();
		page.setState("ended", "the process has ended");
	});
	events.addEventListener("error", () => {
		if (!ended)
			page.setState("lost", "no connection");
	});
}

async function begin() {
	const root = document.getElementById("page");
	try {
		const answer = await fetch("data");
		if (!answer.ok)
			throw new Error(await answer.text());
		const page = new Page(new History(await answer.json()));
		document.title = `${page.history.exe} ${page.history.pid}`;
		root.replaceChildren(page.element);
		page.draw();
		listen(page);
	} catch (error) {
		root.replaceChildren(h("p", { class: "failed", role: "alert" },
			`There are no charts: ${error.message}`));
	}
}

begin();
