// What was not sent is said, and what was typed for it is kept: over a sign-in, a reload, a page that failed.
// Passwords and keys are kept nowhere, and nothing is sent by itself.
(() => {
  "use strict";

  const STORE = "typed";
  const LONGEST = 30 * 60 * 1000;
  // What is typed anew each time (`data-anew`) is a confirmation.
  const LEFT_OUT = "[type=hidden], [type=password], [autocomplete$=password], [data-anew], button, fieldset";
  const person = document.body.dataset.person || "";
  const here = location.pathname + location.search;

  // --- Typed text ----------------------------------------------------------------------------------------------

  function typedInto(form) {
    const fields = [...form.elements].filter((field) => field.name && !field.matches(LEFT_OUT));
    return fields.map(({ name, value, checked }) => ({ name, value, checked }));
  }

  function keep(form) {
    const typed = typedInto(form);
    if (!typed.length) return sessionStorage.removeItem(STORE);
    const { inPlace = "" } = form.dataset;
    write({ person, here, action: addressOf(form), opener: inPlace, typed, at: Date.now(), unsent: "" });
  }

  const addressOf = (form) => form.getAttribute("action") || "";
  const write = (kept) => sessionStorage.setItem(STORE, JSON.stringify(kept));
  const read = () => JSON.parse(sessionStorage.getItem(STORE) || "null");

  // `unsent`: "surely" or "perhaps"; empty while nothing came between the form and its answer.
  function mark(unsent) {
    const kept = read();
    if (kept) write({ ...kept, unsent });
  }

  function take() {
    const kept = read();
    sessionStorage.removeItem(STORE);
    // Going back to a form means that its answer was no page of ours.
    const cameBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
    if (!kept || !(kept.unsent || cameBack)) return;
    const mine = kept.person === person && kept.here === here && Date.now() - kept.at < LONGEST;
    if (mine && !putBack(kept)) openFor(kept);
  }

  function putBack(kept) {
    const names = (form) => kept.typed.every(({ name }) => form.elements[name]);
    const form = [...document.forms].find((each) => each.method === "post" && addressOf(each) === kept.action && names(each));
    if (!form) return false;
    kept.typed.forEach((each) => fill(form, each));
    const sent = kept.unsent === "surely" ? "This was not sent." : "This may have been sent: look first.";
    const again = form.querySelector("[type=password]") ? " Passwords and keys have to be entered again." : "";
    tell(`${sent} What you typed is in the form again; check it before you send it.${again}`, "warn");
    return true;
  }

  function fill(form, { name, value, checked }) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "radio") field.checked = field.value === value ? checked : field.checked;
      else if (field.type === "checkbox") field.checked = checked;
      else field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  // A form that stood inside a list is opened there once more.
  function openFor(kept) {
    const opener = kept.opener && document.getElementById(kept.opener);
    if (!opener) return;
    document.addEventListener("htmx:afterSettle", () => putBack(kept), { once: true });
    opener.click();
  }

  // --- What is said ---------------------------------------------------------------------------------------------

  function tell(text, tone, button) {
    const notice = made("div", `notice ${tone}`, made("p", "", text));
    if (button) notice.append(made("div", "row", button));
    document.getElementById("told").replaceChildren(notice);
  }

  function made(name, style, ...content) {
    const element = document.createElement(name);
    element.className = style;
    element.append(...content);
    return element;
  }

  function sentence(asked, surely, busy) {
    if (asked) return "Not loaded. Reload the page and try again.";
    if (busy) return "Not sent: the panel is busy. Wait a moment and try again.";
    if (surely) return "Not sent. Reload the page and try again.";
    return "No answer came, so this may or may not have been done. Reload the page and look before you try again.";
  }

  let asking = false;
  function failed({ detail }) {
    const status = detail.xhr?.status || detail.status || 0;
    const busy = Boolean(detail.xhr?.getResponseHeader("X-Nothing-Kept"));
    const surely = busy || (status >= 400 && status < 500);
    asking = isRead(detail);
    if (!asking) mark(surely ? "surely" : "perhaps");
    const reload = made("button", "button small", "Reload");
    reload.addEventListener("click", () => location.reload());
    tell(sentence(asking, surely, busy), "danger", reload);
  }

  const isRead = ({ requestConfig, status }) => status === undefined && (requestConfig?.verb || "get") === "get";

  for (const failure of ["responseError", "sendError", "timeout", "swapError", "targetError"]) {
    document.addEventListener(`htmx:${failure}`, failed);
  }
  document.addEventListener("panel:refused", failed);
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    // A list that loads again does not take back what was said of a form.
    if (!detail.successful || (isRead(detail) && !asking)) return;
    document.getElementById("told").replaceChildren();
    if (!isRead(detail)) sessionStorage.removeItem(STORE);
  });

  // On the way from a form back to it (the sign-in, a refusal) nothing is kept anew and nothing is forgotten.
  if (document.body.dataset.way === "back") return mark("surely");
  document.addEventListener("DOMContentLoaded", take);  // after htmx, which has to know the openers
  document.addEventListener("submit", ({ target }) => {
    if (target.method === "post") keep(target);
  }, true);
})();
