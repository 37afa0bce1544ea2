// Turns Discord's Markdown into DOM nodes; text only ever becomes text nodes, never HTML.

import { highlight } from "./highlight.js";

const INLINE = [
  [/^\\([^\w\s])/, (m) => document.createTextNode(m[1])],
  [/^``(.+?)``(?!`)|^`([^`]+)`/s, (m) => element("code", {}, m[1] ?? m[2])],
  [/^\|\|(.+?)\|\|/s, (m, names) => spoiler(m[1], names)],
  [/^\*\*\*(.+?)\*\*\*/s, (m, names) => element("strong", {}, element("em", {}, ...inline(m[1], names)))],
  [/^\*\*(.+?)\*\*(?!\*)/s, (m, names) => element("strong", {}, ...inline(m[1], names))],
  [/^__(.+?)__(?!_)/s, (m, names) => element("u", {}, ...inline(m[1], names))],
  [/^\*(?!\s)(.+?)(?<!\s)\*(?!\*)/s, (m, names) => element("em", {}, ...inline(m[1], names))],
  [/^_(?!\s)(.+?)_(?!\w)/s, (m, names) => element("em", {}, ...inline(m[1], names))],
  [/^~~(.+?)~~/s, (m, names) => element("s", {}, ...inline(m[1], names))],
  [/^\[([^\]\n]+)\]\((?:<)?(https?:\/\/[^\s)>]+)>?\)/, (m, names) => link(m[2], ...inline(m[1], names))],
  [/^<(https?:\/\/[^\s>]+)>/, (m) => link(m[1], m[1])],
  [/^https?:\/\/[^\s<]*[^\s<.,:;"')\]}>]/, (m) => link(m[0], m[0])],
  [/^<@!?(\d+)>/, (m, names) => mention("@" + names.user(m[1]))],
  [/^<@&(\d+)>/, (m, names) => mention("@" + names.role(m[1]))],
  [/^<#(\d+)>/, (m, names) => mention("#" + names.channel(m[1]))],
  [/^@(everyone|here)\b/, (m) => mention(m[0])],
  [/^<t:(\d+)(?::[tTdDfFR])?>/, (m) => element("time", {}, new Date(m[1] * 1000).toLocaleString())],
];

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

function link(url, ...children) {
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
    } else if (/^ *(?:[-*]|\d+\.) +\S/.test(line)) {
      flush();
      const ordered = /^ *\d/.test(line);
      const start = ordered ? /\d+/.exec(line)[0] : undefined;
      const list = element(ordered ? "ol" : "ul", { start });
      while (index < lines.length && /^ *(?:[-*]|\d+\.) +\S/.test(lines[index])) {
        list.append(element("li", {}, ...inline(lines[index++].replace(/^ *(?:[-*]|\d+\.) +/, ""), names)));
      }
      index -= 1;
      out.append(list);
    } else {
      pending.push(line);
    }
  }
  flush();
}
