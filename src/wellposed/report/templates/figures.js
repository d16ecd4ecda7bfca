"use strict";
// Figures: unpacked from the payload, drawn when they come near the window, and again when theme or filter change.
const figures = (() => {
  const ROW = 24; // pixels a recipe, as look.ROW
  const FEW = 9; // more curves than these are drawn thin, but for those that matter most
  const BANDS = 3; // more bands than these hide each other: then only those of the selected recipe and the baseline
  const packed = JSON.parse(document.getElementById("payload").textContent);
  const root = document.documentElement;
  const places = [...document.querySelectorAll("[data-figure]")];
  const coarse = matchMedia("(pointer: coarse)").matches;
  const drawn = new Set();
  const state = { shown: null, first: new Set(), banded: new Set(), log: false };
  const measured = {};

  const unpack = (part) => {
    if (Array.isArray(part)) return part.map(unpack);
    if (!part || typeof part !== "object") return part;
    if ("@" in part) return packed.lists[part["@"]];
    return Object.fromEntries(Object.entries(part).map(([key, entry]) => [key, unpack(entry)]));
  };
  const payload = unpack(packed.value);

  // Colours in figures are tokens: "$c3", "$c3/0.15" with an opacity.
  const resolve = (value, palette) => {
    if (typeof value === "string") {
      if (value[0] !== "$") return value;
      const [name, opacity] = value.slice(1).split("/");
      const colour = palette[name];
      if (!opacity || !colour) return colour ?? value;
      const part = (start) => parseInt(colour.slice(start, start + 2), 16);
      return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
    }
    if (Array.isArray(value)) {
      const plain = value.every((entry) => entry === null || typeof entry === "number");
      return plain ? value : value.map((entry) => resolve(entry, palette));
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, resolve(entry, palette)]));
    }
    return value;
  };

  const isShown = (name) => state.shown === null || state.shown.has(name);

  // One range for the panels of a measure, so that train and validation can be compared by eye.
  const range = (group) => {
    const key = JSON.stringify([group, state.log, state.shown && [...state.shown]]);
    if (key in measured) return measured[key];
    const values = [];
    const many = count() > FEW;
    const plots = Object.values(payload.figures).filter(({ kind, group: own }) => kind === "lines" && own === group);
    const last = Math.max(...plots.flatMap(({ plot }) => plot.data.map((trace) => trace.x.at(-1))));
    const early = last < 10 ? 0 : 0.1 * last; // the steep start says little and would squeeze the rest
    for (const { plot } of plots) {
      for (const trace of plot.data) {
        if (trace.fill || !isShown(trace.meta) || (many && !state.first.has(trace.meta))) continue;
        trace.y.forEach((y, index) => {
          if (y !== null && trace.x[index] > early && (!state.log || y > 0)) values.push(state.log ? Math.log10(y) : y);
        });
      }
    }
    if (!values.length) return undefined;
    values.sort((a, b) => a - b);
    const at = (share) => values[Math.round(share * (values.length - 1))];
    const [low, high] = [at(0.003), at(0.997)];
    const margin = 0.05 * (high - low) || 0.05;
    measured[key] = [low - margin, high + margin];
    return measured[key];
  };

  const count = () => {
    const names = new Set();
    for (const { plot, kind } of Object.values(payload.figures)) {
      if (kind === "lines") for (const trace of plot.data) if (isShown(trace.meta)) names.add(trace.meta);
    }
    return names.size;
  };

  const lines = (figure, group) => {
    const { data, layout } = figure;
    const shown = count();
    const few = shown <= FEW;
    for (const trace of data) {
      trace.visible = isShown(trace.meta);
      if (trace.fill) {
        const there = trace.x.flatMap((_, index) => (trace.low[index] === null ? [] : [index]));
        const back = [...there].reverse();
        const { x, low, high } = trace;
        trace.x = [...there, ...back].map((index) => x[index]);
        trace.y = [...there.map((index) => high[index]), ...back.map((index) => low[index])];
        delete trace.low;
        delete trace.high;
        if (shown > BANDS && !state.banded.has(trace.meta)) trace.visible = false;
      } else if (!few && !state.first.has(trace.meta)) {
        trace.line.width = 1;
        trace.opacity = 0.4;
      }
    }
    const faint = (trace) => trace.opacity === 0.4;
    figure.data = [...data.filter(faint), ...data.filter((trace) => !faint(trace))];
    layout.hovermode = few ? "x unified" : "closest";
    layout.xaxis.unifiedhovertitle = { text: "epoch %{x}" }; // older plotly.js ignores it
    layout.yaxis.type = state.log ? "log" : "linear";
    layout.yaxis.range = range(group);
    layout.yaxis.autorange = !layout.yaxis.range;
  };

  // Rows of the recipes that are shown, moved together.
  const rows = ({ data, layout }) => {
    const before = new Map(layout.meta.rows.map((name, index) => [name, index]));
    const names = layout.meta.rows.filter(isShown);
    const after = new Map(names.map((name, index) => [name, index]));
    layout.yaxis.ticktext = layout.yaxis.ticktext.filter((_, index) => after.has(layout.meta.rows[index]));
    layout.yaxis.tickvals = names.map((_, index) => index);
    layout.yaxis.range = [Math.max(names.length, 1) - 0.5, -0.5];
    layout.height += ROW * (Math.max(names.length, 2) - Math.max(before.size, 2));
    for (const trace of data) {
      const names = trace.customdata; // the recipe of each point
      if (names) {
        const kept = names.flatMap((name, index) => (after.has(name) ? [index] : []));
        trace.y = kept.map((index) => trace.y[index] - before.get(names[index]) + after.get(names[index]));
        const parts = [[trace, "x"], [trace, "text"], [trace.marker, "color"], [trace.marker?.line, "color"],
          [trace.error_x, "array"], [trace.error_x, "arrayminus"], [trace, "customdata"]];
        for (const [holder, key] of parts) {
          if (Array.isArray(holder?.[key])) holder[key] = kept.map((index) => holder[key][index]);
        }
      } else if (after.has(trace.meta)) trace.y = trace.y.map(() => after.get(trace.meta));
      else trace.visible = false;
    }
    layout.annotations = (layout.annotations ?? []).flatMap((note) => {
      if (!before.has(note.name)) return [note];
      return after.has(note.name) ? [{ ...note, y: after.get(note.name) }] : [];
    });
  };

  const shorten = (text, longest) => {
    const plain = text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
    const cut = plain.length > longest ? plain.slice(0, longest - 1) + "…" : plain;
    return cut.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  };

  const build = (place) => {
    const { plot, kind, group } = payload.figures[place.dataset.figure];
    const figure = resolve(plot, payload.palettes[root.dataset.theme]);
    const { layout } = figure;
    layout.dragmode = kind === "lines" && !coarse ? "zoom" : false;
    if (kind === "lines") lines(figure, group);
    if (kind === "rows") rows(figure);
    if (place.clientWidth < 480) {
      layout.xaxis.nticks = 4;
      if (kind === "rows") layout.yaxis.ticktext = layout.yaxis.ticktext.map((text) => shorten(text, 20));
    }
    place.style.minHeight = `${layout.height}px`;
    return figure;
  };

  const config = { displaylogo: false, responsive: true, displayModeBar: false };

  const draw = (place) => {
    const figure = build(place);
    Plotly.react(place, figure.data, figure.layout, config);
    drawn.add(place);
    root.dataset.first ??= String(Math.round(performance.now()));
  };

  const redraw = (kind) => {
    for (const place of drawn) {
      if (!kind || payload.figures[place.dataset.figure].kind === kind) draw(place);
    }
  };

  const start = (first, banded) => {
    state.first = first;
    state.banded = banded;
    if (places.length) draw(places[0]);
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
      }
    }, { rootMargin: "500px 0px" });
    for (const place of places) watcher.observe(place);
  };

  const show = (names) => {
    state.shown = names;
    redraw("lines");
    redraw("rows");
  };
  const setLog = (log) => {
    state.log = log;
    redraw("lines");
  };

  addEventListener("beforeprint", () => {
    for (const place of places) {
      if (!drawn.has(place)) draw(place);
      Plotly.relayout(place, { width: Math.min(place.clientWidth, 680) });
    }
  });
  addEventListener("afterprint", () => {
    for (const place of places) Plotly.relayout(place, { width: null });
  });

  for (const button of document.querySelectorAll("button[data-svg]")) {
    button.addEventListener("click", () => {
      const place = document.querySelector(`[data-figure="${CSS.escape(button.dataset.svg)}"]`);
      if (!drawn.has(place)) draw(place);
      Plotly.downloadImage(place, { format: "svg", filename: button.dataset.svg, width: 900, height: place.clientHeight });
    });
  }

  return { FEW, start, show, setLog, redraw, numbers: (name) => payload.figures[name].numbers };
})();
