/*
 * The report: the JSON that `leakdiff --json` writes, and what is looked up
 * in it. Nothing is computed here that leakdiff already knows.
 */

import * as format from "./format.js";

const SCHEMA_VERSION = 1;

/* In the page's order of importance; other kinds sort after them. */
const KINDS = ["leak", "growing-buffer", "retention", "insufficient",
	"cache-fill", "steady"];

export function load() {
	const text = document.getElementById("report").textContent;
	const report = JSON.parse(text);
	if (report.schema_version !== SCHEMA_VERSION)
		throw new Error("this page reads reports of schema version " +
			`${SCHEMA_VERSION}, not ${report.schema_version}`);
	return new Report(report);
}

/* The report's mode is that of the process with most snapshots; each process has
 * its own. One snapshot is a state; of two or more there is growth. */
function withMode(process) {
	const taken = process.snapshots?.length ?? 1;
	const mode = taken > 2 ? "trend" : taken === 2 ? "diff" : "snapshot";
	return { ...process, mode, hasGrowth: taken > 1, hasTrend: taken > 2 };
}

class Report {
	constructor(json) {
		this.tool = json.tool;
		this.identity = json.identity ?? {};
		this.frames = json.frames ?? [];
		this.fleet = json.fleet ?? [];
		this.processes = (json.processes ?? []).map(withMode);
		this.headline = json.headline ?? [];
	}

	/* The process whose heap grew most: its index. */
	busiest() {
		const growth = this.processes.map((process) =>
			process.totals?.heap?.delta_bytes ?? 0);
		return Math.max(0, growth.indexOf(Math.max(...growth)));
	}

	/* A row's frames, innermost first. */
	stackOf(row) {
		return (row.stack ?? []).map((index) => this.frames[index])
			.filter((frame) => frame);
	}

	/*
	 * A function that tells whether a row has the text in its names, its
	 * file or module, its verdict or anywhere in its stack. Frames are
	 * looked at once, not once per row: stacks share them.
	 */
	matcher(text) {
		const wanted = text.trim().toLowerCase();
		const has = (part) =>
			part ? part.toLowerCase().includes(wanted) : false;
		const inPlace = (at) => has(at.function) ||
			has(format.shortName(at.function)) ||
			has(at.file) || has(at.module);
		if (!wanted)
			return () => true;
		const hits = this.frames.map(inPlace);
		return (row) => inPlace(row) || has(row.verdict?.kind) ||
			has(row.id) ||
			(row.stack ?? []).some((index) => hits[index]);
	}
}

export function kindRank(kind) {
	const rank = KINDS.indexOf(kind);
	return rank < 0 ? KINDS.length : rank;
}

/* A class name, never text of the file. */
export const kindClass = (kind) =>
	KINDS.includes(kind) ? `kind-${kind}` : "kind-other";
