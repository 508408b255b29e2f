// Where rasters would lie, on our own base map.
import { boundingExtent, extend } from "ol/extent.js";

import { createMap } from "../map/base_map.js";
import { graticule } from "../map/graticule.js";
import { outlineLayer } from "../map/outline_layer.js";

export function showPlaces(target) {
  const layer = outlineLayer(JSON.parse(document.getElementById("preview-data").textContent));
  const map = createMap(target, [graticule(), layer]);
  const extent = boundingExtent([]);
  layer.getSource().forEachFeature((feature) => void extend(extent, feature.get("extent")));
  map.getView().fit(extent, { padding: [64, 64, 64, 64], maxZoom: 8 });
}
