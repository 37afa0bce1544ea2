// Draws one message: author, content, what it carries, reactions, and what can be done with it.

import { element, render } from "./markdown.js";
import { avatar, clock, day, drawAbove, drawBody, drawForward, drawPoll, drawPollResult, name } from "./parts.js";
import { drawCard } from "./threads.js";
import { say } from "./words.js";

const LOADING = 128, EPHEMERAL = 64;
const THREAD_CREATED = 18, REPLY = 19, STARTER = 21, POLL_RESULT = 46;

export function drawMessage(message, previous, app) {
  const { state } = app;
  const continues = previous && day(previous.timestamp) === day(message.timestamp) && previous.author.id === message.author.id && message.type !== REPLY &&
    previous.type !== THREAD_CREATED && new Date(message.timestamp) - new Date(previous.timestamp) < 420000;
  if (message.type === POLL_RESULT) return drawPollResult(message);
  if (message.type === THREAD_CREATED) {
    return element("div", { class: "notice", "data-id": message.id },
      `${name(message.author)} started a thread: `,
      element("button", { type: "button", onclick: () => app.open(message.message_reference.channel_id) }, message.content));
  }
  const shown = message.type === STARTER && message.referenced_message ? message.referenced_message : message;
  const node = element("div", { class: "message" + (continues ? "" : " first"), role: "article", tabindex: "-1", "data-id": message.id, "aria-label": `${name(message.author)}, ${day(message.timestamp)} ${clock(message.timestamp)}` });
  if (message.mentions.some((user) => user.id === state.person.id) || message.mention_everyone) node.classList.add("ping");
  if (message.type === REPLY || message.interaction) node.append(drawAbove(message, app));
  if (!continues) node.append(...heading(shown));
  const content = element("div", { class: "content" });
  if (message.flags & LOADING) content.append(element("span", { class: "dots note" }, `${name(message.author)} is thinking`));
  else content.append(render(shown.content, state.names));
  if (shown.edited_timestamp && shown.content) {
    content.append(element("span", { class: "edited", title: new Date(shown.edited_timestamp).toLocaleString() }, ` ${say("(edited)")}`));
  }
  node.append(content);
  if (shown.poll) node.append(drawPoll(shown, app));
  for (const one of shown.message_snapshots ?? []) node.append(drawForward(one.message, shown, app));
  node.append(...drawBody(shown, message, app));
  if (message.reactions?.length) node.append(drawReactions(message, app));
  if (message.thread) {
    node.append(drawCard(message.thread, app));
  }
  if (message.flags & EPHEMERAL) {
    node.append(element("div", { class: "note ephemeral" }, `👁 ${say("Only you can see this")} · `,
      element("button", { type: "button", onclick: () => app.dismiss(message) }, say("Dismiss message"))));
  } else node.append(tools(message, app));
  return node;
}

function heading(message) {
  const parts = [avatar(message.author), element("span", { class: "author" }, name(message.author))];
  if (message.author.bot) parts.push(element("span", { class: "tag" }, "APP"));
  parts.push(element("time", { class: "time", datetime: message.timestamp }, `${day(message.timestamp)} ${clock(message.timestamp)}`));
  return parts;
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
  const found = ["👍", "❤️", "🎉"].map((emoji) => button(say("React with {}", emoji), emoji, () => app.react(message, emoji, true)));
  found.push(button(say("Reply"), "↩", () => app.replyTo(message)));
  if (mine) found.push(button(say("Edit"), "✎", () => app.edit(message)));
  if (mine || state.person.admin) found.push(button(say("Delete"), "🗑", () => app.remove(message)));
  found.push(button(say("Forward"), "↪", () => app.forward(message)), button(say("Apps"), "⋯", () => app.interactions.openMessageMenu(message)));
  if (app.canHaveThread(message)) found.push(button(say("Start a thread"), "🧵", () => app.startThread(message)));
  return element("div", { class: "tools" }, ...found);
}

// The line between two days, and the one above what was not seen yet.
export function drawDivider(message, previous, unseen) {
  const found = [];
  if (!previous || day(previous.timestamp) !== day(message.timestamp)) {
    found.push(element("div", { class: "divider", role: "separator" }, element("span", {}, day(message.timestamp, "long"))));
  }
  if (unseen) found.push(element("div", { class: "divider unseen", role: "separator" }, element("span", {}, say("New"))));
  return found;
}
