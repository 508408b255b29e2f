// Sizes and times as the server writes them (repository/portal/words.py).
const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

export function bytesText(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value >= 10 || unit === 0 ? 0 : 1)} ${UNITS[unit]}`;
}

// Nothing until the speed is known.
export function timeLeftText(loaded, total, seconds) {
  if (seconds < 2 || loaded === 0 || loaded >= total) return "";
  const left = ((total - loaded) * seconds) / loaded;
  if (left < 60) return `, about ${Math.max(1, Math.round(left))} s left`;
  const minutes = Math.round(left / 60);
  return `, about ${minutes} minute${minutes === 1 ? "" : "s"} left`;
}
