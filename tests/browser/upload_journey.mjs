// Uploads a file in a real browser while its network and its page go away; prints what it saw.
//   node upload_journey.mjs '{"chromium", "url", "user", "password", "file", "size"}'
// Prints a line `kill` when the test may kill the server, which it does before it writes a line.
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const given = JSON.parse(process.argv[2]);
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const name = given.file.split("/").pop();
const seen = { complaints: [] };
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const browser = await chromium.launch({ executablePath: given.chromium, args: FLAGS });
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(90_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => seen.complaints.push(error.message));
  await signIn(page);
  const network = await slowNetwork(context, page);
  await page.goto(`${given.url}/upload`);
  await page.setInputFiles("#file", given.file);
  seen.uploading = await words(page, /^Uploading, [1-9]/);

  await page.click("[data-pause]");
  seen.paused = await words(page, /^Paused/);
  await page.click("[data-resume]");
  await words(page, /^Uploading/);

  await network.cut();
  seen.offline = await words(page, /^Connection lost/);
  await network.mend();
  seen.online = await words(page, /^Uploading/);

  process.stderr.write("kill\n");
  await lines.next();
  // Chromium itself may send the part again that was cut off, so "Connection lost" may not show.
  const part = () => page.waitForResponse((answer) => answer.request().method() === "PATCH" && answer.ok());
  await part();
  await part();
  seen.restarted = await words(page, /^Uploading/);

  await page.reload();
  const unfinished = page.locator("[data-unfinished]", { hasText: name });
  seen.unfinished = (await unfinished.locator("p").first().textContent()).trim();
  await page.screenshot({ path: `${given.shots}/unfinished.png` });
  await network.hurry();
  const first = page.waitForRequest((request) => request.method() === "PATCH");
  await page.setInputFiles("#file", given.file);
  seen.resumedAt = Number((await first).headers()["upload-offset"]);
  await page.locator("#rows [data-job]", { hasText: name }).waitFor();
  seen.left = await page.locator("[data-unfinished]").count();
  seen.job = await page.locator("#rows [data-job]", { hasText: name }).getAttribute("data-job");
  seen.cancelled = await cancel(page);
} finally {
  await browser.close();
  process.stdin.destroy(); // an open one would keep this process alive
}
console.log(JSON.stringify(seen));

async function signIn(page) {
  await page.goto(`${given.url}/accounts/login/`);
  await page.fill("#id_username", given.user);
  await page.fill("#id_password", given.password);
  await page.click("main button.primary");
  await page.waitForURL(`${given.url}/`);
}

// 10 MB a second, so that there is a middle to be cut in.
async function slowNetwork(context, page) {
  const session = await context.newCDPSession(page);
  const set = (offline, uploadThroughput) => session.send("Network.emulateNetworkConditions",
    { offline, latency: 0, downloadThroughput: -1, uploadThroughput });
  await session.send("Network.enable");
  await set(false, 10e6);
  return { cut: () => set(true, 10e6), mend: () => set(false, 10e6), hurry: () => set(false, -1) };
}

async function words(page, pattern) {
  const word = page.locator("#rows .row", { hasText: name }).locator("[data-word]").first();
  await page.waitForFunction(
    ([element, source]) => new RegExp(source).test(element.textContent),
    [await word.elementHandle(), pattern.source],
  );
  const row = page.locator("#rows .row", { hasText: name }).first();
  return `${await word.textContent()} ${await row.locator("[data-note]").textContent()}`;
}

// A second file that is given up leaves nothing on the server.
async function cancel(page) {
  await page.route("**/api/uploads/*", async (route) => {
    if (route.request().method() === "PATCH") await new Promise((later) => setTimeout(later, 3000));
    await route.continue().catch(() => {});
  });
  await page.setInputFiles("#file", given.other);
  const deleted = page.waitForResponse((answer) => answer.request().method() === "DELETE");
  const created = page.waitForResponse((answer) => answer.request().method() === "POST" && answer.status() === 201);
  await created;
  await page.waitForTimeout(300);
  await page.locator("#rows .row [data-cancel]:visible").first().click();
  return (await deleted).status();
}
