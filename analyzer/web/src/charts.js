/* Curves over time, by uPlot, and the small ones inside tables. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { h, svg } from "./dom.js";
import * as format from "./format.js";
import { colour, onThemeChange } from "./theme.js";

const HEIGHT = 220;

/* Steps of an axis of bytes: powers of 2, so that labels are round in KiB. */
const BYTE_STEPS = Array.from({ length: 53 }, (_, i) => 2 ** i);

/* Steps of an axis of seconds. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
	7200, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400,
	30 * 86400, 365 * 86400];

/* An axis label: 90 s is "1:30 min" on a clock of minutes. */
function tick(seconds, step) {
	const s = Math.round(seconds);
	if (step >= 86400)
		return `${format.count(s / 86400)} d`;
	if (step >= 3600 || s >= 7200 && s % 3600 === 0)
		return `${format.count(s / 3600)} h`;
	if (s >= 7200)
		return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60}`;
	if (step >= 60 || s >= 120 && s % 60 === 0)
		return `${s / 60} min`;
	if (s >= 120)
		return `${Math.floor(s / 60)} min ${s % 60}`;
	return `${s} s`;
}

/* 1.5 GiB as "1.5 GiB", 64.0 MiB as "64 MiB". */
const shortBytes = (value) => format.bytes(value).replace(/\.0 /, " ");

const SCALES = {
	bytes: { size: 74, label: shortBytes, incrs: BYTE_STEPS },
	objects: { size: 66, label: (value) => format.count(value) },
	count: { size: 66, label: (value) => format.count(value) },
};

const describe = (curve) => {
	const known = curve.values.filter((value) => value !== null);
	return known.length === 0 ? `${curve.label}: no values` :
		`${curve.label} from ${format[curve.unit](known[0])} to ` +
		format[curve.unit](known[known.length - 1]);
};

function axis(values) {
	return { stroke: colour("--muted"), font: "12px system-ui, sans-serif",
		grid: { stroke: colour("--grid"), width: 1 },
		ticks: { show: false }, ...values };
}

/*
 * Stacked curves are drawn as sums, the uppermost first, each filled down to
 * the next one; the legend tells each one's own value.
 */
function stacked(curves) {
	const below = curves[0].values.map(() => 0);
	const sums = curves.map((curve) => curve.values.map((value, i) =>
		below[i] += Math.max(value ?? 0, 0)));
	return curves.map((curve, i) => ({ ...curve, drawn: sums[i],
		fill: true })).reverse();
}

/* Without a pointer the legend tells the newest values. */
function tellLast(plot) {
	if (plot.legend.idx === null || plot.legend.idx === undefined)
		plot.setLegend({ idx: plot.data[0].length - 1 }, false);
}

/* More than these would hide the curves: their texts go, then they all do. */
const MARKS_NAMED = 12;
const MARKS_DRAWN = 200;
const MARK_LETTERS = 24;

/* Marks as lines across the plot, with their texts along them. */
function drawMarks(plot, marks) {
	const { ctx, bbox } = plot;
	if (marks.length > MARKS_DRAWN)
		return;
	ctx.save();
	ctx.beginPath();
	ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
	ctx.clip();
	ctx.strokeStyle = ctx.fillStyle = colour("--muted");
	ctx.lineWidth = uPlot.pxRatio;
	ctx.setLineDash([2 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
	ctx.font = `${11 * uPlot.pxRatio}px system-ui, sans-serif`;
	ctx.textAlign = "right";
	ctx.textBaseline = "bottom";
	for (const mark of marks) {
		/* In the middle of a pixel, so that the line is one wide. */
		const x = Math.floor(plot.valToPos(mark.elapsed_s, "x", true)) +
			0.5;
		ctx.beginPath();
		ctx.moveTo(x, bbox.top);
		ctx.lineTo(x, bbox.top + bbox.height);
		ctx.stroke();
		if (marks.length > MARKS_NAMED)
			continue;
		ctx.save();
		ctx.translate(x, bbox.top + 4 * uPlot.pxRatio);
		ctx.rotate(-Math.PI / 2);
		ctx.fillText(mark.text.slice(0, MARK_LETTERS), 0,
			-2 * uPlot.pxRatio);
		ctx.restore();
	}
	ctx.restore();
}

function settings(seconds, drawn, width, stack, marks) {
	const units = [...new Set(drawn.map((curve) => curve.unit))];
	return {
		width,
		height: HEIGHT,
		scales: {
			x: { time: false },
			...Object.fromEntries(units.map((unit) => [unit, {
				range: (_, low, high) => [Math.min(0, low),
					high > 0 ? high * 1.08 : 1],
			}])),
		},
		axes: [
			axis({
				space: 70, size: 34, incrs: TIME_STEPS,
				values: (_, ticks, a, b, step) => ticks.map(
					(value) => tick(value, step)),
			}),
			...units.map((unit, i) => axis({
				scale: unit, side: i === 0 ? 3 : 1,
				size: SCALES[unit].size, space: 36,
				incrs: SCALES[unit].incrs,
				grid: { show: i === 0, width: 1,
					stroke: colour("--grid") },
				values: (_, ticks) =>
					ticks.map(SCALES[unit].label),
			})),
		],
		series: [
			{ label: "After", value: (_, value) => value === null ?
				"–" : format.duration(value) },
			...drawn.map((curve) => ({
				label: curve.label,
				scale: curve.unit,
				stroke: colour(curve.colour),
				fill: curve.fill && colour(curve.colour) + "cc",
				width: 2,
				dash: curve.dashed && [6, 4],
				points: { show: seconds.length <= 40, size: 5,
					fill: colour(curve.colour) },
				spanGaps: true,
				value: (_, value, __, i) =>
					typeof curve.values[i] === "number" ?
						format[curve.unit](
							curve.values[i]) : "–",
			})),
		],
		bands: stack ? drawn.slice(0, -1).flatMap((curve, i) =>
			curve.fill && drawn[i + 1].fill ?
				[{ series: [i + 1, i + 2] }] : []) : [],
		cursor: { drag: { x: true, y: false } },
		legend: { live: true },
		hooks: { ready: [tellLast], setLegend: [tellLast],
			draw: [(plot) => drawMarks(plot, marks)] },
	};
}

/*
 * chart({ title, seconds, curves, stack, marks }) -> element. curves: { label, unit:
 * "bytes", "objects" or "count", values, colour: a name of style.css, dashed }. With
 * `stack` the curves are summed up, except those that are dashed. marks: of the
 * report's process.
 */
export function chart({ title, seconds, curves, stack = false, marks = [] }) {
	const drawn = stack ?
		[...stacked(curves.filter((curve) => !curve.dashed)),
			...curves.filter((curve) => curve.dashed)
				.map((curve) => ({ ...curve,
					drawn: curve.values }))] :
		curves.map((curve) => ({ ...curve, drawn: curve.values }));
	const data = [seconds, ...drawn.map((curve) => curve.drawn)];
	const frame = h("div", {
		class: "chart-frame", role: "img",
		"aria-label": `${title}: ${curves.map(describe).join("; ")}` +
			(marks.length ? `; ${format.plural(marks.length,
				"mark")}` : ""),
	});
	let plot = null;

	function draw() {
		if (plot)
			plot.destroy();
		plot = new uPlot(settings(seconds, drawn,
			Math.max(frame.clientWidth, 200), stack, marks),
		data, frame);
	}
	new ResizeObserver(() => {
		if (!frame.isConnected || !frame.clientWidth)
			return;
		if (plot)
			plot.setSize({ width: frame.clientWidth,
				height: HEIGHT });
		else
			draw();
	}).observe(frame);
	onThemeChange(() => {
		if (!frame.isConnected)
			return false;
		draw();
		return true;
	});
	return h("figure", { class: "chart" }, h("figcaption", {}, title),
		frame);
}

/* A curve as small as a word, by time. Its numbers stand beside it. */
export function sparkline(values, seconds) {
	const width = 90, height = 24, margin = 2;
	const known = values.map((value) => value ?? 0);
	const low = Math.min(0, ...known), high = Math.max(1, ...known);
	const span = seconds?.at(-1) - seconds?.[0];
	const share = (i) => span > 0 ? (seconds[i] - seconds[0]) / span :
		i / Math.max(known.length - 1, 1);
	const x = (i) => margin + share(i) * (width - 2 * margin);
	const y = (value) => height - margin -
		(value - low) * (height - 2 * margin) / (high - low);
	return svg("svg", {
		class: "sparkline", width, height, "aria-hidden": "true",
		viewBox: `0 0 ${width} ${height}`,
	}, svg("polyline", {
		points: known.map((value, i) =>
			`${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
	}));
}
