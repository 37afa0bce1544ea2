// The list of channels at the side, and the posts of a forum.

import { element } from "./markdown.js";

const $ = (id) => document.getElementById(id);
export const THREADS = [10, 11, 12], FORUMS = [15, 16];
const TEXT = [0, 5], DM = 1, DIRECT = [DM, 3];

// The channels as they are listed: those of the guild with their threads, then direct messages.
export function ordered(state) {
  const all = [...state.channels.values()];
  const found = [];
  for (const channel of all.filter((one) => TEXT.includes(one.type) || FORUMS.includes(one.type)).sort((a, b) => a.position - b.position)) {
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

export function drawChannels(app) {
  const { state } = app;
  const [places, dms] = ordered(state);
  const item = (channel) => {
    const thread = THREADS.includes(channel.type);
    const locked = channel.thread_metadata?.locked ? " 🔒" : channel.thread_metadata?.archived ? " 💤" : "";
    return element("button", { type: "button", class: (thread ? "thread " : "") + (state.fresh.has(channel.id) ? "new" : ""), "data-channel": channel.id, "aria-current": channel.id === state.current ? "page" : undefined, onclick: () => app.open(channel.id, true) }, label(channel, "╰ ", app) + locked);
  };
  const withBot = dms.some((one) => one.type === DM && one.recipients.every((each) => each.id === state.person.id));
  const bot = withBot ? [] : [element("button", { type: "button", onclick: () => app.openDm() }, "@ " + app.welcome.bot.name)];
  $("channels").replaceChildren(element("h3", {}, "Channels"), ...places.map(item), element("h3", {}, "Direct messages"), ...bot, ...dms.map(item));
}

export function drawPosts(forum, app) {
  const tags = new Map(forum.available_tags.map((one) => [one.id, one.name]));
  const posts = [...app.state.channels.values()].filter((one) => one.parent_id === forum.id);
  const rows = posts.reverse().map((post) => element("li", { class: "notice" },
    element("button", { type: "button", class: "file", onclick: () => app.open(post.id, true) }, post.name),
    ...(post.applied_tags ?? []).map((one) => element("span", { class: "tag" }, tags.get(one) ?? "tag"))));
  $("messages").replaceChildren(element("li", { class: "notice" }, forum.topic ?? "Posts of this forum:"), ...rows);
}
