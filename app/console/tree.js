// The tree of versions, newest first, as lines beside their rows: a lane for each branch.

import { s } from "./dom.js";

const ROW = 64; // px, the height of a row of versions in pages.css
const LANE = 18;
const DOT = 5;

/** For each version its lane, and by lane the edges {child, parent} that pass below its row. */
function lanes(versions) {
  const open = [];
  return versions.map(({ id, parent_id }) => {
    const ending = open.flatMap((edge, lane) => (edge?.parent === id ? [lane] : []));
    const free = open.includes(undefined) ? open.indexOf(undefined) : open.length;
    const lane = ending[0] ?? free;
    for (const one of ending) open[one] = undefined;
    open[lane] = parent_id === null ? undefined : { child: id, parent: parent_id };
    return { id, lane, edges: [...open] };
  });
}

/** The drawing; `lineage` are the versions that the live one is made of. */
export function tree(versions, lineage) {
  const placed = lanes(versions);
  const width = LANE * Math.max(...placed.map(({ edges }) => edges.length));
  const height = ROW * versions.length;
  const x = (lane) => LANE * lane + LANE / 2;
  const y = (row) => ROW * row + ROW / 2;
  const lines = placed.flatMap(({ edges }, row) =>
    edges.map((edge, lane) => {
      if (!edge) return null;
      const below = placed[row + 1];
      const to = below?.id === edge.parent ? below.lane : lane;
      const end = below ? y(row + 1) : height; // it goes on where the next page does
      const path = `M${x(lane)} ${y(row)}C${x(lane)} ${end - ROW / 3} ${x(to)} ${y(row) + ROW / 3} ${x(to)} ${end}`;
      return s("path", { class: lineage.has(edge.child) ? "line live" : "line", d: path });
    }),
  );
  const dots = placed.map(({ id, lane }, row) =>
    s("circle", { class: lineage.has(id) ? "dot live" : "dot", cx: x(lane), cy: y(row), r: DOT }),
  );
  return s(
    "svg",
    { class: "tree", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    lines,
    dots,
  );
}
