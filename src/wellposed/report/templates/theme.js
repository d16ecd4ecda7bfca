// Before anything is drawn: the theme that the reader chose last time, else the system's.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("wellposed-theme"); } catch { /* no storage for local files in some browsers */ }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  document.documentElement.classList.add("scripted");
})();
