// Draws one message: author, content, files, embeds, components, reactions, and what can be done with it.

import { element, render } from "./markdown.js";

const COLOURS = ["#4f5bd5", "#b3540a", "#1f7a3d", "#8a1fb0", "#b3261e", "#0b7285"];
const LOADING = 128, EPHEMERAL = 64;
const BUTTON = 2, STRING_SELECT = 3, LINK = 5;
const SELECTS = { 3: "option", 5: "user", 6: "role", 7: "mentionable", 8: "channel" };

const WIDEST = 420, HIGHEST = 320;

export function clock(iso) {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function drawMessage(message, previous, app) {
  const { state } = app;
  const continues = previous && previous.author.id === message.author.id && message.type !== 19 &&
    previous.type !== 18 && new Date(message.timestamp) - new Date(previous.timestamp) < 420000;
  if (message.type === 18) {
    return element("li", { class: "notice", "data-id": message.id },
      `${name(message.author)} started a thread: `,
      element("button", { type: "button", onclick: () => app.open(message.message_reference.channel_id) }, message.content));
  }
  const shown = message.type === 21 && message.referenced_message ? message.referenced_message : message;
  const node = element("li", { class: "message" + (continues ? "" : " first"), "data-id": message.id });
  if (message.mentions.some((user) => user.id === state.person.id) || message.mention_everyone) node.classList.add("ping");
  if (message.type === 19 || message.interaction) node.append(above(message, app));
  if (!continues) node.append(...heading(shown));
  const content = element("div", { class: "content" });
  if (message.flags & LOADING) content.append(element("span", { class: "dots note" }, `${name(message.author)} is thinking`));
  else content.append(render(shown.content, state.names));
  if (shown.edited_timestamp && shown.content) {
    content.append(element("span", { class: "edited", title: new Date(shown.edited_timestamp).toLocaleString() }, " (edited)"));
  }
  node.append(content);
  for (const file of shown.attachments) node.append(drawFile(file, shown));
  for (const embed of shown.embeds) node.append(drawEmbed(embed, state.names));
  for (const component of shown.components) node.append(drawComponent(component, message, app));
  if (message.reactions?.length) node.append(drawReactions(message, app));
  if (message.thread) {
    node.append(element("button", { type: "button", class: "file", onclick: () => app.open(message.thread.id) }, `💬 ${message.thread.name}`));
  }
  if (message.flags & EPHEMERAL) {
    node.append(element("div", { class: "note ephemeral" }, "👁 Only you can see this · ",
      element("button", { type: "button", onclick: () => app.dismiss(message) }, "Dismiss message")));
  } else node.append(tools(message, app));
  return node;
}

function name(user) {
  return user.global_name ?? user.username;
}

function heading(message) {
  const who = name(message.author);
  const colour = COLOURS[Number(BigInt(message.author.id) % BigInt(COLOURS.length))];
  const avatar = element("span", { class: "avatar", "aria-hidden": "true" }, who[0].toUpperCase());
  avatar.style.background = colour;
  const parts = [avatar, element("span", { class: "author" }, who)];
  if (message.author.bot) parts.push(element("span", { class: "tag" }, "APP"));
  parts.push(element("time", { class: "time", datetime: message.timestamp }, clock(message.timestamp)));
  return parts;
}

function above(message, app) {
  if (message.interaction) {
    return element("div", { class: "replied" }, `${name(message.interaction.user)} used /${message.interaction.name}`);
  }
  const earlier = message.referenced_message;
  if (!earlier) return element("div", { class: "replied" }, "Original message was deleted");
  const text = earlier.content.replace(/\s+/g, " ").slice(0, 160) || "(no text)";
  return element("div", { class: "replied" }, `${name(earlier.author)}: `, app.plain(text));
}

function drawFile(file) {
  const spoiled = file.filename.startsWith("SPOILER_");
  if (file.content_type?.startsWith("image/") && !spoiled) {
    const path = new URL(file.url).pathname + new URL(file.url).search;
    return element("a", { href: path, target: "_blank", rel: "noreferrer" }, picture(path, file.description ?? file.filename, file));
  }
  const path = new URL(file.url).pathname + new URL(file.url).search;
  const size = file.size < 1024 ? `${file.size} B` : file.size < 1048576 ? `${(file.size / 1024).toFixed(1)} KB` : `${(file.size / 1048576).toFixed(1)} MB`;
  return element("span", { class: "file" }, "📄 ", element("a", { href: path, download: file.filename }, file.filename), element("span", { class: "note" }, size));
}

// Its place is known before it is loaded: smaller than it is where it has to be, never in other proportions.
function picture(src, alt, { width, height }) {
  const scale = Math.min(1, WIDEST / width, HIGHEST / height);
  const size = scale > 0 ? { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) } : {};
  return element("img", { class: "picture", src, alt, ...size, loading: "lazy" });
}

function hex(colour) {
  return "#" + colour.toString(16).padStart(6, "0");
}

function drawEmbed(embed, names) {
  const node = element("div", { class: "embed" });
  if (embed.color !== undefined) node.style.borderLeftColor = hex(embed.color);
  if (embed.author) node.append(element("div", { class: "note" }, embed.author.name));
  if (embed.title) {
    const title = element("strong", {}, render(embed.title, names));
    node.append(embed.url ? element("a", { href: embed.url, target: "_blank", rel: "noreferrer" }, title) : title);
  }
  if (embed.description) node.append(element("div", { class: "content" }, render(embed.description, names)));
  for (const media of [embed.thumbnail, embed.image]) if (media) node.append(drawMedia(media, embed.title ?? "Picture"));
  if (embed.fields?.length) {
    node.append(element("dl", {}, ...embed.fields.map((field) => element("div", { class: field.inline ? "inline" : "" },
      element("dt", {}, render(field.name, names)), element("dd", { class: "content" }, render(field.value, names))))));
  }
  const last = [embed.footer?.text, embed.timestamp && new Date(embed.timestamp).toLocaleString()].filter(Boolean).join(" · ");
  if (last) node.append(element("div", { class: "note" }, last));
  return node;
}

// Only what the sandbox itself serves is shown; a picture elsewhere stays a link, so nothing leaves this machine.
function drawMedia(media, text) {
  const url = new URL(media.url, location.href);
  if (url.pathname.startsWith("/attachments/")) {
    return picture(url.pathname + url.search, text, media);
  }
  return element("a", { class: "file", href: url.href, target: "_blank", rel: "noreferrer" }, `🖼 ${url.host}`);
}

function drawComponent(part, message, app) {
  const inner = (parts) => parts.map((one) => drawComponent(one, message, app));
  if (part.type === 1) return element("div", { class: "row" }, ...inner(part.components));
  if (part.type === BUTTON) {
    const label = [part.emoji?.name, part.label].filter(Boolean).join(" ");
    if (part.style === LINK) return element("a", { class: "button", href: part.url, target: "_blank", rel: "noreferrer" }, label + " ↗");
    return element("button", { type: "button", class: `s${part.style}`, disabled: part.disabled, onclick: (event) => app.press(message, part, event.target) }, label);
  }
  if (SELECTS[part.type]) return drawSelect(part, message, app);
  if (part.type === 10) return element("div", { class: "content" }, render(part.content, app.state.names));
  if (part.type === 17) {
    const box = element("div", { class: "container" }, ...inner(part.components));
    if (part.accent_color !== null) box.style.borderLeftColor = hex(part.accent_color);
    return box;
  }
  if (part.type === 9) return element("div", { class: "row" }, element("div", {}, ...inner(part.components)), ...inner([part.accessory]));
  if (part.type === 14) return element("hr", {});
  if (part.type === 12) return element("div", {}, ...part.items.map((item) => drawMedia(item.media, item.description ?? "Picture")));
  if (part.type === 11) return drawMedia(part.media, part.description ?? "Picture");
  if (part.type === 13) return drawFile({ filename: part.name ?? "file", size: part.size ?? 0, url: part.file.url });
  return element("span", { class: "note" }, `(component ${part.type})`);
}

export function choices(part, app) {
  if (part.type === STRING_SELECT) return part.options.map((one) => [one.value, one.label, one.default]);
  const { users, roles, channels } = app.state;
  const found = [];
  if (part.type === 5 || part.type === 7) for (const user of users.values()) found.push([user.id, "@" + name(user)]);
  if (part.type === 6 || part.type === 7) for (const role of roles.values()) found.push([role.id, "@" + role.name]);
  if (part.type === 8) for (const channel of channels.values()) if (channel.name) found.push([channel.id, "#" + channel.name]);
  return found;
}

function drawSelect(part, message, app) {
  const many = part.max_values > 1;
  const menu = element("select", { "aria-label": part.placeholder ?? "Choose", disabled: part.disabled, multiple: many });
  if (!many) menu.append(element("option", { value: "", disabled: true, selected: true }, part.placeholder ?? "Choose…"));
  for (const [value, label, chosen] of choices(part, app)) menu.append(element("option", { value, selected: chosen }, label));
  const send = () => app.choose(message, part, [...menu.selectedOptions].map((one) => one.value));
  if (!many) menu.addEventListener("change", send);
  return many ? element("span", { class: "row" }, menu, element("button", { type: "button", onclick: send }, "Choose")) : menu;
}

function drawReactions(message, app) {
  return element("div", { class: "reactions" }, ...message.reactions.map((one) => element("button",
    { type: "button", "aria-pressed": String(one.me), "aria-label": `${one.emoji.name}, ${one.count}`, onclick: () => app.react(message, one.emoji.name, !one.me) },
    `${one.emoji.name} ${one.count}`)));
}

function tools(message, app) {
  const { state } = app;
  const mine = message.author.id === state.person.id;
  const button = (label, text, act) => element("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
  const found = ["👍", "❤️", "🎉"].map((emoji) => button(`React with ${emoji}`, emoji, () => app.react(message, emoji, true)));
  found.push(button("Reply", "↩", () => app.replyTo(message)));
  if (mine) found.push(button("Edit", "✎", () => app.edit(message)));
  if (mine || state.person.admin) found.push(button("Delete", "🗑", () => app.remove(message)));
  if (app.canHaveThread(message)) found.push(button("Start a thread", "🧵", () => app.startThread(message)));
  return element("div", { class: "tools" }, ...found);
}
