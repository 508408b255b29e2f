// The legend from the server's data (legend.json), in the page's own type and colours.
import { numberText } from "./numbers.js";

export async function showLegend(element, address) {
  const answer = await fetch(address);
  if (!answer.ok) return;
  const legend = await answer.json();
  if (legend.kind === "ramp") element.replaceChildren(title(legend), ramp(legend), ticks(legend));
  if (legend.kind === "stops") element.replaceChildren(title(legend), ramp(legend), ends(legend));
  if (["classes", "intervals"].includes(legend.kind)) {
    element.replaceChildren(title(legend), classes(legend));
  }
}

function title({ title, unit }) {
  return make("p", { class: "legend-title" }, unit ? `${title} (${unit})` : title);
}

function ramp({ stops }) {
  const picture = draw("svg", { class: "ramp", height: 16, role: "presentation" });
  const width = 100 / stops.length;
  stops.forEach((fill, index) => {
    const place = { x: `${index * width}%`, width: `${width + 0.3}%`, height: 16, fill };
    picture.append(draw("rect", place));
  });
  return picture;
}

function ticks({ entries }) {
  const row = make("p", { class: "legend-ticks" });
  row.append(...entries.map((entry) => make("span", {}, numberText(entry.value, 4))));
  return row;
}

// Of own colours the ends, and below them the stops that have words.
function ends(legend) {
  const outer = [{ value: legend.min }, { value: legend.max }];
  const named = legend.entries.filter(({ value, label }) => label !== String(value) && Number.isNaN(Number(label)));
  const part = document.createDocumentFragment();
  part.append(ticks({ entries: outer }));
  if (named.length) part.append(classes({ entries: named }));
  return part;
}

function classes({ entries }) {
  const list = make("ul", {});
  for (const { color, label } of entries) {
    const swatch = draw("svg", { class: "swatch", width: 22, height: 14, "aria-hidden": "true" });
    swatch.append(draw("rect", { width: 22, height: 14, fill: color }));
    const item = make("li", {}, "");
    item.append(swatch, label);
    list.append(item);
  }
  return list;
}

function make(name, attributes, text = "") {
  return fill(document.createElement(name), attributes, text);
}

function draw(name, attributes) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, "");
}

function fill(element, attributes, text) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}
