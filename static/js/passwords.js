// A good password at a click, made in this browser. It is sent with the form and nowhere else, and kept nowhere.
(() => {
  "use strict";

  // Without characters that are taken for one another when read aloud or off a console.
  const LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  const LENGTH = 24;

  const form = document.querySelector("form[data-password-form]");
  const fields = [form.elements.password, form.elements.again];
  const show = form.querySelector("[data-show]");

  function generated() {
    let text = "";
    while (text.length < LENGTH) {
      const [number] = crypto.getRandomValues(new Uint8Array(1));
      // Numbers past the last whole round would make some letters likelier than others.
      if (number < 256 - (256 % LETTERS.length)) text += LETTERS[number % LETTERS.length];
    }
    return text;
  }

  function reveal(shown) {
    for (const field of fields) field.type = shown ? "text" : "password";
    show.setAttribute("aria-pressed", String(shown));
    show.textContent = shown ? "Hide" : "Show";
  }

  form.querySelector("[data-needs-script]").hidden = false;
  show.addEventListener("click", () => reveal(show.getAttribute("aria-pressed") !== "true"));
  form.querySelector("[data-generate]").addEventListener("click", () => {
    const password = generated();
    for (const field of fields) field.value = password;
    reveal(true);
    fields[0].select();
  });

  // Nothing that was typed is there for whoever comes back to this page.
  window.addEventListener("pagehide", () => {
    for (const field of fields) field.value = "";
    reveal(false);
  });
})();
