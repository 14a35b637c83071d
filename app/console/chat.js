// Chat with the live model and, beside it, the same question in the same conversation at another version.

import * as api from "./api.js";
import { Answer } from "./answer.js";
import { field, h, heading } from "./dom.js";
import { may } from "./roles.js";

const NEWEST = 100; // versions that the picker shows
const talk = { messages: [], element: h("ol", { class: "talk" }), beside: "", asking: null, form: null };

/** The page; a conversation, and an answer on its way, outlive a look at other pages. */
export async function page({ role }) {
  const picker = await versionPicker(role);
  const anew = h("button", { type: "button", class: "quiet", onclick: begin }, "New conversation");
  const lead = "Every answer says which version gave it and, where it was taught, which fact it comes from.";
  talk.form ??= form();
  return [heading("Chat", lead, picker, anew), talk.element, talk.form];
}

function form() {
  // Not «required»: it is empty when «Stop» is pressed.
  const box = h("textarea", { id: "field-question", rows: 2, placeholder: "Ask something" });
  const button = h("button", {}, "Ask");
  const label = h("label", { for: box.id, class: "unseen" }, "Question");
  const made = h("form", { class: "ask", onsubmit: (event) => submitted(event, box, button) }, label, box, button);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    made.requestSubmit();
  });
  return made;
}

async function versionPicker(role) {
  const [models, names] = await Promise.all([api.models(), may(role, "operator") ? api.aliases() : null]);
  const numbers = models.data.filter(({ id }) => id.includes("@")).slice(0, NEWEST);
  const named = (names?.items ?? []).map(({ name, version }) => [name, `${name} (version ${version})`]);
  if (names && names.previous !== null) named.unshift(["previous", `previous (version ${names.previous})`]);
  const option = ([value, label]) => h("option", { value, selected: value === talk.beside }, label);
  const control = h(
    "select",
    { name: "beside", onchange: () => (talk.beside = control.value) },
    option(["", "nothing"]),
    named.length > 0 && h("optgroup", { label: "Names" }, named.map(option)),
    h(
      "optgroup",
      { label: "Versions" },
      numbers.map(({ version }) => option([String(version), `version ${version}`])),
    ),
  );
  talk.beside = control.value; // nothing, where that version is there no more
  return field("Beside it", control);
}

function begin() {
  talk.asking?.abort();
  talk.messages = [];
  talk.element.replaceChildren();
  document.getElementById("field-question").focus();
}

async function submitted(event, box, button) {
  event.preventDefault();
  if (talk.asking) return talk.asking.abort();
  const question = box.value.trim();
  if (!question) return;
  box.value = "";
  button.textContent = "Stop";
  talk.asking = new AbortController();
  try {
    await ask(question, talk.asking.signal);
  } finally {
    talk.asking = null;
    button.textContent = "Ask";
  }
}

async function ask(question, signal) {
  const messages = [...talk.messages, { role: "user", content: question }];
  const live = new Answer("Live");
  const other = talk.beside && new Answer(/^\d+$/.test(talk.beside) ? "Beside it" : `Beside it: ${talk.beside}`);
  const cards = h("div", { class: other ? "answers two" : "answers" }, live.element, other && other.element);
  talk.element.append(h("li", {}, h("p", { class: "question" }, question), cards));
  cards.scrollIntoView({ block: "nearest" });
  const [text] = await Promise.all([
    answered("slotwise", messages, live, signal),
    other && answered(`slotwise@${talk.beside}`, messages, other, signal),
  ]);
  cards.scrollIntoView({ block: "nearest" });
  if (text && !signal.aborted) talk.messages = [...messages, { role: "assistant", content: text }];
}

/** Let an answer come into its card; its text, or nothing where it did not come to its end. */
async function answered(model, messages, card, signal) {
  let text = "";
  try {
    for await (const { data } of await api.chat(model, messages, signal)) {
      if (data === "[DONE]") break;
      const told = JSON.parse(data);
      if (told.error) throw new Error(told.error.message);
      card.by(told.model.split("@")[1]);
      const [choice] = told.choices;
      text += choice.delta.content ?? "";
      card.add(choice.delta.content ?? "");
      if (choice.finish_reason) card.done(choice.citations, choice.finish_reason);
    }
    return text;
  } catch (error) {
    card.fail(signal.aborted ? "Stopped." : error.message);
    return "";
  }
}
