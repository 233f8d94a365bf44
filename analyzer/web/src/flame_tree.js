/*
 * Call stacks merged to a tree, as a flame graph draws them.
 *
 * A node's `value` is its width: what is live, or how much changed in either
 * direction, so that growth here and shrinking there do not hide each other.
 * `net` is the growth itself, which gives the colour. A parent has at least
 * the sum of its children.
 */

/* What a row counts for: [width, net growth]. */
const WEIGHTS = {
	live: {
		bytes: (row) => [row.live_bytes_new, row.delta_bytes],
		objects: (row) => [row.live_objects_new, row.delta_objects],
	},
	growth: {
		bytes: (row) => [Math.abs(row.delta_bytes), row.delta_bytes],
		objects: (row) => [Math.abs(row.delta_objects),
			row.delta_objects],
	},
};

const TRUNCATED = { function: "[truncated]", file: null, line: null,
	module: null, named: false };

function newNode(frame) {
	return { name: frame.function, frame, lines: new Set(), value: 0,
		net: 0, children: [], byKey: new Map() };
}

/* Inlined or not, from whatever line: a function of a module is one. */
const keyOf = (frame) => `${frame.function}\0${frame.module ?? ""}`;

function childOf(node, frame) {
	const key = keyOf(frame);
	let child = node.byKey.get(key);
	if (!child) {
		child = newNode(frame);
		node.byKey.set(key, child);
		node.children.push(child);
	}
	return child;
}

/* Outermost first. A row without a stack is told by its name. */
function pathOf(report, row) {
	const frames = report.stackOf(row);
	if (frames.length === 0)
		return [{ ...row, named: true }];
	if (row.truncated)
		frames.push(TRUNCATED);
	return frames.reverse();
}

/* The widest first: a graph is read from the left. What merging needed goes. */
function finish(node) {
	delete node.byKey;
	node.children.sort((a, b) => b.value - a.value);
	node.children.forEach(finish);
}

/*
 * show: "live" or "growth"; unit: "bytes" or "objects"; from: "main" merges
 * from the outermost frame, "leaf" from the one that allocated.
 */
export function flameTree(report, rows, { show, unit, from }) {
	const root = newNode({ function: "all", file: null, line: null,
		module: null, named: true });
	const weigh = WEIGHTS[show][unit];
	for (const row of rows) {
		const [value, net] = weigh(row);
		if (!(value > 0))
			continue;
		const path = pathOf(report, row);
		if (from === "leaf")
			path.reverse();
		let node = root;
		for (const frame of [root.frame, ...path]) {
			if (frame !== root.frame)
				node = childOf(node, frame);
			node.value += value;
			node.net += net;
			if (frame.line)
				node.lines.add(frame.line);
		}
	}
	finish(root);
	return root;
}
