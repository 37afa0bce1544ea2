// The page: keeps what the gateway tells, shows one channel, and does what the person does.

import { drawChannels, drawPosts, FORUMS, label, ordered, THREADS } from "./channels.js";
import { Client } from "./client.js";
import { Composer } from "./composer.js";
import { openChoice, openModal, openTroubles } from "./dialogs.js";
import { element, refreshTimes, render } from "./markdown.js";
import { drawMessage } from "./message.js";

const $ = (id) => document.getElementById(id);
const LONGEST_NAME = 100;

class App {
  constructor(welcome) {
    this.welcome = welcome;
    this.composer = new Composer(this);
    $("guild").textContent = welcome.guild.name;
    document.title = welcome.guild.name;
    if (welcome.text) {
      const names = { user: (id) => id, role: (id) => id, channel: (id) => id, guild: welcome.guild.id };
      $("welcome-text").append(render(welcome.text, names));
      $("welcome").hidden = false;
    }
    $("welcome-close").addEventListener("click", () => { $("welcome").hidden = true; });
    $("who").append(...welcome.people.map((one) => element("option", { value: one.id }, one.name + (one.admin ? " (admin)" : ""))));
    const start = welcome.people.find((one) => !one.admin) ?? welcome.people[0];
    $("who").value = start.id;
    $("who").addEventListener("change", () => this.become($("who").value));
    $("troubles-open").addEventListener("click", () => openTroubles(welcome.actions, (name, number) => this.client.act("trouble", { name, number, channel_id: this.state.current })));
    const box = $("messages");
    let atEnd = true;
    box.addEventListener("scroll", () => { atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80; });
    new ResizeObserver(() => { if (atEnd) box.scrollTop = box.scrollHeight; }).observe(box);
    $("menu").addEventListener("click", () => this.side(!$("side").classList.contains("open")));
    document.addEventListener("keydown", (event) => {
      if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        this.step(event.key === "ArrowDown" ? 1 : -1);
      }
    });
    window.addEventListener("hashchange", () => this.follow());
    setInterval(refreshTimes, 1000);
    this.become(start.id);
  }

  become(id) {
    const current = this.state?.current;
    this.client?.close();
    const person = this.welcome.people.find((one) => one.id === id);
    const state = { person, channels: new Map(), users: new Map(), roles: new Map(), messages: new Map(), pending: new Map(), early: new Set(), typing: new Map(), fresh: new Set(), current };
    state.names = {
      user: (one) => { const user = state.users.get(one); return user ? user.global_name ?? user.username : "unknown-user"; },
      role: (one) => state.roles.get(one)?.name ?? "unknown-role",
      channel: (one) => state.channels.get(one)?.name ?? "unknown",
      guild: this.welcome.guild.id,
    };
    this.state = state;
    this.composer.reset();
    this.client = new Client(this.welcome, person, (name, data) => this.event(name, data), (text) => this.status({ link: text }));
  }

  status(change) {
    this.state.status = { ...this.state.status, ...change };
    const { link, bot } = this.state.status;
    $("status").textContent = link || (bot === "offline" ? `${this.welcome.bot.name} is offline` : "");
  }

  event(name, data) {
    const { state } = this;
    const handler = {
      READY: () => { state.messages.clear(); for (const one of data.private_channels) state.channels.set(one.id, one); },
      GUILD_CREATE: () => {
        for (const one of data.members) state.users.set(one.user.id, one.user);
        for (const one of data.roles) state.roles.set(one.id, one);
        for (const one of [...data.channels, ...data.threads]) state.channels.set(one.id, one);
        this.status({ bot: data.presences[0]?.status });
        this.drawChannels();
        const kept = state.channels.has(state.current) ? state.current : null;
        this.open(kept ?? data.channels.find((one) => one.type === 0)?.id);
        if (location.hash) this.follow();
      },
      GUILD_MEMBER_ADD: () => state.users.set(data.user.id, data.user),
      CHANNEL_CREATE: () => this.keep(data), CHANNEL_UPDATE: () => this.keep(data),
      THREAD_CREATE: () => this.keep(data), THREAD_UPDATE: () => this.keep(data),
      CHANNEL_DELETE: () => this.lose(data), THREAD_DELETE: () => this.lose(data),
      MESSAGE_CREATE: () => this.heard(data), MESSAGE_UPDATE: () => this.changed(data),
      MESSAGE_DELETE: () => this.gone(data.channel_id, [data.id]),
      MESSAGE_DELETE_BULK: () => this.gone(data.channel_id, data.ids),
      MESSAGE_REACTION_ADD: () => this.reacted(data, 1), MESSAGE_REACTION_REMOVE: () => this.reacted(data, -1),
      MESSAGE_REACTION_REMOVE_ALL: () => this.cleared(data, null), MESSAGE_REACTION_REMOVE_EMOJI: () => this.cleared(data, data.emoji.name),
      MESSAGE_POLL_VOTE_ADD: () => this.voted(data, 1), MESSAGE_POLL_VOTE_REMOVE: () => this.voted(data, -1),
      PRESENCE_UPDATE: () => { if (data.user.id === this.welcome.bot.id) this.status({ bot: data.status }); },
      TYPING_START: () => this.showTyping(data),
      INTERACTION_SUCCESS: () => this.settled(data.id, ""),
      INTERACTION_FAILURE: () => this.settled(data.id, "The application did not respond"),
      INTERACTION_MODAL_CREATE: () => { this.settled(data.id, ""); openModal(data.modal, this, (values) => this.begin(this.client.act("modal", { interaction_id: data.id, values }))); },
    }[name];
    handler?.();
  }

  keep(channel) {
    this.state.channels.set(channel.id, channel);
    this.drawChannels();
    if (channel.id === this.state.current) this.drawHeader();
    if (channel.parent_id === this.state.current && FORUMS.includes(this.state.channels.get(channel.parent_id)?.type)) this.drawMessages();
  }

  lose(channel) {
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
    $("text").placeholder = FORUMS.includes(channel.type) ? "New post: its title, then its text on the next lines" : `Message ${title}`;
  }

  side(open) {
    $("side").classList.toggle("open", open);
    $("menu").setAttribute("aria-expanded", String(open));
  }

  step(by) {
    const flat = this.ordered().flat();
    const at = flat.findIndex((one) => one.id === this.state.current);
    this.open(flat[(at + by + flat.length) % flat.length].id);
  }

  async openDm() {
    const channel = await this.client.api("POST", "/users/@me/channels", { recipient_id: this.welcome.bot.id });
    this.keep(channel);
    await this.open(channel.id, true);
  }

  async open(id, byHand = false) {
    const { state } = this;
    if (!id) return;
    if (!state.channels.has(id)) this.keep(await this.client.api("GET", `/channels/${id}`));
    state.current = id;
    state.fresh.delete(id);
    if (byHand) { this.side(false); this.composer.reset(); }
    this.drawChannels();
    this.drawHeader();
    if (!state.messages.has(id)) {
      const early = [];
      state.messages.set(id, early);
      const found = await this.client.api("GET", `/channels/${id}/messages?limit=100`);
      const known = new Set(early.map((one) => one.id));
      state.messages.set(id, [...found.reverse().filter((one) => !known.has(one.id)), ...early]);
    }
    if (state === this.state && state.current === id) this.drawMessages();
    if (byHand) $("text").focus();
  }

  // Show the place that the address names, once: #/channels/GUILD/CHANNEL/MESSAGE.
  async follow() {
    const [, channel, message] = /^#\/channels\/[^/]+\/(\d+)(?:\/(\d+))?/.exec(location.hash) ?? [];
    history.replaceState(null, "", location.pathname);
    if (!channel) return;
    await this.told(this.open(channel, true));
    if (message) this.show(message);
  }

  drawMessages() {
    const channel = this.state.channels.get(this.state.current);
    if (FORUMS.includes(channel?.type)) return drawPosts(channel, this);
    const list = this.state.messages.get(this.state.current) ?? [];
    $("messages").replaceChildren(...list.map((one, index) => drawMessage(one, list[index - 1], this)));
    $("messages").scrollTop = $("messages").scrollHeight;
  }

  show(id) {
    const node = $("messages").querySelector(`[data-id="${id}"]`);
    node?.scrollIntoView({ block: "center" });
    node?.classList.add("sought");
    setTimeout(() => node?.classList.remove("sought"), 2000);
  }

  heard(message) {
    const { state } = this;
    state.typing.delete(message.author.id);
    this.drawTyping();
    state.messages.get(message.channel_id)?.push(message);
    if (message.channel_id !== state.current) {
      state.fresh.add(message.channel_id);
      this.drawChannels();
      return;
    }
    const list = state.messages.get(state.current) ?? [];
    const box = $("messages");
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
    box.append(drawMessage(message, list.at(-2), this));
    if (atEnd || message.author.id === state.person.id) box.scrollTop = box.scrollHeight;
  }

  changed(message) {
    const list = this.state.messages.get(message.channel_id);
    const at = list?.findIndex((one) => one.id === message.id) ?? -1;
    if (at < 0) return;
    message.reactions ??= list[at].reactions;
    list[at] = message;
    this.redraw(message);
  }

  redraw(message) {
    if (message.channel_id !== this.state.current) return;
    const list = this.state.messages.get(message.channel_id);
    const at = list.indexOf(message);
    const box = $("messages");
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
    box.querySelector(`[data-id="${message.id}"]`)?.replaceWith(drawMessage(message, list[at - 1], this));
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  gone(channel, ids) {
    const list = this.state.messages.get(channel);
    if (!list) return;
    this.state.messages.set(channel, list.filter((one) => !ids.includes(one.id)));
    if (channel === this.state.current) for (const id of ids) $("messages").querySelector(`[data-id="${id}"]`)?.remove();
  }

  reacted(data, by) {
    const message = this.state.messages.get(data.channel_id)?.find((one) => one.id === data.message_id);
    if (!message) return;
    message.reactions ??= [];
    let one = message.reactions.find((each) => each.emoji.name === data.emoji.name);
    if (!one) message.reactions.push(one = { emoji: data.emoji, count: 0, me: false });
    one.count += by;
    if (data.user_id === this.state.person.id) one.me = by > 0;
    message.reactions = message.reactions.filter((each) => each.count > 0);
    this.redraw(message);
  }

  voted(data, by) {
    const message = this.state.messages.get(data.channel_id)?.find((one) => one.id === data.message_id);
    const count = message?.poll?.results.answer_counts.find((one) => one.id === data.answer_id);
    if (!count) return;
    count.count += by;
    if (data.user_id === this.state.person.id) count.me_voted = by > 0;
    this.redraw(message);
  }

  cleared(data, emoji) {
    const message = this.state.messages.get(data.channel_id)?.find((one) => one.id === data.message_id);
    if (!message) return;
    message.reactions = emoji ? (message.reactions ?? []).filter((one) => one.emoji.name !== emoji) : [];
    this.redraw(message);
  }

  showTyping(data) {
    if (data.channel_id !== this.state.current || data.user_id === this.state.person.id) return;
    this.state.typing.set(data.user_id, Date.now() + 10000);
    this.drawTyping();
    setTimeout(() => this.drawTyping(), 10100);
  }

  drawTyping() {
    const names = [...this.state.typing].filter(([, until]) => until > Date.now()).map(([id]) => this.state.names.user(id));
    $("typing").textContent = names.length ? `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing…` : "";
  }

  plain(text) {
    const { names } = this.state;
    return text.replace(/<@!?(\d+)>/g, (_, id) => "@" + names.user(id)).replace(/<@&(\d+)>/g, (_, id) => "@" + names.role(id))
      .replace(/<#(\d+)>/g, (_, id) => "#" + names.channel(id)).replace(/\|\|.+?\|\|/g, "█████").replace(/\*\*|__|~~|```\w*|`/g, "");
  }

  typing() {
    const now = Date.now();
    if (now - (this.typed ?? 0) < 8000) return;
    this.typed = now;
    this.client.api("POST", `/channels/${this.state.current}/typing`).catch(() => {});
  }

  post(text, files, replyTo) {
    const wanted = `@${this.welcome.bot.name}`.toLowerCase();
    const words = text.toLowerCase().startsWith(wanted) ? `<@${this.welcome.bot.id}>` + text.slice(wanted.length) : text;
    this.typed = 0;
    if (FORUMS.includes(this.state.channels.get(this.state.current)?.type)) return this.newPost(words);
    return this.client.post(this.state.current, words, files, replyTo);
  }

  async newPost(text) {
    const [title] = text.split("\n", 1);
    const body = { name: title.slice(0, LONGEST_NAME), message: { content: text.slice(title.length).trim() || title } };
    const post = await this.client.api("POST", `/channels/${this.state.current}/threads`, body);
    this.keep(post);
    await this.open(post.id, true);
  }

  forward(message) {
    const places = this.ordered().flat().filter((one) => !FORUMS.includes(one.type));
    openChoice("Forward to", places.map((one) => [this.label(one, "🧵 "), one.id]), (id) => {
      const reference = { type: 1, channel_id: message.channel_id, message_id: message.id };
      this.told(this.client.api("POST", `/channels/${id}/messages`, { message_reference: reference }));
    });
  }

  async useOn(message) {
    const menus = await this.told(this.client.act("menus", { channel_id: message.channel_id }));
    openChoice("Apps", (menus ?? []).map((one) => [one, one]), (menu) => {
      this.told(this.begin(this.client.act("menu", { channel_id: message.channel_id, message_id: message.id, name: menu })));
    });
  }

  vote(message, answers) {
    return this.told(this.client.act("vote", { channel_id: message.channel_id, message_id: message.id, answers }));
  }

  change(message, text) { return this.client.api("PATCH", `/channels/${message.channel_id}/messages/${message.id}`, { content: text }); }
  remove(message) { return this.told(this.client.api("DELETE", `/channels/${message.channel_id}/messages/${message.id}`)); }
  replyTo(message) { this.composer.replyTo(message); }
  edit(message) { this.composer.edit(message); }
  dismiss(message) { this.gone(message.channel_id, [message.id]); }

  react(message, emoji, on) {
    const path = `/channels/${message.channel_id}/messages/${message.id}/reactions/${encodeURIComponent(emoji)}/@me`;
    return this.told(this.client.api(on ? "PUT" : "DELETE", path));
  }

  canHaveThread(message) {
    return this.state.channels.get(message.channel_id)?.type === 0 && !message.thread;
  }

  startThread(message) {
    const name = message.content.slice(0, 60) || "Thread";
    return this.told(this.client.api("POST", `/channels/${message.channel_id}/messages/${message.id}/threads`, { name }));
  }

  async told(promise) {
    try {
      return await promise;
    } catch (error) {
      $("problem").textContent = error.message;
      return null;
    }
  }

  async begin(promise) {
    const { id } = await promise;
    // A fast application is done before the request that began the interaction is.
    if (!this.state.early.delete(id)) this.state.pending.set(id, null);
    return id;
  }

  settled(id, problem) {
    this.state.pending.get(id)?.();
    if (!this.state.pending.delete(id)) this.state.early.add(id);
    $("problem").textContent = problem;
  }

  async press(message, part, button) {
    button.disabled = true;
    const id = await this.told(this.begin(this.client.act("click", { channel_id: message.channel_id, message_id: message.id, custom_id: part.custom_id })));
    if (id && this.state.pending.has(id)) this.state.pending.set(id, () => { button.disabled = false; });
    else button.disabled = false;
  }

  choose(message, part, values) {
    return this.told(this.begin(this.client.act("select", { channel_id: message.channel_id, message_id: message.id, custom_id: part.custom_id, values })));
  }

  use(path, values) { return this.begin(this.client.act("command", { channel_id: this.state.current, path, values })); }
  commands() { return this.client.act("commands", { channel_id: this.state.current }); }
  autocomplete(path, values, focused, value) {
    return this.client.act("autocomplete", { channel_id: this.state.current, path, values, focused, value });
  }

  targets(kind) {
    const { users, roles, channels } = this.state;
    if (kind === 6) return [...users.values()].map((one) => [one.id, "@" + (one.global_name ?? one.username)]);
    if (kind === 8) return [...roles.values()].map((one) => [one.id, "@" + one.name]);
    if (kind === 7) return [...channels.values()].filter((one) => one.name).map((one) => [one.id, "#" + one.name]);
    if (kind === 9) return [...this.targets(6), ...this.targets(8)];
    return null;
  }
}

const response = await fetch("/page/welcome.json");
new App(await response.json());
