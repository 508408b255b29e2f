// What the journeys share: a browser under our content policy, its complaints, accessibility.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
export const LOOKS = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export async function launch(executablePath) {
  return chromium.launch({ executablePath, args: FLAGS });
}

// Pages of one server, whose complaints and faults are gathered in `seen`.
export class Browsing {
  constructor(browser, given) {
    this.browser = browser;
    this.given = given;
    this.seen = { complaints: [], pages: [] };
  }

  async signedIn(look) {
    const context = await this.browser.newContext(look);
    context.setDefaultTimeout(60_000);
    const page = await this.open(context, "/accounts/login/");
    await page.fill("#id_username", this.given.user);
    await page.fill("#id_password", this.given.password);
    await page.click("main button.primary");
    await page.waitForURL(`${this.given.url}/`);
    await page.close();
    return context;
  }

  async open(context, path, expected = 200) {
    const page = await context.newPage();
    const complain = (text) => this.seen.complaints.push(`${path}: ${text}`);
    page.on("pageerror", (error) => complain(error.message));
    page.on("dialog", (dialog) => {
      complain(`a script opened a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("console", (message) => {
      const own = expected >= 400 && message.location().url === this.given.url + path;
      const sentBack = message.text().includes("status of 422"); // a form with a mistake in it
      if (["error", "warning"].includes(message.type()) && !own && !sentBack) {
        complain(`${message.text()} ${message.location().url}`);
      }
    });
    await page.goto(this.given.url + path);
    return page;
  }

  async check(page, name, look) {
    await page.evaluate(axeSource); // by the debugger, which the content policy does not bind
    const violations = await page.evaluate(async (tags) => {
      const { violations } = await axe.run(document, { runOnly: tags });
      return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
    }, TAGS);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    this.seen.pages.push({ name, look, violations, overflow });
  }

  shot(page, name, options = {}) {
    return page.screenshot({ path: `${this.given.shots}/${name}.png`, ...options });
  }
}
