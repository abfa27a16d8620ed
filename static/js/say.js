// What a fragment brings is said aloud by the one live region that stays on the page: a region that is replaced
// together with its text is read by no screen reader. `data-say` marks what is worth saying when it comes.
(() => {
  "use strict";

  const place = document.getElementById("said");
  let known = new Set();
  let waiting = false;

  // Ages tick, and what is hidden says nothing.
  function textOf(element) {
    const copy = element.cloneNode(true);
    for (const age of copy.querySelectorAll("time, [hidden]")) age.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  function shown() {
    const places = [...document.querySelectorAll("[data-say]")].filter((element) => !element.closest("[hidden]"));
    return new Set(places.map(textOf).filter(Boolean));
  }

  function say() {
    waiting = false;
    const now = shown();
    const fresh = [...now].filter((text) => !known.has(text));
    known = now;
    if (fresh.length) place.textContent = fresh.join(" ");
  }

  // A swap of several places is said once.
  function soon() {
    if (!waiting) setTimeout(say, 0);
    waiting = true;
  }

  known = shown();
  for (const moment of ["htmx:oobAfterSwap", "htmx:afterSettle", "panel:shown"]) {
    document.addEventListener(moment, soon);
  }
})();
