// An answer: who gives it, its text as it comes, and the facts that it cites, with how far each opened.

import { h, s } from "./dom.js";

/** A bar for a share between 0 and 1, with its words for those who hear it. */
export function gauge(share, words) {
  const width = Math.round(100 * Math.min(1, Math.max(0, share)));
  return s(
    "svg",
    { class: "gauge", viewBox: "0 0 100 8", preserveAspectRatio: "none", role: "img", "aria-label": words },
    s("rect", { class: "track", width: 100, height: 8 }),
    s("rect", { class: "fill", width, height: 8 }),
  );
}

/** A cited fact: a link to it, its source, and its gauge. */
function citation({ fact, source, gate }) {
  const percent = `${Math.round(100 * gate)} %`;
  return h(
    "li",
    {},
    h("a", { href: `#facts/${fact}` }, `Fact ${fact}`),
    source && h("span", { class: "source" }, source),
    h(
      "span",
      { class: "opened", title: "0 % at its threshold, 100 % at the very question that was taught" },
      gauge(gate, `opened ${percent}`),
      h("span", {}, percent),
    ),
  );
}

/** A card that an answer comes into. */
export class Answer {
  constructor(title) {
    this.version = h("span", { class: "version" });
    this.text = h("p", { class: "text" });
    this.foot = h("div", { class: "foot" });
    const head = h("p", { class: "head" }, h("span", {}, title), this.version);
    // Busy while it comes: then a screen reader reads it once and whole.
    this.body = h("div", { "aria-live": "polite", "aria-busy": "true" }, this.text, this.foot);
    this.element = h("article", { class: "answer waiting", "aria-label": `Answer, ${title}` }, head, this.body);
  }

  by(version) {
    this.version.textContent = `version ${version}`;
  }

  add(text) {
    this.element.classList.remove("waiting");
    this.text.append(text);
  }

  done(citations, finish) {
    this.element.classList.remove("waiting");
    const cited = citations.length
      ? h("ul", { class: "citations" }, citations.map(citation))
      : h("p", { class: "quietly" }, "The base alone: no taught fact opened.");
    this.foot.replaceChildren(
      cited,
      finish === "length" ? h("p", { class: "quietly" }, "Cut: it has as many tokens as an answer may have.") : "",
    );
    this.body.removeAttribute("aria-busy");
  }

  fail(message) {
    this.element.classList.remove("waiting");
    this.foot.replaceChildren(h("p", { class: "notice" }, message));
    this.body.removeAttribute("aria-busy");
  }

  /** A whole answer of /v1/query or of a diff. */
  static of(title, { answer, version, citations, finish }) {
    const card = new Answer(title);
    card.by(version);
    card.add(answer);
    card.done(citations, finish);
    return card.element;
  }
}
