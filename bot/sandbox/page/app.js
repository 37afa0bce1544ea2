// The page: keeps what the gateway tells, shows one channel, and does what the person does.

import { drawChannels, FORUMS, label, ordered, THREADS } from "./channels.js";
import { Client } from "./client.js";
import { Composer } from "./composer.js";
import { openChoice, openTroubles } from "./dialogs.js";
import { DemoPanel } from "./demo_panel.js";
import { frame } from "./frame.js";
import { Interactions } from "./interactions.js";
import { element, refreshTimes, render } from "./markdown.js";
import { drawMembers } from "./members.js";
import { encoded, targets } from "./mentions.js";
import { drawDivider, drawMessage } from "./message.js";
import { cleared, reacted, voted } from "./tallies.js";
import { drawCard, drawPosts } from "./threads.js";
import { Typing } from "./typing.js";
import { say, translatePage } from "./words.js";

const $ = (id) => document.getElementById(id), LONGEST_NAME = 100;

// What the page knows of a person's Discord is in `state`: channels, users, roles and messages by id, the
// channels with news (`fresh`, with the number of mentions), folded categories, the newest message of each
// channel (`last`), who is online (`present`), and the open channel (`current`).
class App {
  constructor(welcome) {
    this.welcome = welcome;
    this.composer = new Composer(this);
    this.demo = new DemoPanel(this, welcome.demo);
    this.typing = new Typing(this);
    $("guild").textContent = $("server").title = document.title = welcome.guild.name;
    $("server").replaceChildren(element("span", { "aria-hidden": "true" }, welcome.guild.name.slice(0, 2)), element("span", { class: "hidden" }, welcome.guild.name));
    this.showWelcome(this.demo.text ?? welcome.text);
    $("welcome-close").addEventListener("click", () => { $("welcome").hidden = true; });
    $("who").append(...welcome.people.map((one) => element("option", { value: one.id }, one.name + (one.admin ? " (admin)" : ""))));
    const start = welcome.people.find((one) => !one.admin) ?? welcome.people[0];
    $("who").value = start.id;
    $("who").addEventListener("change", () => this.switchPerson($("who").value));
    $("troubles-open").addEventListener("click", () => openTroubles(welcome.actions, (name, number) => this.client.act("trouble", { name, number, channel_id: this.state.current })));
    const box = $("messages");
    let atEnd = true;
    box.addEventListener("scroll", () => { atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80; });
    new ResizeObserver(() => { if (atEnd) box.scrollTop = box.scrollHeight; }).observe(box);
    $("home").addEventListener("click", () => this.openDm());
    $("server").addEventListener("click", () => this.open(this.ordered()[0][0]?.id, true));
    frame(box);
    $("menu").addEventListener("click", () => this.showSide(!$("side").classList.contains("open")));
    document.addEventListener("keydown", (event) => {
      if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        this.openNeighbor(event.key === "ArrowDown" ? 1 : -1);
      } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        openChoice(say("Go to"), this.ordered().flat().map((one) => [this.label(one, "🧵 "), one.id]), (id) => this.open(id, true));
      }
    });
    window.addEventListener("hashchange", () => this.openAddress());
    setInterval(refreshTimes, 1000);
    this.switchPerson(start.id);
  }

  // Show a text in Markdown above the messages; an empty one hides the box.
  showWelcome(text) {
    const names = { user: (id) => id, role: (id) => id, channel: (id) => id, guild: this.welcome.guild.id };
    $("welcome-text").replaceChildren(render(text, names));
    $("welcome").hidden = !text;
  }

  // Act as another person: forget what the former one saw, and connect with the new token.
  switchPerson(id) {
    const current = this.state?.current;
    this.client?.close();
    const person = this.welcome.people.find((one) => one.id === id);
    const state = { person, channels: new Map(), users: new Map(), roles: new Map(), messages: new Map(), fresh: new Map(), folded: new Set(), last: new Map(), present: new Map(), current };
    state.names = {
      user: (one) => { const user = state.users.get(one); return user ? user.global_name ?? user.username : "unknown-user"; },
      role: (one) => state.roles.get(one)?.name ?? "unknown-role",
      channel: (one) => state.channels.get(one)?.name ?? "unknown",
      guild: this.welcome.guild.id,
    };
    this.state = state;
    this.interactions = new Interactions(this);
    this.composer.reset();
    this.client = new Client(this.welcome, person, (name, data) => this.onEvent(name, data), (text) => this.status({ link: text }));
  }

  // Say at the top what keeps the bot or the page from working: the connection, the model, the bot itself.
  status(change) {
    this.state.status = { ...this.state.status, ...change };
    const { link, bot, model } = this.state.status;
    $("status").textContent = link || model || (bot === "offline" ? say("{} is offline", this.welcome.bot.name) : "");
  }

  // Handle an event of the gateway.
  onEvent(name, data) {
    const { state } = this;
    const handler = {
      READY: () => { state.messages.clear(); for (const one of data.private_channels) state.channels.set(one.id, one); },
      GUILD_CREATE: () => {
        for (const one of data.members) state.users.set(one.user.id, one.user);
        for (const one of data.roles) state.roles.set(one.id, one);
        for (const one of [...data.channels, ...data.threads]) state.channels.set(one.id, one);
        for (const one of data.presences) this.presenceChanged(one);
        this.drawChannels();
        const kept = state.channels.has(state.current) ? state.current : null;
        this.open(kept ?? data.channels.find((one) => one.type === 0)?.id);
        if (location.hash) this.openAddress();
      },
      GUILD_MEMBER_ADD: () => { state.users.set(data.user.id, data.user); drawMembers(this); },
      CHANNEL_CREATE: () => this.keepChannel(data), CHANNEL_UPDATE: () => this.keepChannel(data),
      THREAD_CREATE: () => this.keepChannel(data), THREAD_UPDATE: () => this.keepChannel(data),
      CHANNEL_DELETE: () => this.channelDeleted(data), THREAD_DELETE: () => this.channelDeleted(data),
      MESSAGE_CREATE: () => this.messageCreated(data), MESSAGE_UPDATE: () => this.messageUpdated(data),
      MESSAGE_DELETE: () => this.messagesDeleted(data.channel_id, [data.id]),
      MESSAGE_DELETE_BULK: () => this.messagesDeleted(data.channel_id, data.ids),
      MESSAGE_REACTION_ADD: () => reacted(this, data, 1), MESSAGE_REACTION_REMOVE: () => reacted(this, data, -1),
      MESSAGE_REACTION_REMOVE_ALL: () => cleared(this, data, null), MESSAGE_REACTION_REMOVE_EMOJI: () => cleared(this, data, data.emoji.name),
      MESSAGE_POLL_VOTE_ADD: () => voted(this, data, 1), MESSAGE_POLL_VOTE_REMOVE: () => voted(this, data, -1),
      PRESENCE_UPDATE: () => this.presenceChanged(data),
      TYPING_START: () => this.typing.heard(data),
      INTERACTION_SUCCESS: () => this.interactions.settled(data.id, ""),
      INTERACTION_FAILURE: () => this.interactions.settled(data.id, say("The application did not respond")),
      INTERACTION_MODAL_CREATE: () => this.interactions.openModal(data),
    }[name];
    handler?.();
  }

  presenceChanged({ user, status }) {
    this.state.present.set(user.id, status);
    drawMembers(this);
    if (user.id !== this.welcome.bot.id) return;
    this.status({ bot: status });
    this.demo.present(status);
  }

  // Take the new state of a channel or channel thread.
  keepChannel(channel) {
    this.state.channels.set(channel.id, channel);
    this.drawChannels();
    this.redrawCard(channel.id);
    this.demo.appeared(channel);
    if (channel.id === this.state.current) this.drawHeader();
    if (channel.parent_id === this.state.current && FORUMS.includes(this.state.channels.get(channel.parent_id)?.type)) this.drawMessages();
  }

  channelDeleted(channel) {
    this.state.channels.delete(channel.id);
    this.drawChannels();
    if (channel.id === this.state.current) this.open(channel.parent_id ?? [...this.state.channels.keys()][0]);
  }

  ordered() { return ordered(this.state); }
  label(channel, thread) { return label(channel, thread, this); }
  drawChannels() { drawChannels(this); }
  drawHeader() {
    const channel = this.state.channels.get(this.state.current);
    if (!channel) return;
    const title = this.label(channel, "🧵 ");
    $("title").textContent = title;
    $("topic").textContent = channel.parent_id && THREADS.includes(channel.type) ? say("in #{}", this.state.names.channel(channel.parent_id)) : channel.topic ?? "";
    $("text").placeholder = FORUMS.includes(channel.type) ? say("New post: its title, then its text on the next lines") : say("Message {}", title);
  }

  showSide(open) {
    $("side").classList.toggle("open", open);
    $("menu").setAttribute("aria-expanded", String(open));
  }

  // Open the channel that is so many places further down in the list.
  openNeighbor(by) {
    const flat = this.ordered().flat();
    const at = flat.findIndex((one) => one.id === this.state.current);
    this.open(flat[(at + by + flat.length) % flat.length].id);
  }

  async openDm() {
    const channel = await this.client.api("POST", "/users/@me/channels", { recipient_id: this.welcome.bot.id });
    this.keepChannel(channel);
    await this.open(channel.id, true);
  }

  // Open a channel; `byHand`: the person chose it, so the composer gets the focus.
  async open(id, byHand = false) {
    const { state } = this;
    if (!id) return;
    if (!state.channels.has(id)) this.keepChannel(await this.client.api("GET", `/channels/${id}`));
    state.current = id;
    const unseen = state.fresh.has(id);
    state.fresh.delete(id);
    if (byHand) { this.showSide(false); this.composer.reset(); }
    this.drawChannels();
    this.drawHeader();
    if (!state.messages.has(id)) {
      // What happens while the answer is on its way is newer than the answer.
      const early = Object.assign([], { edits: new Map(), lost: new Set() });
      state.messages.set(id, early);
      const found = await this.client.api("GET", `/channels/${id}/messages?limit=100`);
      const known = new Set(early.map((one) => one.id));
      const all = [...found.reverse().filter((one) => !known.has(one.id)), ...early];
      state.messages.set(id, all.filter((one) => !early.lost.has(one.id)).map((one) => early.edits.get(one.id) ?? one));
    }
    if (state === this.state && state.current === id) {
      this.drawMessages(unseen);
      this.demo.opened();
    }
    if (byHand) $("text").focus();
  }

  // Show the place that the address names, once: #/channels/GUILD/CHANNEL/MESSAGE.
  async openAddress() {
    const [, channel, message] = /^#\/channels\/[^/]+\/(\d+)(?:\/(\d+))?/.exec(location.hash) ?? [];
    history.replaceState(null, "", location.pathname);
    if (!channel) return;
    await this.attempt(this.open(channel, true));
    if (message) this.show(message);
  }

  drawMessages(unseen = false) {
    const { state } = this;
    const channel = state.channels.get(state.current);
    if (FORUMS.includes(channel?.type)) return drawPosts(channel, this);
    const list = state.messages.get(state.current) ?? [];
    const first = unseen ? list.findIndex((one) => BigInt(one.id) > BigInt(state.seen?.get(state.current) ?? 0)) : -1;
    const rows = list.flatMap((one, index) => [...drawDivider(one, list[index - 1], index > 0 && index === first), drawMessage(one, list[index - 1], this)]);
    $("messages").replaceChildren(...rows);
    $("messages").scrollTop = $("messages").scrollHeight;
    (state.seen ??= new Map()).set(state.current, list.at(-1)?.id ?? "0");
  }

  // A message of a channel that may not be open: the card of its thread shows the newest one.
  noteNewest(id, message) {
    const last = this.state.last.get(id);
    if (!last || BigInt(message.id) >= BigInt(last.id)) this.state.last.set(id, message);
    this.redrawCard(id);
  }

  redrawCard(id) {
    const card = $("messages").querySelector(`[data-thread="${id}"]`);
    const thread = this.state.channels.get(id);
    if (card && thread) card.replaceWith(drawCard(thread, this));
  }

  // Scroll to a message and mark it for a moment.
  show(id) {
    const node = $("messages").querySelector(`[data-id="${id}"]`);
    node?.scrollIntoView({ block: "center" });
    node?.classList.add("sought");
    setTimeout(() => node?.classList.remove("sought"), 2000);
  }

  messageCreated(message) {
    const { state } = this;
    this.typing.stopped(message.author.id);
    state.messages.get(message.channel_id)?.push(message);
    const channel = state.channels.get(message.channel_id);
    if (channel?.thread_metadata) channel.message_count += 1;
    if (message.channel_id !== state.current) {
      const pinged = message.mentions.some((user) => user.id === state.person.id) && message.author.id !== state.person.id;
      state.fresh.set(message.channel_id, (state.fresh.get(message.channel_id) ?? 0) + Number(pinged));
      this.drawChannels();
      this.noteNewest(message.channel_id, message);
      return;
    }
    this.noteNewest(message.channel_id, message);
    (state.seen ??= new Map()).set(message.channel_id, message.id);
    const list = state.messages.get(state.current) ?? [];
    const box = $("messages");
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
    box.append(...drawDivider(message, list.at(-2), false), drawMessage(message, list.at(-2), this));
    this.demo.observe();
    if (atEnd || message.author.id === state.person.id) box.scrollTop = box.scrollHeight;
  }

  messageUpdated(message) {
    if (this.state.last.get(message.channel_id)?.id === message.id) this.noteNewest(message.channel_id, message);
    const list = this.state.messages.get(message.channel_id);
    list?.edits?.set(message.id, message);
    const at = list?.findIndex((one) => one.id === message.id) ?? -1;
    if (at < 0) return;
    message.reactions ??= list[at].reactions;
    list[at] = message;
    this.redraw(message);
    this.demo.observe();
  }

  // Draw a message again in its place, if its channel is open.
  redraw(message) {
    if (message.channel_id !== this.state.current) return;
    const list = this.state.messages.get(message.channel_id);
    const at = list.indexOf(message);
    const box = $("messages");
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
    box.querySelector(`[data-id="${message.id}"]`)?.replaceWith(drawMessage(message, list[at - 1], this));
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  messagesDeleted(channel, ids) {
    const list = this.state.messages.get(channel);
    if (!list) return;
    for (const id of ids) list.lost?.add(id);
    if (!list.lost) this.state.messages.set(channel, list.filter((one) => !ids.includes(one.id)));
    if (channel === this.state.current) for (const id of ids) $("messages").querySelector(`[data-id="${id}"]`)?.remove();
  }

  // The newest message of the person in the open channel, which ArrowUp edits.
  lastOwn() {
    const { state } = this;
    return (state.messages.get(state.current) ?? []).findLast((one) => one.author.id === state.person.id && one.content);
  }

  // A text with names in place of mentions and, where only a line of it is shown, without marks.
  plain(text, line = true) {
    const { names } = this.state;
    const named = text.replace(/<@!?(\d+)>/g, (_, id) => "@" + names.user(id)).replace(/<@&(\d+)>/g, (_, id) => "@" + names.role(id))
      .replace(/<#(\d+)>/g, (_, id) => "#" + names.channel(id));
    return !line ? named : named.replace(/\|\|.+?\|\|/g, "█████").replace(/\*\*|__|~~|```\w*|`/g, "").replace(/\\([*_~`|>#-])/g, "$1");
  }

  post(text, files, replyTo) {
    const words = encoded(this, text);
    this.typing.sent();
    if (FORUMS.includes(this.state.channels.get(this.state.current)?.type)) return this.newPost(words);
    return this.client.post(this.state.current, words, files, replyTo);
  }

  encodedForBot(text) { return `<@${this.welcome.bot.id}> ${encoded(this, text)}`; }

  // Create a forum post: the first line is the title, the rest the message.
  async newPost(text) {
    const [title] = text.split("\n", 1);
    const body = { name: title.slice(0, LONGEST_NAME), message: { content: text.slice(title.length).trim() || title } };
    const post = await this.client.api("POST", `/channels/${this.state.current}/threads`, body);
    this.keepChannel(post);
    await this.open(post.id, true);
  }

  forward(message) {
    const places = this.ordered().flat().filter((one) => !FORUMS.includes(one.type));
    openChoice(say("Forward to"), places.map((one) => [this.label(one, "🧵 "), one.id]), (id) => {
      const reference = { type: 1, channel_id: message.channel_id, message_id: message.id };
      this.attempt(this.client.api("POST", `/channels/${id}/messages`, { message_reference: reference }));
    });
  }

  vote(message, answers) {
    return this.attempt(this.client.act("vote", { channel_id: message.channel_id, message_id: message.id, answers }));
  }

  change(message, text) { return this.client.api("PATCH", `/channels/${message.channel_id}/messages/${message.id}`, { content: encoded(this, text) }); }
  remove(message) { return this.attempt(this.client.api("DELETE", `/channels/${message.channel_id}/messages/${message.id}`)); }
  replyTo(message) { this.composer.replyTo(message); }
  edit(message) { this.composer.edit(message); }
  dismiss(message) { this.messagesDeleted(message.channel_id, [message.id]); }

  react(message, emoji, on) {
    const path = `/channels/${message.channel_id}/messages/${message.id}/reactions/${encodeURIComponent(emoji)}/@me`;
    return this.attempt(this.client.api(on ? "PUT" : "DELETE", path));
  }

  canHaveThread(message) { return this.state.channels.get(message.channel_id)?.type === 0 && !message.thread; }

  startThread(message) {
    return this.attempt(this.client.api("POST", `/channels/${message.channel_id}/messages/${message.id}/threads`, { name: message.content.slice(0, 60) || "Thread" }));
  }

  // Await a request; show its error below the composer and resolve to null.
  async attempt(promise) {
    try {
      return await promise;
    } catch (error) {
      $("problem").textContent = error.message;
      return null;
    }
  }

  targets(kind) { return targets(this.state, kind); }
}

translatePage();
new App(await (await fetch("/page/welcome.json")).json());
