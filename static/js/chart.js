// Reads a chart out, bar by bar: by pointing at it, and with the arrow keys. Without this each bar has a tooltip.
(() => {
  "use strict";

  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

  function follow(figure) {
    const plot = figure.querySelector("[data-plot]");
    const output = figure.querySelector("output");
    const bars = [...plot.querySelectorAll(".plot > rect")];
    if (!bars.length) return;
    const texts = bars.map((bar) => bar.textContent);
    // The tooltips would say everything twice.
    for (const bar of bars) bar.replaceChildren();
    let at = -1;

    function show(place) {
      bars[at]?.classList.remove("on");
      at = place;
      bars[at]?.classList.add("on");
      output.textContent = texts[at] || output.dataset.hint;
    }

    function pointed(event) {
      const { left, width } = plot.getBoundingClientRect();
      const place = Math.floor(((event.clientX - left) / width) * bars.length);
      show(Math.max(0, Math.min(bars.length - 1, place)));
    }

    function pressed(event) {
      if (event.key === "Escape") return show(-1);
      const step = STEPS[event.key];
      if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const from = at < 0 && step < 0 ? bars.length : at;
      show(Math.max(0, Math.min(bars.length - 1, from + step)));
    }

    plot.setAttribute("tabindex", "0");
    plot.addEventListener("pointermove", pointed);
    plot.addEventListener("pointerdown", pointed);
    plot.addEventListener("pointerleave", () => show(-1));
    plot.addEventListener("keydown", pressed);
    plot.addEventListener("blur", () => show(-1));
    show(-1);
  }

  for (const figure of document.querySelectorAll("[data-chart]")) follow(figure);
})();
