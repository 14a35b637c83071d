// A question before something is done: a dialog that the keyboard can answer, and Escape leaves.

import { field, h } from "./dom.js";

/** What was given as the reason ("" where none is asked for), or null where it was called off. */
export function asked({ title, text, reason, action }) {
  const input = reason && h("textarea", { name: "reason", rows: 2, required: true, maxlength: 500 });
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() });
    const end = (value) => {
      resolve(value);
      dialog.close();
    };
    const submit = (event) => {
      event.preventDefault();
      const given = reason ? input.value.trim() : "";
      if (reason && !given) input.focus();
      else end(given);
    };
    dialog.addEventListener("cancel", () => resolve(null));
    dialog.append(
      h(
        "form",
        { onsubmit: submit },
        h("h2", { id: "dialog-title" }, title),
        h("p", {}, text),
        input && field(reason, input),
        h(
          "div",
          { class: "tools" },
          h("button", { type: "button", class: "quiet", onclick: () => end(null) }, "Leave it"),
          h("button", { class: "danger" }, action),
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
