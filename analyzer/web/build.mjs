/*
 * build.mjs ENTRY TEMPLATE OUTPUT [KEPT]: makes a page from its template: one
 * file with the script, the styles and the licences of what went into them.
 * @KEPT@ stays, for who fills it at run time.
 *
 * Runs where npm put its packages, which is never the source tree; `make web`
 * copies this directory there. The result depends on nothing but the sources
 * and the lock file.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const [entry, template, output, kept] = process.argv.slice(2);

const result = await build({
	entryPoints: [entry],
	bundle: true,
	minify: true,
	charset: "ascii",
	format: "iife",
	legalComments: "none",
	logLevel: "warning",
	metafile: true,
	outdir: "out",
	target: ["chrome100", "firefox100", "safari15"],
	write: false,
});

const bundled = (end) =>
	result.outputFiles.find((file) => file.path.endsWith(end)).text.trim();

/* What the browser compares before it runs a script or applies a style. */
const hash = (text) =>
	`'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/* Each licence once, with the packages that it covers. */
function licences() {
	const packages = new Set();
	for (const path of Object.keys(result.metafile.inputs)) {
		const found = path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/);
		if (found)
			packages.add(found[1]);
	}
	const covered = new Map();
	for (const name of [...packages].sort()) {
		const from = `node_modules/${name}`;
		const { version } =
			JSON.parse(readFileSync(`${from}/package.json`, "utf8"));
		if (!existsSync(`${from}/LICENSE`))
			throw new Error(`${name} has no licence file`);
		const text = readFileSync(`${from}/LICENSE`, "utf8")
			.trim().replaceAll("-->", "-- >");
		covered.set(text, [...(covered.get(text) ?? []),
			`${name} ${version}`]);
	}
	return [...covered].map(([text, names]) =>
		`\n==== ${names.join(", ")}\n\n${text}\n`).join("");
}

const script = bundled(".js");
const style = bundled(".css");
const parts = {
	SCRIPT_HASH: hash(script),
	STYLE_HASH: hash(style),
	STYLE: style,
	SCRIPT: script,
	LICENCES: licences(),
};

/* An end tag would end the element early, whatever it is quoted by. */
if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style))
	throw new Error("the bundle holds markup that ends its element");

let page = readFileSync(template, "utf8");
for (const [name, text] of Object.entries(parts))
	page = page.replaceAll(`@${name}@`, () => text);
if (kept && page.split(`@${kept}@`).length !== 2)
	throw new Error(`@${kept}@ has to stand in the page once`);
writeFileSync(output, page);
