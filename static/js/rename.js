// Names that are edited where they stand. Escape leaves everything as it was.
(() => {
  "use strict";

  const FORM = "form[data-in-place]";

  function close(form) {
    const opener = document.getElementById(form.dataset.inPlace);
    form.remove();
    opener?.focus();
  }

  document.addEventListener("keydown", (event) => {
    const form = event.key === "Escape" && event.target.closest(FORM);
    if (form) close(form);
  });

  document.addEventListener("click", (event) => {
    const form = event.target.closest("[data-close]")?.closest(FORM);
    if (form) close(form);
  });

  // htmx gives the focus back to what was pressed; here it belongs to the field, and afterwards to what was pressed.
  document.addEventListener("htmx:afterSettle", (event) => {
    event.target.querySelector?.("[data-focus]")?.focus();
  });

  // News about a line do not take the form away from somebody who types in it: it moves into the new line.
  let typing = null;
  document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
    const form = detail.target.querySelector(FORM);
    const place = form && detail.fragment.querySelector(".name");
    if (!place) return;
    if (form.contains(document.activeElement)) typing = document.activeElement;
    form.querySelector("[data-focus]")?.removeAttribute("data-focus");
    place.append(form);
  });
  document.addEventListener("htmx:oobAfterSwap", () => {
    typing?.focus();
    typing = null;
  });
})();
