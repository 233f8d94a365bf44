/*
 * The last hour of the process, column by column, as the server keeps it: what
 * /debug/charts/data sends first and each "point" event adds to.
 */

const POINTS_MAX = 3600;

/* A rate over less than this many seconds is mostly chance. The heap is counted
 * every 5 seconds only while nobody looks, and points repeat in between: its
 * rates go by when it was counted. */
const RATE_SECONDS = 5;

export class History {
	constructor(data) {
		this.pid = data.pid;
		this.exe = data.exe;
		this.columns = {};
		for (const [name, values] of Object.entries(data)) {
			if (Array.isArray(values))
				this.columns[name] = values;
		}
	}

	get length() {
		return this.columns.time_ms.length;
	}

	/* False: it was there already. */
	add(point) {
		const times = this.columns.time_ms;
		if (times.length && point.time_ms <= times[times.length - 1])
			return false;
		for (const [name, values] of Object.entries(this.columns)) {
			values.push(point[name] ?? null);
			if (values.length > POINTS_MAX)
				values.shift();
		}
		return true;
	}

	/* Seconds since 1970, as uPlot wants them. */
	seconds() {
		return this.columns.time_ms.map((ms) => ms / 1000);
	}

	column(name) {
		return this.columns[name] ?? this.seconds().map(() => null);
	}

	/* What a counter gains in a second, over RATE_SECONDS or more, by the
	 * column that says when it was counted. */
	rate(name, unit = 1, when = "time_ms") {
		const values = this.column(name);
		const times = this.column(when);
		let from = 0;
		return values.map((value, i) => {
			while (from < i &&
				times[i] - times[from + 1] >= RATE_SECONDS * 1000)
				from++;
			if (value === null || values[from] === null ||
				times[i] - times[from] < 1000)
				return null;
			return Math.max(value - values[from], 0) * unit /
				((times[i] - times[from]) / 1000);
		});
	}
}
