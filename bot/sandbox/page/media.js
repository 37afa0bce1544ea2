// Draws files, pictures with their alt text, embeds and link previews.

import { element, render } from "./markdown.js";
import { say } from "./words.js";

const WIDEST = 420, HIGHEST = 320, SPOILER = "SPOILER_";

// Only what the sandbox itself serves is shown; a picture elsewhere stays a link, so nothing leaves this machine.
function own(address) {
  const url = new URL(address, location.href);
  return /^\/(attachments|stickers)\//.test(url.pathname) ? url.pathname + url.search : null;
}

// A picture's place is known before it is loaded: smaller where it has to be, never in other proportions.
function picture(src, alt, { width, height }) {
  const scale = Math.min(1, WIDEST / width, HIGHEST / height);
  const size = scale > 0 ? { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) } : {};
  return element("img", { class: "picture", src, alt, ...size, loading: "lazy" });
}

// A picture that links to itself; one with alt text says so, as Discord's app does.
function figure(path, description, fallback, media) {
  const link = element("a", { href: path, target: "_blank", rel: "noreferrer" }, picture(path, description ?? fallback, media));
  const badge = description ? element("span", { class: "alt", title: description, "aria-hidden": "true" }, "ALT") : null;
  return element("figure", { class: "figure" }, link, badge);
}

export function cover(node, spoiler) {
  if (!spoiler) return node;
  const button = element("button", { type: "button", class: "cover", onclick: () => button.replaceWith(node) }, say("Spoiler: show"));
  return button;
}

export function drawMedia(media, description, fallback = say("Picture")) {
  const path = own(media.url);
  if (path) return figure(path, description, fallback, media);
  return element("a", { class: "file", href: media.url, target: "_blank", rel: "noreferrer" }, `🖼 ${new URL(media.url).host}`);
}

export function drawFile(file) {
  const path = own(file.url);
  if (file.content_type?.startsWith("image/")) {
    return cover(figure(path, file.description, file.filename, file), file.filename.startsWith(SPOILER));
  }
  if (file.duration_secs) return drawVoice(file, path);
  const size = file.size < 1024 ? `${file.size} B` : file.size < 1048576 ? `${(file.size / 1024).toFixed(1)} KB` : `${(file.size / 1048576).toFixed(1)} MB`;
  const box = element("span", { class: "file" }, "📄 ", element("a", { href: path, download: file.filename }, file.filename), element("span", { class: "note" }, size));
  return cover(box, file.filename.startsWith(SPOILER));
}

function drawVoice(file, path) {
  const seconds = Math.round(file.duration_secs);
  const length = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return element("div", { class: "voice" }, `🎤 ${say("Voice message")}, ${length}`, element("audio", { controls: true, src: path, preload: "none" }));
}

export function drawSticker(sticker) {
  return element("img", { class: "sticker", src: `/stickers/${sticker.id}.png`, alt: `Sticker: ${sticker.name}`, title: sticker.name, width: 160, height: 160 });
}

export function hex(colour) {
  return "#" + colour.toString(16).padStart(6, "0");
}

export function drawEmbed(embed, names) {
  const node = element("div", { class: "embed" });
  if (embed.color !== undefined) node.style.borderLeftColor = hex(embed.color);
  if (embed.provider) node.append(element("div", { class: "note" }, embed.provider.name));
  if (embed.author) node.append(element("div", { class: "note" }, embed.author.name));
  if (embed.title) {
    const title = element("strong", {}, render(embed.title, names));
    node.append(embed.url ? element("a", { href: embed.url, target: "_blank", rel: "noreferrer" }, title) : title);
  }
  if (embed.description) node.append(element("div", { class: "content" }, render(embed.description, names)));
  for (const media of [embed.thumbnail, embed.image]) if (media) node.append(drawMedia(media, media.description, embed.title ?? say("Picture")));
  if (embed.fields?.length) {
    node.append(element("dl", {}, ...embed.fields.map((field) => element("div", { class: field.inline ? "inline" : "" },
      element("dt", {}, render(field.name, names)), element("dd", { class: "content" }, render(field.value, names))))));
  }
  const last = [embed.footer?.text, embed.timestamp && new Date(embed.timestamp).toLocaleString()].filter(Boolean).join(" · ");
  if (last) node.append(element("div", { class: "note" }, last));
  return node;
}
