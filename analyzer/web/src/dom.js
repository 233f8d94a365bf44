/*
 * Makes elements. The only way text gets into the page, always as text:
 * names come from binaries that may be hostile, and the page's policy forbids
 * markup in strings besides.
 */

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith("on"))
			element.addEventListener(name.slice(2), value);
		else
			element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.flat(Infinity).filter((child) =>
		child !== null && child !== undefined && child !== false));
	return element;
}

/* h("a", { href: "#x", onclick: f }, "text", element, null): what is null,
 * undefined or false is left out. */
export function h(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

/* Styles set like this are the script's, which the page's policy allows; a
 * style attribute is not. */
export function styled(element, styles) {
	for (const [name, value] of Object.entries(styles))
		element.style.setProperty(name, value);
	return element;
}

let ids = 0;
export const freshId = (prefix) => `${prefix}-${++ids}`;

/*
 * A group of choices of which one holds: radio buttons, so that arrow keys and
 * screen readers know them. choices: [[value, words]...].
 */
export function choice(label, choices, value, onchoose) {
	const name = freshId("choice");
	return h("fieldset", { class: "choice" },
		h("legend", {}, label),
		choices.map(([each, words]) => h("label", {},
			h("input", {
				type: "radio", name, value: each,
				checked: each === value,
				onchange: () => onchoose(each),
			}),
			h("span", {}, words))));
}
