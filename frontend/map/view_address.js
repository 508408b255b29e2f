// The view in the address: #map=zoom/latitude/longitude/opacity.
import { fromLonLat, toLonLat } from "ol/proj.js";

import { wrap } from "./places.js";

export function readView() {
  const parts = location.hash.match(/^#map=([^/]+)\/([^/]+)\/([^/]+)(?:\/(\d+))?$/);
  if (!parts) return null;
  const [zoom, latitude, longitude] = parts.slice(1, 4).map(Number);
  if (![zoom, latitude, longitude].every(Number.isFinite) || Math.abs(latitude) > 89) return null;
  const opacity = Math.min(100, Number(parts[4] ?? 100));
  return { zoom, center: fromLonLat([longitude, latitude]), opacity };
}

export function writeView(view, opacity) {
  const [longitude, latitude] = toLonLat(view.getCenter());
  const zoom = view.getZoom();
  const place = [zoom.toFixed(2), latitude.toFixed(5), wrap(longitude).toFixed(5), opacity];
  history.replaceState(history.state, "", `#map=${place.join("/")}`);
}
