// A job, followed until it has ended: its state, how far it is, and what became of its facts.

import * as api from "./api.js";
import { h, moment, notice, pill, say } from "./dom.js";
import { may } from "./roles.js";
import { factRow, outcome } from "./told.js";

const ENDED = ["succeeded", "failed", "rejected", "cancelled"];
const STEPS = ["queued", "running", "verifying", "succeeded"];
const REST = 1_000; // ms, before a stream is tried again that broke or could not be had
const SHOWN = 20; // facts whose outcome is told

/** A card that shows a job while it moves, until `signal` is aborted; `onend` is called once the job has ended. */
export function jobCard(id, { role, signal }, onend) {
  const state = h("p", { class: "unseen", role: "status" }); // read aloud when it changes, not at each fact
  const body = h("div", {}, h("p", { class: "quietly" }, "Asking for it …"));
  const cancel = h(
    "button",
    { type: "button", class: "quiet danger", hidden: true, onclick: () => callOff(id) },
    "Cancel the job",
  );
  const facts = h("ul", { class: "rows outcomes" });
  const show = (job) => {
    body.replaceChildren(...shown(job));
    cancel.hidden = !["queued", "running"].includes(job.state) || !may(role, "writer");
    if (!state.textContent.endsWith(job.state)) state.textContent = `Job ${id}: ${job.state}`;
  };
  follow(id, show, signal)
    .then(async (job) => {
      facts.replaceChildren(...(await outcomes(job)));
      await onend(job);
    })
    .catch((error) => signal.aborted || body.replaceChildren(notice(error.message)));
  return h("section", { class: "card job", "aria-label": `Job ${id}` }, state, body, cancel, facts);
}

/** What becomes of a job that is called off comes with its events. */
function callOff(id) {
  api.cancelJob(id).catch((error) => say(error.message));
}

async function outcomes(job) {
  const all = await Promise.all(job.facts.slice(0, SHOWN).map(({ id }) => api.fact(id)));
  const residual = (fact) => job.report?.residual?.find((one) => one.fact === fact.id);
  return all.map((fact) => h("li", {}, h("ul", {}, factRow(fact)), outcome(fact, residual(fact))));
}

/** Follow the events of a job; wherever they break off the job itself is read, and they are taken up again. */
async function follow(id, show, signal) {
  let after;
  for (;;) {
    try {
      for await (const event of await api.jobEvents(id, after, signal)) {
        after = event.id ?? after;
        if (event.name !== "job") continue;
        const told = JSON.parse(event.data);
        show(told);
        if (ENDED.includes(told.state)) return await api.job(id);
      }
    } catch (error) {
      if (signal.aborted || [401, 403].includes(error.status)) throw error;
    }
    const job = await read(id);
    if (job) show(job);
    if (job && ENDED.includes(job.state)) return job;
    await new Promise((resolve) => setTimeout(resolve, REST));
    signal.throwIfAborted();
  }
}

/** The job, or nothing while the service is away: what was taken in is not lost then. */
async function read(id) {
  try {
    return await api.job(id);
  } catch (error) {
    if (error.status === 0 || error.status === 429 || error.status >= 500) return null;
    throw error;
  }
}

function shown(job) {
  const { done, total } = job.progress;
  const title = h("h2", {}, `Job ${job.id}`, " ", h("span", { class: "quietly" }, job.kind));
  const counted = `${done} of ${total} ${total === 1 ? "fact" : "facts"}`;
  const parts = [h("div", { class: "card-head" }, title, pill(job.state)), steps(job.state)];
  if (!ENDED.includes(job.state)) {
    parts.push(h("label", { class: "progress" }, h("progress", { value: done, max: total }), counted));
  }
  if (job.error) parts.push(h("p", { class: "notice" }, job.error));
  if (job.state === "succeeded" && job.version) parts.push(h("p", {}, `Live since version ${job.version}. ${cost(job.report)}`));
  return parts.filter(Boolean);
}

function steps(state) {
  const at = STEPS.indexOf(state);
  if (at < 0) return null;
  const step = (name, index) =>
    h("li", { class: index <= at ? "done" : "", "aria-current": index === at && "step" }, name);
  return h("ol", { class: "steps", "aria-label": "Steps" }, STEPS.map(step));
}

function cost(report) {
  if (!report?.slots) return "";
  return `${report.slots} slots, ${report.bytes.toLocaleString()} bytes, ${report.seconds} s.`;
}

/** A job as a row of a list. */
export function jobRow(job) {
  const { total } = job.progress;
  const small = [
    job.kind,
    ` · ${total} ${total === 1 ? "fact" : "facts"}`,
    job.version && ` · version ${job.version}`,
    " · ",
    moment(job.created_at),
  ];
  return h(
    "li",
    { class: "row" },
    h("a", { href: `#teach/${job.id}` }, `Job ${job.id}`),
    pill(job.state),
    h("p", { class: "small" }, small),
  );
}
