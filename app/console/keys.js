// API keys and the audit log, for admins.

import * as api from "./api.js";
import { asked } from "./dialog.js";
import { field, h, heading, moment, notice, paged, pill, say, select } from "./dom.js";
import { ROLES } from "./roles.js";

const ACTIONS = [
  "facts.teach",
  "facts.import",
  "facts.forget",
  "facts.verify",
  "facts.erase",
  "documents.read",
  "documents.forget",
  "jobs.cancel",
  "learning.pause",
  "learning.resume",
  "versions.rollback",
  "aliases.put",
  "aliases.delete",
  "namespaces.create",
  "keys.create",
  "keys.revoke",
  "webhooks.create",
  "webhooks.delete",
  "webhooks.redeliver",
  "relearn",
  "versions.import",
];

/** `#keys`, and `#keys?action=facts.teach&actor=…` for a part of the audit log. */
export async function page({ query }) {
  const list = h("ul", { class: "rows" });
  const rows = await paged(list, (cursor) => api.keys({ cursor }), keyRow, "");
  return [
    heading("Keys", "Who may ask, teach, and change what is live."),
    creation(list),
    ...rows,
    await auditLog(query),
  ];
}

function creation(list) {
  const name = h("input", { name: "name", required: true, maxlength: 200, autocomplete: "off" });
  const role = select(
    "role",
    ROLES.map((one) => [one, one]),
    "reader",
  );
  const number = (id) => h("input", { name: id, type: "number", min: 1, max: 1_000_000_000, inputmode: "numeric" });
  const requests = number("requests_per_minute");
  const facts = number("facts_per_day");
  const made = h("div", { "aria-live": "polite" });
  const create = async () => {
    const limits = [requests, facts].filter((one) => one.value).map((one) => [one.name, Number(one.value)]);
    const key = await api.createKey({ name: name.value, role: role.value, ...Object.fromEntries(limits) });
    made.replaceChildren(once(key));
    list.prepend(keyRow(key));
    form.reset();
  };
  const submit = (event) => {
    event.preventDefault();
    create().catch((error) => made.replaceChildren(notice(error.message)));
  };
  const form = h(
    "form",
    { class: "card create", onsubmit: submit },
    h("h2", {}, "A new key"),
    field("Name", name),
    field("Role", role),
    field("Requests a minute", requests, "Empty: as the settings say."),
    field("Facts a day", facts, "The same."),
    h("button", {}, "Create"),
    made,
  );
  return form;
}

function once({ name, key }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(key);
      say("Copied.");
    } catch {
      say("The browser does not let it be copied from here; select it."); // without TLS there is no clipboard
    }
  };
  return h(
    "div",
    { class: "once" },
    h("p", {}, `The key «${name}». It is shown this once.`),
    h("code", {}, key),
    h("button", { type: "button", class: "quiet", onclick: copy }, "Copy"),
  );
}

function keyRow(key) {
  const limits = [
    key.requests_per_minute && `${key.requests_per_minute.toLocaleString()} requests a minute`,
    key.facts_per_day && `${key.facts_per_day.toLocaleString()} facts a day`,
  ];
  const used = key.last_used_at ? ["used ", moment(key.last_used_at)] : ["never used"];
  const row = h(
    "li",
    { class: "row" },
    h("span", { class: "name" }, key.name),
    h("span", { class: "pill" }, key.role),
    key.namespace !== "main" && h("span", { class: "pill" }, key.namespace),
    key.revoked_at && pill("revoked"),
    h(
      "p",
      { class: "small" },
      `key ${key.id} · `,
      limits.filter(Boolean).map((one) => `${one} · `),
      used,
    ),
  );
  if (!key.revoked_at)
    row.append(
      h(
        "button",
        { type: "button", class: "quiet danger", "aria-label": `Revoke ${key.name}`, onclick: () => revoke(key, row) },
        "Revoke …",
      ),
    );
  return row;
}

async function revoke(key, row) {
  const text = "The next call with it is refused. This cannot be taken back.";
  if ((await asked({ title: `Revoke «${key.name}»?`, text, action: "Revoke" })) === null) return;
  try {
    row.replaceWith(keyRow(await api.revokeKey(key.id)));
    say(`«${key.name}» is revoked.`);
  } catch (error) {
    say(error.message);
  }
}

async function auditLog(query) {
  const action = query.get("action") ?? "";
  const actor = query.get("actor") ?? "";
  const actions = select("action", [["", "any"], ...ACTIONS.map((one) => [one, one])], action);
  const by = h("input", { name: "actor", type: "search", value: actor, autocomplete: "off" });
  const filter = (event) => {
    event.preventDefault();
    location.hash = `#keys?${new URLSearchParams({ action: actions.value, actor: by.value.trim() })}`;
  };
  const rows = await paged(
    h("ol", { class: "rows" }),
    (cursor) => api.audit({ cursor, action, actor, limit: 20 }),
    auditRow,
    "Nothing like this was done.",
  );
  return h(
    "section",
    {},
    h("h2", {}, "Audit log"),
    h(
      "form",
      { class: "filter", onsubmit: filter },
      field("Action", actions),
      field("By the key named", by),
      h("button", {}, "Show"),
    ),
    rows,
  );
}

function auditRow({ id, at, actor, action, subject, reason }) {
  return h(
    "li",
    { class: "row" },
    h("span", { class: "name" }, subject),
    h("span", { class: "pill" }, action),
    h("p", { class: "small" }, `${id} · ${actor}${reason ? `: ${reason}` : ""} · `, moment(at)),
  );
}
