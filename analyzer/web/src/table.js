/*
 * A table that stays quick with thousands of rows: sorted and filtered in
 * memory, drawn bit by bit: few rows at first, so that the sections below stay
 * within reach. On narrow screens style.css makes a
 * card of each row; the headings stay, as buttons to sort by.
 */
import { h, freshId } from "./dom.js";
import { count } from "./format.js";

const FIRST_ROWS = 20, MORE_ROWS = 100;

/* So few are not worth a click. */
const FEW_ROWS = 10;

const upTo = (wanted, all) => all - wanted <= FEW_ROWS ? all : wanted;

/*
 * columns: { label, cell(row) -> node or text, sort(row) -> number or text,
 *            first: "falling" (default) or "rising", number: true, main: true,
 *            hint }
 * Without `sort` a column is not sortable, without `matcher` a table has no
 * filter. `main` is the column that names the
 * row and opens its details.
 * options: { caption, columns, rows, details(row) -> element, noun,
 *            matcher(text) -> (row) -> bool,
 *            isEmpty(row) -> bool: not listed until it is asked for }
 * The order of `rows` is the first order, and what sorting falls back on.
 */
export function table(options) {
	const { caption, columns, details, matcher, noun } = options;
	const full = options.isEmpty ?
		options.rows.filter((row) => !options.isEmpty(row)) :
		options.rows;
	let rows = full;
	const state = { column: null, falling: true, shown: FIRST_ROWS,
		open: new Set(), visible: rows, text: "" };
	const body = h("tbody");
	const status = h("p", { class: "table-status", role: "status" });
	const more = h("button", {
		type: "button",
		class: "more",
		onclick: () => {
			const next = upTo(state.shown, state.visible.length);
			state.shown = next + MORE_ROWS;
			draw();
			body.querySelectorAll("tr.row")[next]
				?.querySelector("button")?.focus();
		},
	});
	const empty = h("button", {
		type: "button",
		class: "more",
		onclick: () => {
			rows = rows === full ? options.rows : full;
			filter(state.text);
		},
	});

	function arrange() {
		const { column } = state;
		if (!column)
			return;
		const way = state.falling ? -1 : 1;
		state.visible = [...state.visible].sort((a, b) => {
			const x = column.sort(a), y = column.sort(b);
			return x < y ? -way : x > y ? way : 0;
		});
	}

	function sortBy(column) {
		if (state.column === column) {
			state.falling = !state.falling;
		} else {
			state.column = column;
			state.falling = column.first !== "rising";
		}
		heads.forEach(([each, head]) => head.setAttribute("aria-sort",
			each !== column ? "none" :
				state.falling ? "descending" : "ascending"));
		arrange();
		draw();
	}

	function filter(text) {
		state.text = text;
		state.visible = matcher ? rows.filter(matcher(text)) : rows;
		state.shown = FIRST_ROWS;
		arrange();
		draw();
	}

	function close(row) {
		state.open.delete(row);
		draw();
		body.querySelector(`[data-row="${options.rows.indexOf(row)}"]`)
			?.focus();
	}

	function toggle(row, opener) {
		const id = opener.getAttribute("aria-controls");
		const tr = opener.closest("tr");
		if (state.open.delete(row)) {
			opener.setAttribute("aria-expanded", "false");
			document.getElementById(id)?.remove();
		} else {
			state.open.add(row);
			opener.setAttribute("aria-expanded", "true");
			tr.after(detailRow(row, id));
		}
	}

	const closeByEscape = (row) => (event) => {
		if (event.key === "Escape" && state.open.has(row))
			close(row);
	};

	function detailRow(row, id) {
		return h("tr", {
			class: "details", id, onkeydown: closeByEscape(row),
		}, h("td", { colspan: columns.length }, details(row)));
	}

	function cells(row, opener) {
		return columns.map((column) => {
			const content = column.cell(row);
			return h(column.main ? "th" : "td", {
				scope: column.main && "row",
				class: [column.number && "number",
					column.main && "main",
					column.wide && "wide"]
					.filter(Boolean).join(" ") || null,
				"data-label": column.label,
			}, column.main && opener ?
				(opener.append(content), opener) : content);
		});
	}

	function rowElements(row) {
		if (!details)
			return [h("tr", { class: "row" }, cells(row))];
		const id = freshId("details");
		const isOpen = state.open.has(row);
		const opener = h("button", {
			type: "button",
			class: "opener",
			"aria-expanded": String(isOpen),
			"aria-controls": id,
			"data-row": options.rows.indexOf(row),
		});
		const tr = h("tr", {
			class: "row opens",
			onkeydown: closeByEscape(row),
			onclick: () => {
				/* Text that is being selected is not a click. */
				const selected = window.getSelection();
				if (selected.isCollapsed ||
				    !tr.contains(selected.anchorNode))
					toggle(row, opener);
			},
		}, cells(row, opener));
		return isOpen ? [tr, detailRow(row, id)] : [tr];
	}

	function draw() {
		const all = state.visible.length;
		const shown = upTo(state.shown, all);
		const next = upTo(shown + MORE_ROWS, all);
		body.replaceChildren(...state.visible.slice(0, shown)
			.flatMap(rowElements));
		more.hidden = shown >= all;
		more.textContent = next >= all ?
			`Show the other ${count(all - shown)}` :
			`Show ${count(MORE_ROWS)} more, ` +
			`${count(all - shown)} are left`;
		const beside = options.rows.length - full.length;
		empty.hidden = beside === 0;
		empty.textContent = `${rows === full ? "Show" : "Hide"} ` +
			`${count(beside)} ${noun(beside)} that ` +
			`${beside === 1 ? "holds" : "hold"} nothing`;
		status.textContent = all === rows.length ?
			`${count(all)} ${noun(all)}` :
			`${count(all)} of ${count(rows.length)} ` +
			noun(rows.length);
	}

	const heads = columns.map((column) => [column, h("th", {
		scope: "col",
		class: column.number ? "number" : null,
		"aria-sort": column.sort ? "none" : null,
		title: column.hint,
	}, column.sort ? h("button", {
		type: "button",
		onclick: () => sortBy(column),
	}, column.label) : column.label)]);

	const search = matcher && h("input", {
		type: "search",
		class: "search",
		placeholder: "Filter: function, file, module",
		"aria-label": `Filter the ${noun(2)}`,
		autocomplete: "off",
		spellcheck: "false",
		oninput: (event) => filter(event.target.value),
		onkeydown: (event) => {
			if (event.key === "Escape" && event.target.value) {
				event.target.value = "";
				filter("");
			}
		},
	});

	draw();
	return h("div", { class: "table" },
		search && h("div", { class: "table-bar" }, search, status),
		h("table", { "aria-label": caption },
			h("thead", {}, h("tr", {}, heads.map(([, head]) => head))),
			body),
		more, empty);
}
