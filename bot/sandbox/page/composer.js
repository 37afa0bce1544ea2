// The composer: Enter sends, files drop in, "/" opens the commands with their options and autocomplete.

import { packed } from "./dialogs.js";
import { element } from "./markdown.js";
import { offered } from "./mentions.js";
import { postVoice, Recorder } from "./voice.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);
const KIND = { string: 3, integer: 4, boolean: 5, user: 6, channel: 7, role: 8, mentionable: 9, number: 10, attachment: 11 };

export class Composer {
  constructor(app) {
    this.app = app;
    this.files = [];
    this.reply = null;
    this.editing = null;
    this.found = [];
    this.chosen = 0;
    this.command = null;
    this.offering = null;
    this.text = $("text");
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("paste", (event) => { if (event.clipboardData.files.length) this.add(event.clipboardData.files); });
    $("composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    $("attach").addEventListener("click", () => $("file").click());
    new Recorder($("voice"), (file) => this.sayAloud(file), (problem) => { $("problem").textContent = problem; });
    $("file").addEventListener("change", () => { this.add($("file").files); $("file").value = ""; });
    for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, (event) => this.drag(event));
  }

  drag(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault();
    $("composer").classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.add(event.dataTransfer.files);
  }

  add(files) {
    this.files.push(...files);
    this.drawFiles();
    this.text.focus();
  }

  drawFiles() {
    $("files").replaceChildren(...this.files.map((file) => element("li", {}, file.name + " ",
      file.type.startsWith("audio/") ? element("button", { type: "button", "aria-label": say("Send as a voice message"), title: say("Send as a voice message"), onclick: () => this.sayAloud(file) }, "🎤") : null,
      element("button", { type: "button", "aria-label": say("Remove {}", file.name), onclick: () => { this.files = this.files.filter((one) => one !== file); this.drawFiles(); } }, "✕"))));
  }

  async sayAloud(file) {
    const { app } = this;
    const posted = await app.attempt(postVoice(app.client, app.state.current, file));
    if (posted) {
      this.files = this.files.filter((one) => one !== file);
      this.drawFiles();
    }
  }

  replyTo(message) {
    this.reply = message;
    this.editing = null;
    this.note(message ? say("Replying to {}", message.author.global_name ?? message.author.username) : null);
  }

  edit(message) {
    this.editing = message;
    this.reply = null;
    this.text.value = this.app.plain(message.content, false);
    this.note(say("Editing your message"));
  }

  note(text) {
    $("reply").hidden = !text;
    if (text) {
      $("reply").replaceChildren(text + " ", element("button", { type: "button", "aria-label": say("Stop"), onclick: () => this.reset() }, "✕"));
      this.text.focus();
    }
  }

  reset() {
    this.reply = this.editing = this.command = null;
    this.files = [];
    this.text.value = "";
    this.text.style.height = "";
    $("options").hidden = true;
    this.hidePicker();
    $("problem").textContent = "";
    this.note(null);
    this.drawFiles();
  }

  typed() {
    this.text.style.height = "";
    this.text.style.height = `${this.text.scrollHeight}px`;
    $("problem").textContent = "";
    const value = this.text.value;
    const command = value.startsWith("/") && !value.includes("\n");
    this.offering = command ? this.offerCommands() : null;
    if (!command) {
      this.offerNames();
      if (value) this.app.typing.tell();
    }
  }

  offerNames() {
    const before = this.text.value.slice(0, this.text.selectionStart);
    this.offer(offered(this.app, before).map(([name, begun]) => ({ label: name, pick: () => this.insert(name + " ", begun) })));
  }

  // Put a picked name in place of the letters before the cursor.
  insert(text, begun) {
    const at = this.text.selectionStart;
    this.text.setRangeText(text, at - begun, at, "end");
    this.hidePicker();
    this.text.focus();
  }

  hidePicker() {
    $("picker").hidden = true;
    this.text.removeAttribute("aria-activedescendant");
    this.text.removeAttribute("aria-controls");
  }

  async offerCommands() {
    const commands = await this.app.attempt(this.app.interactions.commands()) ?? [];
    if (!this.text.value.startsWith("/")) return;
    const start = this.text.value.slice(1).toLowerCase();
    const rest = commands.filter((one) => [one.path, one.label].some((name) => name.startsWith(start.trimEnd()) || start.startsWith(name + " ")));
    this.offer(rest.map((one) => ({ label: "/" + one.label, hint: one.description, pick: () => this.fill(one) })));
  }

  offer(found) {
    this.found = found;
    this.chosen = 0;
    this.drawPicker();
  }

  drawPicker() {
    const picker = $("picker");
    picker.hidden = this.found.length === 0;
    picker.replaceChildren(...this.found.map((one, index) => element("li",
      { role: "option", id: `pick-${index}`, "aria-selected": String(index === this.chosen), onmousedown: (event) => { event.preventDefault(); one.pick(); } },
      one.label, one.hint ? element("small", {}, one.hint) : null)));
    picker.children[this.chosen]?.scrollIntoView({ block: "nearest" });
    if (picker.hidden) return this.hidePicker();
    this.text.setAttribute("aria-controls", "picker");
    this.text.setAttribute("aria-activedescendant", `pick-${this.chosen}`);
  }

  move(step) {
    this.chosen = (this.chosen + step + this.found.length) % this.found.length;
    this.drawPicker();
  }

  key(event) {
    const open = !$("picker").hidden;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (open && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey) {
      event.preventDefault();
      this.found[this.chosen].pick();
    } else if (event.key === "Escape") {
      if (open) this.hidePicker();
      else this.reset();
    } else if (event.key === "ArrowUp" && !this.text.value && !event.altKey) {
      const mine = this.app.lastOwn();
      if (mine) { event.preventDefault(); this.edit(mine); }
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.enter();
    }
  }

  // Whoever types fast presses Enter before the commands have come.
  async enter() {
    await this.offering;
    if ($("picker").hidden) this.send();
    else this.found[this.chosen].pick();
  }

  fill(command) {
    this.command = command;
    this.text.value = "";
    this.hidePicker();
    const inputs = command.options.map((option) => this.input(option));
    const go = element("button", { type: "button", onclick: () => this.send() }, say("Send"));
    const away = element("button", { type: "button", "aria-label": say("Cancel the command"), onclick: () => { this.reset(); this.text.focus(); } }, "✕");
    $("options").replaceChildren(element("strong", {}, "/" + command.label), ...inputs, go, away);
    $("options").hidden = false;
    ($("options").querySelector("input, select") ?? go).focus();
  }

  input(option) {
    const id = `option-${option.name}`;
    let field;
    const listed = option.choices?.map((one) => [one.value, one.name]) ?? (option.type === KIND.boolean ? [["true", "True"], ["false", "False"]] : this.app.targets(option.type));
    if (listed) {
      field = element("select", { id, "data-option": option.name, "data-kind": option.type }, element("option", { value: "" }, "—"),
        ...listed.map(([value, label]) => element("option", { value }, label)));
    } else if (option.type === KIND.attachment) {
      field = element("input", { id, type: "file", "data-option": option.name, "data-kind": option.type });
    } else {
      const numeric = option.type === KIND.integer || option.type === KIND.number;
      field = element("input", { id, "data-option": option.name, "data-kind": option.type, type: numeric ? "number" : "text", step: option.type === KIND.number ? "any" : undefined, min: option.min_value, max: option.max_value, maxlength: option.max_length });
      if (option.autocomplete) {
        const list = element("datalist", { id: id + "-list" });
        field.setAttribute("list", list.id);
        field.addEventListener("focus", () => this.complete(option, field, list));
        field.addEventListener("input", () => this.complete(option, field, list));
        field.after(list);
        field.addEventListener("keydown", (event) => this.optionKey(event));
        return element("label", { title: option.description }, option.label + (option.required ? " *" : ""), field, list);
      }
    }
    field.addEventListener("keydown", (event) => this.optionKey(event));
    return element("label", { title: option.description }, option.label + (option.required ? " *" : ""), field);
  }

  optionKey(event) {
    if (event.key === "Enter") { event.preventDefault(); this.send(); }
    if (event.key === "Escape") { this.reset(); this.text.focus(); }
  }

  async complete(option, field, list) {
    const asked = field.value;
    if ([...list.children].some((one) => one.label === asked)) return;
    try {
      const found = await this.app.interactions.autocomplete(this.command.path, await this.values(), option.name, asked);
      if (field.value !== asked) return;
      list.replaceChildren(...found.map((one) => element("option", { value: one.name, "data-value": String(one.value) })));
    } catch (error) {
      $("problem").textContent = error.message;
    }
  }

  async values() {
    const values = {};
    for (const field of $("options").querySelectorAll("[data-option]")) {
      if (field.value === "") continue;
      const kind = Number(field.dataset.kind);
      if (kind === KIND.attachment) {
        values[field.dataset.option] = await packed(field.files[0]);
        continue;
      }
      const offered = [...(field.list?.children ?? [])].find((one) => one.value === field.value);
      const value = offered ? offered.dataset.value : field.value;
      values[field.dataset.option] = kind === KIND.integer || kind === KIND.number ? Number(value) : kind === KIND.boolean ? value === "true" : value;
    }
    return values;
  }

  async send() {
    const text = this.text.value.trim();
    const { command, editing, reply, files } = this;
    if (!command && !text && !files.length) return;
    try {
      if (command) await this.app.interactions.use(command.path, await this.values());
      else if (editing) await this.app.change(editing, text);
      else await this.app.post(text, files, reply?.id);
      this.reset();
      this.text.focus();
    } catch (error) {
      $("problem").textContent = error.message;
    }
  }
}
