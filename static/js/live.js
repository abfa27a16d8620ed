// Keeps an open page true. Without it the page is what it was when it was loaded, and says how old that is.
//
// #live says where to ask and whether anything moves. While something does, it is asked every two seconds, every
// fifteen in a tab that nobody sees; otherwise once when somebody comes back to the tab. The answer replaces #live
// and whatever changed, by htmx, which keeps the focus and does not scroll.
(() => {
  "use strict";

  const SEEN = 2000;
  const HIDDEN = 15000;
  const LONGEST = 60000;
  let timer = 0;
  let asking = false;
  let failures = 0;

  const place = () => document.getElementById("live");

  // What the page says of the panel as a whole, so that the answer tells when that is no longer so.
  const alarms = () => document.querySelector("#alarms [data-shown]")?.dataset.shown ?? "";

  function schedule() {
    clearTimeout(timer);
    const live = place();
    if (!live || (live.dataset.moving !== "yes" && failures === 0)) return;
    const pause = document.hidden ? HIDDEN : SEEN;
    timer = setTimeout(ask, Math.min(pause * 2 ** failures, LONGEST));
  }

  async function ask() {
    const live = place();
    if (!live || asking) return;
    asking = true;
    try {
      await look(live);
    } finally {
      asking = false;
    }
    schedule();
  }

  async function look(live) {
    let response;
    try {
      response = await fetch(`${live.dataset.url}&alarms=${alarms()}`, { headers: { Accept: "text/html" }, redirect: "manual" });
    } catch {
      return failed();
    }
    if (response.type === "opaqueredirect") return signedOut(live);
    // The right is gone, or the page: the browser shows what there is to say, and this stops.
    if (response.status === 403 || response.status === 404) return window.location.reload();
    if (response.status !== 200 && response.status !== 204) return failed();
    answered();
    if (response.status === 204) return;
    const html = await response.text();
    // An answer for filters that were changed meanwhile belongs to a list that is no longer there.
    if (live === place()) take(html);
  }

  function take(html) {
    window.htmx.swap("#live", html, { swapStyle: "none", swapDelay: 0, settleDelay: 0 });
    if (place() && place().dataset.reload === "yes") window.location.reload();
  }

  function failed() {
    failures = Math.min(failures + 1, 5);
    show("live-away", failures > 1);
  }

  function answered() {
    failures = 0;
    show("live-away", false);
  }

  function signedOut(live) {
    live.dataset.moving = "no";
    answered();
    show("live-out", true);
  }

  function show(id, visible) {
    const note = document.getElementById(id);
    if (!note || note.hidden === !visible) return;
    note.hidden = !visible;
    document.dispatchEvent(new Event("panel:shown"));
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? schedule() : ask()));
  window.addEventListener("focus", ask);
  // A list that was filtered brings its own #live.
  document.addEventListener("htmx:afterSettle", schedule);
  schedule();
})();
