// Offers coordinate systems while their code or a word of their name is typed.
const PAUSE_MS = 250;

export function prepareCrsSearch() {
  const field = document.getElementById("id_crs");
  const list = document.getElementById("crs-examples");
  if (!field || !list) return;
  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => offer(field, list), PAUSE_MS);
  });
}

async function offer(field, list) {
  const text = field.value.trim();
  if (text.length < 2 || text.length > 100) return;
  const answer = await fetch(`${list.dataset.search}?q=${encodeURIComponent(text)}`).catch(() => null);
  if (!answer?.ok || answer.redirected || field.value.trim() !== text) return;
  const { items } = await answer.json();
  if (items.length) list.replaceChildren(...items.map(option));
}

// The text that was typed is a part of the label, or the browser would hide the option.
function option({ code, name, area }) {
  const element = document.createElement("option");
  element.value = code;
  element.textContent = [`${code} ${name}`, area].filter(Boolean).join(", ");
  return element;
}
