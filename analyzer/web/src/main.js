/* The page: sections for one process at a time, in the order in which people
 * ask. A section without data is not there. */
import { load } from "./data.js";
import { h } from "./dom.js";
import { facts } from "./facts.js";
import { flame } from "./flame.js";
import { fleet } from "./fleet.js";
import { ledger, totals } from "./ledger.js";
import { losses } from "./losses.js";
import { themeButton } from "./theme.js";
import { threads } from "./threads.js";
import { verdicts } from "./verdicts.js";
import "./style.css";

/* Sentences of more letters than this are no title to shout. */
const LONG = 100;

const SECTIONS = [verdicts, flame, totals, threads, ledger, losses];

function section({ id, title, content }) {
	return h("section", { id, "aria-labelledby": `${id}-title` },
		h("h2", { id: `${id}-title`, tabindex: -1 }, title), content);
}

const links = (sections) => h("nav", { "aria-label": "Sections" },
	sections.map(({ id, title }) =>
		h("a", { href: `#${id}` }, title)));

function selector(report, onchoose) {
	if (report.processes.length < 2)
		return null;
	return h("label", { class: "process-choice" }, "Process ",
		h("select", {
			onchange: (event) =>
				onchoose(Number(event.target.value)),
		}, report.processes.map((process, i) =>
			h("option", { value: i,
				selected: i === report.busiest() },
			process.name))));
}

function draw(report, page) {
	const nav = h("div");
	const body = h("main", { id: "content" });
	const across = fleet(report);
	const [first, ...others] = report.headline;

	function show(index) {
		const process = report.processes[index];
		const sections = process ? SECTIONS.map((make) =>
			make(report, process)).filter(Boolean) : [];
		nav.replaceChildren(links([across, ...sections]
			.filter(Boolean)));
		body.replaceChildren(...[
			across && section(across),
			process && h("section", { "aria-label": "Process" },
				selectorElement,
				selectorElement && (process.headline ?? []).map(
					(sentence) => h("p", {
						class: "headline",
					}, sentence)),
				facts(report, process)),
			...sections.map(section),
		].filter(Boolean));
	}

	const selectorElement = selector(report, (index) => {
		show(index);
		selectorElement.querySelector("select").focus();
	});
	page.replaceChildren(
		h("a", { class: "skip", href: "#content" }, "To the report"),
		h("header", {},
			h("div", { class: "top" },
				h("span", { class: "brand" }, "leakdiff"),
				themeButton()),
			h("h1", { class: first?.length > LONG && "long" },
				first ?? "Memory report"),
			others.map((sentence) =>
				h("p", { class: "headline" }, sentence)),
			nav),
		body,
		h("footer", {}, `Made by ${report.tool}. `,
			"Press / to search."));
	document.title = `leakdiff: ${report.processes.length === 1 ?
		report.processes[0].name :
		`${report.processes.length} processes`}`;
	show(report.busiest());
}

/* The search box next to what the reader looks at. */
function searchKey(event) {
	const { target } = event;
	if (event.key !== "/" || event.ctrlKey || event.metaKey ||
	    event.altKey || target.closest?.("input, select, textarea"))
		return;
	const boxes = [...document.querySelectorAll("input.search")];
	const distance = (box) => {
		const { top } = box.closest("section")
			.getBoundingClientRect();
		/* A section that begins below the middle is yet to come. */
		return top > window.innerHeight / 2 ? Infinity : Math.abs(top);
	};
	const here = target.closest?.("section")
		?.querySelector("input.search");
	const [nearest] = boxes.sort((a, b) => distance(a) - distance(b));
	(here ?? nearest)?.focus();
	event.preventDefault();
}

const page = document.getElementById("page");
try {
	draw(load(), page);
	document.addEventListener("keydown", searchKey);
} catch (error) {
	page.replaceChildren(h("p", { class: "failed", role: "alert" },
		`This report cannot be shown: ${error.message}`));
	throw error;
}
