// A password that was revealed leaves the page after a while, and as soon as nobody looks at it any more.
(() => {
  "use strict";

  const revealed = document.getElementById("revealed");
  const left = document.getElementById("seconds-left");
  const end = Date.now() + Number(revealed.dataset.seconds) * 1000;
  const clock = setInterval(tick, 1000);

  function tick() {
    const seconds = Math.ceil((end - Date.now()) / 1000);
    if (seconds <= 0) return hide();
    left.textContent = `Hides in ${seconds} s`;
  }

  function hide() {
    clearInterval(clock);
    revealed.remove();
    document.getElementById("hidden-again").hidden = false;
    document.dispatchEvent(new Event("panel:shown"));
  }

  // Whoever reloads or comes back meets the form again, not the browser's question whether to send it once more.
  history.replaceState(null, "", location.href);
  document.addEventListener("visibilitychange", () => document.hidden && hide());
  window.addEventListener("pagehide", hide);
  tick();
})();
