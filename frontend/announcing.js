// Says to readers of the page by ear what others see change.
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
