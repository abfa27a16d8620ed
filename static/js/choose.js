// A long list of choices is narrowed while one types. What is chosen already stays in sight.
(() => {
  "use strict";

  function narrow(search) {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const list = document.getElementById(search.dataset.choose);
    let shown = 0;
    for (const group of list.querySelectorAll("[data-group]")) {
      const here = [...group.querySelectorAll("[data-choice]")].filter((choice) => keep(choice, words)).length;
      group.hidden = here === 0;
      shown += here;
    }
    document.getElementById(`${list.id}-none`).hidden = shown > 0;
  }

  function keep(choice, words) {
    const text = choice.textContent.toLowerCase();
    const kept = choice.querySelector("input").checked || words.every((word) => text.includes(word));
    choice.hidden = !kept;
    return kept;
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-choose]")) narrow(event.target);
  });

  // Enter would load the page anew and lose what was chosen.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("[data-choose]")) event.preventDefault();
  });
  for (const button of document.querySelectorAll("[data-choose-button]")) button.hidden = true;
})();
