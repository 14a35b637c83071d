// Teach a fact, and follow its job. The number of the job is in the address, so a refresh goes on with it.

import * as api from "./api.js";
import { field, h, heading, notice, paged } from "./dom.js";
import { jobCard, jobRow } from "./job.js";

const LATELY = 8;

/** `#teach`, and `#teach/7` with a job. */
export async function page({ path: [job], role, signal }) {
  const list = h("ul", { class: "rows" });
  const lately = await paged(list, (cursor) => api.jobs({ cursor, limit: LATELY }), jobRow, "Nothing was taught yet.");
  const refreshed = (ended) =>
    list.querySelector(`a[href="#teach/${ended.id}"]`)?.parentElement.replaceWith(jobRow(ended));
  const lead = "One good question is enough: other wordings of it open the same rows.";
  return [
    heading("Teach", lead),
    form(),
    job && jobCard(job, { role, signal }, refreshed),
    h("section", {}, h("h2", {}, "Jobs"), lately),
  ].filter(Boolean);
}

function form() {
  const { chooser, shapes, controls } = kinds();
  const source = h("input", { name: "source", autocomplete: "off" });
  const problem = h("div", {});
  const submit = (event) => {
    event.preventDefault();
    problem.replaceChildren();
    const given = [...controls, source].filter((one) => !one.disabled && one.value.trim());
    const fact = Object.fromEntries(given.map((one) => [one.name, one.value]));
    teach(fact, event.submitter).catch((error) => problem.replaceChildren(notice(error.message)));
  };
  const hint = "Optional. Citations name it, and all of a source can be forgotten.";
  return h(
    "form",
    { class: "card teach", onsubmit: submit },
    chooser,
    shapes,
    field("Source", source, hint),
    problem,
    h("button", {}, "Teach"),
  );
}

/** The two shapes of a fact, of which one is shown; what is hidden is disabled, so nothing of it is sent. */
function kinds() {
  const question = h("input", { name: "question", required: true, autocomplete: "off" });
  const answer = h("input", { name: "answer", required: true, autocomplete: "off" });
  const statement = h("textarea", { name: "statement", rows: 2, required: true });
  const asked = h("div", { class: "fields" }, field("Question", question), field("Answer", answer));
  const stated = h("div", { class: "fields" }, field("Statement", statement, "A plain English sentence."));
  const choose = (isStatement) => {
    asked.hidden = question.disabled = answer.disabled = isStatement;
    stated.hidden = statement.disabled = !isStatement;
  };
  const kind = (label, isStatement) => {
    const radio = { type: "radio", name: "kind", checked: !isStatement, onchange: () => choose(isStatement) };
    return h("label", {}, h("input", radio), h("span", {}, label));
  };
  choose(false);
  const legend = h("legend", { class: "unseen" }, "What a fact is given as");
  const chooser = h(
    "fieldset",
    { class: "segments" },
    legend,
    kind("Question and answer", false),
    kind("Statement", true),
  );
  return { chooser, shapes: [asked, stated], controls: [question, answer, statement] };
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
