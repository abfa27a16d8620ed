// What makes the panel nicer with JavaScript; every page works without it.
(() => {
  "use strict";

  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const LONGEST_AGE = 30 * 86400;

  // The words of `age_text` in teams/templatetags/human.py.
  function ageText(seconds) {
    const away = Math.abs(seconds);
    const [length, name] = UNITS.find(([unit]) => away >= unit) || [1, "s"];
    const words = `${Math.floor(away / length)} ${name}`;
    return seconds >= 0 ? `${words} ago` : `in ${words}`;
  }

  // The server said the first age; adding what passed since keeps a wrong clock of the browser out of it.
  const shownAt = new WeakMap();
  function tick() {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("time[data-age]")) {
      if (!shownAt.has(element)) shownAt.set(element, { base: spokenAge(element), at: performance.now() });
      const { base, at } = shownAt.get(element);
      if (base === null) continue;
      const seconds = base + Math.floor((performance.now() - at) / 1000);
      if (Math.abs(seconds) >= LONGEST_AGE) continue;
      const text = ageText(seconds);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  function spokenAge(element) {
    const spoken = element.textContent.match(/^(in )?(\d+) (s|min|h|d)( ago)?$/);
    if (!spoken) return null;
    const length = UNITS.find(([, name]) => name === spoken[3])[0];
    const least = Number(spoken[2]) * length * (spoken[1] ? -1 : 1);
    const exact = Math.floor((Date.now() - Date.parse(element.dateTime)) / 1000);
    return exact >= least && exact < least + length ? exact : least;
  }

  // Theme: shown at once, kept in the profile by the same request that the form makes without JavaScript.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-theme-form]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    document.documentElement.dataset.theme = event.submitter.value;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button === event.submitter));
    }
    const body = new URLSearchParams(new FormData(form, event.submitter));
    fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true })
      .then(({ status }) => status >= 400 && refused(status), () => refused(0));
  });

  const refused = (status) => document.dispatchEvent(new CustomEvent("panel:refused", { detail: { status } }));

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus();
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    const search = document.querySelector("main input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu === except) continue;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  }

  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button);
  });

  async function copy(button) {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.dataset.copied = "yes";
    say("Copied");
    setTimeout(() => { delete button.dataset.copied; say(""); }, 1500);
  }

  // For screen readers.
  function say(text) {
    const place = document.getElementById("said");
    if (place) place.textContent = text;
  }

  // A narrow bar scrolls sideways; start where the reader is.
  const open = document.querySelectorAll(":is(.nav, .tabs) [aria-current]");
  for (const link of open) link.scrollIntoView({ inline: "center", block: "nearest" });
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
})();
