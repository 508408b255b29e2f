// Drives a real browser through the portal and prints what it saw as one JSON document.
//   node journey.mjs '{"url", "user", "password", "file", "unplaced", "shots"}'
// The tests beside it (test_portal.py) judge; nothing is asserted here.
import { Browsing, LOOKS, launch } from "./browsing.mjs";

const given = JSON.parse(process.argv[2]);
const browser = await launch(given.chromium);
const browsing = new Browsing(browser, given);
const { seen } = browsing;
try {
  const context = await browsing.signedIn(LOOKS.light);
  seen.upload = await uploadAndOpen(context);
  seen.drawn = await colours(context, given.places);
  seen.value = await readingAt(context, given.places.right);
  seen.style = await chooseStyle(context, given.places.right);
  seen.answer = await answerQuestion(context);
  seen.copied = await copyAddress(context);
  await visitAll(context, "light");
  for (const look of ["dark", "phone"]) await visitAll(await browsing.signedIn(LOOKS[look]), look);
  seen.withoutScripts = await withoutScripts();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

async function uploadAndOpen(context) {
  const page = await browsing.open(context, "/upload");
  await page.setInputFiles("#file", [given.file]);
  const states = new Set();
  await page.exposeFunction("sawState", (words) => states.add(words));
  await page.evaluate(() => {
    new MutationObserver(() => {
      for (const status of document.querySelectorAll("#rows .status")) window.sawState(status.textContent.trim());
    }).observe(document.getElementById("rows"), { subtree: true, childList: true, characterData: true });
  });
  const row = page.locator('#rows [data-state="published"]', { hasText: given.file.split("/").pop() });
  await row.waitFor();
  await page.screenshot({ path: `${given.shots}/upload.png` });
  await row.locator("a.primary").click();
  await page.waitForSelector(".product-layer canvas");
  const address = new URL(page.url()).pathname;
  await page.close();
  given.product = address;
  return { address, states: [...states] };
}

// The map's own pixels at places of the Earth: the view is centred on each in turn.
async function colours(context, places) {
  const found = {};
  for (const [name, [longitude, latitude]] of Object.entries(places)) {
    const page = await browsing.open(context, `${given.product}#map=${given.zoom}/${latitude}/${longitude}/100`);
    await page.waitForSelector(".product-layer canvas", { state: "attached" });
    await page.waitForLoadState("networkidle");
    await page.waitForTimeout(500);
    found[name] = await page.evaluate(() => {
      const canvas = document.querySelector(".product-layer canvas");
      const pen = canvas.getContext("2d");
      return [...pen.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data];
    });
    await page.close();
  }
  return found;
}

async function readingAt(context, [longitude, latitude]) {
  const page = await browsing.open(context, `${given.product}#map=${given.zoom}/${latitude}/${longitude}/100`);
  await page.waitForSelector(".product-layer canvas", { state: "attached" });
  await page.focus("#map");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#reading .value");
  const words = await page.textContent("#reading .value");
  await page.screenshot({ path: `${given.shots}/product.png` });
  await page.close();
  return words;
}

// A style is added by its owner and chosen by its title: the map, the legend and the addresses follow.
async function chooseStyle(context, [longitude, latitude]) {
  const view = `#map=${given.zoom}/${latitude.toFixed(5)}/${longitude.toFixed(5)}/100`;
  const page = await browsing.open(context, `${given.product}/styles`);
  const values = { title: "Doubled", formula: "b1 * 2", low: "0", high: "400", unit: "m" };
  for (const [name, value] of Object.entries(values)) await page.fill(`#id_new-${name}`, value);
  await page.selectOption("#id_new-ramp", "gray");
  await page.click("section:last-of-type button.primary");
  await page.waitForSelector(".rows .row");
  await page.goto(given.url + given.product + view);
  await page.waitForSelector(".product-layer canvas", { state: "attached" });
  await page.waitForFunction(() => document.querySelector("#legend .legend-title"));
  await page.waitForTimeout(500);
  await page.selectOption("#style", { label: "Doubled" });
  await page.waitForURL(/style=doubled/);
  await page.waitForSelector(".product-layer canvas", { state: "attached" });
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(500);
  const found = await page.evaluate(() => {
    const canvas = document.querySelector(".product-layer canvas");
    const pen = canvas.getContext("2d");
    return {
      colour: [...pen.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data],
      legend: document.querySelector("#legend .legend-title").textContent,
      search: location.search,
      hash: location.hash,
      address: document.querySelector("#address-web").value ?? document.querySelector("#address-web").textContent,
    };
  });
  await page.screenshot({ path: `${given.shots}/styles.png` });
  await browsing.check(page, "product in a style", "light");
  await page.close();
  return { ...found, view };
}

async function answerQuestion(context) {
  const page = await browsing.open(context, "/upload");
  await page.setInputFiles("#file", [given.unplaced]);
  const row = page.locator('#rows [data-state="needs_input"]', { hasText: given.unplaced.split("/").pop() });
  await row.first().locator("a.primary").click();
  await page.waitForSelector("#id_crs");
  await page.screenshot({ path: `${given.shots}/job-needs-answer.png` });
  given.job = new URL(page.url()).pathname;
  await browsing.check(page, "job that asks", "light");
  await page.fill("#id_crs", "EPSG:32633");
  await page.click("form button.primary");
  await page.waitForSelector('#job[data-state="published"]');
  const state = await page.textContent("#job .status");
  await page.close();
  return state.trim();
}

async function copyAddress(context) {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: given.url });
  const page = await browsing.open(context, given.product);
  const button = page.locator("#panel-qgis [data-copy]");
  await button.click();
  await page.waitForFunction(() =>
    document.querySelector("#panel-qgis [data-copy] [data-word]").textContent === "Copied");
  const text = await page.evaluate(() => navigator.clipboard.readText());
  const answer = await page.request.get(text);
  await page.close();
  return { text, status: answer.status() };
}

async function visitAll(context, look) {
  const pages = {
    "/": 200, "/?q=nothing-like-this": 200, "/upload": 200, "/jobs/": 200, [given.job]: 200,
    "/collections/": 200, "/collections/samples": 200, "/collections/new/": 200, "/collections/samples/styles": 200,
    [given.product]: 200, [`${given.product}/edit`]: 200, [`${given.product}/reprocess`]: 200, "/jobs/?show=problems": 200,
    [`${given.product}/remove`]: 200, [`${given.product}/styles`]: 200,
    "/accounts/": 200, "/accounts/tokens/": 200, "/products/samples/absent": 404,
  };
  for (const [path, status] of Object.entries(pages)) {
    const page = await browsing.open(context, path, status);
    await page.waitForTimeout(300); // a page with an open stream is never idle
    await browsing.check(page, path, look);
    if (path === "/") await page.screenshot({ path: `${given.shots}/home-${look}.png` });
    await page.close();
  }
}

async function withoutScripts() {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await browsing.open(context, given.product);
  const found = {
    picture: await page.locator(".map-frame img.still").isVisible(),
    address: await page.locator("#address-qgis").isVisible(),
    python: await page.locator("#address-python").isVisible(),
    tools: await page.locator(".viewer-bar[data-script]").isVisible(),
  };
  await context.close();
  return found;
}
