/*
 * The page of leakdiff --html in headless Chromium. PAGE is the template,
 * LEAKDIFF the program, TOP the source tree, CHROMIUM the browser, SCRATCH a
 * directory for files, and WEB_SHOTS, if set, one for pictures. No test asks how long something took.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import * as samples from "./samples.mjs";

const { PAGE, LEAKDIFF, TOP, CHROMIUM, SCRATCH, WEB_SHOTS } = process.env;
const format = await import(`${TOP}/analyzer/web/src/format.js`);
const template = readFileSync(PAGE, "utf8");
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

let browser;

before(async () => {
	browser = await chromium.launchPersistentContext(
		mkdtempSync(`${SCRATCH}/profile-`), {
			executablePath: CHROMIUM,
			headless: true,
			args: ["--no-sandbox", "--disable-gpu",
				"--disable-quic", "--no-first-run",
				"--disable-background-networking",
				"--disable-component-update",
				"--disable-sync"],
		});
	browser.setDefaultTimeout(60000);
});

after(() => browser.close());

let files = 0;

/* Opens a report. */
function open(t, data, how) {
	const file = `${SCRATCH}/report-${++files}.html`;
	writeFileSync(file, samples.embed(template, data));
	return openFile(t, file, how);
}

/* What the page asked for and complained of is kept. */
async function openFile(t, file, { viewport = DESKTOP, dark = false,
	motion = false, script = null } = {}) {
	const page = await browser.newPage();
	t.after(() => page.close());
	page.requests = [];
	page.complaints = [];
	page.on("request", (request) => page.requests.push(request.url()));
	page.on("console", (message) =>
		["error", "warning"].includes(message.type()) &&
			page.complaints.push(message.text()));
	page.on("pageerror", (error) => page.complaints.push(error.message));
	await page.setViewportSize(viewport);
	await page.emulateMedia({ colorScheme: dark ? "dark" : "light",
		reducedMotion: motion ? "no-preference" : "reduce" });
	if (script)
		await page.addInitScript(script);
	page.file = pathToFileURL(file).href;
	await page.goto(page.file);
	await page.waitForSelector("main section, [role=alert]");
	return page;
}

async function shot(page, name) {
	if (!WEB_SHOTS)
		return;
	mkdirSync(WEB_SHOTS, { recursive: true });
	await page.waitForTimeout(300);
	await page.screenshot({ path: `${WEB_SHOTS}/${name}.png`,
		fullPage: true });
}

const functionsOf = (page, section = "#sites") =>
	page.locator(`${section} tr.row .site .function`).allTextContents();

/* As tables and frames name them. */
const named = (rows) => rows.map((row) => format.shortName(row.function));

const frame = (page, name) =>
	page.locator(`g.frame[name=${JSON.stringify(name)}]`);

const overflow = (page) => page.evaluate(() =>
	document.documentElement.scrollWidth - window.innerWidth);

/* A frame's width as a share of the graph's. */
async function widthOf(page, name) {
	const width = async (of) => (await frame(page, of).count()) === 0 ? 0 :
		Number(await frame(page, of).locator("rect")
			.getAttribute("width"));
	return await width(name) / await width("all");
}

/* What a transition leads to. */
async function eventually(check) {
	for (let tries = 0;; tries++) {
		try {
			await check();
			return;
		} catch (error) {
			if (tries === 100)
				throw error;
			await new Promise((resolve) =>
				setTimeout(resolve, 100));
		}
	}
}

const isWide = (page, name, wanted) => eventually(async () =>
	assert.ok(wanted(await widthOf(page, name)), `${name} is ` +
		await widthOf(page, name)));

const focusedLabel = (page) => page.evaluate(() =>
	document.activeElement.getAttribute("aria-label"));

const focusedText = (page) => page.evaluate(() =>
	document.activeElement.textContent);

for (const mode of ["snapshot", "diff", "trend", "fleet", "empty", "hostile"])
	test(`${mode}: nothing is fetched, nothing complained of`,
		async (t) => {
			const page = await open(t, samples[mode]());
			await page.locator(".opener").first()
				.click({ timeout: 1000 }).catch((error) => {
					/* Nothing to open there. */
					if (mode !== "empty")
						throw error;
				});
			await page.waitForTimeout(100);
			await shot(page, mode);
			assert.deepEqual(page.requests, [page.file]);
			assert.deepEqual(page.complaints, []);
		});

for (const [mode, ...names] of [["snapshot", "threads"], ["diff", "exact.1",
	"exact.2"], ["sample", "sampled"]])
	test(`${mode}: what leakdiff wrote is drawn`, async (t) => {
		const file = `${SCRATCH}/real-${mode}.html`;
		const run = spawnSync(LEAKDIFF, [...names.map((name) =>
			`${TOP}/test/fixtures/v1/${name}.snap`), "--html",
		"-o", file], { encoding: "utf8" });
		assert.equal(run.status, 0, run.stderr);
		const page = await openFile(t, file);
		const data = JSON.parse(await page.textContent("#report"));
		const [{ heap }] = data.processes;
		assert.ok(heap.length > 0);
		assert.equal(await page.textContent("h1"), data.headline[0]);
		const held = heap.filter((row) => row.delta_bytes ||
			row.live_bytes_old || row.live_bytes_new);
		assert.deepEqual(await functionsOf(page),
			named(held).slice(0, held.length > 30 ? 20 : 30));
		await page.locator("#sites .opener").first().click();
		await frame(page, "all").waitFor();
		await shot(page, `real-${mode}`);
		assert.deepEqual(page.requests, [page.file]);
		assert.deepEqual(page.complaints, []);
	});

test("a page that would fetch is seen to", async (t) => {
	const page = await open(t, samples.diff());
	await page.evaluate(() => {
		const image = document.createElement("img");
		image.src = "http://127.0.0.1:9/x.png";
		document.body.append(image);
		fetch("http://127.0.0.1:9/x.json").catch(() => {});
	});
	/* The browser tells of attempts, and that the policy stopped them. */
	await eventually(() => {
		assert.ok(page.requests.length > 1);
		const stopped = page.complaints.filter((complaint) =>
			complaint.includes("Content Security Policy"));
		assert.ok(stopped.some((each) => each.includes("x.png")));
		assert.ok(stopped.some((each) => each.includes("x.json")),
			stopped.join());
	});
});

test("the headline's sentences come first", async (t) => {
	const data = samples.trend();
	const page = await open(t, data);
	assert.equal(await page.textContent("h1"), data.headline[0]);
	assert.deepEqual(await page.locator("p.headline").allTextContents(),
		data.headline.slice(1));
});

test("sections stand in the order of the questions", async (t) => {
	const page = await open(t, samples.fleet());
	assert.deepEqual(await page.locator("h2").allTextContents(),
		["Across 2 processes", "Verdicts", "Flame graph",
			"Growth over time", "Threads", "Memory ledger",
			"What the numbers lack"]);
});

test("what has no data is absent", async (t) => {
	const page = await open(t, samples.empty());
	assert.deepEqual(await page.locator("h2").allTextContents(), []);
	const snapshot = await open(t, samples.snapshot());
	assert.equal(await snapshot.locator("#totals").count(), 0);
	assert.equal(await snapshot.getByText("Growth", { exact: true })
		.count(), 0);
});

test("the order of verdicts is the report's", async (t) => {
	const data = samples.trend();
	data.processes[0].heap.reverse();
	const page = await open(t, data);
	assert.deepEqual(await functionsOf(page),
		named(data.processes[0].heap));
	assert.deepEqual(await page.locator("#sites .badge").allTextContents(),
		data.processes[0].heap.map((row) => row.verdict.kind));
});

test("numbers are those of the text report", async (t) => {
	const page = await open(t, samples.trend());
	const row = page.locator("#sites tr.row").first();
	assert.match(await row.textContent(),
		/\+32\.0 MiB\+65,536 objects34\.0 MiB69,632 objects/);
	assert.match(await row.textContent(), /\+49\.9 MiB\/h98% sure/);
	assert.match(await row.textContent(), /2 d 13 h/);
});

test("a heading sorts, and sorts back", async (t) => {
	const page = await open(t, samples.trend());
	const head = page.locator("#sites th", { hasText: "Live" });
	await head.locator("button").click();
	assert.equal(await head.getAttribute("aria-sort"), "descending");
	assert.deepEqual((await functionsOf(page)).slice(0, 2).map(
		(name) => name.slice(0, 11)), ["session_new", "cache_put<s"]);
	await head.locator("button").click();
	assert.equal(await head.getAttribute("aria-sort"), "ascending");
	assert.equal((await functionsOf(page))[0], "parse_header");
});

test("the filter looks into names, files, modules and stacks", async (t) => {
	const page = await open(t, samples.trend());
	const box = page.getByLabel("Filter the sites");
	for (const [text, found] of [["session.c", ["session_new"]],
		["LIBSSL", ["SSL_CTX_new+0x1f4"]], ["login", ["session_new"]],
		["growing", ["log_append"]], ["no such", []]]) {
		await box.fill(text);
		assert.deepEqual(await functionsOf(page), found, text);
	}
	assert.match(await page.textContent("#sites .table-status"),
		/^0 of 6 sites$/);
	await box.press("Escape");
	assert.equal((await functionsOf(page)).length, 6);
});

test("a row opens its stack, chart, ages and advice", async (t) => {
	const data = samples.trend();
	const page = await open(t, data);
	await page.locator("#sites tr.row").first().click();
	const details = page.locator("#sites tr.details");
	assert.match(await details.locator(".advice").textContent(),
		/read session_new/);
	assert.deepEqual(await details.locator(".stack .function")
		.allTextContents(), data.processes[0].heap[0].stack.map(
		(index) => data.frames[index].function));
	assert.equal(await details.locator(".ages li").count(), 5);
	await details.locator("canvas").waitFor();
	assert.match(await details.locator("[role=img]")
		.getAttribute("aria-label"), /Bytes from 2\.0 MiB to 34\.0 MiB/);
	await page.locator("#sites tr.row").first().click();
	assert.equal(await details.count(), 0);
});

test("growth per unit of work is a column where it is known", async (t) => {
	const data = samples.trend();
	const [process] = data.processes;
	Object.assign(process.heap[0].verdict, { unit: "reload <b>",
		bytes_per_unit: 136.2, objects_per_unit: 1 });
	Object.assign(process.heap[1].verdict, { unit: "reload <b>",
		bytes_per_unit: 0.25, objects_per_unit: 0.01 });
	Object.assign(process.thread[0].verdict, { unit: "reload <b>",
		bytes_per_unit: 8192, objects_per_unit: 0.5 });
	const page = await open(t, data);
	const cells = (section) => page.locator(`${section} tr.row ` +
		'[data-label="Per reload <b>"]').allTextContents();
	const [first, second, ...rest] = await cells("#sites");
	assert.equal(first, "+136 B");
	assert.equal(second, "+0.25 B");
	assert.ok(rest.every((text) => text === "–"), rest.join());
	assert.deepEqual(await cells("#threads"), ["+0.5"]);
	await page.locator("#sites th button", { hasText: "Per reload" })
		.click();
	assert.equal((await cells("#sites"))[0], "+136 B");
	assert.equal(await overflow(page), 0);
	await shot(page, "per-unit");
	await page.setViewportSize(PHONE);
	await eventually(async () =>
		assert.equal(await overflow(page), 0));
	/* Work that nobody counted has no column. */
	const plain = await open(t, samples.trend());
	assert.doesNotMatch(await plain.textContent("#sites thead"),
		/Per (?!hour)/);
});

test("growth per unit of work is a fact where it is known", async (t) => {
	const data = samples.trend();
	Object.assign(data.processes[0].heap[0].verdict, { unit: "reload",
		bytes_per_unit: 136.2, bytes_per_unit_low: 135,
		bytes_per_unit_high: 2048, objects_per_unit: 1 });
	const page = await open(t, data);
	const rows = page.locator("#sites tr.row");
	const details = page.locator("#sites tr.details");
	await rows.first().click();
	assert.match(await details.textContent(), new RegExp("Growth per " +
		"reload\\+136 B \\(95%: \\+135 B to \\+2\\.0 KiB\\), " +
		"\\+1 object"));
	await rows.first().click();
	await rows.nth(1).click();
	assert.doesNotMatch(await details.textContent(), /Growth per (?!hour)/);
});

test("a curve is drawn, not an empty box", async (t) => {
	const page = await open(t, samples.trend());
	await page.locator("#totals canvas").waitFor();
	const colours = await page.evaluate(() => {
		const canvas = document.querySelector("#totals canvas");
		const { data } = canvas.getContext("2d").getImageData(0, 0,
			canvas.width, canvas.height);
		const columns = {};
		for (let i = 0; i < data.length; i += 4) {
			const key = data.slice(i, i + 4).join();
			columns[key] ??= new Set();
			columns[key].add(i / 4 % canvas.width);
		}
		return Object.fromEntries(Object.entries(columns).map(
			([key, set]) => [key, set.size / canvas.width]));
	});
	/* --series-1 and --series-2: a curve crosses most of the canvas, the
	 * dots on it would not. */
	assert.ok(colours["200,69,59,255"] > 0.5, JSON.stringify(colours));
	assert.ok(colours["47,111,196,255"] > 0.5, JSON.stringify(colours));
	/* The newest values, where no pointer asks for others. */
	assert.match(await page.textContent("#totals .u-legend"),
		/39 min 0 s.*62\.0 MiB.*96\.0 MiB/);
});

test("a mark is a line in the chart and a fact", async (t) => {
	const data = samples.trend();
	const page = await open(t, data);
	await page.locator("#totals canvas").waitFor();
	assert.match(await page.locator("#totals [role=img]")
		.getAttribute("aria-label"), /; 1 mark$/);
	assert.match(await page.locator(".process").first().textContent(),
		/Markreload 17, /);
	const dots = (shown) => shown.evaluate(() => {
		const canvas = document.querySelector("#totals canvas");
		return { width: canvas.width, height: canvas.height,
			dots: Array.from(canvas.getContext("2d").getImageData(
				0, 0, canvas.width, canvas.height).data) };
	});
	data.processes[0].marks = [];
	const other = await open(t, data);
	await other.locator("#totals canvas").waitFor();
	const a = await dots(page), b = await dots(other);
	assert.equal(a.dots.length, b.dots.length);
	/* The rows of each column in which the two pictures differ: of the line,
	 * which is dashed, 2 of 5. */
	const rows = new Array(a.width).fill(0);
	for (let i = 0; i < a.dots.length; i += 4)
		if (a.dots[i] !== b.dots[i] || a.dots[i + 3] !== b.dots[i + 3])
			rows[i / 4 % a.width]++;
	assert.ok(Math.max(...rows) > 0.25 * a.height, `${rows}`);
	assert.ok(rows.filter(Boolean).length < 30, `${rows}`);
});

test("a frame tells function, place, bytes and share", async (t) => {
	const page = await open(t, samples.diff());
	await frame(page, "session_new").hover();
	const tip = page.locator(".flame-tip");
	await tip.waitFor();
	assert.deepEqual(await tip.locator("> *").allTextContents(),
		["session_new", "/src/session.c:57 in sessiond",
			"+32.0 MiB, 65% of total"]);
	await page.locator(".choice label", { hasText: "Live" }).click();
	await frame(page, "session_new").hover();
	assert.deepEqual(await tip.locator("> *").allTextContents(),
		["session_new", "/src/session.c:57 in sessiond",
			"34.0 MiB live, 55% of total", "+32.0 MiB growth"]);
	await page.locator(".choice label", { hasText: "Objects" }).click();
	await frame(page, "session_new").hover();
	assert.match(await tip.textContent(), /69,632 objects live, 95% of/);
});

test("what grew is red, what shrank is blue", async (t) => {
	const page = await open(t, samples.diff());
	const fill = (name) => frame(page, name).locator("rect")
		.getAttribute("fill");
	assert.equal(await fill("session_new"), "rgb(239,105,100)");
	assert.equal(await fill("SSL_CTX_new+0x1f4"), "rgb(104,151,232)");
});

test("a frame's width is its share", async (t) => {
	const page = await open(t, samples.diff());
	const { heap } = samples.diff().processes[0];
	const changed = heap.reduce((sum, row) =>
		sum + Math.abs(row.delta_bytes), 0);
	await isWide(page, "session_new", (width) =>
		Math.abs(width - heap[0].delta_bytes / changed) < 0.001);
});

/* Each graph as it stood when it was made, before the browser painted it. */
function keepDrawings() {
	window.drawings = [];
	new MutationObserver(() => {
		const frames = [...document.querySelectorAll("g.frame")];
		const svg = document.querySelector(".d3-flame-graph");
		if (!svg || svg === window.seen)
			return;
		window.seen = svg;
		window.drawings.push(frames.map((g) => [g.getAttribute("name"),
			g.querySelector("rect").getAttribute("width"),
			g.getAttribute("transform"),
			g.querySelector("div").textContent]));
	}).observe(document, { childList: true, subtree: true });
}

test("a graph is right at once, not in a transition", async (t) => {
	const page = await open(t, samples.diff(),
		{ motion: true, script: keepDrawings });
	await frame(page, "session_new").waitFor();
	await page.locator(".choice label", { hasText: "Bottom" }).click();
	await eventually(async () => assert.equal(
		await page.evaluate(() => window.drawings.length), 2));
	await page.waitForTimeout(1000);
	const last = await page.evaluate(() =>
		[...document.querySelectorAll("g.frame")].map((g) => [
			g.getAttribute("name"), g.querySelector("rect")
				.getAttribute("width"),
			g.getAttribute("transform"),
			g.querySelector("div").textContent]));
	const [first, second] = await page.evaluate(() => window.drawings);
	assert.deepEqual(second, last);
	assert.equal(first.length, last.length);
	for (const [name, width, , label] of first) {
		assert.ok(Number(width) > 0, `${name} is ${width} wide`);
		assert.equal(label, name);
	}
	/* A window made narrow is no zoom either. */
	await page.setViewportSize(PHONE);
	await eventually(async () => assert.ok(Number(await frame(page, "all")
		.locator("rect").getAttribute("width")) < PHONE.width));
	await isWide(page, "session_new", (width) => width > 0.5);
});

test("on narrow paper the graph shrinks as a whole", async (t) => {
	/* Nobody is told of the width of paper: only the first is. */
	const page = await open(t, samples.diff(), { script: () => {
		const Real = window.ResizeObserver;
		window.ResizeObserver = class extends Real {
			constructor(tell) {
				super((...all) => {
					tell(...all);
					this.disconnect();
				});
			}
		};
	} });
	await frame(page, "session_new").waitFor();
	await page.emulateMedia({ media: "print" });
	await page.setViewportSize({ width: 700, height: 900 });
	const box = await frame(page, "all").locator("rect").boundingBox();
	assert.ok(box.width > 500 && box.x + box.width < 700,
		JSON.stringify(box));
	await shot(page, "diff-paper");
});

test("strings are named as people write them", async (t) => {
	const page = await open(t, samples.diff());
	const { heap } = samples.diff().processes[0];
	const name = page.locator("#sites .site .function",
		{ hasText: "cache_put" });
	assert.equal(await name.textContent(),
		"cache_put<std::string, Session>");
	assert.equal(await name.getAttribute("title"), heap[2].function);
	await frame(page, "cache_put<std::string, Session>").hover();
	assert.equal(await page.locator(".flame-tip strong").textContent(),
		heap[2].function);
	for (const text of ["put<std::string,", "char_traits"]) {
		await page.getByLabel("Filter the sites").fill(text);
		assert.equal((await functionsOf(page)).length, 1, text);
		await page.getByLabel("Search the flame graph").fill(text);
		assert.match(await page.textContent(".flame-found"),
			/^1 frame found/);
	}
});

test("sites that hold nothing are listed when asked for", async (t) => {
	const page = await open(t, samples.withEmpty(30));
	const status = page.locator("#sites .table-status");
	assert.equal((await functionsOf(page)).length, 6);
	assert.equal(await status.textContent(), "6 sites");
	await page.getByRole("button",
		{ name: "Show 30 sites that hold nothing" }).click();
	assert.equal(await status.textContent(), "36 sites");
	await page.getByRole("button", { name: "Show the other 16" }).click();
	assert.equal((await functionsOf(page)).length, 36);
	await page.locator("#sites .opener").last().click();
	assert.match(await page.textContent("#sites tr.details"),
		/64 B in 1 object/);
	await page.getByLabel("Filter the sites").fill("passing_2");
	assert.equal((await functionsOf(page)).length, 11);
	await page.getByRole("button",
		{ name: "Hide 30 sites that hold nothing" }).click();
	assert.deepEqual(await functionsOf(page), []);
});

test("a few sites more are shown without a click", async (t) => {
	const page = await open(t, samples.large(30));
	assert.equal((await functionsOf(page)).length, 30);
	assert.equal(await page.locator("#sites .more:visible").count(), 0);
	const longer = await open(t, samples.large(31));
	assert.equal((await functionsOf(longer)).length, 20);
	await longer.getByRole("button", { name: "Show the other 11" }).click();
	assert.equal((await functionsOf(longer)).length, 31);
});

test("a line of the ledger without a verdict says why", async (t) => {
	const page = await open(t, samples.trend());
	const cell = page.locator("#ledger tr.row",
		{ hasText: "leakshim itself" }).locator("td").last();
	assert.equal(await cell.textContent(), "–");
	assert.match(await cell.locator("span").getAttribute("title"),
		/^Grows with the blocks .* leakshim's own$/);
});

test("a click zooms, the button resets", async (t) => {
	const page = await open(t, samples.diff());
	const reset = page.getByRole("button", { name: "Reset zoom" });
	assert.ok(await reset.isDisabled());
	await frame(page, "log_append").click();
	await isWide(page, "log_append", (width) => width === 1);
	await isWide(page, "session_new", (width) => width === 0);
	assert.match(await page.textContent(".flame-told"),
		/log_append.*\+8\.0 MiB/);
	await reset.click();
	await isWide(page, "log_append", (width) => width > 0 && width < 0.5);
	await isWide(page, "session_new", (width) => width > 0.5);
});

test("search marks frames and sums them once", async (t) => {
	const page = await open(t, samples.diff());
	const box = page.getByLabel("Search the flame graph");
	await box.fill("session");
	/* By name and by module: sessiond holds nearly everything. */
	await box.fill("SESSION_NEW");
	assert.equal(await page.textContent(".flame-found"),
		"1 frame found: 32.0 MiB, 65% of total");
	assert.equal(await frame(page, "session_new").locator("rect")
		.getAttribute("fill"), "rgb(236,140,236)");
	await box.fill("/src/http.c");
	assert.match(await page.textContent(".flame-found"),
		/^2 frames found: 48\.0 MiB, 98% of total$/);
	await box.fill("(");
	assert.equal(await page.textContent(".flame-found"),
		"no frame found");
	await box.press("Escape");
	assert.equal(await page.textContent(".flame-found"), "");
});

test("the root goes to the bottom and back", async (t) => {
	const page = await open(t, samples.diff());
	const top = async (name) => (await frame(page, name).boundingBox()).y;
	await frame(page, "session_new").waitFor();
	assert.ok(await top("all") < await top("session_new"));
	await page.locator(".choice label", { hasText: "Bottom" }).click();
	await frame(page, "session_new").waitFor();
	assert.ok(await top("all") > await top("session_new"));
});

test("stacks merge from the allocation as well", async (t) => {
	const page = await open(t, samples.diff());
	await page.locator(".choice label", { hasText: "Allocation" }).click();
	const level = (name) => page.evaluate((wanted) =>
		[...document.querySelectorAll("g.frame")].filter((g) =>
			g.getAttribute("aria-label").startsWith(`${wanted},`))
			.map((g) => g.getAttribute("aria-level")), name);
	assert.deepEqual(await level("session_new"), ["2"]);
	assert.ok((await level("main")).length > 1);
});

test("the flame graph is walked by arrow keys", async (t) => {
	const page = await open(t, samples.diff());
	await page.locator('g.frame[tabindex="0"]').focus();
	assert.match(await focusedLabel(page), /^all, /);
	for (const name of ["__libc_start_main", "main", "event_loop",
		"handle_request", "login"]) {
		await page.keyboard.press("ArrowDown");
		assert.ok((await focusedLabel(page)).startsWith(`${name},`),
			`${name}: ${await focusedLabel(page)}`);
	}
	await page.keyboard.press("ArrowRight");
	assert.match(await focusedLabel(page), /^log_append, .*8\.0 MiB/);
	await page.keyboard.press("Enter");
	await isWide(page, "log_append", (width) => width === 1);
	assert.match(await focusedLabel(page), /^log_append, /);
	await page.keyboard.press("Escape");
	await isWide(page, "log_append", (width) => width < 0.5);
	assert.match(await focusedLabel(page), /^log_append, /);
	await page.keyboard.press("ArrowUp");
	assert.match(await focusedLabel(page), /^handle_request, /);
	await page.keyboard.press("Home");
	assert.match(await focusedLabel(page), /^all, /);
	assert.equal(await page.locator('g.frame[tabindex="0"]').count(), 1);
});

test("everything is reached by Tab, and focus is seen", async (t) => {
	const page = await open(t, samples.fleet());
	await page.locator('g.frame[tabindex="0"]').waitFor();
	const seen = [];
	for (let i = 0; i < 80; i++) {
		await page.keyboard.press("Tab");
		const [what, visible] = await page.evaluate(() => {
			const at = document.activeElement;
			const { outlineStyle } = getComputedStyle(
				at.type === "radio" ? at.nextSibling : at);
			const inner = at.querySelector?.(":scope > rect");
			return [at.getAttribute("aria-label") ||
				at.textContent.slice(0, 40) || at.tagName,
			outlineStyle !== "none" ||
				inner && getComputedStyle(inner)
					.strokeWidth === "3px"];
		});
		if (what === seen[0])
			break;
		seen.push(what);
		if (!visible && !what.startsWith("\n"))
			assert.fail(`focus on ${what} is not seen`);
	}
	for (const wanted of [/^To the report/, /^Switch to dark/,
		/^Flame graph/, /^Filter the sites/, /^Verdict/,
		/^session_new/, /^Search the flame/, /^all, /,
		/^pool_grow/, /snapshots over/])
		assert.ok(seen.some((what) => wanted.test(what)),
			`${wanted} in ${seen.join(" | ")}`);
});

test("Enter opens a row, Escape closes it", async (t) => {
	const page = await open(t, samples.trend());
	await page.locator("#sites .opener").nth(1).focus();
	await page.keyboard.press("Enter");
	const details = page.locator("#sites tr.details");
	assert.equal(await details.count(), 1);
	assert.match(await details.textContent(), /appends to this buffer/);
	const opener = page.locator("#sites .opener").nth(1);
	assert.equal(await opener.getAttribute("aria-expanded"), "true");
	await page.keyboard.press("Escape");
	assert.equal(await details.count(), 0);
	assert.match(await focusedText(page), /^log_append/);
});

test("/ goes to the search box at hand", async (t) => {
	const page = await open(t, samples.trend());
	await page.keyboard.press("/");
	assert.equal(await focusedLabel(page), "Filter the sites");
	await page.keyboard.type("a/b");
	assert.equal(await page.getByLabel("Filter the sites").inputValue(),
		"a/b");
	await page.locator("#flame").evaluate((section) =>
		section.scrollIntoView());
	await page.evaluate(() => document.activeElement.blur());
	await page.keyboard.press("/");
	assert.equal(await focusedLabel(page), "Search the flame graph");
});

test("hostile names stay text", async (t) => {
	const data = samples.hostile();
	const page = await open(t, data);
	await page.locator("#sites .opener").first().click();
	await frame(page, "__proto__").hover();
	await shot(page, "hostile-open");
	assert.equal(await page.evaluate(() => window.hacked), undefined);
	assert.equal(await page.locator("img, iframe, object").count(), 0);
	assert.equal(await page.locator("script").count(), 2);
	assert.equal(await page.textContent("h1"), data.headline[0]);
	assert.deepEqual(await functionsOf(page),
		named(data.processes[0].heap));
	assert.match(await page.textContent("#losses"), /<img src=x[^]*: 3/);
	assert.equal(await frame(page, "__proto__").count(), 1);
	assert.equal(await overflow(page), 0);
});

test("a report that is not ours is told, not drawn", async (t) => {
	const page = await open(t, { ...samples.diff(), schema_version: 99 });
	assert.match(await page.textContent("[role=alert]"),
		/cannot be shown: .*schema version 1, not 99/);
});

for (const mode of ["snapshot", "diff", "trend", "fleet", "hostile"])
	test(`${mode}: a phone scrolls only downward`, async (t) => {
		const page = await open(t, samples[mode](),
			{ viewport: PHONE });
		await page.locator(".opener").first().click();
		await page.locator('g.frame[tabindex="0"]').waitFor();
		await page.locator(".details .stack").waitFor();
		assert.equal(await overflow(page), 0);
		const beyond = await page.evaluate(() =>
			[...document.querySelectorAll("main *")].filter((at) =>
				!at.closest("svg, .chart") &&
				at.getBoundingClientRect().right >
					window.innerWidth + 1)
				.map((at) => at.className || at.tagName));
		assert.deepEqual(beyond, []);
		await shot(page, `${mode}-phone`);
	});

test("a window made narrow redraws graph and charts", async (t) => {
	const page = await open(t, samples.trend());
	await frame(page, "session_new").waitFor();
	await page.setViewportSize(PHONE);
	await eventually(async () => {
		assert.equal(await overflow(page), 0);
		for (const what of [".d3-flame-graph", "#totals canvas"]) {
			const { width } = await page.locator(what)
				.boundingBox();
			assert.ok(width < PHONE.width && width > 250,
				`${what} is ${width}`);
		}
	});
});

const luminance = (page, selector, property) => page.evaluate(([at, name]) => {
	const [r, g, b] = getComputedStyle(document.querySelector(at))[name]
		.match(/[\d.]+/g).map((part) => {
			const c = Number(part) / 255;
			return c <= 0.04045 ? c / 12.92 :
				((c + 0.055) / 1.055) ** 2.4;
		});
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}, [selector, property]);

async function contrast(page, selector, behind) {
	const [a, b] = [await luminance(page, selector, "color"),
		await luminance(page, behind, "backgroundColor")];
	return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

for (const dark of [false, true])
	test(`${dark ? "dark" : "light"}: as the system wants, and legible`,
		async (t) => {
			const page = await open(t, samples.trend(), { dark });
			await shot(page, dark ? "trend-dark" : "trend-light");
			assert.equal(await luminance(page, "body",
				"backgroundColor") < 0.1, dark);
			for (const [text, behind] of [["h1", "body"],
				[".muted", "section"], [".where", "section"],
				["nav a", "body"],
				[".kind-leak", ".kind-leak"],
				[".kind-growing-buffer",
					".kind-growing-buffer"],
				[".kind-cache-fill", ".kind-cache-fill"],
				[".kind-steady", ".kind-steady"],
				[".kind-insufficient", ".kind-insufficient"]]) {
				const ratio = await contrast(page, text,
					behind);
				assert.ok(ratio >= 4.5, `${text}: ${ratio}`);
			}
		});

test("the reader's choice of colours wins", async (t) => {
	const page = await open(t, samples.trend());
	await page.getByRole("button", { name: "Switch to dark" }).click();
	assert.ok(await luminance(page, "body", "backgroundColor") < 0.1);
	await page.emulateMedia({ colorScheme: "dark" });
	await page.emulateMedia({ colorScheme: "light" });
	assert.ok(await luminance(page, "body", "backgroundColor") < 0.1);
	await page.getByRole("button", { name: "Switch to light" }).click();
	assert.ok(await luminance(page, "body", "backgroundColor") > 0.8);
});

test("another process is chosen", async (t) => {
	const page = await open(t, samples.fleet());
	assert.equal(await page.textContent("h1"),
		"session_new (session.c:57) leaks in 1 of 2 processes: " +
		"38.1 MiB/h.");
	assert.match(await page.textContent("#fleet"), /1 of 2/);
	assert.match(await page.textContent("section[aria-label=Process]"),
		/session_new leaks/);
	await page.locator(".process-choice select").selectOption({ index: 1 });
	assert.match(await page.textContent(".facts.process"),
		/pid 77 on web-2/);
	assert.equal((await functionsOf(page))[0], "log_append");
});

test("thousands of sites are drawn bit by bit", async (t) => {
	const data = samples.large(5000);
	const page = await open(t, data);
	const names = data.processes[0].heap.map((row) => row.function);
	assert.deepEqual(await functionsOf(page), names.slice(0, 20));
	await page.getByRole("button",
		{ name: "Show 100 more, 4,980 are left" }).click();
	assert.deepEqual(await functionsOf(page), names.slice(0, 120));
	await page.getByLabel("Filter the sites").fill("allocate_17");
	assert.match(await page.textContent("#sites .table-status"),
		/ of 5,000 sites$/);
	await page.locator("#flame g.frame").first().waitFor();
	/* What is too narrow to be seen is no element. */
	assert.ok(await page.locator("g.frame").count() < 20000);
	await shot(page, "large");
});

test("every loss has the words of the text report", () => {
	const facts = readFileSync(`${TOP}/analyzer/facts.h`, "utf8");
	const losses = readFileSync(`${TOP}/analyzer/web/src/losses.js`,
		"utf8");
	const [, list] = facts.match(/#define LOSSES\(X\)([^]*?)\n\n/);
	const found = [...list.matchAll(/X\((\w+),\s+"([^"]+)"\)/g)];
	assert.ok(found.length >= 12);
	for (const [, name, words] of found)
		assert.ok(losses.includes(`${name}: "${words}"`),
			`${name}: "${words}" is missing in losses.js`);
});

test("only standard strings get a short name", () => {
	const long = (ns, type, space = " ", traits = type) =>
		`std::${ns}basic_string<${type}, std::${ns && "__1::"}` +
		`char_traits<${traits}>, std::allocator<${type}>${space}>`;
	for (const [is, want] of [
		[long("", "char"), "std::string"],
		[`f(${long("__cxx11::", "char")} const&)`,
			"f(std::string const&)"],
		[`${long("__1::", "char", "")}::append`, "std::string::append"],
		[`${long("", "wchar_t")}, ${long("", "char")}`,
			"std::wstring, std::string"],
		[long("", "char", " ", "mine"), null],
		[long("", "char_t"), null], [long("", "char16_t"), null],
		["g", null], [undefined, null],
	])
		assert.equal(format.shortName(is), want ?? is);
});

test("numbers read as in format.c", () => {
	for (const [is, want] of [
		[format.bytes(0), "0 B"], [format.bytes(1023), "1023 B"],
		[format.bytes(-1536, true), "-1.5 KiB"],
		[format.bytes(1536, true), "+1.5 KiB"],
		[format.bytes(1048535), "1.0 MiB"],
		[format.bytes(1048524), "1023.9 KiB"],
		[format.bytes(2 ** 60), "1.0 EiB"],
		[format.count(1234567, true), "+1,234,567"],
		[format.count(-999), "-999"], [format.count(0, true), "0"],
		[format.duration(3.44), "3.4 s"],
		[format.duration(9.96), "10 s"],
		[format.duration(34), "34 s"],
		[format.duration(303), "5 min 3 s"],
		[format.duration(7500), "2 h 5 min"],
		[format.duration(273600), "3 d 4 h"],
		[format.time(1.7636e18), "2025-11-20 00:53:20 UTC"],
		[format.share(1, 1000), "<1%"],
		[format.share(999, 1000), ">99%"],
		[format.share(1, 1), "100%"], [format.share(39, 50), "78%"],
	])
		assert.equal(is, want);
});
