// A product's page: the map with its tools, all driven by one state that the address keeps.
import "./site.js";

import TileLayer from "ol/layer/Tile.js";
import XYZ from "ol/source/XYZ.js";

import { copy } from "./copying.js";
import { createMap, showOnline } from "./map/base_map.js";
import { graticule } from "./map/graticule.js";
import { showLegend } from "./map/legend.js";
import { roomFor } from "./map/legend_room.js";
import { extentOf } from "./map/places.js";
import { prepareReading } from "./map/reading.js";
import { readView, writeView } from "./map/view_address.js";

const RETRY_MS = 1000;
const data = JSON.parse(document.getElementById("map-data").textContent);
const extent = extentOf(data.bounds);
const source = new XYZ({
  url: data.tiles,
  maxZoom: data.maxZoom,
  interpolate: data.smooth,
  transition: 120,
});
const layer = new TileLayer({ source, extent: wholeWorlds(extent), className: "product-layer" });
const map = createMap(document.getElementById("map"), [layer, graticule()]);
const opacity = document.getElementById("opacity");

prepareView();
prepareTools();
prepareRetries();
prepareReading(map, data);

function prepareView() {
  const view = map.getView();
  const asked = readView();
  if (asked) {
    view.setCenter(asked.center);
    view.setZoom(asked.zoom);
    opacity.value = asked.opacity;
  } else {
    showAll();
  }
  const legend = document.getElementById("legend");
  if (data.legend) showLegend(legend, data.legend).then(() => asked || showAll());
  layer.setOpacity(opacity.value / 100);
  map.once("rendercomplete", () => map.on("moveend", keepView));
}

function showAll() {
  const padding = roomFor(map.getTargetElement(), document.getElementById("legend"), extent);
  map.getView().fit(extent, { padding, maxZoom: data.maxZoom + 2 });
}

function keepView() {
  writeView(map.getView(), opacity.value);
}

function prepareTools() {
  prepareStyles();
  opacity.addEventListener("input", () => layer.setOpacity(opacity.value / 100));
  opacity.addEventListener("change", keepView);
  document.getElementById("whole").addEventListener("click", showAll);
  const online = document.getElementById("online");
  online?.addEventListener("change", () => showOnline(map, online.checked));
  const share = document.querySelector("[data-copy-view]");
  share.addEventListener("click", () => {
    keepView();
    copy(share, location.href);
  });
}

// Another style is another address; the view stays.
function prepareStyles() {
  const choice = document.getElementById("style");
  choice?.addEventListener("change", () => {
    keepView();
    const address = new URL(location.href);
    if (choice.value === "default") address.searchParams.delete("style");
    else address.searchParams.set("style", choice.value);
    location.assign(address);
  });
}

// A tile that failed is asked for once more; then the reader is told.
function prepareRetries() {
  const tried = new WeakSet();
  const problem = document.getElementById("map-problem");
  source.on("tileloaderror", ({ tile }) => {
    if (tried.has(tile)) {
      problem.hidden = false;
      return;
    }
    tried.add(tile);
    setTimeout(() => tile.load(), RETRY_MS);
  });
  document.getElementById("reload-tiles").addEventListener("click", () => {
    problem.hidden = true;
    source.refresh();
  });
}

// An extent beyond the antimeridian is drawn in each of the worlds that the view shows.
function wholeWorlds(extent) {
  const [, bottom, , top] = extent;
  const edge = 20037508.342789244;
  return extent[2] > edge ? [-edge, bottom, 3 * edge, top] : extent;
}
