// The first script: signs in, and shows the page that the address names after its «#».

import { held, ownKey } from "./api.js";
import { page as chat } from "./chat.js";
import { field, h, notice } from "./dom.js";
import { page as facts } from "./facts.js";
import { page as figures } from "./figures.js";
import { page as keys } from "./keys.js";
import { may } from "./roles.js";
import { page as slots } from "./slots.js";
import { page as teach } from "./teach.js";
import { page as versions } from "./versions.js";

// What a role may not do the API refuses; here it is left out of sight, no more.
const PAGES = [
  { name: "chat", label: "Chat", page: chat, role: "reader" },
  { name: "teach", label: "Teach", page: teach, role: "writer" },
  { name: "facts", label: "Facts", page: facts, role: "reader" },
  { name: "versions", label: "Versions", page: versions, role: "operator" },
  { name: "figures", label: "Figures", page: figures, role: "operator" },
  { name: "slots", label: "Slots", page: slots, role: "operator" },
  { name: "keys", label: "Keys", page: keys, role: "admin" },
];

const main = document.getElementById("main");
let shown = new AbortController();
let holder = null;

function signIn(told) {
  shown.abort();
  holder = null;
  document.getElementById("top").hidden = true;
  const input = h("input", { name: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const problem = h("div", {}, told && notice(told));
  const submit = async (event) => {
    event.preventDefault();
    problem.replaceChildren();
    const key = input.value.trim();
    if (!/^[\x21-\x7e]+$/.test(key)) return problem.append(notice("A key is one word that begins with sw_."));
    held.keep(key);
    await enter();
    if (holder) main.focus({ preventScroll: true });
  };
  const hint = [
    "It is kept in this tab until you close it. ",
    h("code", {}, "slotwise up"),
    " prints the first one; an admin makes others.",
  ];
  main.replaceChildren(
    h(
      "form",
      { class: "sign-in", onsubmit: submit },
      h("h1", {}, "Slotwise"),
      h("p", { class: "lead" }, "A live model, and what it was taught."),
      field("API key", input, hint),
      problem,
      h("button", {}, "Sign in"),
    ),
  );
  input.focus();
}

async function enter() {
  try {
    holder = await ownKey();
  } catch (error) {
    if (error.status !== 401) signIn(error.message);
    return;
  }
  const name = h("span", { title: holder.name }, holder.name);
  const leave = h(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: () => {
        held.drop();
        location.reload();
      },
    },
    "Sign out",
  );
  const role = holder.namespace === "main" ? holder.role : `${holder.role} of ${holder.namespace}`;
  document.getElementById("holder").replaceChildren(name, h("span", { class: "role" }, role), leave);
  document.getElementById("top").hidden = false;
  await show();
}

async function show() {
  if (!holder) return;
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  const [, path, query] = location.hash.match(/^#?([^?]*)\??(.*)$/s);
  const [name, ...rest] = path.split("/");
  const wanted = PAGES.find((one) => one.name === name) ?? PAGES[0];
  tabs(wanted);
  document.title = `${wanted.label} · Slotwise`;
  main.setAttribute("aria-busy", "true");
  let parts;
  try {
    parts = await wanted.page({ path: rest, query: new URLSearchParams(query), role: holder.role, signal });
  } catch (error) {
    parts = [h("h1", {}, wanted.label), notice(error.message)];
  }
  if (signal.aborted) return;
  main.replaceChildren(...parts);
  main.removeAttribute("aria-busy");
}

function tabs(current) {
  const links = PAGES.filter((one) => may(holder.role, one.role)).map((one) =>
    h("a", { href: `#${one.name}`, "aria-current": one === current && "page" }, one.label),
  );
  document.getElementById("tabs").replaceChildren(...links);
}

addEventListener("refused", (event) => {
  held.drop();
  signIn(`${event.detail}.`);
});
addEventListener("hashchange", async () => {
  if (location.hash === "#main") return; // the skip link
  await show();
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
});

if (held.key()) await enter();
else signIn();
