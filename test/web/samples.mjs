/*
 * Reports to test the page with, of the shape of doc/leakdiff.schema.json: one of
 * each mode, one of names that attack the page, and a large one. All numbers
 * follow from a seed.
 */

const MIB = 1024 * 1024;

/* A small generator of even numbers in [0, 1), equal everywhere. */
function random(seed) {
	let state = seed >>> 0;
	return () => {
		state = (state * 1664525 + 1013904223) >>> 0;
		return state / 2 ** 32;
	};
}

class Frames {
	constructor() {
		this.list = [];
		this.ids = new Map();
	}

	id(name, file = null, line = null, module = "/usr/sbin/sessiond",
		more = {}) {
		const key = `${name}:${file}:${line}:${module}`;
		if (!this.ids.has(key)) {
			this.ids.set(key, this.list.length);
			this.list.push({ function: name, file, line, module,
				inlined: false, named: true, ...more });
		}
		return this.ids.get(key);
	}
}

function row(id, frames, stack, old, now, more = {}) {
	const at = frames.list[stack[0]] ?? { function: "[no call stack]",
		file: null, line: null, module: null };
	return {
		id: id.toString(16).padStart(16, "0"),
		function: at.function, file: at.file, line: at.line,
		module: at.module, stack, truncated: false, stacks: 1,
		delta_bytes: now[0] - old[0], delta_objects: now[1] - old[1],
		live_bytes_old: old[0], live_bytes_new: now[0],
		live_objects_old: old[1], live_objects_new: now[1],
		alloc_bytes: 3 * now[0], alloc_objects: 3 * now[1],
		free_bytes: 3 * now[0] - (now[0] - old[0]),
		free_objects: 3 * now[1] - (now[1] - old[1]),
		...more,
	};
}

function sum(rows) {
	const total = {};
	for (const each of rows)
		for (const [key, value] of Object.entries(each))
			if (/_(bytes|objects)(_old|_new)?$/.test(key))
				total[key] = (total[key] ?? 0) + value;
	return total;
}

/* points, from, to, shape -> a curve that ends at `to`. */
function curve(points, from, to, shape) {
	return points.map((_, i) => {
		const t = i / (points.length - 1);
		return Math.round(from + (to - from) * shape(t, i));
	});
}

const linear = (t) => t;
const filling = (t) => (1 - Math.exp(-5 * t)) / (1 - Math.exp(-5));
const level = (t, i) => t === 1 ? 1 : [0.2, 0.7, 0.4, 1, 0.1, 0.6][i % 6];

const ADVICE = {
	leak: "read session_new: what it allocates is not freed when a " +
		"request ends",
	"growing-buffer": "look for what appends to this buffer without bound",
	"cache-fill": "nothing now; look again if it grows once it is full",
	retention: "try malloc_trim or a smaller MALLOC_ARENA_MAX",
	steady: "nothing to do",
	insufficient: "take 3 more snapshots, 5 minutes apart",
};

const JUDGED = [
	["leak", 0.98, linear], ["growing-buffer", 0.91, linear],
	["cache-fill", 0.88, filling], ["steady", 0.95, level],
	["steady", 0.93, level], ["insufficient", 0.5, level],
];

/* The sites of a server: where, old and new live [bytes, objects]. */
function serverSites(frames) {
	const main = frames.id("main", "/src/main.c", 88);
	const loop = frames.id("event_loop", "/src/loop.c", 142);
	const request = frames.id("handle_request", "/src/http.c", 301);
	const alloc = (line) => frames.id("xmalloc", "/src/xalloc.c", line,
		undefined, { inlined: true });
	const start = frames.id("__libc_start_main", null, null,
		"/usr/lib/x86_64-linux-gnu/libc.so.6");
	const via = (...inner) => [...inner, request, loop, main, start];
	return [
		[via(frames.id("session_new", "/src/session.c", 57), alloc(12),
			frames.id("login", "/src/auth.c", 90)),
		[2 * MIB, 4096], [34 * MIB, 69632]],
		[via(frames.id("log_append", "/src/log.c", 33)),
			[MIB, 1], [9 * MIB, 1]],
		[via(frames.id("cache_put<std::__cxx11::basic_string<char, " +
			"std::char_traits<char>, " +
			"std::allocator<char> >, Session>",
		"/src/cache.hpp", 210)), [6 * MIB, 900], [14 * MIB, 2100]],
		[[frames.id("SSL_CTX_new+0x1f4", null, null,
			"/usr/lib/x86_64-linux-gnu/libssl.so.3",
			{ named: false }), loop, main, start],
		[5 * MIB, 1200], [4 * MIB, 1000]],
		[[frames.id("config_load", "/src/config.c", 19), main, start],
			[700 * 1024, 320], [700 * 1024, 320]],
		[via(frames.id("parse_header", "/src/http.c", 77)),
			[90 * 1024, 40], [130 * 1024, 61]],
	];
}

const AGES = [[0, 1], [1, 8], [8, 64], [64, 512], [512, 2400]];

const ages = (bytes, objects) => AGES.map(([min, max], i) => ({
	min_s: min, max_s: max, bytes: Math.round(bytes / 2 ** (5 - i)),
	objects: Math.round(objects / 2 ** (5 - i)),
}));

function verdict(kind, confidence, bytes, objects, hours) {
	return {
		kind, confidence,
		bytes_per_hour: bytes / hours,
		bytes_per_hour_low: 0.93 * bytes / hours,
		bytes_per_hour_high: 1.08 * bytes / hours,
		objects_per_hour: objects / hours,
		eta_hours: kind === "leak" ? 61.5 : null,
		warmup_s: 180, advice: ADVICE[kind],
	};
}

const LEDGER = [
	["rss", "resident memory (RSS)", 40, 96],
	["live_heap", "live heap", 15, 62],
	["allocator_retained", "kept by the allocator", 4, 11],
	["direct_mmap", "mapped directly", 2, 2],
	["thread_stacks", "thread stacks", 1, 2],
	["files", "files", 14, 14],
	["shared", "shared memory", 1, 1],
	["shim", "leakshim itself", 3, 4],
	["unexplained", "unexplained", 0, 0],
];

/* These may be without a verdict. */
const UNJUDGED = ["allocator_retained", "shim"];

function tally(sites, bytes) {
	return { sites, delta_bytes: bytes, live_bytes: 2 * bytes };
}

function server(mode, pid = 4242, host = "web-1") {
	const frames = new Frames();
	const snapshots = { snapshot: 1, diff: 2, trend: 12 }[mode];
	const points = Array.from({ length: snapshots }, (_, i) =>
		30 + i * 210);
	const hours = (points[points.length - 1] - points[0]) / 3600;
	const isTrend = mode === "trend";
	const heap = serverSites(frames).map(([stack, old, now], i) => {
		const [kind, confidence, shape] = JUDGED[i];
		const before = mode === "snapshot" ? [0, 0] : old;
		return row(i + 1, frames, stack, before, now, {
			blamed: 0,
			...isTrend && {
				verdict: verdict(kind, confidence,
					now[0] - old[0], now[1] - old[1],
					hours),
				series: {
					bytes: curve(points, old[0], now[0],
						shape),
					objects: curve(points, old[1], now[1],
						shape),
				},
			},
			...mode === "snapshot" && {
				suspicion: [0.93, 0.41, 0.37, 0.12, 0.02,
					0.01][i],
			},
			ages: ages(...now),
		});
	});
	const spawn = [frames.id("pool_grow", "/src/pool.c", 61),
		frames.id("main", "/src/main.c", 91)];
	const thread = [row(100, frames, spawn,
		mode === "snapshot" ? [0, 0] : [16 * MIB, 2], [72 * MIB, 9], {
			running_old: mode === "snapshot" ? 0 : 2,
			running_new: 4,
			unjoined_old: 0, unjoined_new: 5,
			...isTrend && {
				verdict: verdict("leak", 0.97, 56 * MIB, 7,
					hours),
				series: {
					bytes: curve(points, 16 * MIB,
						72 * MIB, linear),
					objects: curve(points, 2, 9, linear),
				},
			},
		})];
	const grown = (from, to, shape) => curve(points, from, to, shape);
	const ledger = LEDGER.map(([line, words, old, now]) => ({
		line, words, bytes_old: mode === "snapshot" ? 0 : old * MIB,
		bytes_new: now * MIB,
		delta_bytes: (mode === "snapshot" ? now : now - old) * MIB,
		...isTrend && { series: { bytes: grown(old * MIB, now * MIB,
			linear) } },
		...isTrend && !UNJUDGED.includes(line) && {
			verdict: verdict(now > old ? "leak" : "steady", 0.9,
				(now - old) * MIB, 0, hours),
		},
	}));
	const rss = isTrend ? ledger[0].series.bytes :
		mode === "diff" ? [40 * MIB, 96 * MIB] : [96 * MIB];
	const live = isTrend ? ledger[1].series.bytes :
		mode === "diff" ? [15 * MIB, 62 * MIB] : [62 * MIB];
	const process = {
		name: `pid ${pid} on ${host}`,
		headline: HEADLINES[mode], host, pid,
		boot_id: "6f0e", exe: "/usr/sbin/sessiond",
		argv: ["sessiond", "--listen", "0.0.0.0:8080"],
		build_id: "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334",
		start_wall_ns: 1.79e18, same_process: true, estimated: false,
		sample_bytes: 1,
		snapshots: points.map((at, i) => ({
			file: `sessiond.${pid}.${i + 1}.snap`,
			sequence: i + 1, trigger: "interval",
			wall_ns: 1.79e18 + at * 1e9, elapsed_s: at,
			truncated: false, live_bytes: live[i],
			live_objects: 1000 + 100 * i, threads: 4 + i,
			rss_bytes: rss[i],
		})),
		marks: isTrend ? [
			{ text: "reload 17", wall_ns: 1.79e18 + 600e9,
				elapsed_s: 600 },
		] : [],
		points_s: points,
		totals: { heap: sum(heap), thread: sum(thread) },
		heap, thread, ledger,
		hidden: {
			suppressed: tally(2, 72 * 1024), baseline: tally(0, 0),
			filtered: tally(0, 0), small: tally(14, 9000),
			beyond_top: tally(0, 0),
		},
		hidden_threads: { small: tally(1, 8192) }, not_compared: 2,
		losses: { thinning_shift: 3, disabled_because: null,
			dropped_allocs: 0, truncated_stacks: 17,
			unknown_frees: 3 },
	};
	return { frames: frames.list, process };
}

const HEADLINES = {
	snapshot: ["62.0 MiB are live in 73,114 objects, most of them " +
		"allocated by session_new."],
	diff: ["The live heap grew by 47.0 MiB, 32.0 MiB of it allocated by " +
		"session_new.", "RSS grew 56.0 MiB: 47.0 MiB is live heap, " +
		"7.0 MiB is retained by the allocator."],
	trend: ["session_new leaks 49.9 MiB per hour.", "5 threads exited " +
		"but were never joined.", "RSS grew 56.0 MiB: 47.0 MiB is " +
		"live heap, 7.0 MiB is retained by the allocator."],
};

function report(mode, { frames, process }, more = {}) {
	return {
		schema_version: 1, tool: "leakdiff 0.2", mode,
		headline: HEADLINES[mode],
		identity: { by: "build-id", sites_unmatched: 0, notes: [] },
		frames, processes: [process], ...more,
	};
}

export const snapshot = () => report("snapshot", server("snapshot"));
export const diff = () => report("diff", server("diff"));
export const trend = () => report("trend", server("trend"));

export function fleet() {
	const one = server("trend"), two = server("trend", 77, "web-2");
	two.process.heap = two.process.heap.slice(1);
	two.process.build_id = "ffeeddccbbaa99887766554433221100ffeeddcc";
	const first = one.process.heap[0];
	return report("trend", one, {
		headline: ["session_new (session.c:57) leaks in 1 of 2 " +
			"processes: 38.1 MiB/h."],
		processes: [one.process, two.process],
		fleet: [{ id: first.id, function: first.function,
			file: first.file, line: first.line,
			module: first.module, grows_in: 1, processes: 2,
			first_build_id: one.process.build_id,
			bytes_per_hour: 4e7 }],
	});
}

/* Nothing but what a report must have. */
export function empty() {
	const { process } = server("diff");
	return report("diff", { frames: [], process: { ...process, heap: [],
		thread: [], ledger: [], hidden: {}, hidden_threads: {},
		not_compared: 0, losses: {} } });
}

/* Every text of a report, as one who owns the binaries would choose it. */
export function hostile() {
	const attack = "</script><img src=x onerror=\"window.hacked=1\">" +
		"<!--<script>window.hacked=1</script>\u2028\u2029${x}";
	const poison = (value) => {
		if (Array.isArray(value))
			return value.map(poison);
		if (value === null || typeof value !== "object")
			return value;
		return Object.fromEntries(Object.entries(value).map(
			([key, each]) => [key,
				typeof each === "string" &&
				!["mode", "line", "by"].includes(key) ?
					attack + each : poison(each)]));
	};
	const bad = poison(trend());
	bad.headline = bad.headline.map((sentence) => attack + sentence);
	bad.identity.notes = [attack];
	bad.frames[0].function = "__proto__";
	bad.frames[1].function = "constructor";
	bad.processes[0].losses[attack] = 3;
	bad.processes[0].argv = [attack];
	return bad;
}

/* A diff with so many more sites, which held nothing at either snapshot. */
export function withEmpty(count) {
	const { frames, process } = server("diff");
	const names = new Frames();
	const added = Array.from({ length: count }, (_, i) => ({
		...row(1000 + i, names, [names.id(`passing_${i}`)], [0, 0],
			[0, 0]), alloc_bytes: 64, alloc_objects: 1,
		free_bytes: 64, free_objects: 1,
		stack: [frames.length + i],
	}));
	return report("diff", { frames: [...frames, ...names.list],
		process: { ...process, heap: [...process.heap, ...added] } });
}

/* As many sites as asked, each with a deep stack. */
export function large(sites = 5000) {
	const next = random(7);
	const frames = new Frames();
	const made = server("diff");
	const heap = Array.from({ length: sites }, (_, i) => {
		const depth = 10 + Math.floor(next() * 30);
		const stack = [frames.id(`allocate_${i % 3000}`, "/src/a.cc",
			i % 900)];
		let at = i;
		for (let d = depth; d > 0; d--) {
			at = Math.floor(at / 2);
			stack.push(frames.id(`layer_${d}_${at % 40}`,
				`/src/layer${d}.cc`, 10 + at % 40));
		}
		const bytes = Math.floor(MIB * next() ** 6 * 40);
		return row(i, frames, stack, [0, 0],
			[bytes, 1 + Math.floor(bytes / 64)]);
	});
	heap.sort((a, b) => b.delta_bytes - a.delta_bytes);
	return report("diff", { frames: frames.list,
		process: { ...made.process, heap } });
}

/* A report in the page, as html_page.c puts it there. */
export const embed = (page, data) => page.replace("@REPORT@", () =>
	JSON.stringify(data).replace(/[<\u2028\u2029]/g, (c) =>
		`\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
