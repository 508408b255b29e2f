// The icons that templates and scripts name; the sprite holds these alone.
export const ICONS = [
  "ban", "chevron-down", "circle-alert", "circle-check", "circle-x", "clock", "copy", "download",
  "eye", "file-down", "globe", "hard-drive", "key-round", "layers", "link", "lock", "log-out",
  "map", "maximize", "pause", "pencil", "play", "plus", "rotate-cw", "scan-search", "search", "settings", "share-2",
  "trash-2", "triangle-alert", "upload", "x",
];
