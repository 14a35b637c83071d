// All addresses of the memory on one canvas: how much of something each has. Moved over by pointer and by arrow keys.

import { h } from "./dom.js";

const CELL = 6; // px of the canvas; the style shrinks it where there is less room
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LEAST = 0.18; // of the colour, for an address that has any: one read among thousands is to be seen, too

/** `name` says what the map is of, `told(address)` what stands there; `chosen(address)` is called by click and Enter. */
export function heatmap({ name, count, told, chosen }) {
  const side = Math.ceil(Math.sqrt(count));
  const canvas = h("canvas", {
    class: "heat",
    width: side * CELL,
    height: Math.ceil(count / side) * CELL,
    tabindex: 0,
    role: "application",
    "aria-roledescription": "map",
    "aria-label": `${name}. Arrow keys move, Enter opens an address.`,
  });
  const line = h("p", { class: "small under", role: "status" }, "Move over the map, or use the arrow keys.");
  let values = [];
  let at = null;

  const draw = () => {
    const style = getComputedStyle(canvas);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const most = Math.log1p(values.reduce((one, other) => Math.max(one, other), 1));
    pen.fillStyle = style.color;
    values.forEach((value, address) => {
      if (!value) return;
      pen.globalAlpha = LEAST + ((1 - LEAST) * Math.log1p(value)) / most;
      pen.fillRect((address % side) * CELL, Math.floor(address / side) * CELL, CELL, CELL);
    });
    pen.globalAlpha = 1;
    if (at === null) return;
    pen.strokeStyle = style.outlineColor;
    pen.lineWidth = 2;
    pen.strokeRect((at % side) * CELL - 1, Math.floor(at / side) * CELL - 1, CELL + 2, CELL + 2);
  };
  const move = (address) => {
    at = address;
    line.textContent = told(address);
    draw();
  };
  const under = ({ offsetX, offsetY }) => {
    const scale = canvas.width / canvas.clientWidth / CELL;
    const address = Math.floor(offsetY * scale) * side + Math.min(side - 1, Math.floor(offsetX * scale));
    return address >= 0 && address < count ? address : null;
  };

  canvas.addEventListener("pointermove", (event) => {
    const address = under(event);
    if (address !== null && address !== at) move(address);
  });
  canvas.addEventListener("click", (event) => {
    const address = under(event);
    if (address === null) return;
    move(address);
    chosen(address);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && at !== null) return chosen(at);
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const from = at ?? 0;
    const x = Math.min(side - 1, Math.max(0, (from % side) + step[0]));
    const next = (Math.floor(from / side) + step[1]) * side + x;
    move(at === null ? 0 : next >= 0 && next < count ? next : from);
  });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => (canvas.isConnected ? draw() : scheme.removeEventListener("change", recolour));
  scheme.addEventListener("change", recolour);

  /** Show other values; the canvas must stand in the page, as its colours are those of its style. */
  const show = (next, of) => {
    values = next;
    canvas.dataset.of = of;
    draw();
    if (at !== null) line.textContent = told(at);
  };
  return { parts: [line, canvas], show };
}
