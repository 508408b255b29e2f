// The theme: the system's, or the one chosen here and kept in a cookie that the server reads.
const YEAR = 31536000;

export function prepareTheme() {
  const choice = document.getElementById("theme");
  choice?.addEventListener("change", () => {
    choose(choice.value);
    document.dispatchEvent(new Event("themechange"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new Event("themechange")),
  );
}

function choose(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.querySelector("meta[name=color-scheme]").content = theme || "light dark";
  const age = theme ? YEAR : 0;
  document.cookie = `theme=${theme}; Path=/; Max-Age=${age}; SameSite=Lax`;
}
