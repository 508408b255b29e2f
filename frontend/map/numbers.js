// Numbers as the server writes them (repository/portal/words.py): 11 940.
export function numberText(value, digits) {
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e9)) return value.toPrecision(digits);
  return value.toLocaleString("en", { maximumSignificantDigits: digits }).replaceAll(",", "\u202f");
}
