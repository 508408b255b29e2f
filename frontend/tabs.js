// Tabs by the WAI-ARIA pattern: arrow keys move, the chosen program is remembered.
const REMEMBERED = "gis";

export function prepareTabs() {
  document.querySelectorAll("[data-tabs]").forEach(prepare);
}

function prepare(tabs) {
  const list = tabs.querySelector("[data-tab-list]");
  const buttons = [...list.querySelectorAll("button")];
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Program");
  for (const button of buttons) {
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", button.dataset.panel);
    const panel = document.getElementById(button.dataset.panel);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
    button.addEventListener("click", () => select(buttons, button));
  }
  list.addEventListener("keydown", (event) => move(event, buttons));
  const remembered = localStorage.getItem(REMEMBERED);
  select(buttons, buttons.find((button) => button.id === remembered) ?? buttons[0]);
  tabs.dataset.ready = "";
}

function select(buttons, chosen) {
  for (const button of buttons) {
    button.setAttribute("aria-selected", button === chosen);
    button.tabIndex = button === chosen ? 0 : -1;
    document.getElementById(button.dataset.panel).hidden = button !== chosen;
  }
  localStorage.setItem(REMEMBERED, chosen.id);
}

function move(event, buttons) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  const step = steps[event.key];
  if (!step) return;
  const last = buttons.length - 1;
  const at = buttons.indexOf(document.activeElement);
  const wrapped = (at + step + buttons.length) % buttons.length;
  const next = buttons[Number.isFinite(step) ? wrapped : step > 0 ? last : 0];
  event.preventDefault();
  next.focus();
  select(buttons, next);
}
