// Channel threads as they are shown elsewhere: the live card below a question, and a forum's posts.

import { element } from "./markdown.js";
import { avatar, clock, day, name, working } from "./parts.js";
import { say } from "./words.js";

// The newest message of a channel thread in one line; asked for once where nobody has heard one yet.
function newest(thread, app) {
  const { last } = app.state;
  if (!last.has(thread.id)) {
    last.set(thread.id, null);
    app.attempt(app.client.api("GET", `/channels/${thread.id}/messages?limit=1`)).then((found) => {
      if (found?.length && !last.get(thread.id)) app.noteNewest(thread.id, found[0]);
    });
  }
  const message = last.get(thread.id);
  if (!message) return element("span", { class: "card-last" }, say("There are no messages here yet."));
  const text = app.plain(message.content).replace(/^-# /gm, "").replace(/\s+/g, " ").slice(0, 120) || "(see the thread)";
  return element("span", { class: "card-last" }, avatar(message.author), element("span", { class: "author" }, name(message.author)),
    element("span", { class: "words" + (working(message) ? " busy" : "") }, text),
    element("span", { class: "time" }, `${day(message.timestamp)} ${clock(message.timestamp)}`));
}

export function drawCard(thread, app) {
  const known = app.state.channels.get(thread.id) ?? thread;
  const message = app.state.last.get(thread.id);
  const count = known.message_count === 1 ? say("1 message") : say("{} messages", known.message_count);
  const fresh = app.state.fresh.has(thread.id) ? " new" : "";
  return element("button", { type: "button", class: "card" + fresh + (message && working(message) ? " busy" : ""), "data-thread": thread.id, onclick: () => app.open(thread.id, true) },
    element("span", { class: "card-line" }, element("strong", {}, known.name), element("span", { class: "more" }, `${count} ›`)),
    newest(known, app));
}

export function drawPosts(forum, app) {
  const tags = new Map(forum.available_tags.map((one) => [one.id, one.name]));
  const posts = [...app.state.channels.values()].filter((one) => one.parent_id === forum.id);
  const rows = posts.reverse().map((post) => element("div", { class: "post" },
    (post.applied_tags ?? []).map((one) => element("span", { class: "tag" }, tags.get(one) ?? "tag")).reduce((all, one) => (all.append(one, " "), all), element("div", { class: "post-tags" })),
    drawCard(post, app)));
  document.getElementById("messages").replaceChildren(element("div", { class: "notice" }, forum.topic ?? say("Posts of this forum:")), ...rows);
}
