// Footprints of maps: an outline each, a dot where the outline would be too small to see.
import Feature from "ol/Feature.js";
import GeoJSON from "ol/format/GeoJSON.js";
import Point from "ol/geom/Point.js";
import { fromExtent } from "ol/geom/Polygon.js";
import { getArea, getCenter, getHeight, getWidth } from "ol/extent.js";
import VectorLayer from "ol/layer/Vector.js";
import VectorSource from "ol/source/Vector.js";
import Circle from "ol/style/Circle.js";
import Fill from "ol/style/Fill.js";
import Stroke from "ol/style/Stroke.js";
import Style from "ol/style/Style.js";

import { colour } from "./colours.js";
import { extentOf } from "./places.js";

const DOT_BELOW_PIXELS = 12;

// Over pictures of the maps themselves an outline is not filled, unless it is lit.
export function outlineLayer(products, { filled = true } = {}) {
  const features = products.filter((product) => product.bbox).map(outline);
  const style = (feature, resolution) => outlineStyle(feature, resolution, filled);
  return new VectorLayer({ source: new VectorSource({ features }), style });
}

export function light(feature, lit) {
  if (feature.get("lit") !== lit) feature.set("lit", lit);
}

// Where maps lie over each other, the smallest is meant.
export function outlineAt(map, layer, pixel) {
  const found = map.getFeaturesAtPixel(pixel, {
    layerFilter: (candidate) => candidate === layer,
    hitTolerance: 4,
  });
  return found.sort((a, b) => getArea(a.get("extent")) - getArea(b.get("extent")))[0];
}

function outline(product) {
  const extent = extentOf(product.bbox);
  return new Feature({ geometry: shape(product, extent), extent, address: product.address });
}

// The parts of a footprint that was cut at the antimeridian are joined by their common box.
function shape(product, extent) {
  if (!product.footprint || product.bbox[0] > product.bbox[2]) return fromExtent(extent);
  return new GeoJSON().readGeometry(product.footprint, {
    dataProjection: "EPSG:4326",
    featureProjection: "EPSG:3857",
  });
}

function outlineStyle(feature, resolution, filled) {
  const lit = feature.get("lit");
  const extent = feature.get("extent");
  const stroke = new Stroke({ color: colour(lit ? "footprint" : "accent"), width: lit ? 3 : 1.5 });
  const tone = colour(lit ? "footprint" : "accent");
  const fill = new Fill({ color: `${tone}${lit ? "40" : filled ? "1a" : "00"}` });
  const zIndex = lit ? 1 : 0;
  const pixels = Math.max(getWidth(extent), getHeight(extent)) / resolution;
  if (pixels >= DOT_BELOW_PIXELS) return new Style({ stroke, fill, zIndex });
  const halo = new Stroke({ color: colour("surface"), width: 2 });
  return new Style({
    geometry: new Point(getCenter(extent)),
    image: new Circle({ radius: lit ? 8 : 6, fill: new Fill({ color: tone }), stroke: halo }),
    zIndex,
  });
}
