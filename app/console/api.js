// Every call of the API that the console makes. Nothing else in it fetches, and the key goes nowhere else.

const KEY = "slotwise-key";

/** The API, or the way to it, refused; `status` is 0 where no reply came. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The key lives as long as the tab does: another tab, and the browser's next start, ask for it again. */
export const held = {
  key: () => sessionStorage.getItem(KEY),
  keep: (key) => sessionStorage.setItem(KEY, key),
  drop: () => sessionStorage.removeItem(KEY),
};

async function call(method, path, { query = {}, body, signal, headers = {} } = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one != null && one !== "") url.searchParams.append(name, one);
  }
  const sent = { Authorization: `Bearer ${held.key()}`, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const how = { method, headers: sent, body: JSON.stringify(body), signal, credentials: "omit", cache: "no-store" };
  let reply;
  try {
    reply = await fetch(url, how);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "The service cannot be reached.");
  }
  if (reply.ok) return reply;
  const problem = await refusal(reply);
  if (problem.status === 401) dispatchEvent(new CustomEvent("refused", { detail: problem.message }));
  throw problem;
}

/** A problem document, or OpenAI's shape of it on OpenAI's routes. */
async function refusal(reply) {
  const told = await reply.json().catch(() => ({}));
  return new Problem(reply.status, told.detail ?? told.error?.message ?? `${reply.status} ${reply.statusText}`);
}

const get = async (path, query) => (await call("GET", path, { query })).json();
const post = async (path, body) => (await call("POST", path, { body })).json();
const remove = async (path) => (await call("DELETE", path)).json();
const postStream = async (path, body, signal) => events(await call("POST", path, { body, signal }));
const getStream = async (path, headers, signal) => events(await call("GET", path, { headers, signal }));

/** Server-sent events as {name, id, data}. EventSource sends no header, so it could not carry the key. */
async function* events(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const told = Object.fromEntries(block.split("\n").map((line) => split(line)));
      if (told.data !== undefined) yield { name: told.event ?? "", id: told.id, data: told.data };
    }
  }
}

function split(line) {
  const end = line.indexOf(":");
  return [line.slice(0, end), line.slice(end + 1).trimStart()];
}

export const ownKey = () => get("v1/key");

export const models = () => get("v1/models");
export const chat = (model, messages, signal) =>
  postStream("v1/chat/completions", { model, messages, stream: true }, signal);

export const teach = (fact) => post("v1/facts", fact);
export const facts = (query) => get("v1/facts", query);
export const fact = (id) => get(`v1/facts/${id}`);
export const forget = (id) => remove(`v1/facts/${id}`);

export const jobs = (query) => get("v1/jobs", query);
export const job = (id) => get(`v1/jobs/${id}`);
export const cancelJob = (id) => post(`v1/jobs/${id}/cancel`);
export const jobEvents = (id, after, signal) =>
  getStream(`v1/jobs/${id}/events`, after ? { "Last-Event-ID": after } : {}, signal);

export const versions = (query) => get("v1/admin/versions", query);
export const version = (id) => get(`v1/admin/versions/${id}`);
export const diff = (a, b, ask) => get(`v1/admin/versions/${a}/diff/${b}`, { ask });
export const aliases = () => get("v1/admin/aliases", { limit: 200 });
export const activations = (query) => get("v1/admin/activations", query);
export const rollBack = (version, reason, live) => post("v1/admin/rollback", { version, reason, expected_live: live });

export const slots = (query) => get("v1/admin/slots", query);
export const slot = (number) => get(`v1/admin/slots/${number}`);
export const slotMap = () => get("v1/admin/slots/map");

export const keys = (query) => get("v1/admin/keys", query);
export const createKey = (key) => post("v1/admin/keys", key);
export const revokeKey = (id) => remove(`v1/admin/keys/${id}`);
export const audit = (query) => get("v1/admin/audit", query);
