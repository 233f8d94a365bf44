/*
 * The page of leakshim serve in headless Chromium, from a running server, about
 * a process that leaks a megabyte a second. HOST is that program, SHIM the
 * library, LEAKSHIM_BIN the server, CHROMIUM the browser, SCRATCH a directory
 * for files, and WEB_SHOTS, if set, one for pictures.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const { HOST, SHIM, LEAKSHIM_BIN, CHROMIUM, SCRATCH, WEB_SHOTS } = process.env;
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const PREFIX = "/mem/ory";

let browser;
const children = new Set();

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

after(async () => {
	await browser.close();
	for (const child of children)
		child.kill();
});

function start(program, args, env = {}) {
	const child = spawn(program, args, {
		env: { ...process.env, ...env },
		stdio: ["ignore", "ignore", "pipe"],
		cwd: SCRATCH,
	});
	children.add(child);
	child.on("exit", () => children.delete(child));
	child.text = "";
	child.stderr.setEncoding("utf8");
	child.stderr.on("data", (text) => child.text += text);
	return child;
}

async function eventually(check, tries = 300) {
	for (;;) {
		try {
			return await check();
		} catch (error) {
			if (--tries <= 0)
				throw error;
			await new Promise((resolve) =>
				setTimeout(resolve, 100));
		}
	}
}

/* A leaker and a server for it: { host, url }. Both end with the test. */
async function serve(t, { prefix = "" } = {}) {
	const host = start(HOST, [], { LD_PRELOAD: SHIM,
		LEAKSHIM: `out=${SCRATCH}/charts.%p.%n.snap` });
	const args = ["serve", "--listen", "127.0.0.1:0"];
	if (prefix)
		args.push("--path-prefix", prefix);
	const server = start(LEAKSHIM_BIN, [...args, String(host.pid)]);
	t.after(() => {
		server.kill();
		host.kill();
	});
	const url = await eventually(() => {
		const found = /serving on (http:\S+?)\/\n/.exec(server.text);
		assert.ok(found, server.text);
		return found[1];
	});
	return { host, server, url };
}

async function open(t, url, { viewport = DESKTOP, dark = false } = {}) {
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
		reducedMotion: "reduce" });
	await page.goto(`${url}/debug/charts/`);
	await page.waitForSelector("main section");
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

/* The number that a word stands above, in bytes. */
async function number(page, word) {
	const text = await page.locator("dl.now div", { hasText: word })
		.locator("dd").textContent();
	const [, digits, unit] = /^([\d.,]+)(?: (\w+))?$/.exec(text) ?? [];
	assert.ok(digits, `${word}: '${text}'`);
	const power = { B: 0, KiB: 1, MiB: 2, GiB: 3 }[unit] ?? 0;
	return Number(digits.replaceAll(",", "")) * 1024 ** power;
}

const overflow = (page) => page.evaluate(() =>
	document.documentElement.scrollWidth - window.innerWidth);

/* With the longest values that a row has, all of it is in sight. */
async function growsLong(page) {
	const hidden = await page.locator("#growing tbody tr").first()
		.evaluate((row) => {
			const cells = [...row.cells];
			const before = cells.map((cell) => cell.innerHTML);
			cells[1].firstElementChild ? cells[1].firstElementChild
				.textContent = "insufficient" :
				cells[1].textContent = "insufficient";
			cells[2].textContent = "+1,023.9 MiB/h";
			cells[3].textContent = "+1,023.9 MiB";
			cells[4].textContent = "1,023.9 MiB";
			const { right } = row.closest(".scroll")
				.getBoundingClientRect();
			const over = cells.filter((cell) =>
				cell.getBoundingClientRect().right > right + 1)
				.map((cell) => cell.textContent);
			cells.forEach((cell, i) => cell.textContent = before[i]
				.replace(/<[^>]*>/g, ""));
			return over;
		});
	assert.deepEqual(hidden, []);
}

/* A report as if the server had pushed it, by a server that is asked no more. */
async function openWith(t, url, report) {
	const data = await (await fetch(`${url}/debug/charts/data`)).text();
	const page = await browser.newPage();
	t.after(() => page.close());
	await page.route("**/debug/charts/data", (route) =>
		route.fulfill({ contentType: "application/json", body: data }));
	await page.route("**/debug/charts/events", (route) => route.fulfill({
		contentType: "text/event-stream",
		body: `event: report\ndata: ${JSON.stringify(report)}\n\n`,
	}));
	await page.goto(`${url}/debug/charts/`);
	return page;
}

test("what serve does itself is not asked of the reader", async (t) => {
	const { url } = await serve(t);
	const advice = "take 3 more snapshots, one every 13.3 s";
	const page = await openWith(t, url, {
		headline: [`Too early to say: a site grew; ${advice}.`],
		processes: [{ heap: [
			{ function: "grows", delta_bytes: 512,
				live_bytes_new: 1024, verdict: {
					kind: "insufficient", more_snapshots: 3,
					spacing_s: 13.3, advice } },
			{ function: "steady", delta_bytes: 0,
				live_bytes_new: 4096 },
			{ function: "shrinks", delta_bytes: -1,
				live_bytes_new: 4096 },
		] }],
	});
	await page.locator("#growing td .function").first().waitFor();
	assert.equal(await page.textContent("#growing .headline"),
		"Too early to say: a site grew; serve takes 3 more snapshots " +
		"by itself.");
	assert.deepEqual(await page.locator("#growing td .function")
		.allTextContents(), ["grows"]);
});

test("the ledger has a point at each snapshot, and no step between", async (t) => {
	const { url } = await serve(t);
	const data = await (await fetch(`${url}/debug/charts/data`)).json();
	const snapshots = data.ledger_ms;
	assert.ok(Array.isArray(snapshots), "ledger_ms");
	const page = await open(t, url);
	const taken = await eventually(async () => {
		const { ledger_ms: when, time_ms: times } = await page.evaluate(
			async () => (await fetch("data")).json());
		const seen = [...new Set(when.filter((ms) => ms !== null))];
		assert.ok(seen.length > 1, `${seen}`);
		for (let i = 0; i < when.length; i++)
			assert.ok(when[i] === null || when[i] <= times[i] + 1);
		return seen;
	});
	assert.deepEqual(taken, [...taken].sort((a, b) => a - b));
	await page.locator("figcaption", { hasText: "at snapshots" }).waitFor();
});

test("a megabyte a second is seen to rise within five seconds", async (t) => {
	const { url } = await serve(t);
	const page = await open(t, url);
	const [first, last] = await eventually(async () => {
		const value = await number(page, "Live heap");
		assert.ok(value > 0);
		const begun = Date.now();
		let now = value;
		/* What is behind a second counts: the machine may be busy. */
		while (now <= value && Date.now() - begun < 5000)
			now = await number(page, "Live heap");
		return [value, now];
	});
	assert.ok(last > first, `${first} then ${last}`);
	/* And the curve with it. */
	await eventually(async () => {
		const label = await page.locator(".chart-frame").first()
			.getAttribute("aria-label");
		assert.match(label, /^Memory: resident [\d.]+ MiB; live heap /);
	});
	const drawn = await page.evaluate(async () => {
		const data = await (await fetch("data")).json();
		return data.live_bytes.filter((value) => value !== null);
	});
	assert.ok(drawn.length > 1 && drawn.at(-1) > drawn[0]);
});

for (const [name, how] of [
	["desktop-light", {}],
	["desktop-dark", { dark: true }],
	["phone-light", { viewport: PHONE }],
	["phone-dark", { viewport: PHONE, dark: true }],
])
	test(`${name}: all is there, and nothing beside the page`, async (t) => {
		const { url } = await serve(t);
		const page = await open(t, url, how);
		await page.locator("#growing td .function",
			{ hasText: "leak_blocks" }).first().waitFor();
		await eventually(async () => assert.match(await page
			.locator(".chart-frame").nth(1)
			.getAttribute("aria-label"), /live heap [\d.]+ MiB/));
		await growsLong(page);
		await page.waitForTimeout(4000);
		await shot(page, `charts-${name}`);
		assert.equal(await overflow(page), 0);
		assert.equal(await page.locator("canvas").count(), 6);
		const colour = await page.evaluate(() => getComputedStyle(
			document.body).backgroundColor.match(/\d+/g).map(Number));
		assert.equal(colour[0] < 128, how.dark === true,
			`background ${colour}`);
		for (const each of page.requests)
			assert.ok(each.startsWith(url) ||
				each.startsWith("data:"), each);
		assert.deepEqual(page.complaints, []);
	});

test("the keys choose a moment, and Enter compares it with now", async (t) => {
	const { url } = await serve(t, { prefix: PREFIX });
	assert.ok(url.endsWith(PREFIX));
	const page = await open(t, url);
	await page.locator("#growing td .function",
		{ hasText: "leak_blocks" }).first().waitFor();
	const frame = page.locator(".chart-frame").first();
	await frame.focus();
	for (const key of ["ArrowLeft", "ArrowLeft", "ArrowRight"])
		await page.keyboard.press(key);
	const [diff] = await Promise.all([
		browser.waitForEvent("page"),
		page.keyboard.press("Enter"),
	]);
	t.after(() => diff.close());
	await diff.waitForSelector("main section");
	assert.doesNotMatch(await diff.textContent("h1"), /same snapshot/);
	assert.match(diff.url(), new RegExp(
		`^${url}/debug/charts/diff\\?from=\\d+$`));
	assert.match(await diff.textContent("main"), /leak_blocks/);
	await shot(diff, "charts-diff");
	/* All of it is below the prefix. */
	for (const each of page.requests)
		assert.ok(each.startsWith(`${url}/`) ||
			each.startsWith("data:"), each);
	assert.deepEqual(page.complaints, []);
});

test("the links of the page lead somewhere, below a prefix too", async (t) => {
	const { url } = await serve(t, { prefix: PREFIX });
	const page = await open(t, url);
	await page.locator("#growing td .function").first().waitFor();
	for (const href of await page.locator("nav a").evaluateAll((links) =>
		links.map((link) => link.href))) {
		const answer = await page.request.get(href);
		assert.equal(answer.status(), 200, href);
		assert.match(answer.headers()["content-type"], /^text\/html/);
	}
	await page.goto(`${url}/debug/snapshots/`);
	await shot(page, "snapshots-none");
	for (let i = 0; i < 2; i++)
		await Promise.all([page.waitForNavigation(),
			page.locator("button", { hasText: /take/i }).click()]);
	await shot(page, "snapshots");
	assert.equal(await overflow(page), 0);
	await page.locator("form button", { hasText: "Compare" }).click();
	await page.waitForSelector("main section");
	assert.match(await page.textContent("main"), /leak_blocks/);
	await page.goto(`${url}/debug/pprof/`);
	await shot(page, "pprof-index");
	await page.goto(`${url}/`);
	await shot(page, "root");
});

test("the end of the process is shown, and what was there stays", async (t) => {
	const { url, host } = await serve(t);
	const page = await open(t, url);
	await page.locator(".state.live").waitFor();
	host.kill();
	await page.locator(".state.ended").waitFor();
	assert.equal(await page.textContent(".state"), "the process has ended");
	assert.ok(await number(page, "Live heap") > 0);
	await shot(page, "charts-ended");
	assert.deepEqual(page.complaints, []);
});

test("a server that goes is told", async (t) => {
	const { url, server } = await serve(t);
	const page = await open(t, url);
	await page.locator(".state.live").waitFor();
	server.kill("SIGKILL");
	await page.locator(".state.lost").waitFor();
});
