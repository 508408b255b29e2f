// A click on the map, or Enter at its centre: the position and every band's value there.
import Feature from "ol/Feature.js";
import Point from "ol/geom/Point.js";
import VectorLayer from "ol/layer/Vector.js";
import { toLonLat } from "ol/proj.js";
import VectorSource from "ol/source/Vector.js";
import Circle from "ol/style/Circle.js";
import Fill from "ol/style/Fill.js";
import Stroke from "ol/style/Stroke.js";
import Style from "ol/style/Style.js";

import { copy } from "../copying.js";
import { colour } from "./colours.js";
import { numberText } from "./numbers.js";
import { positionText, wrap } from "./places.js";

export function prepareReading(map, data) {
  const marker = new Feature();
  const source = new VectorSource({ features: [marker] });
  map.addLayer(new VectorLayer({ source, style: markerStyle }));
  const button = document.getElementById("copy-values");
  const output = document.getElementById("reading");
  const read = (coordinate) => {
    marker.setGeometry(new Point(coordinate));
    show(output, button, data, toLonLat(coordinate));
  };
  map.on("singleclick", (event) => read(event.coordinate));
  map.getTargetElement().addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === map.getTargetElement()) {
      read(map.getView().getCenter());
    }
  });
  button.addEventListener("click", () => copy(button, text(output)));
}

let latest = 0;

async function show(output, button, data, [longitude, latitude]) {
  const turn = ++latest;
  const position = [wrap(longitude), latitude];
  const values = await valuesAt(data, position);
  if (turn !== latest) return;
  output.replaceChildren(part("place", positionText(position)), ...values.map((v) => part("value", v)));
  button.hidden = false;
}

async function valuesAt(data, [longitude, latitude]) {
  try {
    const place = `${longitude.toFixed(7)},${latitude.toFixed(7)}`;
    const answer = await fetch(`${data.point}${place}?unscale=true`);
    if (answer.status === 404) return ["Outside the data"];
    if (!answer.ok) return ["The values could not be read. Try again."];
    const { values } = await answer.json();
    if (values.every((value) => typeof value !== "number")) return ["No data here"];
    return values.map((value, index) => valueText(value, data.bands[index], data.classes));
  } catch {
    return ["The connection is lost. Try again."];
  }
}

function valueText(value, band, classes) {
  if (typeof value !== "number") return `${band.name} no data`;
  const label = classes[value] ? `, ${classes[value]}` : "";
  return `${band.name} ${numberText(value, 6)} ${band.unit}`.trim() + label;
}

function part(name, words) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = words;
  return element;
}

function text(output) {
  return [...output.children].map((element) => element.textContent).join("\t");
}

function markerStyle() {
  return new Style({
    image: new Circle({
      radius: 6,
      fill: new Fill({ color: colour("surface") }),
      stroke: new Stroke({ color: colour("text"), width: 2.5 }),
    }),
  });
}
