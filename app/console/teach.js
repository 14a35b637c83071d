// Teach a fact, and follow its job. The number of the job is in the address, so a refresh goes on with it.

import * as api from "./api.js";
import { field, h, notice, paged } from "./dom.js";
import { jobCard, jobRow } from "./job.js";

const LATELY = 8;

/** `#teach`, and `#teach/7` with a job. */
export async function page({ path: [job], role, signal }) {
  const list = h("ul", { class: "rows" });
  const lately = await paged(list, (cursor) => api.jobs({ cursor, limit: LATELY }), jobRow, "Nothing was taught yet.");
  const refreshed = (ended) => list.querySelector(`a[href="#teach/${ended.id}"]`)?.parentElement.replaceWith(jobRow(ended));
  const lead = "One good question is enough: other wordings of it open the same rows.";
  return [
    h("div", { class: "page-head" }, h("div", {}, h("h1", {}, "Teach"), h("p", { class: "lead" }, lead))),
    form(),
    job && jobCard(job, { role, signal }, refreshed),
    h("section", {}, h("h2", {}, "Jobs"), lately),
  ].filter(Boolean);
}

function form() {
  const question = h("input", { name: "question", required: true, autocomplete: "off" });
  const answer = h("input", { name: "answer", required: true, autocomplete: "off" });
  const statement = h("textarea", { name: "statement", rows: 2, required: true });
  const source = h("input", { name: "source", autocomplete: "off" });
  const asked = h("div", { class: "fields" }, field("Question", question), field("Answer", answer));
  const stated = h("div", { class: "fields", hidden: true }, field("Statement", statement, "A plain English sentence."));
  const choose = (isStatement) => {
    asked.hidden = isStatement;
    stated.hidden = !isStatement;
    question.disabled = answer.disabled = isStatement;
    statement.disabled = !isStatement;
  };
  const kind = (label, isStatement) =>
    h("label", {}, h("input", { type: "radio", name: "kind", checked: !isStatement, onchange: () => choose(isStatement) }), h("span", {}, label));
  const problem = h("div", {});
  const fields = h("fieldset", { class: "segments" }, h("legend", { class: "unseen" }, "What a fact is given as"),
    kind("Question and answer", false), kind("Statement", true));
  choose(false);
  const submit = (event) => {
    event.preventDefault();
    problem.replaceChildren();
    const given = [question, answer, statement, source].filter((one) => !one.disabled && one.value.trim());
    teach(Object.fromEntries(given.map((one) => [one.name, one.value])), event.submitter)
      .catch((error) => problem.replaceChildren(notice(error.message)));
  };
  return h("form", { class: "card teach", onsubmit: submit }, fields, asked, stated,
    field("Source", source, "Optional. Citations name it, and all of a source can be forgotten."), problem, h("button", {}, "Teach"));
}

async function teach(fact, button) {
  button.disabled = true; // a second press would teach nothing, and look as if it did
  try {
    const { job } = await api.teach(fact);
    const hash = `#teach/${job.id}`;
    if (location.hash === hash) dispatchEvent(new HashChangeEvent("hashchange")); // a fact that this job taught already
    location.hash = hash;
  } finally {
    button.disabled = false;
  }
}
