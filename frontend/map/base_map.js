// A map with our own base map: land and borders of Natural Earth, finer from zoom 4 on.
import Map from "ol/Map.js";
import View from "ol/View.js";
import { defaults as defaultControls } from "ol/control/defaults.js";
import ScaleLine from "ol/control/ScaleLine.js";
import TopoJSON from "ol/format/TopoJSON.js";
import { defaults as defaultInteractions } from "ol/interaction/defaults.js";
import TileLayer from "ol/layer/Tile.js";
import VectorLayer from "ol/layer/Vector.js";
import Point from "ol/geom/Point.js";
import VectorSource from "ol/source/Vector.js";
import XYZ from "ol/source/XYZ.js";
import Fill from "ol/style/Fill.js";
import Stroke from "ol/style/Stroke.js";
import Style from "ol/style/Style.js";
import Text from "ol/style/Text.js";

import { colour, whenThemeChanges } from "./colours.js";
import { unwrap } from "./unwrapping.js";

const FINE_FROM_ZOOM = 4;
const NAMES_FROM_ZOOM = 2.5;

export function createMap(target, layers) {
  const world = new VectorSource({ attributions: "Natural Earth" });
  const map = new Map({
    target,
    layers: [...worldLayers(world), onlineLayer(target), ...layers].filter(Boolean),
    controls: defaultControls({ rotate: false, attributionOptions: { collapsible: false } }).extend([
      new ScaleLine({ minWidth: 72 }),
    ]),
    // Only a map that was clicked or tabbed to takes the wheel: the page scrolls over it.
    interactions: defaultInteractions({
      onFocusOnly: true,
      altShiftDragRotate: false,
      pinchRotate: false,
    }),
    view: new View({ center: [0, 2e6], zoom: 1, maxZoom: 24, enableRotation: false }),
  });
  loadWorld(world, target.dataset.world);
  loadFineWorld(map, world, target.dataset.worldFine);
  whenThemeChanges(() => map.getAllLayers().forEach((layer) => layer.changed()));
  return map;
}

export function showOnline(map, shown) {
  map.getAllLayers().find((layer) => layer.get("online"))?.setVisible(shown);
}

function worldLayers(source) {
  const land = new VectorLayer({ source, style: landStyle, updateWhileInteracting: true });
  const names = new VectorLayer({ source, style: nameStyle, declutter: true });
  return [land, names];
}

function onlineLayer(target) {
  const { basemap, basemapAttribution } = target.dataset;
  if (!basemap) return null;
  const source = new XYZ({ url: basemap, attributions: basemapAttribution });
  return new TileLayer({ source, visible: false, properties: { online: true } });
}

function landStyle() {
  return new Style({
    fill: new Fill({ color: colour("land") }),
    stroke: new Stroke({ color: colour("border"), width: 0.8 }),
  });
}

function nameStyle(country, resolution) {
  if (resolution > 156543 / 2 ** NAMES_FROM_ZOOM) return null;
  return new Style({
    geometry: middleOf(country),
    text: new Text({
      text: country.get("name"),
      font: "500 12px 'Source Sans 3', sans-serif",
      fill: new Fill({ color: colour("muted") }),
      stroke: new Stroke({ color: colour("land"), width: 3 }),
    }),
  });
}

// Inside the largest part: France is named in Europe, not in Guiana.
function middleOf(country) {
  const shape = country.getGeometry();
  const parts = shape.getPolygons ? shape.getPolygons() : [shape];
  const largest = parts.reduce((a, b) => (a.getArea() > b.getArea() ? a : b));
  return new Point(largest.getInteriorPoint().getCoordinates());
}

async function loadWorld(source, address) {
  const answer = await fetch(address);
  const features = new TopoJSON({ layers: ["countries"] }).readFeatures(await answer.json());
  for (const feature of features) {
    unwrap(feature.getGeometry());
    feature.getGeometry().transform("EPSG:4326", "EPSG:3857");
  }
  source.clear(true);
  source.addFeatures(features);
}

function loadFineWorld(map, source, address) {
  const view = map.getView();
  const check = () => {
    if (view.getZoom() < FINE_FROM_ZOOM) return;
    map.un("moveend", check);
    loadWorld(source, address);
  };
  map.on("moveend", check);
}
