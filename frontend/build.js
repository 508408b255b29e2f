// Builds the portal's scripts, styles, fonts, icons and base map into build/portal.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { ICONS } from "./icons.js";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "..", "node_modules");
const output = join(here, "..", "build", "portal");
const PAGES = ["site", "outlines", "product", "upload", "jobs", "job"];
const FONTS = "@fontsource-variable/source-sans-3/files/source-sans-3";

await rm(output, { recursive: true, force: true });
await mkdir(join(output, "fonts"), { recursive: true });
await Promise.all([scripts(), styles(), fonts(), icons(), baseMap()]);

function scripts() {
  return build({
    entryPoints: PAGES.map((page) => join(here, `${page}.js`)),
    outdir: output,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    chunkNames: "chunks/[name]-[hash]",
  });
}

function styles() {
  return build({
    entryPoints: [join(here, "styles", "site.css")],
    outdir: output,
    bundle: true,
    minify: true,
    target: ["chrome111", "firefox113", "safari16.4"],
    external: ["*.woff2"],
  });
}

async function fonts() {
  for (const subset of ["latin", "latin-ext"]) {
    const source = join(packages, `${FONTS}-${subset}-wght-normal.woff2`);
    await copyFile(source, join(output, "fonts", `source-sans-3-${subset}.woff2`));
  }
}

async function icons() {
  const symbols = await Promise.all(ICONS.map(symbol));
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
  await writeFile(join(output, "icons.svg"), sprite);
  await copyFile(join(here, "pictures", "mark.svg"), join(output, "mark.svg"));
}

async function symbol(name) {
  const text = await readFile(join(packages, "lucide-static", "icons", `${name}.svg`), "utf8");
  const shapes = text.slice(text.indexOf(">", text.indexOf("<svg")) + 1, text.indexOf("</svg>"));
  return (
    `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" ` +
    `stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${shapes.trim()}</symbol>`
  );
}

async function baseMap() {
  for (const scale of ["110m", "50m"]) {
    const source = join(packages, "world-atlas", `countries-${scale}.json`);
    await copyFile(source, join(output, `world-${scale}.json`));
  }
}
