// What changes from one version to another: facts, the way between them, and what both say to the same questions.

import * as api from "./api.js";
import { Answer } from "./answer.js";
import { h, heading, pill, terms } from "./dom.js";
import { told } from "./told.js";

/** The page of a diff. */
export async function difference(a, b, ask) {
  const diff = await api.diff(a, b, ask);
  const { added, removed } = diff;
  const nothing = !added.length && !removed.length && !diff.replaced.length;
  const said = diff.answers.map((one) => answers(one, diff));
  const measured = [
    ["Slots that differ", diff.slots],
    ["Bytes on the way", diff.bytes.toLocaleString()],
  ];
  return [
    h("p", { class: "back" }, h("a", { href: `#versions/${diff.a}` }, `Version ${diff.a}`)),
    heading(`From version ${diff.a} to ${diff.b}`, way(diff)),
    said.length > 0 && h("section", {}, h("h2", {}, "Asked"), h("ol", { class: "talk" }, said)),
    nothing && h("p", { class: "empty" }, "Both tell the same facts."),
    section("Told anew", added, (fact) => row(fact)),
    section("Not told any more", removed, (fact) => row(fact)),
    section("Told otherwise", diff.replaced, (pair) => replaced(pair, diff)),
    h("section", { class: "card" }, terms(measured)),
  ].filter(Boolean);
}

/** Back to the newest version that both come from, and forward. */
function way({ ancestor, back, forward }) {
  const numbers = (steps) => steps.map(({ version }) => version);
  return [...numbers(back), ancestor, ...numbers(forward)].join(" → ");
}

function section(title, items, made) {
  return items.length > 0 && h("section", {}, h("h2", {}, title), h("ul", { class: "rows" }, items.map(made)));
}

function answers({ question, same, a, b }, diff) {
  const cards = h("div", { class: "answers two" }, Answer.of(`From ${diff.a}`, a), Answer.of(`To ${diff.b}`, b));
  return h(
    "li",
    {},
    h(
      "p",
      { class: "question" },
      question,
      " ",
      h("span", { class: "quietly" }, same ? "the same text" : "different texts"),
    ),
    cards,
  );
}

function row(fact, where) {
  return h(
    "li",
    { class: "row" },
    h("a", { href: `#facts/${fact.id}` }, told(fact)),
    pill(fact.status),
    h(
      "p",
      { class: "small" },
      [where, `fact ${fact.id}`, fact.source, `${fact.slots} slots`].filter(Boolean).join(" · "),
    ),
  );
}

function replaced({ before, after }, { a, b }) {
  return h(
    "li",
    { class: "pair" },
    h("ul", { class: "rows" }, row(before, `in version ${a}`), row(after, `in version ${b}`)),
  );
}
