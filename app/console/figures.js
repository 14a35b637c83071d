// Figures over versions, from the reports of the jobs that made them.

import * as api from "./api.js";
import { h, heading } from "./dom.js";
import { plot } from "./plot.js";

const NEWEST = 60; // versions whose reports are read, one call each
const TOGETHER = 6; // of them at once
const number = (digits) => (value) => value.toLocaleString(undefined, { maximumFractionDigits: digits });
const percent = (value) => `${(100 * value).toLocaleString(undefined, { maximumFractionDigits: 2 })} %`;

// What is not in a report is not drawn: a version that nothing was asked of has no share.
const FIGURES = [
  ["Facts learned", "of each version's job", ({ facts }) => facts?.learned, number(0)],
  ["Facts not learned", "they leave no row", ({ facts }) => facts?.failed, number(0)],
  [
    "Neighbours opened",
    "of questions beside the facts, never taught",
    ({ neighbours: near }) => near?.asked && near.open / near.asked,
    percent,
  ],
  [
    "Background opened",
    "of questions that nobody teaches",
    ({ drift }) => drift?.asked && drift.opened_after / drift.asked,
    percent,
  ],
  ["Kilobytes", "of each version's rows", ({ bytes }) => bytes && bytes / 1000, number(1)],
  [
    "Seconds a fact",
    "that learning took",
    ({ facts, seconds }) => facts?.learned && seconds / (facts.learned + facts.failed),
    number(2),
  ],
];

/** The page. */
export async function page() {
  const { items } = await api.versions({ limit: NEWEST });
  const learned = items.filter(({ kind }) => kind === "learn").reverse();
  const reports = [];
  for (let start = 0; start < learned.length; start += TOGETHER) {
    const some = learned.slice(start, start + TOGETHER).map(({ id }) => api.version(id));
    reports.push(...(await Promise.all(some)));
  }
  const plots = FIGURES.map(([title, hint, read, shown]) => {
    const all = reports.filter(({ report }) => report).map(({ id, report }) => ({ version: id, value: read(report) }));
    const points = all.filter(({ value }) => typeof value === "number");
    return points.length > 0 && plot(title, hint, points, shown);
  }).filter(Boolean);
  const lead = `What the reports of the newest ${NEWEST} versions say of their learning.`;
  return [
    heading("Figures", lead),
    plots.length ? h("div", { class: "plots" }, plots) : h("p", { class: "empty" }, "No version was learned yet."),
  ];
}
