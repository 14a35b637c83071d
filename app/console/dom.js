// Elements, made without markup: what callers taught is set as text and can become no part of the page.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: attributes, `onclick` and the like as functions, children; null and false are left out. */
export function h(name, attributes, ...children) {
  return made(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function s(name, attributes, ...children) {
  return made(document.createElementNS(SVG, name), attributes, children);
}

function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** A labelled field; `control` is an input, a select or a textarea with a name. */
export function field(label, control, hint) {
  control.id = `field-${control.name}`;
  return h(
    "div",
    { class: "field" },
    h("label", { for: control.id }, label),
    control,
    hint && h("p", { class: "hint" }, hint),
  );
}

/** A select of [value, label] pairs. */
export function select(name, pairs, chosen) {
  return h(
    "select",
    { name },
    pairs.map(([value, label]) => h("option", { value, selected: String(value) === String(chosen ?? "") }, label)),
  );
}

/** The head of a page: its title, a line below it, and what can be done there. */
export function heading(title, lead, ...tools) {
  const told = h("div", {}, h("h1", {}, title), h("p", { class: "lead" }, lead));
  return h("div", { class: "page-head" }, told, tools.some(Boolean) && h("div", { class: "tools" }, tools));
}

/** What went wrong, in the words of the API. */
export function notice(text) {
  return h("p", { class: "notice", role: "alert" }, text);
}

/** A word with a colour of its own: the state of a job, the status of a fact. */
export function pill(word) {
  return h("span", { class: `pill ${word}` }, word.replaceAll("_", " "));
}

/** Pairs of a term and what it is; those without a value are left out. */
export function terms(pairs) {
  const told = pairs.filter(([, value]) => value != null && value !== "");
  return h(
    "dl",
    { class: "terms" },
    told.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
  );
}

/** A moment, in the language and zone of who looks. */
export function moment(text) {
  const when = new Date(text);
  const shown = when.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return h("time", { datetime: text, title: when.toISOString() }, shown);
}

/** Tell something that has no place of its own: it is shown for a while, and read aloud. */
export function say(text) {
  const place = document.getElementById("said");
  place.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (place.textContent = ""), 6_000);
}

/** A list that asks for its next page when it is told to: `load(cursor)` gives items and next_cursor. */
export async function paged(list, load, row, empty) {
  const older = h("button", { type: "button", class: "quiet", hidden: true }, "Older");
  let cursor = null;
  const more = async () => {
    const page = await load(cursor);
    list.append(...page.items.map(row));
    cursor = page.next_cursor;
    older.hidden = cursor === null;
  };
  older.addEventListener("click", () => more().catch((error) => say(error.message)));
  await more();
  if (!list.childElementCount) return [h("p", { class: "empty" }, empty)];
  return [list, older];
}
