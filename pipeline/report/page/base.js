// Helpers. Text of models, files and people reaches the page through `write` alone, as text nodes.
const $ = (id) => document.getElementById(id);
const config = JSON.parse($("config").textContent);
const SVG = "http://www.w3.org/2000/svg";
const FOLD = 4000; // characters of one text that are shown before somebody asks for the rest

// What a browser would obey, not show: control, format and unassigned characters, lone surrogates.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
const INVISIBLES = new RegExp(INVISIBLE.source, "gu");

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

function button(name, text, press) {
  const element = make("button", name, text);
  element.type = "button";
  element.addEventListener("click", press);
  return element;
}

function shape(parent, name, x, width, y, height) {
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("class", name);
  for (const [key, value] of Object.entries({ x, width, y, height })) rect.setAttribute(key, value);
  parent.append(rect);
}

function codeOf(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code < 0x10000 ? "\\u" + code.toString(16).padStart(4, "0") : "\\U" + code.toString(16).padStart(8, "0");
}

// `text` as a browser cannot misread it, for places that take one string.
const clean = (text) => String(text ?? "–").replace(INVISIBLES, (one) => (one === "\n" || one === "\t" ? one : codeOf(one)));

function write(element, text) {
  let done = 0;
  for (const found of text.matchAll(INVISIBLES)) {
    if (found[0] === "\n" || found[0] === "\t") continue;
    element.append(text.slice(done, found.index), make("span", "ctl", codeOf(found[0])));
    done = found.index + found[0].length;
  }
  element.append(text.slice(done));
  return element;
}

// A text of any length: its beginning, and a button for the rest.
function long(name, text) {
  const element = make("div", name);
  element.dir = "auto";
  if (text.length <= FOLD * 1.25) return write(element, text);
  const cut = text.charCodeAt(FOLD) >= 0xdc00 && text.charCodeAt(FOLD) < 0xe000 ? FOLD - 1 : FOLD;
  write(element, text.slice(0, cut));
  const more = button("", `Show all ${text.length.toLocaleString("en")} characters`, () => {
    more.remove();
    write(element, text.slice(cut));
  });
  element.append(" … ", more);
  return element;
}

const two = (value) => (value === null || value === undefined ? "–" : value.toFixed(2).replace(/^-(0\.00)$/, "$1").replace("-", "−"));
const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
const place = (first) => (first === null || first === undefined ? "undecided" : first < 0 ? "none" : `step ${first}`);

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

// What this browser remembers, where it lets a page remember anything.
const memory = {
  read(key) {
    try { return localStorage.getItem("stepsmith-" + key); } catch { return null; }
  },
  write(key, value) {
    try { localStorage.setItem("stepsmith-" + key, value); } catch { /* from a disk, some do not */ }
  },
  forget(key) {
    try { localStorage.removeItem("stepsmith-" + key); } catch { /* nor was it kept */ }
  },
  keys(start) {
    try { return Object.keys(localStorage).filter((key) => key.startsWith("stepsmith-" + start)).map((key) => key.slice(10)).sort(); } catch { return []; }
  },
};

{
  const root = document.documentElement;
  const known = memory.read("theme");
  if (known === "dark" || known === "light") root.dataset.theme = known;
  $("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    memory.write("theme", root.dataset.theme);
  });
}
