// Tables: sorted by their headings, copied, made from a figure's numbers.
(() => {
  const MOST = 300; // rows of numbers shown beside a figure; all are in its CSV
  const said = document.getElementById("said");
  const say = (text) => { said.textContent = text; };

  for (const button of document.querySelectorAll("th button[data-column]")) {
    button.addEventListener("click", () => {
      const header = button.closest("th");
      const table = header.closest("table");
      const up = header.getAttribute("aria-sort") !== "ascending";
      for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[Number(button.dataset.column)].dataset.sort;
      const order = (a, b) => {
        const [left, right] = [key(a), key(b)];
        if (left === "" || right === "") return (left === "") - (right === ""); // unknown last, either way
        const numeric = Number(left) - Number(right);
        return (Number.isNaN(numeric) ? left.localeCompare(right) : numeric) * (up ? 1 : -1);
      };
      table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
      say(`Sorted by ${button.textContent}, ${up ? "lowest" : "highest"} first`);
    });
  }

  // A spreadsheet takes text that begins like a formula for one.
  const guarded = (text) => (/^(?:[=@\t\r]|[+-](?![\d.]))/.test(text) ? `'${text}` : text);

  const copied = async (button, text) => {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here: select and copy";
    }
    say(button.textContent);
    setTimeout(() => { button.textContent = label; }, 2000);
  };
  if (navigator.clipboard) {
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", () => copied(button, document.getElementById(button.dataset.copy).textContent));
    }
    for (const button of document.querySelectorAll("button[data-copy-table]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        const table = document.querySelector(`#${CSS.escape(button.dataset.copyTable)} table`);
        const rows = [...table.rows].filter((row) => !row.hidden);
        const line = (row) => [...row.cells].flatMap((cell) => {
          const text = guarded(cell.innerText.replace(/\s+/g, " ").trim());
          return [text, ...Array(cell.colSpan - 1).fill("")];
        });
        copied(button, rows.map((row) => line(row).join("\t")).join("\n"));
      });
    }
  }

  // The numbers of a figure: columns, or several blocks of columns in which a single value stands for all rows.
  const expanded = (numbers) => {
    const blocks = Array.isArray(numbers) ? numbers : [numbers];
    const columns = [...new Set(blocks.flatMap((block) => Object.keys(block)))];
    const rows = blocks.flatMap((block) => {
      const length = Math.max(0, ...Object.values(block).map((part) => (Array.isArray(part) ? part.length : 1)));
      return Array.from({ length }, (_, index) =>
        columns.map((column) => (Array.isArray(block[column]) ? block[column][index] : block[column]) ?? null));
    });
    return { columns, rows };
  };
  const field = (value) => {
    if (value === null) return "";
    const text = typeof value === "string" ? guarded(value) : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const csv = (name) => {
    const { columns, rows } = expanded(figures.numbers(name));
    return [columns, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
  };
  for (const button of document.querySelectorAll("button[data-csv]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.csv;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([csv(name)], { type: "text/csv" }));
      link.download = `${name}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      say(`Saved ${name}.csv`);
    });
  }

  const plain = (value) => {
    if (typeof value !== "number") return value ?? "–";
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
  };
  const element = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== null) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const table = (name, title) => {
    const { columns, rows } = expanded(figures.numbers(name));
    const made = element("table", null, { "aria-label": title });
    const head = element("tr", null);
    head.append(...columns.map((column) => element("th", column.replace(/_/g, " "), { scope: "col" })));
    made.createTHead().append(head);
    const body = made.createTBody();
    for (const row of rows.slice(0, MOST)) {
      const line = element("tr", null);
      line.append(...row.map((value) => element("td", plain(value), typeof value === "string" ? { class: "words" } : {})));
      body.append(line);
    }
    const box = element("div", null, { class: "numbers", tabindex: "0", role: "region", "aria-label": title });
    if (rows.length > MOST) box.append(element("p", `The first ${MOST} of ${rows.length} rows; the CSV has all.`));
    box.append(made);
    return box;
  };
  for (const button of document.querySelectorAll("button[data-numbers]")) {
    button.addEventListener("click", () => {
      const holder = button.closest("figure");
      const there = holder.querySelector(".numbers");
      if (there) there.remove();
      else holder.append(table(button.dataset.numbers, button.getAttribute("aria-label")));
      button.setAttribute("aria-expanded", String(!there));
    });
  }
})();
