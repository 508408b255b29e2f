// The style sheet's colours, for what is drawn on a canvas.
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function whenThemeChanges(redraw) {
  document.addEventListener("themechange", redraw);
}
