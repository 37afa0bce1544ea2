// The list of channels at the side, by category.

import { element } from "./markdown.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);
export const THREADS = [10, 11, 12], FORUMS = [15, 16];
const TEXT = [0, 5], DM = 1, DIRECT = [DM, 3];

// The channels as they are listed: those of the guild with their threads, then direct messages.
export function ordered(state) {
  const all = [...state.channels.values()];
  const found = [];
  const place = (one) => state.channels.get(one.parent_id)?.position ?? -1;
  const places = all.filter((one) => TEXT.includes(one.type) || FORUMS.includes(one.type));
  for (const channel of places.sort((a, b) => place(a) - place(b) || a.position - b.position)) {
    found.push(channel);
    found.push(...all.filter((one) => THREADS.includes(one.type) && one.parent_id === channel.id && (!one.thread_metadata.archived || one.id === state.current)));
  }
  return [found, all.filter((one) => DIRECT.includes(one.type))];
}

// A channel's name with the sign of its kind; a direct message is named after who else is in it.
export function label(channel, thread, app) {
  if (DIRECT.includes(channel.type)) {
    const others = channel.recipients.filter((one) => one.id !== app.state.person.id).map((one) => one.global_name ?? one.username);
    return channel.name || "@ " + (others.join(", ") || app.welcome.bot.name);
  }
  return (THREADS.includes(channel.type) ? thread : FORUMS.includes(channel.type) ? "🗂 " : "# ") + channel.name;
}

// A category's name, which folds its channels away; those with news stay.
function heading(category, app) {
  const { state } = app;
  const folded = state.folded.has(category);
  const fold = () => {
    state.folded[folded ? "delete" : "add"](category);
    drawChannels(app);
  };
  return element("h3", {}, element("button", { type: "button", class: "category", "aria-expanded": String(!folded), onclick: fold }, `${folded ? "▸" : "▾"} ${state.channels.get(category)?.name ?? say("Channels")}`));
}

export function drawChannels(app) {
  const { state } = app;
  const [places, dms] = ordered(state);
  const item = (channel) => {
    const thread = THREADS.includes(channel.type);
    const locked = channel.thread_metadata?.locked ? " 🔒" : channel.thread_metadata?.archived ? " 💤" : "";
    const pings = state.fresh.get(channel.id);
    const badge = pings ? element("span", { class: "badge", "aria-label": say("{} mentions", pings) }, String(pings)) : null;
    return element("button", { type: "button", class: (thread ? "thread " : "") + (state.fresh.has(channel.id) ? "new" : ""), "data-channel": channel.id, "aria-current": channel.id === state.current ? "page" : undefined, onclick: () => app.open(channel.id, true) },
      element("span", { class: "words" }, label(channel, "╰ ", app) + locked), state.fresh.has(channel.id) ? element("span", { class: "hidden" }, say("unread")) : null, badge);
  };
  // Each category with its channels; what has none stands first.
  const rows = [];
  let above;
  for (const channel of places) {
    const category = THREADS.includes(channel.type) ? above : channel.parent_id ?? null;
    if (category !== above) rows.push(heading(category, app));
    above = category;
    if (!(state.folded.has(category) && channel.id !== state.current && !state.fresh.has(channel.id))) rows.push(item(channel));
  }
  const withBot = dms.some((one) => one.type === DM && one.recipients.every((each) => each.id === state.person.id));
  const bot = withBot ? [] : [element("button", { type: "button", onclick: () => app.openDm() }, "@ " + app.welcome.bot.name)];
  $("channels").replaceChildren(...rows, element("h3", {}, say("Direct messages")), ...bot, ...dms.map(item));
}
