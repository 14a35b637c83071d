// What changes from one version to another: facts, the way between them, and what both say to the same questions.

import * as api from "./api.js";
import { Answer } from "./answer.js";
import { h, pill, terms } from "./dom.js";
import { told } from "./told.js";

/** The page of a diff. */
export async function difference(a, b, ask) {
  const diff = await api.diff(a, b, ask);
  const nothing = !diff.added.length && !diff.removed.length && !diff.replaced.length;
  return [
    h("p", { class: "back" }, h("a", { href: `#versions/${diff.a}` }, `Version ${diff.a}`)),
    h("div", { class: "page-head" }, h("div", {}, h("h1", {}, `From version ${diff.a} to ${diff.b}`), h("p", { class: "lead" }, way(diff)))),
    diff.answers.length > 0 && h("section", {}, h("h2", {}, "Asked"), h("ol", { class: "talk" }, diff.answers.map((said) => answers(said, diff)))),
    nothing && h("p", { class: "empty" }, "Both tell the same facts."),
    facts("Told anew", diff.added),
    facts("Not told any more", diff.removed),
    diff.replaced.length > 0 && h("section", {}, h("h2", {}, "Told otherwise"), h("ul", { class: "rows" }, diff.replaced.map((pair) => replaced(pair, diff)))),
    h("section", { class: "card" }, terms([["Slots that differ", diff.slots], ["Bytes on the way", diff.bytes.toLocaleString()]])),
  ].filter(Boolean);
}

function way({ a, ancestor, back, forward }) {
  const steps = [a, ...back.slice(1).map(({ version }) => version), ...(back.length ? [ancestor] : []), ...forward.map(({ version }) => version)];
  return steps.join(" → ");
}

function answers({ question, same, a, b }, diff) {
  const cards = h("div", { class: "answers two" }, Answer.of(`From ${diff.a}`, a), Answer.of(`To ${diff.b}`, b));
  return h("li", {}, h("p", { class: "question" }, question, " ", h("span", { class: "quietly" }, same ? "the same text" : "different texts")), cards);
}

function row(fact, where) {
  return h("li", { class: "row" }, h("a", { href: `#facts/${fact.id}` }, told(fact)), pill(fact.status),
    h("p", { class: "small" }, [where, `fact ${fact.id}`, fact.source, `${fact.slots} slots`].filter(Boolean).join(" · ")));
}

function facts(title, all) {
  return all.length > 0 && h("section", {}, h("h2", {}, title), h("ul", { class: "rows" }, all.map((fact) => row(fact))));
}

function replaced({ before, after }, { a, b }) {
  return h("li", { class: "pair" }, h("ul", { class: "rows" }, row(before, `in version ${a}`), row(after, `in version ${b}`)));
}
