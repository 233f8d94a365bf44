/*
 * The flame graph, by d3-flame-graph: what to draw, by which colours, what is
 * told about a frame, search, and the keyboard.
 *
 * A change of mode makes a new graph: the library tells its own nodes from our
 * data by the name of a class, which a minified bundle does not keep.
 */
import flamegraph from "d3-flame-graph";
import { select } from "d3-selection";
import { choice, h } from "./dom.js";
import { flameTree } from "./flame_tree.js";
import * as format from "./format.js";
import { reducedMotion } from "./theme.js";

const FRAME_HEIGHT = 20;
const MIN_FRAME_WIDTH = 1;
const ZOOM_MS = 250;

/* Frames are light in both themes: their labels are dark. */
const GREW = [239, 105, 100], SHRANK = [104, 151, 232], LEVEL = [222, 218, 212];
const FOUND = "rgb(236,140,236)";
const NAMELESS = "rgb(200,200,200)";

const mix = (from, to, share) => "rgb(" + from.map((part, i) =>
	Math.round(part + (to[i] - part) * share)).join() + ")";

/* Modules get hues of their own, functions a shade of it. */
function hash(text) {
	let value = 0;
	for (let i = 0; i < text.length; i++)
		value = (value * 31 + text.charCodeAt(i)) >>> 0;
	return value;
}

function liveColour(node) {
	if (node.frame.named === false)
		return NAMELESS;
	const hue = 16 + hash(node.frame.module ?? "") % 32;
	return `hsl(${hue} ${70 + hash(node.name) % 20}% ` +
		`${68 + hash(`${node.name}l`) % 10}%)`;
}

function growthColour(node) {
	const way = node.value ? node.net / node.value : 0;
	return mix(LEVEL, way > 0 ? GREW : SHRANK, Math.min(Math.abs(way), 1));
}

/* function, where, and the numbers: lines of text. */
function tell(node, total, view) {
	const amount = (value, sign) => format[view.unit](value, sign);
	const { frame, lines } = node;
	const place = frame.file && lines.size > 1 ?
		`${frame.file}, ${format.plural(lines.size, "line")}` :
		format.place(frame);
	const growth = view.show === "growth";
	const mixed = Math.abs(node.net) === node.value ? "" :
		`, of ${amount(node.value)} that changed`;
	return [
		node.name,
		[place, frame.module && format.baseName(frame.module)]
			.filter(Boolean).join(" in "),
		(growth ? amount(node.net, true) + mixed :
			`${amount(node.value)} live`) +
			`, ${format.share(node.value, total)} of total`,
		!growth && view.hasGrowth && node.net !== 0 &&
			`${amount(node.net, true)} growth`,
	].filter(Boolean);
}

const KEYS = "A click or Enter zooms, Escape resets, arrow keys move from frame " +
	"to frame.";

const linesOf = (texts) => texts.map((text, i) =>
	h(i === 0 ? "strong" : "span", {}, text));

/* Follows the pointer and stays inside the window. */
function makeTip() {
	const box = h("div", { class: "flame-tip", hidden: true,
		"aria-hidden": "true" });
	return {
		box,
		show(texts, x, y) {
			box.replaceChildren(...linesOf(texts));
			box.hidden = false;
			const left = Math.min(x + 12, document.documentElement
				.clientWidth - box.offsetWidth - 4);
			const below = y + 16 + box.offsetHeight <
				window.innerHeight;
			box.style.left = `${Math.max(left, 4)}px`;
			box.style.top = `${below ? y + 16 :
				Math.max(y - 12 - box.offsetHeight, 4)}px`;
		},
		hide() {
			box.hidden = true;
		},
	};
}

class FlameView {
	constructor(report, process) {
		this.report = report;
		this.rows = process.heap;
		this.view = {
			show: process.hasGrowth ? "growth" : "live",
			unit: "bytes",
			from: "main",
			inverted: true,
			hasGrowth: process.hasGrowth,
		};
		this.term = "";
		this.tip = makeTip();
		this.stage = h("div", { class: "flame-stage" });
		this.told = h("p", { class: "flame-told", role: "status" });
		this.found = h("span", { class: "flame-found",
			role: "status" });
		this.back = h("button", { type: "button",
			onclick: () => this.reset() }, "Reset zoom");
		this.legend = h("p", { class: "muted flame-legend" });
		this.element = this.build(process);
		this.watchWidth();
		this.stage.addEventListener("keydown",
			(event) => this.key(event));
		this.stage.addEventListener("focusin",
			(event) => this.focused(event));
		this.stage.addEventListener("focusout", () => this.tip.hide());
	}

	build(process) {
		const pick = (name) => (value) => {
			this.view[name] = value;
			this.draw();
		};
		return h("div", { class: "flame" },
			h("div", { class: "flame-bar" },
				process.hasGrowth && choice("Show",
					[["growth", "Growth"], ["live",
						"Live"]], this.view.show,
					pick("show")),
				choice("By", [["bytes", "Bytes"],
					["objects", "Objects"]], "bytes",
				pick("unit")),
				choice("Merge from", [["main", "Start"],
					["leaf", "Allocation"]], "main",
				pick("from")),
				choice("Root", [["top", "Top"], ["bottom",
					"Bottom"]], "top", (value) => {
					this.view.inverted = value === "top";
					this.draw();
				})),
			h("div", { class: "flame-bar" },
				h("input", {
					type: "search", class: "search",
					placeholder: "Search frames",
					"aria-label": "Search the flame graph",
					autocomplete: "off",
					spellcheck: "false",
					oninput: (event) =>
						this.search(event.target.value),
					onkeydown: (event) => {
						if (event.key !== "Escape")
							return;
						event.target.value = "";
						this.search("");
					},
				}),
				this.back, this.found),
			this.legend, this.stage, this.told, this.tip.box,
			h("p", { class: "muted keys" }, KEYS));
	}

	watchWidth() {
		new ResizeObserver(() => {
			const width = this.stage.clientWidth;
			if (!width || width === this.width)
				return;
			this.width = width;
			if (!this.graph) {
				this.draw();
				return;
			}
			this.graph.width(width).update();
			this.settle();
			this.dress();
		}).observe(this.stage);
	}

	draw() {
		const { view } = this;
		const data = flameTree(this.report, this.rows, view);
		const growth = view.show === "growth";
		this.total = data.value;
		this.stage.replaceChildren();
		this.tip.hide();
		this.zoomed = null;
		this.back.disabled = true;
		this.told.textContent = "";
		this.legend.replaceChildren(...this.legendParts(growth));
		this.graph = null;
		if (!data.value) {
			this.stage.append(h("p", { class: "muted" }, growth ?
				"Nothing grew or shrank." : "Nothing is live."));
			return;
		}
		this.graph = flamegraph()
			.width(this.width)
			.cellHeight(FRAME_HEIGHT)
			.minFrameSize(MIN_FRAME_WIDTH)
			.transitionDuration(reducedMotion() ? 0 : ZOOM_MS)
			.inverted(view.inverted)
			.setColorMapper((d) => d.highlight ? FOUND :
				growth ? growthColour(d.data) :
					liveColour(d.data))
			.getName((d) => format.shortName(d.data.name))
			.setSearchMatch((d, term) => this.matches(d, term))
			.setSearchHandler((hits, sum) =>
				this.searched(hits, sum))
			.tooltip(this.libraryTip())
			.onClick((d) => this.zoomedTo(d));
		this.graph(select(this.stage).datum(data));
		const svg = this.stage.querySelector("svg");
		svg.setAttribute("role", "tree");
		svg.setAttribute("aria-label", `Flame graph of ${growth ?
			"growth" : "what is live"} in ${view.unit}`);
		this.search(this.term);
		this.settle();
	}

	/* The library moves, widens and names its frames in transitions, new
	 * ones too. That helps who zooms; what is drawn anew is to be right at
	 * once, on paper as well. */
	settle() {
		const { view, width } = this;
		const svg = this.stage.querySelector("svg");
		const height = svg.getAttribute("height");
		svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
		select(this.stage).selectAll("g, rect, div").interrupt();
		select(this.stage).selectAll("g.frame").each(
			function settled(d) {
				const level = d.depth * FRAME_HEIGHT;
				const top = view.inverted ? level :
					height - level - FRAME_HEIGHT;
				this.setAttribute("transform",
					`translate(${d.x0 * width},${top})`);
				this.querySelector("rect").setAttribute("width",
					this.getAttribute("width"));
				this.querySelector("div").textContent =
					format.shortName(d.data.name);
			});
	}

	legendParts(growth) {
		if (!growth)
			return ["Width: what is live."];
		return [h("span", { class: "swatch grew" }), "grew ",
			h("span", { class: "swatch shrank" }), "shrank. ",
			"Width: how much changed."];
	}

	/* The library's interface of a tooltip. */
	libraryTip() {
		const tip = () => {};
		tip.show = (event, d) => this.tip.show(this.textsOf(d),
			event.clientX, event.clientY);
		tip.hide = () => this.tip.hide();
		return tip;
	}

	textsOf(d) {
		return tell(d.data, this.total, this.view);
	}

	/* The library redraws its frames without roles and focus. */
	dress() {
		const frames = select(this.stage).selectAll("g.frame");
		const current = this.current ?? 0;
		let any = false;
		frames.each(function dressed(d) {
			any ||= d.id === current;
		});
		const view = this;
		frames.each(function dressed(d) {
			this.setAttribute("role", "treeitem");
			this.setAttribute("aria-level", d.depth + 1);
			this.setAttribute("aria-label",
				view.textsOf(d).join(", "));
			this.setAttribute("tabindex",
				d.id === (any ? current : 0) ? 0 : -1);
		});
	}

	zoomedTo(d) {
		this.zoomed = d.parent ? d : null;
		this.current = d.id;
		this.back.disabled = !this.zoomed;
		this.told.replaceChildren(...linesOf(this.textsOf(d)));
		this.dress();
	}

	reset() {
		if (!this.graph)
			return;
		const focused = this.stage.contains(document.activeElement);
		const { current } = this;
		this.graph.resetZoom();
		this.current = current;
		this.dress();
		this.told.replaceChildren();
		if (focused)
			this.focusFrame(current);
	}

	matches(d, term) {
		const { frame } = d.data;
		return [d.data.name, format.shortName(d.data.name), frame.file,
			frame.module].some((text) =>
			text?.toLowerCase().includes(term));
	}

	search(text) {
		this.term = text.trim().toLowerCase();
		if (!this.graph)
			return;
		if (this.term) {
			this.graph.search(this.term);
		} else {
			this.graph.clear();
			this.found.textContent = "";
		}
		this.dress();
	}

	/* Matches inside matches count once; a zoom does not change the sum. */
	searched(hits) {
		const isHit = new Set(hits);
		let sum = 0;
		for (const hit of hits) {
			let up = hit.parent;
			while (up && !isHit.has(up))
				up = up.parent;
			if (!up)
				sum += hit.data.value;
		}
		this.found.textContent = hits.length === 0 ? "no frame found" :
			`${format.plural(hits.length, "frame")} found: ` +
			`${format[this.view.unit](sum)}, ` +
			`${format.share(sum, this.total)} of total`;
	}

	focused(event) {
		const g = event.target.closest?.("g.frame");
		if (!g)
			return;
		const d = select(g).datum();
		this.current = d.id;
		this.stage.querySelectorAll('g.frame[tabindex="0"]')
			.forEach((each) => each.setAttribute("tabindex", -1));
		g.setAttribute("tabindex", 0);
		this.told.replaceChildren(...linesOf(this.textsOf(d)));
	}

	frameOf(id) {
		let found = null;
		select(this.stage).selectAll("g.frame").each(
			function look(d) {
				if (d.id === id)
					found = this;
			});
		return found;
	}

	focusFrame(id) {
		(this.frameOf(id) ?? this.frameOf(0))
			?.focus({ preventScroll: false });
	}

	/* The neighbour in the tree that is wide enough to be drawn. */
	neighbour(d, way) {
		const drawn = (each) => each && this.frameOf(each.id);
		if (way === "outward")
			return drawn(d.parent) ? d.parent : null;
		if (way === "inward")
			return (d.children ?? []).find(drawn);
		const level = [];
		select(this.stage).selectAll("g.frame").each((each) => {
			if (each.depth === d.depth)
				level.push(each);
		});
		level.sort((a, b) => a.x0 - b.x0);
		return level[level.indexOf(d) + (way === "right" ? 1 : -1)];
	}

	key(event) {
		const g = event.target.closest("g.frame");
		if (!g || event.ctrlKey || event.metaKey || event.altKey)
			return;
		const d = select(g).datum();
		const down = this.view.inverted ? "inward" : "outward";
		const up = this.view.inverted ? "outward" : "inward";
		const ways = { ArrowDown: down, ArrowUp: up,
			ArrowLeft: "left", ArrowRight: "right" };
		if (ways[event.key]) {
			const next = this.neighbour(d, ways[event.key]);
			if (next)
				this.focusFrame(next.id);
		} else if (event.key === "Enter" || event.key === " ") {
			this.graph.zoomTo(d);
			this.focusFrame(d.id);
		} else if (event.key === "Escape") {
			this.reset();
		} else if (event.key === "Home") {
			this.focusFrame(0);
		} else {
			return;
		}
		event.preventDefault();
	}
}

export function flame(report, process) {
	if (!(process.heap?.length > 0))
		return null;
	return {
		id: "flame",
		title: "Flame graph",
		content: new FlameView(report, process).element,
	};
}
