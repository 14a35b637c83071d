// Versions: their tree, one with its report and a way to make it live, and what was live when.

import * as api from "./api.js";
import { difference } from "./compare.js";
import { asked } from "./dialog.js";
import { field, h, heading, moment, notice, paged, pill, say, select, terms } from "./dom.js";
import { factRow } from "./told.js";
import { tree } from "./tree.js";

const OUTCOMES = ["learned", "failed", "forgotten", "silenced", "imported"];
const NEWEST = 100; // versions that the tree shows at once

/** `#versions`, `#versions/3`, and `#versions/2/with/4?ask=…`. */
export async function page({ path: [id, , other], query }) {
  if (other !== undefined) return difference(id, other, query.getAll("ask"));
  if (id !== undefined) return one(id);
  const list = h("div", {});
  let versions = [];
  const more = async (from) => {
    const [next, names] = await Promise.all([api.versions({ cursor: from, limit: NEWEST }), api.aliases()]);
    versions = [...versions, ...next.items];
    const older = h(
      "button",
      { type: "button", class: "quiet", onclick: () => more(next.next_cursor).catch((error) => say(error.message)) },
      "Older",
    );
    list.replaceChildren(drawn(versions, names), ...(next.next_cursor === null ? [] : [older]));
  };
  await more(null);
  const moves = await paged(
    h("ol", { class: "rows" }),
    (from) => api.activations({ cursor: from, limit: 10 }),
    moveRow,
    "",
  );
  const lead = "Each job makes one. Any of them can be asked, compared, and made live again.";
  return [heading("Versions", lead), list, h("section", {}, h("h2", {}, "What was live when"), moves)];
}

function drawn(versions, names) {
  const parents = new Map(versions.map(({ id, parent_id }) => [id, parent_id]));
  const lineage = new Set();
  for (let at = names.live; at != null; at = parents.get(at)) lineage.add(at);
  const row = (version) =>
    h(
      "li",
      { class: "node" },
      h("a", { href: `#versions/${version.id}` }, `Version ${version.id}`),
      badges(version, names),
      h("p", { class: "small" }, summary(version)),
    );
  return h("div", { class: "lined" }, tree(versions, lineage), h("ol", { class: "versions" }, versions.map(row)));
}

function badges({ id, state }, names) {
  const own = names.items
    .filter(({ version }) => version === id)
    .map(({ name }) => h("span", { class: "pill name" }, name));
  return [
    id === names.live && pill("live"),
    id === names.previous && h("span", { class: "pill name" }, "previous"),
    own,
    state === "retired" && pill("retired"),
  ];
}

function summary({ kind, facts, slots, created_at: at }) {
  if (kind === "base" || kind === "forget") return [`${kind} · `, moment(at)];
  return [`${kind} · ${facts} ${facts === 1 ? "fact" : "facts"} · `, moment(at), ` · ${slots} slots`];
}

function moveRow({ version, previous, reason, actor, created_at: at }) {
  const from = previous === null ? "" : ` after version ${previous}`;
  return h(
    "li",
    { class: "row" },
    h("span", {}, h("a", { href: `#versions/${version}` }, `Version ${version}`), from),
    h("p", { class: "small" }, `${actor}: ${reason} · `, moment(at)),
  );
}

async function one(name) {
  const [version, names] = await Promise.all([api.version(name), api.aliases()]);
  const { id, live, state, parent_id: parent, report, fact_list: facts } = version;
  const problem = h("div", {});
  const rollBack = () => makeLive(version, names).catch((error) => problem.replaceChildren(notice(error.message)));
  const button = h("button", { type: "button", class: "danger", onclick: rollBack }, "Make it live …");
  const told = [
    ["Parent", parent === null ? null : h("a", { href: `#versions/${parent}` }, `version ${parent}`)],
    ...figures(report),
    ["State hash", h("code", {}, version.state_hash)],
  ];
  return [
    h("p", { class: "back" }, h("a", { href: "#versions" }, "All versions")),
    heading(`Version ${id}`, [badges(version, names), " ", summary(version)], !live && state === "published" && button),
    problem,
    h("section", { class: "card" }, terms(told)),
    await comparing(version),
    facts.length > 0 &&
      h("section", {}, h("h2", {}, "Facts that it taught"), h("ul", { class: "rows" }, facts.map(factRow))),
    report && h("details", {}, h("summary", {}, "The whole report"), h("pre", {}, JSON.stringify(report, null, 2))),
  ].filter(Boolean);
}

/** What a report tells, as pairs; reports of learning and of forgetting have different fields. */
function figures(report) {
  const { facts, slots, bytes, seconds, neighbours, drift } = report ?? {};
  const counts = OUTCOMES.filter((what) => facts?.[what] !== undefined)
    .map((what) => `${facts[what]} ${what}`)
    .join(", ");
  return [
    ["Facts", counts],
    ["Slots", slots],
    ["Bytes", bytes?.toLocaleString()],
    ["Seconds", seconds],
    [
      "Questions beside its facts that open them",
      neighbours?.asked ? `${neighbours.open} of ${neighbours.asked}` : null,
    ],
    [
      "Background questions that open a row",
      drift && `${drift.opened_after} of ${drift.asked}, ${drift.opened_before} before`,
    ],
  ];
}

async function makeLive(version, names) {
  const text = `Version ${names.live} is live now. From then on version ${version.id} answers.`;
  const reason = await asked({
    title: `Make version ${version.id} live?`,
    text,
    reason: "Reason, for the record",
    action: "Make it live",
  });
  if (reason === null) return;
  const { live } = await api.rollBack(version.id, reason, names.live);
  say(`Version ${live} is live.`);
  location.hash = "#versions";
}

async function comparing({ id }) {
  const { items } = await api.versions({ limit: NEWEST });
  const others = items.filter((one) => one.id !== id && one.state === "published");
  if (!others.length) return null;
  const other = select(
    "other",
    others.map((one) => [one.id, `version ${one.id}`]),
  );
  const ask = h("textarea", { name: "ask", rows: 2 });
  const submit = (event) => {
    event.preventDefault();
    const questions = ask.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean)
      .map((line) => ["ask", line]);
    location.hash = `#versions/${id}/with/${other.value}?${new URLSearchParams(questions)}`;
  };
  return h(
    "form",
    { class: "card compare", onsubmit: submit },
    h("h2", {}, "Compare"),
    field("With", other),
    field("Ask both", ask, "A question a line, up to 8."),
    h("button", {}, "Compare"),
  );
}
