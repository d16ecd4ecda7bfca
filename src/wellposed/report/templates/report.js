(() => {
  "use strict";
  const { figures, palettes } = JSON.parse(document.getElementById("payload").textContent);
  const root = document.documentElement;
  const places = [...document.querySelectorAll("[data-figure]")];
  const chips = [...document.querySelectorAll("button.chip")];
  const coarse = matchMedia("(pointer: coarse)").matches;
  const state = { shown: new Set(), log: false };

  // Colours in figures are tokens: "$c3", "$c3/0.15" with an opacity.
  const resolve = (value, palette) => {
    if (typeof value === "string") {
      if (value[0] !== "$") return value;
      const [name, opacity] = value.slice(1).split("/");
      const colour = palette[name];
      if (!opacity) return colour;
      const part = (start) => parseInt(colour.slice(start, start + 2), 16);
      return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
    }
    if (Array.isArray(value)) {
      return typeof value[0] === "number" ? value : value.map((entry) => resolve(entry, palette));
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, resolve(entry, palette)]));
    }
    return value;
  };

  // One range for the panels of a measure, so that train and validation can be compared by eye.
  const range = (measure) => {
    const values = [];
    for (const place of places) {
      if (place.dataset.measure !== measure || !place.dataset.figure.startsWith("curves")) continue;
      for (const trace of figures[place.dataset.figure].data) {
        if (trace.fill || !state.shown.has(trace.meta)) continue;
        for (const y of trace.y) if (y !== null && (!state.log || y > 0)) values.push(state.log ? Math.log10(y) : y);
      }
    }
    if (!values.length) return undefined;
    values.sort((a, b) => a - b);
    const at = (share) => values[Math.round(share * (values.length - 1))];
    const [low, high] = [at(0.003), at(0.997)];
    const margin = 0.05 * (high - low) || 0.05;
    return [low - margin, high + margin];
  };

  const shorten = (text, longest) => {
    const plain = text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
    const cut = plain.length > longest ? plain.slice(0, longest - 1) + "…" : plain;
    return cut.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  };

  const build = (place) => {
    const raw = figures[place.dataset.figure];
    const figure = resolve(raw, palettes[root.dataset.theme]);
    const { layout } = figure;
    layout.dragmode = coarse ? false : "zoom";
    if (place.dataset.figure.startsWith("curves")) {
      // Bands of many recipes only hide their lines.
      const few = state.shown.size <= 9;
      for (const trace of figure.data) trace.visible = state.shown.has(trace.meta) && (few || !trace.fill);
      layout.hovermode = few ? "x unified" : "closest";
      layout.xaxis.unifiedhovertitle = { text: "epoch %{x}" }; // older plotly.js ignores it
      layout.yaxis.type = state.log ? "log" : "linear";
      layout.yaxis.range = range(place.dataset.measure);
      layout.yaxis.autorange = !layout.yaxis.range;
    } else {
      layout.dragmode = false;
      if (place.clientWidth < 480) {
        layout.yaxis.ticktext = layout.yaxis.ticktext.map((text) => shorten(text, 20));
        layout.xaxis.nticks = 4;
      }
    }
    return figure;
  };

  const config = (place) => ({
    displaylogo: false,
    responsive: true,
    displayModeBar: coarse || !place.dataset.figure.startsWith("curves") ? false : "hover",
    modeBarButtons: [["toImage", "zoom2d", "resetScale2d"]],
    toImageButtonOptions: { format: "svg", filename: place.dataset.figure },
  });

  const draw = (kind = "") => {
    for (const place of places) {
      if (!place.dataset.figure.startsWith(kind)) continue;
      const figure = build(place);
      Plotly.react(place, figure.data, figure.layout, config(place));
    }
  };

  // Which recipes the learning curves show.
  const show = (names) => {
    state.shown = new Set(names);
    for (const chip of chips) chip.setAttribute("aria-pressed", String(state.shown.has(chip.dataset.recipe)));
    draw("curves");
  };
  const names = (test) => chips.filter(test).map((chip) => chip.dataset.recipe);
  const presets = {
    best: () => names((chip) => chip.dataset.first === "true"),
    all: () => names(() => true),
    baselines: () => names((chip) => chip.dataset.role === "baseline" || chip.dataset.role === "best-epoch"),
  };
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const next = new Set(state.shown);
      if (!next.delete(chip.dataset.recipe)) next.add(chip.dataset.recipe);
      show(next);
    });
  }
  for (const button of document.querySelectorAll("button[data-preset]")) {
    button.addEventListener("click", () => show(presets[button.dataset.preset]()));
  }
  const scale = document.getElementById("log-scale");
  scale?.addEventListener("click", () => {
    state.log = !state.log;
    scale.setAttribute("aria-pressed", String(state.log));
    draw("curves");
  });

  // Theme.
  const toggle = document.getElementById("theme");
  const setTheme = (theme, keep) => {
    root.dataset.theme = theme;
    toggle.setAttribute("aria-pressed", String(theme === "dark"));
    if (keep) try { localStorage.setItem("wellposed-theme", theme); } catch { /* the choice lasts for this page only */ }
    draw();
  };
  toggle.addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark", true));
  let before = null;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    if (before === "dark") setTheme("light", false);
    for (const place of places) Plotly.relayout(place, { width: Math.min(place.clientWidth, 680) });
  });
  addEventListener("afterprint", () => {
    for (const place of places) Plotly.relayout(place, { width: null });
    if (before === "dark") setTheme("dark", false);
  });

  // A sortable table.
  for (const button of document.querySelectorAll("th button[data-column]")) {
    button.addEventListener("click", () => {
      const header = button.closest("th");
      const body = header.closest("table").tBodies[0];
      const up = header.getAttribute("aria-sort") !== "ascending";
      for (const other of header.closest("table").querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.querySelectorAll("th, td")[Number(button.dataset.column)].dataset.sort;
      const order = (a, b) => {
        const [left, right] = [key(a), key(b)];
        if (left === "" || right === "") return (left === "") - (right === ""); // unknown last, either way
        const numeric = Number(left) - Number(right);
        return (Number.isNaN(numeric) ? left.localeCompare(right) : numeric) * (up ? 1 : -1);
      };
      body.append(...[...body.rows].sort(order));
    });
  }

  // Copy the command.
  const copy = document.getElementById("copy");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(document.getElementById("command").textContent);
        copy.textContent = "Copied";
      } catch {
        copy.textContent = "Select and copy by hand";
      }
      setTimeout(() => { copy.textContent = "Copy"; }, 2000);
    });
  }

  toggle.hidden = false;
  toggle.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
  state.shown = new Set(presets.best());
  draw();
  root.dataset.ready = "true";
})();
