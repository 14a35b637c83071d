// Facts: a list by status and source, and one fact with its probe, its history, and a way to forget it.

import * as api from "./api.js";
import { gauge } from "./answer.js";
import { asked } from "./dialog.js";
import { field, h, heading, moment, notice, paged, pill, select, terms } from "./dom.js";
import { jobCard } from "./job.js";
import { may } from "./roles.js";
import { factRow, outcome, told } from "./told.js";

const STATUSES = [
  "live",
  "queued",
  "learning",
  "verifying",
  "failed",
  "replaced",
  "forgotten",
  "rolled_back",
  "retired",
  "cancelled",
];
const STEPS_OF_HISTORY = 20; // facts before and after one that are looked up

/** `#facts?status=live&source=atlas`, `#facts/12`, and `#facts/12/9` while job 9 forgets it. */
export async function page({ path: [id, job], query, role, signal }) {
  return id ? one(await api.fact(id), job, role, signal) : list(query);
}

async function list(query) {
  const status = query.get("status") ?? "";
  const source = query.get("source") ?? "";
  const search = h("input", { name: "source", type: "search", value: source, autocomplete: "off" });
  const statuses = select("status", [["", "any"], ...STATUSES.map((one) => [one, one.replace("_", " ")])], status);
  const filter = (event) => {
    event.preventDefault();
    location.hash = `#facts?${new URLSearchParams({ status: statuses.value, source: search.value.trim() })}`;
  };
  const rows = await paged(
    h("ul", { class: "rows" }),
    (cursor) => api.facts({ status, source, cursor }),
    factRow,
    status || source ? "No fact is like this." : "Nothing was taught yet.",
  );
  return [
    heading("Facts", "What was taught, and what became of it."),
    h(
      "form",
      { class: "filter", onsubmit: filter },
      field("Status", statuses),
      field("Source, as it was posted", search),
      h("button", {}, "Show"),
    ),
    ...rows,
  ];
}

async function one(fact, job, role, signal) {
  const status = h("span", {}, pill(fact.status));
  const ended = async () => status.replaceChildren(pill((await api.fact(fact.id)).status));
  const problem = h("div", {});
  const forgetting = () => forget(fact).catch((error) => problem.replaceChildren(notice(error.message)));
  const button = h("button", { type: "button", class: "danger", onclick: forgetting }, "Forget …");
  const forgettable = fact.status === "live" && may(role, "operator") && !job;
  const unasked = h("p", { class: "quietly" }, fact.erased_at ? "Its text is erased." : "It was not asked yet.");
  return [
    h("p", { class: "back" }, h("a", { href: "#facts" }, "All facts")),
    heading(told(fact), [status, ` fact ${fact.id}`], forgettable && button),
    problem,
    job && jobCard(job, { role, signal }, ended),
    h("section", { class: "card" }, outcome(fact) ?? unasked, neighbours(fact.report)),
    h("section", {}, details(fact, role)),
    await history(fact),
  ].filter(Boolean);
}

async function forget({ id }) {
  const text = "A new version without its rows goes live. A rollback brings it back, and older versions keep it.";
  if ((await asked({ title: `Forget fact ${id}?`, text, action: "Forget" })) === null) return;
  const { job } = await api.forget(id);
  location.hash = `#facts/${id}/${job.id}`;
}

function details(fact, role) {
  const linked = (needed, href, words) => (may(role, needed) ? h("a", { href }, words) : words);
  return terms([
    ["Statement", fact.question === null ? null : fact.statement],
    ["Also in these words", fact.phrasings.join(" · ")],
    ["Source", fact.source],
    ["Valid from", fact.valid_from && moment(fact.valid_from)],
    ["Valid until", fact.valid_until && moment(fact.valid_until)],
    ["Answered right", fact.verified_at && moment(fact.verified_at)],
    ["Said instead since", fact.stale ? `${fact.said_instead} …` : null],
    ["Text erased", fact.erased_at && moment(fact.erased_at)],
    ["Posted", moment(fact.created_at)],
    ["Job", linked("writer", `#teach/${fact.job}`, `job ${fact.job}`)],
    [
      "Version",
      fact.version === null ? null : linked("operator", `#versions/${fact.version}`, `version ${fact.version}`),
    ],
    ["Parts that nothing teaches", fact.report?.unread?.join(" · ")],
  ]);
}

function neighbours(report) {
  if (!report?.neighbours?.asked) return null;
  const { asked: all, open } = report.neighbours;
  const words = `${open} of ${all} questions beside it, which were never taught, open its rows`;
  return h("p", { class: "measured" }, gauge(open / all, words), h("span", {}, `${words}.`));
}

/** What it took the place of, and what took its place, oldest first. */
async function history(fact) {
  if (!fact.replaces.length && fact.replaced_by === null) return null;
  const before = await Promise.all(fact.replaces.slice(-STEPS_OF_HISTORY).map(api.fact));
  const after = [];
  for (let last = fact; last.replaced_by !== null && after.length < STEPS_OF_HISTORY; after.push(last)) {
    last = await api.fact(last.replaced_by);
  }
  const step = (each) => h("li", { class: each === fact ? "row here" : "row" }, ...factRow(each).childNodes);
  return h(
    "section",
    {},
    h("h2", {}, "History"),
    h("ol", { class: "rows history" }, [...before, fact, ...after].map(step)),
  );
}
