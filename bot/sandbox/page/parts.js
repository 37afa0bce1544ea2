// Draws what a message can carry besides its text: a poll, a forward, the line above a reply.

import { drawComponent } from "./components.js";
import { element, render } from "./markdown.js";
import { drawEmbed, drawFile, drawSticker } from "./media.js";
import { say } from "./words.js";

const SUMMARY = 160, LOADING = 128;

const COLOURS = ["#4752c4", "#a4500f", "#1f7a3d", "#8a1fb0", "#b3261e", "#0b6f80"];

export function avatar(user) {
  const node = element("span", { class: "avatar" + (user.bot ? " app" : ""), "aria-hidden": "true" }, user.bot ? "✦" : name(user)[0].toUpperCase());
  node.style.background = COLOURS[[...name(user)].reduce((sum, one) => sum + one.codePointAt(0), 0) % COLOURS.length];
  return node;
}

// The day of a moment as people say it: today, yesterday, else its date.
export function day(iso, style = "short") {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const days = Math.round((midnight(new Date()) - midnight(new Date(iso))) / 86400000);
  if (days !== 0 && days !== 1) return new Date(iso).toLocaleDateString([], { dateStyle: style });
  const word = new Intl.RelativeTimeFormat([], { numeric: "auto" }).format(-days, "day");
  return word[0].toUpperCase() + word.slice(1);
}

export function clock(iso) {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// Whether an application still works on a message: it offers to cancel, waits for an approval, or thinks.
export function working(message) {
  const cancel = (parts) => parts.some((part) => /^(cancel|tools:once):/.test(part.custom_id ?? "") || cancel(part.components ?? []));
  return Boolean(message.flags & LOADING) || cancel(message.components ?? []);
}

export function name(user) {
  return user.global_name ?? user.username;
}

// Files, stickers, embeds and components, of a message or of a forwarded one.
export function drawBody(part, message, app) {
  return [
    ...part.attachments.map((file) => drawFile(file)),
    ...(part.sticker_items ?? []).map((one) => drawSticker(one)),
    ...part.embeds.map((embed) => drawEmbed(embed, app.state.names)),
    ...part.components.map((component) => drawComponent(component, message, app)),
  ];
}

export function drawForward(snapshot, message, app) {
  const { channel_id: from } = message.message_reference;
  const known = app.state.channels.get(from);
  const when = new Date(snapshot.timestamp).toLocaleString();
  const source = known ? element("button", { type: "button", class: "source", onclick: () => app.open(from, true) }, `#${known.name}`) : null;
  return element("div", { class: "forward" }, element("div", { class: "note" }, "↪ Forwarded"),
    element("div", { class: "content" }, render(snapshot.content, app.state.names)),
    ...drawBody(snapshot, message, app), element("div", { class: "note" }, source, source ? " · " : "", when));
}

export function drawPoll(message, app) {
  const { poll } = message;
  const counts = new Map(poll.results.answer_counts.map((one) => [one.id, one]));
  const total = poll.results.answer_counts.reduce((sum, one) => sum + one.count, 0);
  const over = poll.results.is_finalized;
  const box = element("fieldset", { class: "poll", disabled: over }, element("legend", {}, poll.question.text));
  const inputs = [];
  for (const answer of poll.answers) {
    const votes = counts.get(answer.answer_id) ?? { count: 0, me_voted: false };
    const share = total ? Math.round(100 * votes.count / total) : 0;
    const input = element("input", { type: poll.allow_multiselect ? "checkbox" : "radio", name: `poll-${message.id}`, value: answer.answer_id, checked: votes.me_voted });
    inputs.push(input);
    const bar = element("span", { class: "share" });
    bar.style.width = `${share}%`;
    const text = [answer.poll_media.emoji?.name, answer.poll_media.text].filter(Boolean).join(" ");
    box.append(element("label", {}, bar, input, element("span", {}, text), element("span", { class: "note" }, `${votes.count} · ${share} %`)));
  }
  const chosen = () => inputs.filter((one) => one.checked).map((one) => Number(one.value));
  const vote = element("button", { type: "button", onclick: () => app.vote(message, chosen()) }, say("Vote"));
  const back = element("button", { type: "button", onclick: () => app.vote(message, []) }, say("Take back"));
  const state = over ? "final" : `until ${new Date(poll.expiry).toLocaleString()}`;
  box.append(element("div", { class: "row" }, ...(over ? [] : [vote, back]), element("span", { class: "note" }, `${total} ${total === 1 ? "vote" : "votes"} · ${state}`)));
  return box;
}

export function drawPollResult(message) {
  const facts = Object.fromEntries((message.embeds[0]?.fields ?? []).map((one) => [one.name, one.value]));
  const winner = facts.victor_answer_text ? `${facts.victor_answer_text} won with ${facts.victor_answer_votes} of ${facts.total_votes} votes` : "there was no winner";
  return element("div", { class: "notice", "data-id": message.id }, `The poll “${facts.poll_question_text}” has closed: ${winner}.`);
}

export function drawAbove(message, app) {
  if (message.interaction) {
    return element("div", { class: "replied" }, say("{} used /{}", name(message.interaction.user), message.interaction.name));
  }
  const earlier = message.referenced_message;
  if (!earlier) return element("div", { class: "replied" }, say("Original message was deleted"));
  const files = earlier.attachments.length || earlier.sticker_items?.length ? " 📎" : "";
  const text = earlier.content.replace(/\s+/g, " ").slice(0, SUMMARY) || (earlier.components.length || files ? "(see the message)" : "(no text)");
  return element("button", { type: "button", class: "replied", onclick: () => app.show(earlier.id) }, `${name(earlier.author)}: `, app.plain(text), files);
}
