/*
 * speedscope.mjs FILE: opens it in speedscope, as its command line does, and
 * prints the table of its sandwich view: total, self and name by tab.
 * CHROMIUM is the browser, SCRATCH a directory for files.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const { CHROMIUM, SCRATCH } = process.env;
const file = process.argv[2];
const scratch = mkdtempSync(join(SCRATCH, "speedscope-"));
const script = join(scratch, "load.js");
const page_file = createRequire(import.meta.url).resolve(
	"speedscope/dist/release/index.html");

writeFileSync(script, `speedscope.loadFileFromBase64(${
	JSON.stringify(basename(file))}, ${
	JSON.stringify(readFileSync(file).toString("base64"))})`);

const browser = await chromium.launchPersistentContext(
	join(scratch, "profile"), {
		executablePath: CHROMIUM,
		headless: true,
		args: ["--no-sandbox", "--enable-unsafe-swiftshader",
			"--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync"],
	});
const page = await browser.newPage();
const errors = [];
page.on("pageerror", (error) => errors.push(error.message));
page.on("console", (message) =>
	message.type() === "error" && errors.push(message.text()));
try {
	await page.goto(`${pathToFileURL(page_file).href}#localProfilePath=${
		script}`);
	await page.waitForFunction(
		(name) => document.title.startsWith(name), basename(file),
		{ timeout: 30000 });
	await page.keyboard.press("3");
	await page.waitForSelector("tr td", { timeout: 30000 });
	const rows = await page.$$eval("tr", (all) => all
		.map((row) => [...row.querySelectorAll("td")]
			.map((cell) => cell.innerText.trim())));
	for (const row of rows.filter((cells) => cells.length === 3))
		console.log(row.join("\t"));
} finally {
	await browser.close();
}
if (errors.length) {
	console.error(errors.join("\n"));
	process.exit(1);
}
