// Turns Discord's Markdown into DOM nodes; text only ever becomes text nodes, never HTML.

import { highlight } from "./highlight.js";

const INLINE = [
  [/^\\([^0-9A-Za-z\s])/, (m) => document.createTextNode(m[1])],
  [/^``(.+?)``(?!`)|^`([^`]+)`/s, (m) => element("code", {}, m[1] ?? m[2])],
  [/^\|\|(.+?)\|\|/s, (m, names) => spoiler(m[1], names)],
  [/^\*\*\*(.+?)\*\*\*/s, (m, names) => element("strong", {}, element("em", {}, ...inline(m[1], names)))],
  [/^\*\*(.+?)\*\*(?!\*)/s, (m, names) => element("strong", {}, ...inline(m[1], names))],
  [/^__(.+?)__(?!_)/s, (m, names) => element("u", {}, ...inline(m[1], names))],
  [/^\*(?!\s)(.+?)(?<!\s)\*(?!\*)/s, (m, names) => element("em", {}, ...inline(m[1], names))],
  [/^_(?!\s)(.+?)_(?!\w)/s, (m, names) => element("em", {}, ...inline(m[1], names))],
  [/^~~(.+?)~~/s, (m, names) => element("s", {}, ...inline(m[1], names))],
  [/^\[([^\]\n]+)\]\((?:<)?(https?:\/\/[^\s)>]+)>?\)/, (m, names) => link(m[2], names, ...inline(m[1], names))],
  [/^<(https?:\/\/[^\s>]+)>/, (m, names) => link(m[1], names, m[1])],
  [/^https?:\/\/[^\s<]*[^\s<.,:;"')\]}>]/, (m, names) => link(m[0], names, m[0])],
  [/^<@!?(\d+)>/, (m, names) => mention("@" + names.user(m[1]))],
  [/^<@&(\d+)>/, (m, names) => mention("@" + names.role(m[1]))],
  [/^<#(\d+)>/, (m, names) => mention("#" + names.channel(m[1]))],
  [/^@(everyone|here)\b/, (m) => mention(m[0])],
  [/^<a?:(\w+):\d+>/, (m) => document.createTextNode(`:${m[1]}:`)],
  [/^<t:(-?\d+)(?::([tTdDfFR]))?>/, (m) => moment(m[0], Number(m[1]) * 1000, m[2] ?? "f")],
];

const MOMENTS = {
  t: { timeStyle: "short" }, T: { timeStyle: "medium" }, d: { dateStyle: "short" }, D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" }, F: { dateStyle: "full", timeStyle: "short" },
};
const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const FARTHEST = 8.64e15;

function moment(written, at, style) {
  if (Math.abs(at) > FARTHEST) return document.createTextNode(written);
  const exactly = new Date(at).toLocaleString([], MOMENTS.F);
  if (style !== "R") return element("time", { title: exactly }, new Date(at).toLocaleString([], MOMENTS[style]));
  return element("time", { class: "relative", title: exactly, "data-at": at }, relative(at));
}

function relative(at) {
  const seconds = Math.round((at - Date.now()) / 1000);
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat([], { numeric: "auto" }).format(Math.round(seconds / size), unit);
}

// How long ago something was goes on growing while the page is looked at.
export function refreshTimes() {
  for (const node of document.querySelectorAll("time.relative")) {
    const text = relative(Number(node.dataset.at));
    if (node.textContent !== text) node.textContent = text;
  }
}

export function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const PLACE = /^https:\/\/(?:\w+\.)?discord(?:app)?\.com\/(channels\/(@me|\d+)\/\d+(?:\/\d+)?)\/?$/;

// A place on this Discord is shown here: on the real one it does not exist.
function link(url, names, ...children) {
  const place = PLACE.exec(url);
  if (place && (place[2] === "@me" || place[2] === names.guild)) return element("a", { href: `#/${place[1]}` }, ...children);
  return element("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, ...children);
}

function mention(text) {
  return element("span", { class: "mention" }, text);
}

function spoiler(text, names) {
  const node = element("button", { type: "button", class: "spoiler", "aria-label": "Spoiler, press to show" });
  node.append(...inline(text, names));
  node.addEventListener("click", () => {
    node.classList.add("shown");
    node.removeAttribute("aria-label");
  });
  return node;
}

function inline(text, names) {
  const nodes = [];
  let plain = "";
  let at = 0;
  const flush = () => { if (plain) nodes.push(document.createTextNode(plain)); plain = ""; };
  while (at < text.length) {
    const rest = text.slice(at, at + 2100);
    let hit = null;
    if (/[\\`|*_~[<@h]/.test(rest[0]) && !(rest[0] === "_" && /\w/.test(text[at - 1] ?? ""))) {
      for (const [pattern, make] of INLINE) {
        const found = pattern.exec(rest);
        if (found) { hit = [found, make]; break; }
      }
    }
    if (hit) {
      flush();
      nodes.push(hit[1](hit[0], names));
      at += hit[0][0].length;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  flush();
  return nodes;
}

export function render(text, names) {
  const out = document.createDocumentFragment();
  const fences = /```(?:([\w+#.-]*)\n)?([\s\S]+?)```/g;
  let at = 0;
  for (const fence of text.matchAll(fences)) {
    blocks(text.slice(at, fence.index).replace(/\n$/, ""), names, out);
    const code = element("code", {}, ...highlight(fence[2].replace(/\n$/, ""), (fence[1] ?? "").toLowerCase()));
    out.append(element("pre", { tabindex: "0" }, code));
    at = fence.index + fence[0].length;
    if (text[at] === "\n") at += 1;
  }
  blocks(text.slice(at), names, out);
  return out;
}

const ITEM = /^( *)(?:[-*]|(\d+)\.) +(\S.*)/;

// Append the lists that begin at a line, each deeper one inside the item above it; returns the line behind them.
function lists(lines, index, names, out) {
  const open = []; // from the outermost list to the one that grows
  for (; index < lines.length; index += 1) {
    const [, { length: depth }, number, text] = ITEM.exec(lines[index]) ?? [, "", undefined, undefined];
    if (text === undefined) {
      if (!/^ +\S/.test(lines[index])) break;
      // An indented line goes on with the item above it.
      open.at(-1).item.append("\n", ...inline(lines[index].trim(), names));
      continue;
    }
    while (open.length > 1 && depth < open.at(-1).depth) open.pop();
    const kind = number === undefined ? "UL" : "OL";
    let list = open.at(-1);
    if (!list || depth > list.depth + 1 || list.node.tagName !== kind) {
      const node = element(kind, { start: number });
      if (list && depth <= list.depth + 1) open.pop();
      (open.at(-1)?.item ?? out).append(node);
      list = { node, depth };
      open.push(list);
    }
    list.item = element("li", {}, ...inline(text, names));
    list.node.append(list.item);
  }
  return index;
}

function blocks(text, names, out) {
  if (!text) return;
  const lines = text.split("\n");
  let pending = [];
  const flush = () => {
    if (pending.length) out.append(element("div", {}, ...inline(pending.join("\n"), names)));
    pending = [];
  };
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    const heading = /^(#{1,3}) +(.+)/.exec(line);
    if (heading) {
      flush();
      out.append(element(`h${heading[1].length + 2}`, {}, ...inline(heading[2], names)));
    } else if (line.startsWith("-# ")) {
      flush();
      out.append(element("div", { class: "subtext" }, ...inline(line.slice(3), names)));
    } else if (line.startsWith(">>> ")) {
      flush();
      const quote = element("blockquote", {});
      blocks([line.slice(4), ...lines.slice(index + 1)].join("\n"), names, quote);
      out.append(quote);
      return;
    } else if (line.startsWith("> ")) {
      flush();
      const quoted = [];
      while (index < lines.length && lines[index].startsWith("> ")) quoted.push(lines[index++].slice(2));
      index -= 1;
      const quote = element("blockquote", {});
      blocks(quoted.join("\n"), names, quote);
      out.append(quote);
    } else if (ITEM.test(line)) {
      flush();
      index = lists(lines, index, names, out) - 1;
    } else {
      pending.push(line);
    }
  }
  flush();
}
