// Progressive enhancement of the page “Revenue impact”: shows a chart's values of one day by pointer and keyboard, with
// the texts of the table of days, and closes menus and tooltips on Escape.
(() => {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const DAYS_BY_KEY = new Map([["ArrowLeft", -1], ["ArrowRight", 1], ["PageUp", -7], ["PageDown", 7]]);

  /**
   * A chart's values of one day: the amounts by channel and their total.
   * @typedef {{day: string, amounts: string[], total: string}} Reading
   */

  const table = /** @type {HTMLTableElement | null} */ (document.querySelector("[data-alhena-days] table"));

  /** @param {Element} element */
  const textOf = (element) => (element.textContent || "").replace(/\s+/g, " ").trim();

  /**
   * The readings of all days, the oldest first. The table has the newest first.
   * @param {HTMLTableElement} table
   * @param {number} first the index of the chart's first cell in a row
   * @param {number} count the number of channels
   * @returns {Reading[]}
   */
  function readingsOf(table, first, count) {
    return Array.from(table.tBodies[0].rows, (row) => {
      const [day, ...cells] = Array.from(row.cells, textOf);
      return { day, amounts: cells.slice(first, first + count), total: cells[first + count] };
    }).reverse();
  }

  /**
   * Add a cursor to a chart. The day's values replace those of the whole range.
   * @param {HTMLElement} figure
   * @param {HTMLTableElement} table
   */
  function makeReadable(figure, table) {
    const reader = /** @type {HTMLElement | null} */ (figure.querySelector("[data-alhena-reader]"));
    const plot = reader && reader.querySelector("svg");
    const when = figure.querySelector("[data-alhena-when]");
    const sum = figure.querySelector("[data-alhena-total]");
    if (!reader || !plot || !when || !sum) return;
    const places = Array.from(figure.querySelectorAll("[data-alhena-amount]"));
    const first = Number(figure.dataset.firstCell);
    const readings = readingsOf(table, first, places.length);
    const labels = Array.from(table.tHead ? table.tHead.rows[1].cells : [], textOf).slice(first);
    /** @type {Reading} */
    const whole = { day: textOf(when), amounts: places.map(textOf), total: textOf(sum) };
    const last = readings.length - 1;

    const cursor = document.createElementNS(SVG, "rect");
    cursor.setAttribute("class", "alhena-cursor");
    cursor.setAttribute("width", `${100 / readings.length}%`);
    cursor.setAttribute("height", "100%");

    let current = -1;

    /** @param {Reading} reading */
    function inWords({ day, amounts, total }) {
      const entry = reader?.dataset.entry || "%(label)s: %(value)s";
      /** @type {Record<string, string>} */
      const named = {};
      return [day, ...[...amounts, total].map((value, number) => {
        named.label = labels[number];
        named.value = value;
        return entry.replace(/%\((\w+)\)s/g, (_, name) => named[name]);
      })].join("\n");
    }

    /** @param {number} day its index, or -1 for the whole range */
    function show(day) {
      if (!reader || !plot || !when || !sum) return;
      current = day;
      const reading = day < 0 ? whole : readings[day];
      when.textContent = reading.day;
      sum.textContent = reading.total;
      places.forEach((place, number) => { place.textContent = reading.amounts[number]; });
      figure.classList.toggle("alhena-reading", day >= 0);
      reader.setAttribute("aria-valuenow", String(day < 0 ? readings.length : day + 1));
      reader.setAttribute("aria-valuetext", inWords(reading));
      if (day < 0) {
        cursor.remove();
      } else {
        cursor.setAttribute("x", `${(100 * day) / readings.length}%`);
        plot.insertBefore(cursor, plot.firstChild);
      }
    }

    // Screen readers announce changes of a slider's value and leave the arrow keys to the page.
    reader.setAttribute("role", "slider");
    reader.setAttribute("tabindex", "0");
    reader.setAttribute("aria-label", reader.dataset.label || "");
    reader.setAttribute("aria-valuemin", "1");
    reader.setAttribute("aria-valuemax", String(readings.length));
    show(-1);

    reader.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const step = DAYS_BY_KEY.get(event.key);
      if (step !== undefined) {
        const from = current < 0 ? (step < 0 ? last + 1 : -1) : current;
        show(Math.min(Math.max(from + step, 0), last));
      } else if (event.key === "Home") {
        show(0);
      } else if (event.key === "End") {
        show(last);
      } else {
        return; // Escape is handled on the document
      }
      event.preventDefault();
    });
    for (const type of /** @type {const} */ (["pointermove", "pointerdown"])) {
      reader.addEventListener(type, (event) => {
        const box = plot.getBoundingClientRect();
        const day = Math.floor(((event.clientX - box.left) / box.width) * readings.length);
        const inside = Math.min(Math.max(day, 0), last);
        if (inside !== current) show(inside);
      });
    }
    reader.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") show(-1); // lifting a finger fires pointerleave, too
    });
    reader.addEventListener("blur", () => show(-1));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && current >= 0) show(-1);
    });
    // The browser's tooltips would cover the bars and repeat the values.
    for (const title of Array.from(plot.querySelectorAll("title"))) title.remove();
  }

  if (table) {
    /** @type {NodeListOf<HTMLElement>} */
    const figures = document.querySelectorAll("[data-alhena-chart]");
    for (const figure of Array.from(figures)) makeReadable(figure, table);
    /** @type {HTMLElement | null} */
    const hint = document.querySelector("[data-alhena-hint]");
    if (hint) hint.hidden = !document.querySelector("[data-alhena-reader]");
  }

  /** @type {HTMLDetailsElement[]} */
  const menus = Array.from(document.querySelectorAll("details.alhena-menu"));
  const tips = Array.from(document.querySelectorAll(".alhena-tip, .alhena-missing"));
  for (const tip of tips) {
    for (const type of ["pointerenter", "focusin", "click"]) {
      tip.addEventListener(type, () => tip.classList.remove("alhena-dismissed"));
    }
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const tip of tips) tip.classList.add("alhena-dismissed");
    for (const menu of menus) {
      if (!menu.open) continue;
      if (menu.contains(document.activeElement)) menu.querySelector("summary")?.focus();
      menu.open = false;
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of menus) {
      if (menu.open && event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
    }
  });

  // Print the table of days even if it is collapsed.
  const days = table && table.closest("details");
  let wasOpen = false;
  addEventListener("beforeprint", () => {
    if (!days) return;
    wasOpen = days.open;
    days.open = true;
  });
  addEventListener("afterprint", () => {
    if (days) days.open = wasOpen;
  });
})();
