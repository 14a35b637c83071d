// Slots: a map of all addresses by reads and rows, those of one address with their owners, and the history of one.

import * as api from "./api.js";
import { field, h, heading, moment, paged, pill, select, terms } from "./dom.js";
import { heatmap } from "./heatmap.js";
import { told } from "./told.js";

const LAYERS = [
  ["reads", "Questions that read it"],
  ["written", "Slots that hold a row"],
  ["facts", "Facts that meet there"],
];
const ORDERS = [
  ["reads", "Most read first"],
  ["writes", "Most written first"],
  ["facts", "Most facts first"],
  ["slot", "By number"],
];
const PAGE = 20;
const plural = (count, one) => `${count.toLocaleString()} ${one}${count === 1 ? "" : "s"}`;

/** `#slots`, `#slots/181204`, and `#slots?address=2831` or `?sort=writes`. */
export async function page({ path: [slot], query }) {
  if (slot !== undefined) return one(slot);
  const map = await api.slotMap();
  const address = query.get("address");
  const order = query.get("sort") ?? "reads";
  const listed = await paged(
    h("ul", { class: "rows" }),
    (cursor) => api.slots({ sort: order, address, cursor, limit: PAGE }),
    slotRow,
    address === null ? "No version has written a slot yet." : "No version has written a slot of this address.",
  );
  const sort = select("sort", ORDERS, order);
  sort.addEventListener("change", () => (location.hash = `#slots?${new URLSearchParams({ sort: sort.value })}`));
  const title = address === null ? "Slots that were written" : `Slots of address ${address}`;
  const tool = address === null ? field("Order", sort) : h("a", { href: "#slots" }, "All addresses");
  return [
    heading("Slots", "Where rows stand, whose they are, and what questions read: about room, not about what is answered."),
    h("section", { class: "card" }, terms(sums(map))),
    drawn(map),
    h("section", {}, h("div", { class: "card-head" }, h("h2", {}, title), tool), listed),
  ];
}

function sums({ version, addresses, ways, queries, since, reads, written, facts }) {
  const slots = written.reduce((sum, one) => sum + one, 0);
  const share = (100 * slots) / (addresses * ways);
  const shown = share.toLocaleString(undefined, { maximumSignificantDigits: 2 });
  return [
    ["Rows of version " + version, `in ${plural(slots, "slot")}, ${shown} % of all`],
    ["Addresses that were read", `${reads.filter(Boolean).length.toLocaleString()} of ${addresses.toLocaleString()}`],
    ["Addresses where facts meet", facts.filter((many) => many > 1).length.toLocaleString()],
    ["Questions counted", since === null ? "none yet" : [`${queries.toLocaleString()} since `, moment(since)]],
  ];
}

function drawn(map) {
  const layer = select("layer", LAYERS, "reads");
  const words = (address) =>
    `Address ${address}: ${plural(map.reads[address], "read")}, ` +
    `${map.written[address]} of ${map.ways} slots hold rows of ${plural(map.facts[address], "fact")}`;
  const heat = heatmap({
    name: `${map.addresses.toLocaleString()} addresses`,
    count: map.addresses,
    told: words,
    chosen: (address) => (location.hash = `#slots?address=${address}`),
  });
  const show = () => heat.show(map[layer.value], layer.value);
  layer.addEventListener("change", show);
  requestAnimationFrame(show); // when the page stands: colours are those of the style
  return h(
    "section",
    { class: "card map" },
    h("div", { class: "card-head" }, h("h2", {}, "All addresses"), field("Show", layer)),
    heat.parts,
    h("p", { class: "small legend" }, "none", h("i", { class: "scale" }), "most"),
  );
}

function slotRow({ slot, address, owner, writes, facts, reads }) {
  const had = `${plural(writes, "version")} wrote it, for ${plural(facts, "fact")}`;
  return h(
    "li",
    { class: "row" },
    h("a", { href: `#slots/${slot}` }, `Slot ${slot}`),
    owner === null ? h("span", { class: "small" }, "empty") : h("a", { href: `#facts/${owner}` }, `fact ${owner}`),
    h("p", { class: "small" }, `address ${address} · ${plural(reads, "read")} · ${had}`),
  );
}

async function one(number) {
  const found = await api.slot(number);
  const owner = found.owner === null ? "nobody: it holds the row of zeros" : factLink(found.owner);
  return [
    h("p", { class: "back" }, h("a", { href: `#slots?address=${found.address}` }, `Address ${found.address}`)),
    heading(`Slot ${found.slot}`, "A slot holds one row at a time."),
    h(
      "section",
      { class: "card" },
      terms([
        ["Owner in the live version", owner],
        ["Questions that read its address", found.reads.toLocaleString()],
        ["Background queries that do", found.background.toLocaleString()],
      ]),
    ),
    h(
      "section",
      {},
      h("h2", {}, "Versions that wrote it"),
      found.history.length
        ? h("ol", { class: "rows" }, found.history.map(writeRow))
        : h("p", { class: "empty" }, "None has."),
    ),
  ];
}

const factLink = (id) => h("a", { href: `#facts/${id}` }, `fact ${id}`);

function writeRow({ version, kind, created_at: at, fact, status, question, statement, answer, score }) {
  const whose = fact === null ? "nobody" : h("a", { href: `#facts/${fact}` }, told({ question, statement, answer }));
  const scored = score === null ? "" : ` · score ${score.toLocaleString(undefined, { maximumSignificantDigits: 2 })}`;
  return h(
    "li",
    { class: "row" },
    h("span", {}, whose),
    status && pill(status),
    h(
      "p",
      { class: "small" },
      h("a", { href: `#versions/${version}` }, `version ${version}`),
      ` · ${kind} · `,
      moment(at),
      scored,
    ),
  );
}
