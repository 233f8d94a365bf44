/*
 * Dark or light: as the system wants it until the reader chooses. Canvases
 * don't follow style sheets, so who draws on one listens for changes.
 */
import { h } from "./dom.js";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

const root = document.documentElement;

let chosen = false;

const isDark = () => root.dataset.theme === "dark";

function set(theme) {
	root.dataset.theme = theme;
	listeners.forEach((listener) => listener());
}

const followSystem = () => {
	if (!chosen)
		set(dark.matches ? "dark" : "light");
};
dark.addEventListener("change", followSystem);
followSystem();

/* A listener that returns false is not called again. */
export function onThemeChange(listener) {
	const call = () => {
		if (listener() === false)
			listeners.delete(call);
	};
	listeners.add(call);
}

/* The value of a colour of style.css, as "--red". */
export const colour = (name) =>
	getComputedStyle(root).getPropertyValue(name).trim();

export const reducedMotion = () =>
	window.matchMedia("(prefers-reduced-motion: reduce)").matches;

export function themeButton() {
	const words = () => isDark() ? "Light" : "Dark";
	const button = h("button", {
		type: "button",
		class: "theme",
		onclick: () => {
			chosen = true;
			set(isDark() ? "light" : "dark");
		},
	});
	const show = () => {
		button.textContent = words();
		button.setAttribute("aria-label",
			`Switch to ${words().toLowerCase()} colours`);
	};
	show();
	onThemeChange(show);
	return button;
}
