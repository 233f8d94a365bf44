/* Curves that grow while they are looked at, by uPlot. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { h } from "../../src/dom.js";
import * as format from "../../src/format.js";
import { colour, onThemeChange } from "../../src/theme.js";

const HEIGHT = 200;
const BYTE_STEPS = Array.from({ length: 53 }, (_, i) => 2 ** i);
/* 1, 2, 5, 10 ..., and of what is no count their fractions: a label of one digit
 * is exact. */
const COUNT_STEPS = Array.from({ length: 45 }, (_, i) =>
	[1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));
const PERCENT_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, ...COUNT_STEPS];
const shortBytes = (value) => format.bytes(value).replace(/\.0 /, " ");

const UNITS = {
	bytes: { label: shortBytes, tell: (value) => format.bytes(value),
		steps: BYTE_STEPS },
	rate: { label: (value) => `${shortBytes(value)}/s`,
		tell: (value) => `${format.bytes(value)}/s`, steps: BYTE_STEPS },
	count: { label: (value) => format.count(value),
		tell: (value) => format.count(value), steps: COUNT_STEPS },
	percent: { label: (value, step) => `${value.toFixed(
		Math.max(0, Math.ceil(-Math.log10(step))))}%`,
		tell: (value) => `${value.toFixed(1)}%`,
		steps: PERCENT_STEPS },
};

/* All charts of the page point at the same moment. */
const together = uPlot.sync("charts");

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");

/* Labels of the time axis. */
function moments(ticks, step) {
	return ticks.map((seconds) => step >= 60 ? clock(seconds).slice(0, 5) :
		clock(seconds));
}

function axis(values) {
	return { stroke: colour("--muted"), font: "12px system-ui, sans-serif",
		grid: { stroke: colour("--grid"), width: 1 },
		ticks: { show: false }, ...values };
}

/* Stacked curves are drawn as sums, the uppermost first. */
function sums(values) {
	const below = (values[0] ?? []).map(() => 0);
	return values.map((column) => column.map((value, i) =>
		value === null ? null : below[i] += Math.max(value, 0)));
}

/* Where something was measured anew: the places at which `when` changes. */
function fresh(when) {
	return when.map((_, i) => i).filter((i) => i > 0 && when[i] !== null &&
		when[i] !== when[i - 1]);
}

/* What was measured seldom and repeats in between: lines lead from one
 * measurement to the next, and not beyond the last. */
function only(values, places) {
	const kept = new Set([0, ...places]);
	return values.map((column) => column.map((value, i) =>
		kept.has(i) ? value : null));
}

/* Without a pointer, or a moment that was chosen, the legend tells the newest
 * values. */
function tellLast(plot) {
	if (!(plot.cursor.left >= 0))
		plot.setLegend({ idx: plot.data[0].length - 1 }, false);
}

/*
 * new Curves({ title, unit, curves: [{ label, colour }...], stack, choose })
 * .element; show(seconds, values, when) draws. choose(seconds), if given, is
 * called with the moment that was clicked, or chosen with the keys. `when`, if
 * given, says for each value when it was measured: these moments get a point.
 */
export class Curves {
	constructor({ title, unit, curves, stack = false, choose = null }) {
		Object.assign(this, { title, unit: UNITS[unit], curves, stack,
			choose });
		this.drawn = stack ? [...curves].reverse() : curves;
		this.data = [[], ...curves.map(() => [])];
		this.values = curves.map(() => []);
		this.points = null;
		this.plot = null;
		this.frame = h("div", { class: "chart-frame",
			tabindex: choose ? "0" : null,
			role: choose ? "group" : "img" });
		this.element = h("figure", { class: "chart" },
			h("figcaption", {}, title), this.frame);
		if (choose)
			this.#listen();
		/* Not at once: what changes sizes while they are told is an error
		 * to the browser. */
		new ResizeObserver(() => requestAnimationFrame(() => this.#fit()))
			.observe(this.frame);
		onThemeChange(() => {
			if (!this.frame.isConnected)
				return this.plot === null;
			this.#draw();
			return true;
		});
	}

	show(seconds, values, when = null) {
		this.values = values;
		this.points = when && fresh(when);
		const drawn = when ? only(values, this.points) : values;
		const columns = this.stack ? sums(drawn).reverse() : drawn;
		this.data = [seconds, ...columns];
		this.frame.setAttribute("aria-label",
			`${this.title}: ${this.#words()}`);
		if (this.plot) {
			this.plot.setData(this.data);
			tellLast(this.plot);
		} else {
			this.#fit();
		}
	}

	#words() {
		return this.curves.map((curve, i) => {
			const known = this.values[i]
				.filter((value) => value !== null);
			return known.length ? `${curve.label} ${this.unit.tell(
				known[known.length - 1])}` :
				`${curve.label} not known yet`;
		}).join("; ");
	}

	#fit() {
		if (!this.frame.isConnected || !this.frame.clientWidth)
			return;
		if (this.plot)
			this.plot.setSize({ width: this.frame.clientWidth,
				height: HEIGHT });
		else
			this.#draw();
	}

	#draw() {
		if (this.plot)
			this.plot.destroy();
		this.plot = new uPlot(this.#settings(), this.data, this.frame);
	}

	/* The value itself, where a sum is drawn. */
	#tell(series, i) {
		const at = this.stack ? this.curves.length - series : series - 1;
		const value = this.values[at]?.[i];
		return typeof value === "number" ? this.unit.tell(value) : "–";
	}

	#settings() {
		const { unit, drawn, stack } = this;
		return {
			width: Math.max(this.frame.clientWidth, 200),
			height: HEIGHT,
			scales: {
				y: { range: (_, low, high) => [Math.min(0, low),
					high > 0 ? high * 1.08 : 1] },
			},
			axes: [
				axis({ space: 70, size: 34,
					values: (_, ticks, a, b, step) =>
						moments(ticks, step) }),
				axis({ size: 78, space: 36, incrs: unit.steps,
					values: (_, ticks, a, b, step) =>
						ticks.map((tick) =>
							unit.label(tick, step)) }),
			],
			series: [
				{ label: "At", value: (_, value) =>
					value === null ? "–" : clock(value) },
				...drawn.map((curve, nth) => ({
					label: curve.label,
					stroke: colour(curve.colour),
					fill: stack &&
						`${colour(curve.colour)}cc`,
					width: 2,
					points: { show: () => nth === 0 &&
						this.points !== null,
					size: 7,
					filter: () => this.points },
					spanGaps: true,
					value: (_, __, series, i) =>
						this.#tell(series, i),
				})),
			],
			bands: stack ? drawn.slice(0, -1).map((_, i) =>
				({ series: [i + 1, i + 2] })) : [],
			cursor: { drag: { x: false, y: false },
				sync: { key: together.key } },
			hooks: { ready: [tellLast], setCursor: [tellLast] },
		};
	}

	/* A click, or the arrow keys and Enter. */
	#listen() {
		this.frame.addEventListener("click", () => {
			if (typeof this.plot?.cursor.idx === "number")
				this.choose(this.data[0][this.plot.cursor.idx]);
		});
		this.frame.addEventListener("keydown", (event) => {
			const steps = { ArrowLeft: -1, ArrowRight: 1,
				PageUp: -60, PageDown: 60, Home: -Infinity,
				End: Infinity }[event.key];
			const last = this.data[0].length - 1;
			if (!this.plot || last < 0)
				return;
			const at = this.plot.cursor.idx ?? last;
			if (event.key === "Enter") {
				this.choose(this.data[0][at]);
			} else if (steps) {
				const to = Math.min(Math.max(at + steps, 0), last);
				this.plot.setCursor({
					left: this.plot.valToPos(
						this.data[0][to], "x"),
					top: 0,
				});
				event.preventDefault();
			}
		});
	}
}
