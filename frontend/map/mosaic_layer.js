// All maps of a collection as one layer of tiles, those of a time alone where one is chosen.
import TileLayer from "ol/layer/Tile.js";
import XYZ from "ol/source/XYZ.js";

const MAX_ZOOM = 24;

export function mosaicLayer(template) {
  const source = new XYZ({ url: template, maxZoom: MAX_ZOOM, transition: 120 });
  return new TileLayer({ source, className: "product-layer", properties: { template } });
}

export function joinMosaic(layer, form) {
  const [shown, from, to] = ["shown", "from", "to"].map((name) =>
    document.getElementById(`mosaic-${name}`),
  );
  shown.addEventListener("change", () => layer.setVisible(shown.checked));
  for (const field of [from, to]) {
    field.addEventListener("change", () => showTime(layer, from.value, to.value));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
}

function showTime(layer, from, to) {
  const template = layer.get("template");
  const isTurned = from && to && from > to;
  const time = isTurned ? `${to}/${from}` : `${from || ".."}/${to || ".."}`;
  layer.getSource().setUrl(from || to ? `${template}?datetime=${time}` : template);
}
