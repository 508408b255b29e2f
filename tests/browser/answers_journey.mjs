// What becomes of uploads that say too little or are refused, in a real browser; prints one JSON.
//   node answers_journey.mjs '{"chromium", "url", "user", "password", "files": {...}, "shots"}'
// The tests beside it (test_answers.py) judge; nothing is asserted here.
import { Browsing, LOOKS, launch } from "./browsing.mjs";

const given = JSON.parse(process.argv[2]);
const browser = await launch(given.chromium);
const browsing = new Browsing(browser, given);
const { seen } = browsing;
try {
  const context = await browsing.signedIn(LOOKS.light);
  seen.rejected = await rejected(context);
  seen.placed = await placed(context);
  seen.chosen = await chosen(context);
  seen.cancelled = await cancelledAndTriedAgain(context);
  seen.nodata = await nodataAfterwards(context);
  seen.set = await sentTogether(context);
  for (const look of ["dark", "phone"]) await visitAll(await browsing.signedIn(LOOKS[look]), look);
  seen.withoutScripts = await answeredWithoutScripts();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

// Uploads a file and waits until its row is in that state.
async function upload(page, files, state) {
  await page.goto(`${given.url}/upload`);
  if (files.length > 1) await page.check("#together");
  await page.setInputFiles("#file", files);
  const name = files[0].split("/").pop();
  const row = page.locator(`#rows [data-state="${state}"]`, { hasText: name });
  await row.first().waitFor();
  return row.first();
}

async function pathOf(page) {
  return new URL(page.url()).pathname;
}

async function published(page) {
  await page.waitForSelector('#job[data-state="published"]');
  await page.click("#job a.primary");
  await page.waitForSelector(".product-layer canvas", { state: "attached" });
  return pathOf(page);
}

async function rejected(context) {
  const page = await browsing.open(context, "/upload");
  const row = await upload(page, [given.files.rejected], "rejected");
  await row.locator("a", { hasText: "What happened" }).click();
  await page.waitForSelector("#job");
  given.rejectedJob = await pathOf(page);
  await browsing.check(page, "rejected job", "light");
  await browsing.shot(page, "job-rejected", { fullPage: true });
  const text = (selector) => page.locator(selector).first().innerText();
  const result = {
    cause: await text("#job h2"),
    panel: await text("#job .panel"),
    found: await text("#job .found"),
    pictures: await visibleOnes(page, ["locator", "quicklook", "histogram"]),
    injected: await page.locator("#job script, #job img[src='x']").count(),
  };
  await page.close();
  return result;
}

async function visibleOnes(page, names) {
  const seen = await Promise.all(names.map((name) => page.locator(`#job .${name}`).first().isVisible()));
  return names.filter((_, index) => seen[index]);
}

async function placed(context) {
  const page = await browsing.open(context, "/upload");
  const row = await upload(page, [given.files.unplaced], "needs_input");
  await row.locator("a.primary").click();
  await page.waitForSelector("#id_crs");
  given.askingJob = await pathOf(page);
  await page.fill("#id_crs", "krovak east");
  await page.waitForFunction(() => document.querySelector('#crs-examples option[value="EPSG:5514"]'));
  const offered = await page.locator("#crs-examples option").count();
  await page.click("button[name=check]");
  const problem = await page.locator(".problem").first().innerText();
  await page.fill("#id_crs", "32633");
  await page.focus("button[name=check]");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#preview [data-map] canvas");
  const place = await page.locator("#preview [data-place]").innerText();
  await page.waitForTimeout(500);
  await browsing.check(page, "preview", "light");
  await browsing.shot(page, "job-needs-answer");
  const asked = await page.locator("#job").getAttribute("data-state");
  await page.click("#answer button.primary");
  const address = await published(page);
  await page.close();
  return { offered, problem, place, asked, address };
}

async function chosen(context) {
  const page = await browsing.open(context, "/upload");
  const row = await upload(page, [given.files.several], "needs_input");
  await row.locator("a.primary").click();
  await page.waitForSelector("#id_subdatasets");
  const options = await page.locator("#id_subdatasets .option-title").allInnerTexts();
  given.choosingJob = await pathOf(page);
  await browsing.check(page, "choice", "light");
  await browsing.shot(page, "job-choose");
  await page.click("#answer button.primary");
  const empty = await page.locator("#id_subdatasets_error").innerText();
  await page.check('#id_subdatasets input[value="*"]');
  await page.click("#answer button.primary");
  const address = await published(page);
  const rasters = await page.locator("[aria-labelledby=rasters-title] tbody tr").count();
  await browsing.check(page, "several rasters", "light");
  await page.close();
  return { options, empty, address, rasters };
}

async function cancelledAndTriedAgain(context) {
  const page = await browsing.open(context, "/upload");
  const name = given.files.unplaced.split("/").pop();
  await upload(page, [given.files.unplaced], "needs_input");
  await page.goto(`${given.url}/jobs/?show=waiting`);
  const row = (state) => page.locator(`.rows [data-state="${state}"]`, { hasText: name }).first();
  await row("needs_input").locator("button", { hasText: "Cancel upload" }).click();
  await row("cancelled").waitFor();
  const there = await pathOf(page);
  await row("cancelled").locator("button", { hasText: "Try again" }).click();
  await row("needs_input").waitFor();
  await page.close();
  return there;
}

async function nodataAfterwards(context) {
  const page = await browsing.open(context, "/upload");
  const row = await upload(page, [given.files.ambiguous], "published");
  const warned = await row.innerText();
  await row.locator("h3 a").click();
  await page.waitForSelector("#job");
  const pictures = await visibleOnes(page, ["locator", "quicklook", "histogram"]);
  await page.click("#job a.primary");
  await page.waitForSelector(".product-layer canvas");
  await page.waitForTimeout(500); // tiles come
  const address = await pathOf(page);
  const before = await page.locator(".side").innerText();
  await browsing.shot(page, "set-nodata");
  await page.click("a:has-text('Set the nodata value')");
  await page.fill("#id_nodata", "no idea");
  await page.click("main button.primary");
  const problem = await page.locator(".problem").innerText();
  given.mended = address;
  await browsing.check(page, "reprocess", "light");
  await page.fill("#id_nodata", "0");
  await page.click("main button.primary");
  const again = await published(page);
  const after = await page.locator(".side").innerText();
  const values = await page.locator("[aria-labelledby=values-title] table").innerText();
  const warnings = await page.locator(".note-warn").count();
  await page.close();
  return { warned, pictures, address, before, problem, again, after, values, warnings };
}

async function sentTogether(context) {
  const page = await browsing.open(context, "/upload");
  const row = await upload(page, given.files.together, "published");
  const left = await page.locator("#rows .row", { hasText: "b.tif" }).count();
  await row.locator("a.primary").click();
  await page.waitForSelector(".product-layer canvas");
  const files = await page.locator(".files > li > a").allInnerTexts();
  await page.close();
  return { left, files };
}

async function visitAll(context, look) {
  const paths = [given.rejectedJob, given.choosingJob, "/jobs/", "/jobs/?show=problems", "/upload",
    `${given.mended}/reprocess`, given.mended];
  for (const path of paths) {
    const page = await browsing.open(context, path);
    await page.waitForTimeout(300); // a page with an open stream is never idle
    await browsing.check(page, path, look);
    await browsing.shot(page, `${path.replaceAll(/[^a-z0-9]+/gi, "-")}-${look}`);
    await page.close();
  }
}

// The question is read, the place is looked at and the answer is given by the form alone.
async function answeredWithoutScripts() {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${given.url}/accounts/login/`);
  await page.fill("#id_username", given.user);
  await page.fill("#id_password", given.password);
  await page.click("main button.primary");
  await page.goto(`${given.url}/upload`);
  await page.setInputFiles("#file", given.files.unplaced);
  await page.click("#upload button[type=submit]");
  for (let tries = 0; tries < 60 && !(await page.locator("#id_crs").count()); tries++) {
    await page.waitForTimeout(500);
    await page.reload();
  }
  await page.fill("#id_crs", "EPSG:32633");
  await page.click("button[name=check]");
  const map = await page.locator("#preview svg.locator").isVisible();
  const place = await page.locator("#preview [data-place]").innerText();
  await page.click("#answer button.primary");
  const state = await page.locator("#job").getAttribute("data-state");
  await context.close();
  return { map, place, state };
}
