// Filters of a list answer while one types; what was left empty stays out of the address.
(() => {
  "use strict";

  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches("form[data-filters]")) return;
    const given = event.detail.parameters;
    for (const name of Object.keys(given)) {
      if (given[name] === "") delete given[name];
    }
  });
})();
