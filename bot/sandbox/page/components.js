// Draws the components of a message: buttons and menus, and the layout of Components V2.

import { element, render } from "./markdown.js";
import { cover, drawFile, drawMedia, hex } from "./media.js";
import { say } from "./words.js";

const ROW = 1, BUTTON = 2, STRING_SELECT = 3, SECTION = 9, TEXT = 10, THUMBNAIL = 11, GALLERY = 12, FILE = 13, SEPARATOR = 14, CONTAINER = 17;
const LINK = 5, LARGE = 2;
const SELECTS = { 3: "option", 5: "user", 6: "role", 7: "mentionable", 8: "channel" };

export function drawComponent(part, message, app) {
  const inner = (parts) => parts.map((one) => drawComponent(one, message, app));
  if (SELECTS[part.type]) return drawSelect(part, message, app);
  const draw = {
    [ROW]: () => element("div", { class: "row" }, ...inner(part.components)),
    [BUTTON]: () => drawButton(part, message, app),
    [TEXT]: () => element("div", { class: "content" }, render(part.content, app.state.names)),
    [SECTION]: () => element("div", { class: "section" }, element("div", {}, ...inner(part.components)), element("div", { class: "row accessory" }, ...inner([part.accessory]))),
    [THUMBNAIL]: () => element("div", { class: "thumbnail" }, cover(drawMedia(part.media, part.description), part.spoiler)),
    [GALLERY]: () => element("div", { class: "gallery", "data-count": part.items.length }, ...part.items.map((item) => cover(drawMedia(item.media, item.description), item.spoiler))),
    [FILE]: () => cover(drawFile({ filename: part.name ?? "file", size: part.size ?? 0, url: part.file.url }), part.spoiler),
    [SEPARATOR]: () => element("hr", { class: (part.divider ? "" : "blank ") + (part.spacing === LARGE ? "large" : "") }),
    [CONTAINER]: () => {
      const box = element("div", { class: "container" }, ...inner(part.components));
      if (part.accent_color !== null) box.style.borderLeftColor = hex(part.accent_color);
      return cover(box, part.spoiler);
    },
  }[part.type];
  return draw ? draw() : element("span", { class: "note" }, `(component ${part.type})`);
}

function drawButton(part, message, app) {
  const label = [part.emoji?.name, part.label].filter(Boolean).join(" ");
  if (part.style === LINK) return element("a", { class: "button", href: part.url, target: "_blank", rel: "noreferrer" }, label + " ↗");
  return element("button", { type: "button", class: `s${part.style}`, "data-custom": part.custom_id, disabled: part.disabled, onclick: (event) => app.interactions.press(message, part, event.target) }, label);
}

export function choices(part, app) {
  if (part.type === STRING_SELECT) return part.options.map((one) => [one.value, one.label, one.default]);
  const { users, roles, channels } = app.state;
  const found = [];
  if (part.type === 5 || part.type === 7) for (const user of users.values()) found.push([user.id, "@" + (user.global_name ?? user.username)]);
  if (part.type === 6 || part.type === 7) for (const role of roles.values()) found.push([role.id, "@" + role.name]);
  if (part.type === 8) for (const channel of channels.values()) if (channel.name) found.push([channel.id, "#" + channel.name]);
  return found;
}

function drawSelect(part, message, app) {
  const many = part.max_values > 1;
  const menu = element("select", { "aria-label": part.placeholder ?? say("Choose"), disabled: part.disabled, multiple: many });
  if (!many) menu.append(element("option", { value: "", disabled: true, selected: true }, part.placeholder ?? say("Choose…")));
  for (const [value, label, chosen] of choices(part, app)) menu.append(element("option", { value, selected: chosen }, label));
  const send = () => app.interactions.choose(message, part, [...menu.selectedOptions].map((one) => one.value));
  if (!many) menu.addEventListener("change", send);
  return many ? element("span", { class: "row" }, menu, element("button", { type: "button", onclick: send }, say("Choose"))) : menu;
}
