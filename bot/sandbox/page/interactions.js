// Interactions with the bot: commands, buttons, menus and modals, and what the gateway says of each.

import { openChoice, openModal } from "./dialogs.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);

export class Interactions {
  constructor(app) {
    this.app = app;
    this.waiting = new Map(); // by id: what to do once the bot has answered
    this.early = new Set(); // answered before the request that began them was
  }

  // Begin an interaction by an action of the page; resolves to the interaction's id.
  async begin(name, body) {
    const { id } = await this.app.client.act(name, body);
    if (!this.early.delete(id)) this.waiting.set(id, null);
    return id;
  }

  // The bot has answered, or has failed with a problem.
  settled(id, problem) {
    this.waiting.get(id)?.();
    if (!this.waiting.delete(id)) this.early.add(id);
    $("problem").textContent = problem;
  }

  openModal({ id, modal }) {
    this.settled(id, "");
    openModal(modal, this.app, (values) => this.begin("modal", { interaction_id: id, values }));
  }

  // Press a button; the button is disabled until the bot has answered.
  async press(message, part, button) {
    this.app.demo.pressed(part.custom_id);
    button.disabled = true;
    const id = await this.app.attempt(this.begin("click", { channel_id: message.channel_id, message_id: message.id, custom_id: part.custom_id }));
    if (id && this.waiting.has(id)) this.waiting.set(id, () => { button.disabled = false; });
    else button.disabled = false;
  }

  choose(message, part, values) {
    return this.app.attempt(this.begin("select", { channel_id: message.channel_id, message_id: message.id, custom_id: part.custom_id, values }));
  }

  // Offer the commands that the bot has for a message.
  async openMessageMenu(message) {
    const { app } = this;
    const menus = await app.attempt(app.client.act("menus", { channel_id: message.channel_id }));
    openChoice(say("Apps"), (menus ?? []).map((one) => [one, one]), (menu) => {
      app.attempt(this.begin("menu", { channel_id: message.channel_id, message_id: message.id, name: menu }));
    });
  }

  use(path, values) { return this.begin("command", { channel_id: this.app.state.current, path, values }); }
  commands() { return this.app.client.act("commands", { channel_id: this.app.state.current }); }
  autocomplete(path, values, focused, value) {
    return this.app.client.act("autocomplete", { channel_id: this.app.state.current, path, values, focused, value });
  }
}
