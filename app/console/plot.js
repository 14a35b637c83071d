// A figure over versions as bars, in SVG that is made here; its numbers are in a table, too.

import { h, s } from "./dom.js";

const WIDTH = 320;
const HEIGHT = 120;
const TOP = 16;
const LEFT = 4;
const GAP = 0.25; // of a bar's place

/** `points` are {version, value}, oldest first; `shown` words a value. */
export function plot(title, hint, points, shown) {
  const most = Math.max(...points.map(({ value }) => value), 0);
  const place = (WIDTH - 2 * LEFT) / points.length;
  const wide = Math.min(place * (1 - GAP), 28);
  const bar = ({ version, value }, index) => {
    const height = most ? (value / most) * (HEIGHT - TOP - 18) : 0;
    const x = LEFT + place * index + (place - wide) / 2;
    return s(
      "g",
      {},
      s("title", {}, `version ${version}: ${shown(value)}`),
      s("rect", { class: "fill", x, y: HEIGHT - 18 - height, width: wide, height, rx: Math.min(2, wide / 4) }),
    );
  };
  const label = (index, anchor, x) =>
    s("text", { x, y: HEIGHT - 4, "text-anchor": anchor }, `v${points[index].version}`);
  const drawing = s(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": `${title}, from version ${points[0].version} to ${points.at(-1).version}`,
    },
    s("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT - 18, y2: HEIGHT - 18 }),
    s("line", { class: "axis faint", x1: 0, x2: WIDTH, y1: TOP, y2: TOP }),
    s("text", { x: LEFT, y: TOP - 4 }, shown(most)),
    points.map(bar),
    label(0, "start", LEFT),
    points.length > 1 && label(points.length - 1, "end", WIDTH - LEFT),
  );
  return h(
    "figure",
    { class: "card plot" },
    h("figcaption", {}, h("h2", {}, title), h("p", { class: "small" }, hint)),
    drawing,
    table(points, shown),
  );
}

function table(points, shown) {
  const row = ({ version, value }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("a", { href: `#versions/${version}` }, version)),
      h("td", {}, shown(value)),
    );
  return h(
    "details",
    {},
    h("summary", {}, "Numbers"),
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Version"), h("th", { scope: "col" }, "Value"))),
      h("tbody", {}, points.map(row)),
    ),
  );
}
