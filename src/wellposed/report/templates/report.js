// The page: recipe filter, theme, explanations of words.
(() => {
  // The drawing library, unpacked from the page; the page's policy lets exactly this script run.
  const drawing = async () => {
    const bytes = Uint8Array.from(atob(document.getElementById("plotly").textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  };
  const root = document.documentElement;
  const chips = [...document.querySelectorAll("button.chip")];

  // Above the curves: those that are drawn in full.
  const legend = (shown) => {
    const first = new Set(chips.filter((chip) => chip.dataset.first === "true").map((chip) => chip.dataset.recipe));
    for (const entry of document.querySelectorAll("li[data-recipe]")) {
      const name = entry.dataset.recipe;
      entry.hidden = !shown.has(name) || (shown.size > figures.FEW && !first.has(name));
    }
  };

  // Which recipes figures and tables show.
  const filter = (names) => {
    const shown = new Set(names);
    for (const chip of chips) chip.setAttribute("aria-pressed", String(shown.has(chip.dataset.recipe)));
    for (const row of document.querySelectorAll("tr[data-recipe]")) row.hidden = !shown.has(row.dataset.recipe);
    legend(shown);
    const all = shown.size === chips.length;
    document.getElementById("filter-state").textContent = all ? `all ${chips.length} shown` : `${shown.size} of ${chips.length} shown`;
    figures.show(all ? null : shown);
  };
  const names = (test) => chips.filter(test).map((chip) => chip.dataset.recipe);
  const base = (chip) => chip.dataset.role === "baseline" || chip.dataset.role === "best-epoch";
  const presets = {
    all: () => names(() => true),
    best: () => names((chip) => chip.dataset.first === "true"),
    helps: () => names((chip) => chip.dataset.helps === "true" || base(chip)),
    baselines: () => names(base),
  };
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const pressed = new Set(names((other) => other.getAttribute("aria-pressed") === "true"));
      if (!pressed.delete(chip.dataset.recipe)) pressed.add(chip.dataset.recipe);
      filter(pressed);
    });
  }
  for (const button of document.querySelectorAll("button[data-preset]")) {
    button.addEventListener("click", () => filter(presets[button.dataset.preset]()));
  }
  const scale = document.getElementById("log-scale");
  scale?.addEventListener("click", () => {
    const log = scale.getAttribute("aria-pressed") !== "true";
    scale.setAttribute("aria-pressed", String(log));
    figures.setLog(log);
  });
  const panel = document.getElementById("filter");
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel?.open) {
      panel.open = false;
      panel.querySelector("summary").focus();
    }
  });

  // Theme.
  const toggle = document.getElementById("theme");
  const setTheme = (theme, keep) => {
    root.dataset.theme = theme;
    toggle.setAttribute("aria-pressed", String(theme === "dark"));
    if (keep) try { localStorage.setItem("wellposed-theme", theme); } catch { /* the choice lasts for this page only */ }
    figures.redraw();
  };
  toggle.addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark", true));
  let before = null;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    if (before === "dark") setTheme("light", false);
    for (const details of document.querySelectorAll("main details")) details.open = true;
  });
  addEventListener("afterprint", () => {
    if (before === "dark") setTheme("dark", false);
  });

  // An explanation opens below its word.
  for (const button of document.querySelectorAll("button.term")) {
    button.addEventListener("click", () => {
      const word = document.getElementById(button.getAttribute("popovertarget"));
      requestAnimationFrame(() => {
        const [at, size] = [button.getBoundingClientRect(), word.getBoundingClientRect()];
        const below = at.bottom + 6 + size.height < innerHeight;
        word.style.left = `${Math.max(8, Math.min(at.left, root.clientWidth - size.width - 8)) + scrollX}px`;
        word.style.top = `${(below ? at.bottom + 6 : Math.max(8, at.top - size.height - 6)) + scrollY}px`;
      });
    });
  }

  legend(new Set(presets.all()));
  toggle.hidden = false;
  toggle.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
  const banded = (chip) => chip.dataset.role === "selected" || chip.dataset.role === "baseline";
  drawing().then(() => {
    figures.start(new Set(presets.best()), new Set(names(banded)));
    root.dataset.ready = "true";
  }, () => root.classList.remove("scripted")); // an old browser shows words and tables
})();
