// Lines of longitude and latitude with their names at the map's left and upper edges.
import Graticule from "ol/layer/Graticule.js";
import Fill from "ol/style/Fill.js";
import Stroke from "ol/style/Stroke.js";
import Text from "ol/style/Text.js";

import { colour, whenThemeChanges } from "./colours.js";

// Degrees. Nothing wider than 60: parallels are counted from the edge of Mercator otherwise.
const INTERVALS = [60, 30, 20, 10, 5, 2, 1, 1 / 2, 1 / 3, 1 / 6, 1 / 12, 1 / 30, 1 / 60, 1 / 120, 1 / 360];

export function graticule() {
  const label = { font: "500 12px 'Source Sans 3', sans-serif" };
  const lines = new Stroke({ width: 1, lineDash: [3, 4] });
  const longitudes = new Text({ ...label, textBaseline: "top", offsetY: 6 });
  const latitudes = new Text({ ...label, textAlign: "start", textBaseline: "bottom", offsetX: 8 });
  const paint = () => {
    lines.setColor(colour("border"));
    for (const text of [longitudes, latitudes]) {
      text.setFill(new Fill({ color: colour("text") }));
      text.setStroke(new Stroke({ color: colour("surface"), width: 3 }));
    }
  };
  paint();
  whenThemeChanges(paint);
  return new Graticule({
    strokeStyle: lines,
    showLabels: true,
    lonLabelPosition: 1,
    latLabelPosition: 0,
    lonLabelStyle: longitudes,
    latLabelStyle: latitudes,
    wrapX: true,
    targetSize: 120,
    intervals: INTERVALS,
  });
}
