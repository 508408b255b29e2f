// How much of the map the legend covers: data are shown beside or above it, never under it.
import { getHeight, getWidth } from "ol/extent.js";

const MARGIN = 32;

// The padding (top, right, bottom, left; pixels) that shows the extent largest.
export function roomFor(target, legend, extent) {
  const around = [MARGIN, MARGIN, MARGIN, MARGIN];
  if (!legend.querySelector("p") || getComputedStyle(legend).position !== "absolute") return around;
  const above = [MARGIN, MARGIN, legend.offsetHeight + 28, MARGIN];
  const beside = [MARGIN, MARGIN, MARGIN, legend.offsetWidth + 28];
  return scale(target, extent, above) >= scale(target, extent, beside) ? above : beside;
}

function scale(target, extent, [top, right, bottom, left]) {
  const across = (target.clientWidth - left - right) / getWidth(extent);
  return Math.min(across, (target.clientHeight - top - bottom) / getHeight(extent));
}
