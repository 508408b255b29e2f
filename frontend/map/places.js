// Between degrees and the map's metres (EPSG:3857), antimeridian and poles included.
import { fromLonLat, toLonLat } from "ol/proj.js";

const MAX_LATITUDE = 85.05;

// left > right crosses the antimeridian (RFC 7946, 5.2): the right edge is then one world on.
export function extentOf([left, bottom, right, top]) {
  const lower = fromLonLat([left, clamp(bottom)]);
  const upper = fromLonLat([right < left ? right + 360 : right, clamp(top)]);
  return [...lower, ...upper];
}

export function boundsOf(extent) {
  const [left, bottom] = toLonLat(extent.slice(0, 2));
  const [right, top] = toLonLat(extent.slice(2));
  const world = fromLonLat([180, 0])[0] * 2;
  const sides = extent[2] - extent[0] >= world ? [-180, 180] : [wrap(left), wrap(right)];
  return [sides[0], bottom, sides[1], top].map((degrees) => Number(degrees.toFixed(4)));
}

export function positionText([longitude, latitude]) {
  const lon = wrap(longitude);
  const eastWest = `${Math.abs(lon).toFixed(4)}° ${lon < 0 ? "W" : "E"}`;
  return `${Math.abs(latitude).toFixed(4)}° ${latitude < 0 ? "S" : "N"}, ${eastWest}`;
}

export function wrap(longitude) {
  return ((((longitude + 180) % 360) + 360) % 360) - 180;
}

function clamp(latitude) {
  return Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, latitude));
}
