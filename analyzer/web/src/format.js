/* Numbers and times as people read them: the words of the text report
 * (format.c), so that the reports can be compared. */

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

const signOf = (value, sign) => value < 0 ? "-" : sign && value > 0 ? "+" : "";

const grouped = (value) =>
	String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/* 1,234,567; with `sign` +1,234,567, -5 and 0. */
export function count(value, sign = false) {
	const rounded = Math.round(value);
	return signOf(rounded, sign) + grouped(Math.abs(rounded));
}

/* 512 B, 1.5 KiB, 12.3 MiB: powers of 1024, one digit after the point. */
export function bytes(value, sign = false) {
	const rounded = Math.round(value);
	const size = Math.abs(rounded);
	if (size < 1024)
		return `${signOf(rounded, sign)}${size} B`;
	/* Rounded tenths decide, so that 1023.96 KiB is 1.0 MiB. */
	let unit = 1024, tenths = 0, i = 0;
	for (;; i++, unit *= 1024) {
		tenths = Math.floor(size / unit * 10 + 0.5);
		if (tenths < 10240 || i + 1 === UNITS.length)
			break;
	}
	return `${signOf(rounded, sign)}${Math.floor(tenths / 10)}.` +
		`${tenths % 10} ${UNITS[i]}`;
}

export const objects = (value, sign = false) =>
	`${count(value, sign)} ${Math.abs(value) === 1 ? "object" : "objects"}`;

/* 3.4 s, 34 s, 5 min 3 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds) {
	const s = Math.round(seconds);
	if (Math.round(seconds * 10) < 100)
		return `${(Math.round(seconds * 10) / 10).toFixed(1)} s`;
	if (s < 120)
		return `${s} s`;
	if (s < 7200)
		return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 2 * 86400)
		return `${Math.floor(s / 3600)} h ` +
			`${Math.floor(s / 60) % 60} min`;
	return `${count(Math.floor(s / 86400))} d ` +
		`${Math.floor(s / 3600) % 24} h`;
}

/* Nanoseconds since 1970 as 2026-11-20 09:30:00 UTC. */
export function time(ns) {
	const date = new Date(Math.floor(ns / 1e6));
	return Number.isNaN(date.getTime()) ? "at no known time" :
		date.toISOString().replace("T", " ").replace(/\..*/, " UTC");
}

/* 78%; <1% and >99% where rounding would lie. */
export function share(part, whole) {
	const percent = whole ? 100 * part / whole : 0;
	if (percent < 0)
		return `-${share(-part, whole)}`;
	if (percent === 0)
		return "0%";
	if (percent < 1)
		return "<1%";
	if (part < whole && percent > 99)
		return ">99%";
	return `${Math.round(percent)}%`;
}

export const plural = (number, one, many = `${one}s`) =>
	`${count(number)} ${number === 1 ? one : many}`;

/* /long/way/file.c:12, or "" where nothing is known. */
export const place = (at) =>
	at.file ? at.file + (at.line ? `:${at.line}` : "") : "";

/* The standard strings of libstdc++ and libc++, as demanglers spell them. */
const STRINGS = new RegExp("std::(?:__\\w+::)?basic_string<(w?)char(_t)?, " +
	"std::(?:__\\w+::)?char_traits<\\1char\\2>, " +
	"std::(?:__\\w+::)?allocator<\\1char\\2> ?>", "g");

/* A function's name as people write it: std::string is what its type is. */
export const shortName = (name) => name?.includes("basic_string<") ?
	name.replace(STRINGS, (whole, wide, suffix) =>
		Boolean(wide) === Boolean(suffix) ? `std::${wide}string` :
			whole) : name;

export const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);
