// A fact in words, as all pages show it.

import { h, pill } from "./dom.js";

/** What a fact says, on one line: a question and its answer, or a statement. */
export function told(fact) {
  if (fact.question === null) return fact.statement ?? h("em", {}, "erased");
  return [fact.question, " ", h("strong", { class: "told" }, fact.answer)];
}

/** A row of a list of facts. */
export function factRow(fact) {
  const small = [`fact ${fact.id}`, fact.source, fact.version !== null && `version ${fact.version}`].filter(Boolean);
  return h(
    "li",
    { class: "row" },
    h("a", { href: `#facts/${fact.id}` }, told(fact)),
    pill(fact.status),
    h("p", { class: "small" }, small.join(" · ")),
  );
}

/** What became of a fact: its probe, what was expected and what the model said, or why it failed.

    `residual` is what a job that forgot it found instead: the beginning of another answer, or still its own. */
export function outcome(fact, residual) {
  if (fact.probe === null) return fact.reason && h("p", {}, fact.reason);
  const wording = fact.probe.held_out ? "Asked in words that were not taught" : "Asked as it was taught";
  const said = residual
    ? ["Without its rows it begins", residual.taught ? residual.said : `${residual.said} …`]
    : ["The model said", fact.probe_answer ?? "nothing yet"];
  return h(
    "div",
    { class: "outcome" },
    fact.reason && h("p", { class: "notice" }, fact.reason),
    h(
      "dl",
      { class: "probe" },
      h("dt", {}, wording),
      h("dd", {}, fact.probe.text),
      h("dt", {}, residual ? "It was taught" : "Expected"),
      h("dd", {}, fact.probe.answer),
      h("dt", {}, said[0]),
      h("dd", {}, said[1]),
    ),
  );
}
